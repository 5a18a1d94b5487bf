package journal

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMaxBytes: the limit is met exactly, what was promised fits, and delivery
// makes room again.
func TestMaxBytes(t *testing.T) {
	for _, c := range []struct {
		max, segment int64
		want         int
	}{
		{8 * 128, 8 * 128, 8},
		{8*128 + 127, 8 * 128, 8},
		{8*128 + 128, 8 * 128, 9},
		{4 * 8 * 128, 8 * 128, 32},
		{4*8*128 - 1, 8 * 128, 31},
		{1000, 250, 1000 / 248}, // 248 bytes a segment, room for one in each
		{1000, 128, 7},
	} {
		t.Run(fmt.Sprintf("%d of %d", c.max, c.segment), func(t *testing.T) {
			o := small(newMemDisk())
			o.MaxBytes, o.SegmentBytes = c.max, c.segment
			j, _ := mustOpen(t, o)
			next := int64(0)
			for round := range 3 {
				var slots []*Slot
				for n := range c.want {
					slots = append(slots, mustBegin(t, j, n))
				}
				if _, err := j.Begin(callOf(c.want)); !errors.Is(err, ErrFull) {
					t.Fatalf("round %d: one more: %v", round, err)
				}
				if st := j.Stats(); !st.Full || !errors.Is(st.Err, ErrFull) || st.Bytes > c.max || st.InFlight != c.want {
					t.Fatalf("the stats are %+v", st)
				}
				if err := slots[0].Extra(recordOf(0, 0)); !errors.Is(err, ErrFull) {
					t.Fatalf("an extra record: %v", err)
				}
				slots[0].Release()
				slots[0] = mustBegin(t, j, 0)
				for n, s := range slots {
					mustAppend(t, s, recordOf(n, 88))
				}
				if _, err := j.Begin(callOf(c.want)); !errors.Is(err, ErrFull) {
					t.Fatalf("one more, after the records: %v", err)
				}
				var all []Record
				all, next = readAll(t, j, next)
				wantNumbers(t, all, count(0, c.want))
				j.Delivered(next)
				if st := j.Stats(); st.Full || st.Records != 0 {
					t.Fatalf("the stats after delivery are %+v", st)
				}
			}
			mustClose(t, j)
		})
	}
}

// TestFullReopen: a full journal opens, delivers, and then takes calls again;
// its lost calls wait for that.
func TestFullReopen(t *testing.T) {
	d := newMemDisk()
	o := small(d)
	o.MaxBytes = 2 * o.SegmentBytes
	j, _ := mustOpen(t, o)
	for n := range 14 {
		mustAppend(t, mustBegin(t, j, n), recordOf(n, 88))
	}
	mustBegin(t, j, 14)
	mustBegin(t, j, 15)
	kill(j)
	o.MaxBytes -= 2 * 128
	j, r := mustOpen(t, o)
	if len(r.Lost) != 2 || r.Lost[0].promised || !j.Stats().Full {
		t.Fatalf("the recovery is %+v", r)
	}
	if pos, err := r.Lost[0].Append(recordOf(14, 0)); pos != -1 || !errors.Is(err, ErrFull) {
		t.Errorf("settling a lost call in a full journal: %d, %v", pos, err)
	}
	all, next := readAll(t, j, 0)
	wantNumbers(t, all, count(0, 14))
	j.Delivered(next)
	for i, s := range r.Lost {
		mustAppend(t, s, recordOf(14+i, 0))
	}
	all, _ = readAll(t, j, next)
	wantNumbers(t, all, []int{14, 15})
	mustClose(t, j)
}

