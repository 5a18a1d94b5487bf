package journal

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// segment is one file of records. One whose size is 0 holds only its position,
// until it is allocated.
type segment struct {
	f       file
	base    int64 // first position
	end     int64 // behind the last record
	limit   int64 // behind the file; changes under writing too, as end does
	records int64
	read    int64 // of which so many are delivered
	synced  int64 // what is before it is lasting
}

const segmentSuffix = ".segment"

func segmentName(base int64) string {
	return fmt.Sprintf("%019d%s", base, segmentSuffix)
}

// segmentBase reads the name of a segment.
func segmentBase(name string) (int64, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != 19 {
		return 0, false
	}
	base, err := strconv.ParseUint(digits, 10, 62)
	return int64(base), err == nil
}

// scan goes through the records of a segment from a position.
func (s *segment) scan(from, to int64, damaged func(from, to int64)) *scanner {
	return &scanner{f: s.f, base: s.base, pos: max(from, s.base), end: to, damaged: damaged}
}

// room is how many reservations fit into what is allocated. As a record takes at
// most a reservation, no order of records and no waste at a segment's end can
// make it fall by more than one a record.
func (j *Journal) room() int64 {
	return (j.current.limit-j.current.end)/j.reserve + j.spare
}

// low is how many free reservations are kept at hand.
func (j *Journal) low() int64 { return j.o.SegmentBytes / j.reserve / 2 }

// worn says that the current segment is of no more use: it has no room, all in
// it is delivered, and no other has been allocated yet.
func (j *Journal) worn() bool {
	return j.current.limit > j.current.base && j.room() == 0 && j.current.end <= j.delivered
}

// nextSize is how large another segment may be; less than a reservation: the
// journal is full.
func (j *Journal) nextSize() int64 {
	used := j.allocated
	if j.worn() {
		used -= j.current.limit - j.current.base
	}
	return min(j.o.SegmentBytes, (j.o.MaxBytes-used)&^(alignment-1))
}

// grow allocates a segment unless more than atHand reservations are free.
func (j *Journal) grow(atHand int64) error {
	j.growing.Lock()
	defer j.growing.Unlock()
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return ErrClosed
	}
	if j.room() > j.promised+atHand {
		j.mu.Unlock()
		return nil
	}
	if j.growErr != nil && time.Since(j.growTried) < j.o.delay/4 {
		defer j.mu.Unlock()
		return j.growErr
	}
	size, worn, seg := j.nextSize(), j.worn(), j.segments[len(j.segments)-1]
	j.mu.Unlock()
	if size < j.reserve {
		return ErrFull
	}

	// What is worn goes first: a full disk may have no room for both. The new
	// file's name keeps the position.
	err := error(nil)
	if seg.limit > seg.base || seg.base < j.floor {
		seg, err = j.addSegment(max(seg.limit, j.floor))
	}
	if err == nil && worn {
		j.moveTo(seg)
		err = j.drop()
	}
	if err == nil {
		err = seg.f.allocate(0, size)
	}
	if err == nil {
		err = j.o.disk.sync()
	}

	if err != nil {
		return j.growFailed(fmt.Errorf("%w: allocating %d bytes: %w", ErrDisk, size, err))
	}
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.growErr = nil
	seg.limit = seg.base + size
	j.allocated += size
	if seg != j.current {
		j.spare += size / j.reserve
	}
	return nil
}

// growFailed remembers why there is no room, and reports it the first time.
func (j *Journal) growFailed(err error) error {
	j.mu.Lock()
	first := j.growErr == nil
	j.growErr, j.growTried = err, time.Now()
	j.mu.Unlock()
	if first {
		j.report(err)
	}
	return err
}

// addSegment makes the file of the next segment.
func (j *Journal) addSegment(base int64) (*segment, error) {
	f, err := j.o.disk.open(segmentName(base))
	if err == nil {
		// There may be one of a process that ended before it used it.
		err = f.Truncate(0)
	}
	if err != nil {
		return nil, err
	}
	seg := &segment{f: f, base: base, end: base, limit: base, synced: base}
	j.mu.Lock()
	j.segments = append(j.segments, seg)
	j.mu.Unlock()
	return seg, nil
}

// moveTo makes a segment the current one.
func (j *Journal) moveTo(seg *segment) {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.spare -= (seg.limit - seg.base) / j.reserve
	j.current = seg
}

// drop deletes the segments that are delivered, but never the current one. The
// slots of the calls that were settled in them are cleared before.
func (j *Journal) drop() error {
	j.reading.Lock()
	defer j.reading.Unlock()
	j.mu.Lock()
	n := j.delivereds()
	j.mu.Unlock()
	if n == 0 {
		return nil
	}
	if err := j.clearSettled(math.MaxUint64); err != nil {
		return err
	}
	j.mu.Lock()
	old := j.segments[:n:n]
	j.segments = j.segments[n:]
	for _, s := range old {
		j.allocated -= s.limit - s.base
	}
	j.mu.Unlock()
	for _, s := range old {
		err := errors.Join(s.f.Close(), j.o.disk.remove(segmentName(s.base)))
		if err != nil {
			return fmt.Errorf("deleting a delivered segment: %w", err)
		}
	}
	return nil
}

// delivereds counts the segments that can be deleted.
func (j *Journal) delivereds() (n int) {
	for n < len(j.segments) && j.segments[n] != j.current && j.segments[n].end <= j.delivered {
		n++
	}
	return n
}
