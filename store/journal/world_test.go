package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// fataler is *testing.T and *rapid.T.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// small are options of a journal in memory: segments with room for 8
// reservations, 4 of them.
func small(d *memDisk) Options {
	const maxRecord = 104
	return Options{disk: d, MaxRecord: maxRecord, SegmentBytes: 8 * 128, MaxBytes: 4 * 8 * 128, delay: time.Hour}
}

func mustOpen(t fataler, o Options) (*Journal, Recovery) {
	t.Helper()
	j, r, err := Open(o)
	if err != nil {
		t.Fatalf("opening: %v", err)
	}
	return j, r
}

func mustClose(t fataler, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatalf("closing: %v", err)
	}
}

// kill drops a journal as the end of its process would.
func kill(j *Journal) {
	j.end()
	j.lock.Close() //nolint:errcheck // memory, or a file that is only read
	for _, s := range j.segments {
		s.f.Close() //nolint:errcheck // as the system closes files
	}
	j.calls.f.Close() //nolint:errcheck // as the system closes files
}

// callOf is the n-th call, and recordOf a record of it with so many bytes behind the ID.
func callOf(n int) Call {
	c := Call{Time: time.Unix(1700000000, int64(n)), Info: fmt.Appendf(nil, "call %d", n)}
	binary.BigEndian.PutUint64(c.ID[8:], uint64(n)+1)
	return c
}

func recordOf(n, size int) []byte {
	id := callOf(n).ID
	b := id[:]
	for i := range size {
		b = append(b, byte(n+i))
	}
	return b
}

func mustBegin(t fataler, j *Journal, n int) *Slot {
	t.Helper()
	s, err := j.Begin(callOf(n))
	if err != nil {
		t.Fatalf("beginning call %d: %v", n, err)
	}
	return s
}

func mustAppend(t fataler, s *Slot, record []byte) int64 {
	t.Helper()
	pos, err := s.Append(record)
	if err != nil {
		t.Fatalf("appending: %v", err)
	}
	s.Release()
	return pos
}

// put makes whole calls.
func put(t fataler, j *Journal, from, to, size int) {
	t.Helper()
	for n := from; n < to; n++ {
		mustAppend(t, mustBegin(t, j, n), recordOf(n, size))
	}
}

// readAll reads from a position to the end, a few at a time.
func readAll(t fataler, j *Journal, from int64) (all []Record, next int64) {
	t.Helper()
	for next = from; ; {
		records, to, err := j.Read(next, 3)
		if err != nil {
			t.Fatalf("reading at %d: %v", next, err)
		}
		if len(records) == 0 {
			return all, to
		}
		for _, r := range records {
			if r.Pos < next || r.Pos >= to {
				t.Fatalf("the record at %d was read between %d and %d", r.Pos, next, to)
			}
		}
		all, next = append(all, records...), to
	}
}

// numbers are the calls that records are of.
func numbers(records []Record) (list []int) {
	for _, r := range records {
		list = append(list, int(binary.BigEndian.Uint64(r.Data[8:]))-1)
	}
	return list
}

func count(from, to int) (list []int) {
	for n := from; n < to; n++ {
		list = append(list, n)
	}
	return list
}

func wantNumbers(t fataler, records []Record, want []int) {
	t.Helper()
	if got := numbers(records); !slices.Equal(got, want) {
		t.Fatalf("the records are of the calls %v, want %v", got, want)
	}
}

func lostNumbers(r Recovery) (list []int) {
	for _, s := range r.Lost {
		id := s.Call().ID
		list = append(list, int(binary.BigEndian.Uint64(id[8:]))-1)
	}
	return list
}

// reports collects what a journal reports.
type reports struct {
	mu   sync.Mutex
	errs []error
}

func (r *reports) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func (r *reports) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.errs...)
}

// eventually waits for what the keeper does.
func eventually(t fataler, what string, ok func() bool) {
	t.Helper()
	for range 2000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("it never came: %s", what)
}