// fullDisk fills a disk that has room for one segment and not for two. The files
// that free gives make the room that clear takes away.
func fullDisk(t *testing.T, o Options, free func()) {
	t.Helper()
	var reported reports
	o.OnError, o.delay = reported.add, 2*time.Millisecond
	j, _ := mustOpen(t, o)
	var slots []*Slot
	var err error
	for n := 0; ; n++ {
		var s *Slot
		if s, err = j.Begin(callOf(n)); err != nil {
			break
		}
		slots = append(slots, s)
	}
	fits := int(o.SegmentBytes / frameSize(o.MaxRecord))
	if !errors.Is(err, ErrDisk) || !errors.Is(err, syscall.ENOSPC) || len(slots)%fits != 0 || len(slots) == 0 {
		t.Fatalf("after %d calls: %v", len(slots), err)
	}
	if st := j.Stats(); !st.Full || !errors.Is(st.Err, ErrDisk) {
		t.Errorf("the stats are %+v", st)
	}
	eventually(t, "the report", func() bool { return errors.Is(reported.err(), syscall.ENOSPC) })
	half := len(slots) / 2
	for n, s := range slots[:half] {
		mustAppend(t, s, recordOf(n, o.MaxRecord-IDSize))
	}
	kill(j)

	// After a restart on the full disk the records are there, and so is the
	// space of the calls that were in flight: what their segments had.
	j, r := mustOpen(t, o)
	all, next := readAll(t, j, 0)
	wantNumbers(t, all, count(0, half))
	if len(r.Lost) != len(slots)-half {
		t.Fatalf("%d calls are lost", len(r.Lost))
	}
	j.Delivered(next)
	eventually(t, "room by delivery", func() bool { return !j.Stats().Full })
	for i, s := range r.Lost {
		mustAppend(t, s, recordOf(half+i, 0))
	}
	for n := len(slots); err == nil; n++ {
		var s *Slot
		if s, err = j.Begin(callOf(n)); err == nil {
			slots = append(slots, s)
		}
	}
	for n := len(slots); ; n++ {
		s, err := j.Begin(callOf(n))
		if err != nil {
			if !errors.Is(err, ErrDisk) {
				t.Fatalf("on the full disk: %v", err)
			}
			break
		}
		defer s.Release()
	}
	free()
	eventually(t, "room by a larger disk", func() bool { return !j.Stats().Full })
	mustAppend(t, mustBegin(t, j, 1<<20), recordOf(1<<20, 0))
	mustClose(t, j)
}

func TestFullDisk(t *testing.T) {
	d := newMemDisk()
	o := small(d)
	o.MaxBytes = 1 << 20
	d.space = 2*o.SegmentBytes + 64*slotSize + 100
	fullDisk(t, o, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.space *= 2
	})
}

// faults is what can go wrong on a disk once a call has begun.
var faults = []struct {
	name     string
	op, file string // of the operation that fails
	begin    error  // of a Begin meanwhile
	append   error  // of an Append meanwhile
	text     string // what is reported
}{
	{"a record's write", "write", segmentSuffix, ErrDisk, ErrDisk, "writing a record"},
	{"a slot's write", "write", inflightName, ErrDisk, nil, "writing a call in flight"},
	{"a segment's sync", "sync", segmentSuffix, ErrDisk, nil, "syncing the journal"},
	{"the slots' sync", "sync", inflightName, ErrDisk, nil, "syncing the calls in flight"},
	{"the deletion", "remove", "", ErrDisk, nil, "deleting a delivered segment"},
}

