package journal

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRoundTrip is a journal's life in a real folder.
func TestRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "journal")
	for _, always := range []bool{false, true} {
		j, r := mustOpen(t, Options{Dir: dir, SyncAlways: always, SegmentBytes: 1 << 20})
		if r.NewWriter == always || len(r.Damage) > 0 || len(r.Lost) > 0 {
			t.Fatalf("the recovery is %+v", r)
		}
		from := j.segments[0].base
		old, _ := readAll(t, j, from)
		put(t, j, 0, 100, 500)
		s := mustBegin(t, j, 100)
		if err := s.Extra([]byte("0123456789abcdef and more")); err != nil {
			t.Fatal(err)
		}
		before := time.Now().Add(-time.Minute)
		mustAppend(t, s, recordOf(100, 0))
		all, next := readAll(t, j, from)
		all = all[len(old):]
		wantNumbers(t, all[:100], count(0, 100))
		if x := all[100]; !x.Extra || string(x.Data) != "0123456789abcdef and more" || x.Time.Before(before) {
			t.Errorf("the extra record is %+v", x)
		}
		if x := all[101]; x.Extra || !bytes.Equal(x.Data, recordOf(100, 0)) {
			t.Errorf("the final record is %+v", x)
		}
		if st := j.Stats(); st.InFlight != 0 || st.Reserved != 0 || st.Full || st.Records != int64(len(old)+102) || st.Oldest <= 0 {
			t.Errorf("the stats are %+v", st)
		}
		if always {
			j.Delivered(next)
			if st := j.Stats(); st.Records != 0 || st.RecordBytes != 0 || st.Oldest != 0 || st.Bytes != 1<<20 {
				t.Errorf("the stats after delivery are %+v", st)
			}
		}
		mustClose(t, j)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, %v", info.Mode(), err)
	}
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, "no folder"},
		{Options{Dir: "x", MaxRecord: 15}, "largest record is of 15 bytes"},
		{Options{Dir: "x", MaxRecord: maxLength + 1}, "largest record"},
		{Options{Dir: "x", SegmentBytes: 100}, "a segment of 96 bytes has no room"},
		{Options{Dir: "x", MaxBytes: 1000}, "a journal of 1000 bytes has no room for a segment of 16408"},
	} {
		if _, _, err := Open(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: the error is %v, want %q", c.o, err, c.want)
		}
	}
	o := Options{Dir: "x"}
	if err := o.complete(); err != nil || o.MaxBytes != 1<<30 || o.SegmentBytes != 16<<20 || o.MaxRecord != 16<<10 || o.LockWait != 5*time.Second {
		t.Errorf("the defaults are %+v, %v", o, err)
	}
	o = Options{Dir: "x", MaxBytes: 1 << 20}
	if err := o.complete(); err != nil || o.SegmentBytes != 256<<10 {
		t.Errorf("a small journal's options are %+v, %v", o, err)
	}
}

// TestRefused: what is refused changes nothing, and a slot ends once.
func TestRefused(t *testing.T) {
	j, _ := mustOpen(t, small(newMemDisk()))
	if _, err := j.Begin(Call{Info: make([]byte, MaxInfo+1)}); err == nil {
		t.Error("an info that is too long was taken")
	}
	s := mustBegin(t, j, 0)
	for _, c := range []struct {
		name   string
		record []byte
		want   error
		text   string
	}{
		{"too short", recordOf(0, 0)[:15], nil, "shorter than"},
		{"too long", recordOf(0, 104-15), ErrTooLarge, "105 bytes, and the limit is 104"},
		{"another call's", recordOf(1, 0), nil, "its call's id is"},
	} {
		pos, err := s.Append(c.record)
		if pos != -1 || err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %d, %v", c.name, pos, err)
		}
	}
	if err := s.Extra(make([]byte, 105)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a large extra record: %v", err)
	}
	if st := j.Stats(); st.InFlight != 1 || st.Reserved != 128 {
		t.Errorf("the stats are %+v", st)
	}
	mustAppend(t, s, recordOf(0, 104-16))
	if _, err := s.Append(recordOf(0, 0)); !errors.Is(err, ErrSettled) {
		t.Errorf("a second record: %v", err)
	}
	if err := s.Extra(recordOf(0, 0)); !errors.Is(err, ErrSettled) {
		t.Errorf("an extra record afterwards: %v", err)
	}
	s = mustBegin(t, j, 1)
	s.Release()
	s.Release()
	if _, err := s.Append(recordOf(1, 0)); !errors.Is(err, ErrSettled) {
		t.Errorf("a record after Release: %v", err)
	}
	if st := j.Stats(); st.InFlight != 0 || st.Reserved != 0 || st.Records != 1 {
		t.Errorf("the stats are %+v", st)
	}
	_, next := readAll(t, j, 0)
	if _, _, err := j.Read(next+1, 1); !errors.Is(err, ErrPosition) {
		t.Errorf("reading beyond the end: %v", err)
	}

	s = mustBegin(t, j, 2)
	mustClose(t, j)
	mustClose(t, j)
	_, begin := j.Begin(callOf(3))
	_, appended := s.Append(recordOf(2, 0))
	_, _, read := j.Read(0, 1)
	for name, err := range map[string]error{
		"Begin": begin, "Append": appended, "Extra": s.Extra(recordOf(2, 0)), "Read": read,
		"Wait": j.Wait(t.Context(), next), "Stats": j.Stats().Err,
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s of a closed journal: %v", name, err)
		}
	}
	s.Release()
}

func TestWait(t *testing.T) {
	d := newMemDisk()
	j, _ := mustOpen(t, small(d))
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough")
	cancel(reason)
	if err := j.Wait(ctx, 0); err != reason {
		t.Errorf("waiting without hope: %v", err)
	}
	var next int64
	for n := range 100 { // over several segments, deleting them
		came := make(chan error, 1)
		go func() { came <- j.Wait(t.Context(), next) }()
		put(t, j, n, n+1, n%80)
		if err := <-came; err != nil {
			t.Fatal(err)
		}
		var records []Record
		records, next = readAll(t, j, next)
		wantNumbers(t, records, []int{n})
		j.Delivered(next)
	}
	// A reader from the beginning of time waits too where nothing is left.
	for n := 100; n < 110; n++ {
		put(t, j, n, n+1, 88)
	}
	_, next = readAll(t, j, next)
	j.Delivered(next)
	mustClose(t, j)
	j, _ = mustOpen(t, small(d))
	j.Delivered(next)
	if err := j.Wait(ctx, 0); err != reason {
		t.Errorf("waiting for what is gone: %v", err)
	}
	came := make(chan error, 1)
	go func() { came <- j.Wait(t.Context(), next) }()
	mustClose(t, j)
	if err := <-came; !errors.Is(err, ErrClosed) {
		t.Errorf("waiting while it is closed: %v", err)
	}
}

// TestDelivered counts what is left, wherever the position lies.
func TestDelivered(t *testing.T) {
	j, _ := mustOpen(t, small(newMemDisk()))
	put(t, j, 0, 20, 60) // frames of 104 bytes, 9 a segment
	all, end := readAll(t, j, 0)
	for i, r := range all {
		j.Delivered(r.Pos)
		st := j.Stats()
		if want := int64(20 - i); st.Records != want || st.RecordBytes < want*104 {
			t.Fatalf("%d delivered: %+v", i, st)
		}
		j.Delivered(0) // has no effect
		if first := j.segments[0].base; first != max(0, r.Pos/1024*1024) {
			t.Fatalf("%d delivered, and the first segment begins at %d", i, first)
		}
	}
	j.Delivered(end + 1000)
	if st := j.Stats(); st.Records != 0 || st.RecordBytes != 0 {
		t.Errorf("all delivered: %+v", st)
	}
	put(t, j, 20, 21, 0)
	left, _ := readAll(t, j, end)
	wantNumbers(t, left, []int{20})
	if st := j.Stats(); st.Records != 1 {
		t.Errorf("one more: %+v", st)
	}
	mustClose(t, j)
}

func TestWriter(t *testing.T) {
	d := newMemDisk()
	open := func(wantNew bool) string {
		t.Helper()
		j, r := mustOpen(t, small(d))
		defer mustClose(t, j)
		if r.NewWriter != wantNew || len(j.Writer()) != 32 {
			t.Errorf("the writer is %q, new: %v", j.Writer(), r.NewWriter)
		}
		put(t, j, 0, 1, 0)
		return j.Writer()
	}
	first := open(true)
	if again := open(false); again != first {
		t.Errorf("%q became %q", first, again)
	}
	d.files["writer"].data[3] ^= 1
	if rotten := open(true); rotten == first {
		t.Error("a rotten id was taken")
	}
	second := open(false)
	for name := range d.files {
		if _, ok := segmentBase(name); ok {
			delete(d.files, name)
		}
	}
	if third := open(true); third == second {
		t.Error("positions begin again under the same id")
	}
}