// TestFaults: a failed disk is reported, Begin refuses until it is well again,
// and no record is lost or doubled.
func TestFaults(t *testing.T) {
	for _, c := range faults {
		t.Run(c.name, func(t *testing.T) {
			d := newMemDisk()
			o := small(d)
			var reported reports
			o.OnError, o.delay = reported.add, 2*time.Millisecond
			j, _ := mustOpen(t, o)
			put(t, j, 0, 10, 80) // into the second segment
			all, _ := readAll(t, j, 0)
			first, second := mustBegin(t, j, 10), mustBegin(t, j, 11)
			d.setFault(func(op, name string) error {
				if op == c.op && strings.HasSuffix(name, c.file) {
					return syscall.EIO
				}
				return nil
			})
			j.Delivered(all[9].Pos)
			pos, err := first.Append(recordOf(10, 30))
			if !errors.Is(err, c.append) || (err == nil) != (c.append == nil) || (pos < 0) != (err != nil) {
				t.Errorf("Append: %d, %v", pos, err)
			}
			if c.op != "remove" {
				var got error
				eventually(t, "a refusal", func() bool {
					s, err := j.Begin(callOf(12))
					if got = err; err == nil {
						s.Release()
					}
					return err != nil
				})
				if !errors.Is(got, c.begin) || !errors.Is(got, syscall.EIO) {
					t.Errorf("Begin: %v", got)
				}
				if st := j.Stats(); !st.Full || !errors.Is(st.Err, ErrDisk) {
					t.Errorf("the stats are %+v", st)
				}
			}
			eventually(t, "the report", func() bool {
				err := reported.err()
				return err != nil && strings.Contains(err.Error(), c.text)
			})
			d.setFault(nil)
			eventually(t, "a recovery", func() bool { return !j.Stats().Full })
			if err != nil {
				mustAppend(t, first, recordOf(10, 30))
			}
			mustAppend(t, second, recordOf(11, 0))
			put(t, j, 13, 14, 0)
			all, _ = readAll(t, j, all[9].Pos)
			wantNumbers(t, all, []int{9, 10, 11, 13})
			eventually(t, "the sync", func() bool {
				j.mu.Lock()
				defer j.mu.Unlock()
				return j.synced == j.writes && len(j.calls.settled) == 0 && !j.calls.dirty.Load()
			})
			kill(j)
			for _, f := range d.files {
				f.data = append(f.synced[:0:0], f.synced...) // the power fails as well
			}
			o.Settled = func(id [IDSize]byte) (bool, error) { return false, nil }
			j, r := mustOpen(t, o)
			if len(r.Lost) > 0 || len(r.Damage) > 0 {
				t.Errorf("the recovery is %+v, lost %v", r, lostNumbers(r))
			}
			left, _ := readAll(t, j, all[0].Pos)
			wantNumbers(t, left, []int{9, 10, 11, 13})
			mustClose(t, j)
		})
	}
}

// TestSyncAlwaysFails: the record is in the journal, and the caller knows.
func TestSyncAlwaysFails(t *testing.T) {
	d := newMemDisk()
	o := small(d)
	o.SyncAlways = true
	j, _ := mustOpen(t, o)
	s := mustBegin(t, j, 0)
	other := mustBegin(t, j, 1)
	d.setFault(func(op, _ string) error {
		if op == "sync" {
			return syscall.EIO
		}
		return nil
	})
	pos, err := s.Append(recordOf(0, 0))
	if pos != 0 || !errors.Is(err, ErrDisk) || !errors.Is(err, syscall.EIO) {
		t.Errorf("Append: %d, %v", pos, err)
	}
	if _, err := s.Append(recordOf(0, 0)); !errors.Is(err, ErrSettled) {
		t.Errorf("Append again: %v", err)
	}
	d.setFault(nil)
	// The system would say that all is well now; it is not.
	if err := other.Extra(recordOf(1, 0)); !errors.Is(err, ErrDisk) {
		t.Errorf("Extra: %v", err)
	}
	j.tidy()
	if pos, err := other.Append(recordOf(1, 1)); pos < 0 || err != nil {
		t.Errorf("Append after the repair: %d, %v", pos, err)
	}
	wantNumbers(t, mustRead(t, j), []int{0, 1, 1})
	kill(j)
	d.files[segmentName(0)].data = d.files[segmentName(0)].synced
	j, _ = mustOpen(t, o)
	wantNumbers(t, mustRead(t, j), []int{0, 1, 1})
	mustClose(t, j)
}
