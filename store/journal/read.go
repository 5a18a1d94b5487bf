package journal

import (
	"context"
	"fmt"
	"time"
)

// readBytes is about how much Read returns at most; one record it always does.
const readBytes = 1 << 20

// Read returns up to max records from a position on, in order, about 1 MiB of
// them, and the position to go on from. Nothing is returned where there is
// nothing more. Positions before the oldest record mean that one. Records that
// have become rotten are passed over and reported.
func (j *Journal) Read(from int64, max int) (records []Record, next int64, err error) {
	j.reading.Lock()
	defer j.reading.Unlock()
	size := 0
	err = j.each(from, func(r Record) bool {
		records = append(records, r)
		size += len(r.Data)
		return len(records) < max && size < readBytes
	}, &next)
	return records, next, err
}

// span is a segment, as far as it was written when a reading began.
type span struct {
	*segment
	end int64
}

// each calls visit with the records from a position on until it returns false,
// and sets next to where to go on. It needs Journal.reading.
func (j *Journal) each(from int64, visit func(Record) bool, next *int64) error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return ErrClosed
	}
	from = max(from, j.segments[0].base)
	*next = from
	spans := make([]span, 0, len(j.segments))
	for _, s := range j.segments {
		if s.end > from {
			spans = append(spans, span{s, s.end})
		}
		if s == j.current {
			break // those behind it have yet to be begun, and a record may still come here
		}
	}
	tail := j.tail()
	j.mu.Unlock()
	if from > tail {
		return fmt.Errorf("%w: %d, and it ends at %d", ErrPosition, from, tail)
	}
	for _, sp := range spans {
		sc := sp.scan(from, sp.end, j.rotten)
		for {
			r, ok, err := sc.next()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			*next = sc.pos
			if !visit(r) {
				return nil
			}
		}
		if sc.pos < sp.end {
			j.rotten(sc.pos, sp.end)
		}
		*next = sp.end
	}
	return nil
}

// tail is the highest position that can be read from.
func (j *Journal) tail() int64 { return max(j.current.end, j.floor) }

func (j *Journal) rotten(from, to int64) {
	j.report(fmt.Errorf("the journal has become unreadable from %d to %d: records are lost", from, to))
}

// Wait returns when there is a record at a position or behind it, or with the
// context's error, or with ErrClosed.
func (j *Journal) Wait(ctx context.Context, from int64) error {
	for {
		j.mu.Lock()
		if j.closed {
			j.mu.Unlock()
			return ErrClosed
		}
		if j.last >= max(from, j.segments[0].base) {
			j.mu.Unlock()
			return nil
		}
		if j.news == nil {
			j.news = make(chan struct{})
		}
		news := j.news
		j.mu.Unlock()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-news:
		}
	}
}

// notify wakes those that wait. It needs Journal.mu.
func (j *Journal) notify() {
	if j.news != nil {
		close(j.news)
		j.news = nil
	}
}

// Delivered says that all records before a position, as Read returned it, are
// kept elsewhere for good. Segments that lie wholly before it are deleted. Going
// back has no effect. It is called after Open with what the store says, and then
// after each batch.
func (j *Journal) Delivered(pos int64) {
	if err := j.deliver(pos); err != nil {
		j.report(err)
		return
	}
	if err := j.drop(); err != nil {
		j.report(err)
	}
	j.mu.Lock()
	if j.worn() && !j.wanted {
		j.want()
	}
	j.mu.Unlock()
}

// deliver counts what is delivered.
func (j *Journal) deliver(pos int64) error {
	j.reading.Lock()
	defer j.reading.Unlock()
	j.mu.Lock()
	from := j.delivered
	pos = min(pos, j.tail())
	j.mu.Unlock()
	if pos <= from {
		return nil
	}
	// Only the segment in which pos lies has to be counted.
	var part *segment
	j.mu.Lock()
	for _, s := range j.segments {
		if s.base < pos && pos < s.end {
			part = s
			from = max(from, s.base)
		}
	}
	j.mu.Unlock()
	var count int64
	if part != nil {
		sc := part.scan(from, pos, func(int64, int64) {})
		for {
			_, ok, err := sc.next()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			count++
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if part != nil {
		part.read += count
	}
	for _, s := range j.segments {
		if s.end <= pos {
			s.read = s.records
		}
	}
	j.delivered = pos
	return nil
}

// Stats is the state of a journal at one moment.
type Stats struct {
	// Bytes is the size of all segments, Reserved what calls in flight have
	// been promised of it.
	Bytes, Reserved int64
	// Records and RecordBytes are what has yet to be delivered.
	Records, RecordBytes int64
	// Oldest is the age of the oldest of them; 0: there is none.
	Oldest time.Duration
	// InFlight is how many calls are.
	InFlight int
	// Full says that Begin would refuse a call, and Err why: an ErrFull or an
	// ErrDisk.
	Full bool
	Err  error
}

// Stats returns the state of the journal. It reads the oldest record.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	st := Stats{
		Bytes:    j.allocated,
		Reserved: j.promised * j.reserve,
		InFlight: j.inFlight,
		Err:      j.refusal(),
	}
	for _, s := range j.segments {
		st.Records += s.records - s.read
		st.RecordBytes += max(0, s.end-max(s.base, j.delivered))
	}
	from := j.delivered
	j.mu.Unlock()
	st.Full = st.Err != nil
	if st.Records > 0 {
		j.reading.Lock()
		defer j.reading.Unlock()
		_ = j.each(from, func(r Record) bool {
			st.Oldest = max(time.Since(r.Time), 1)
			return false
		}, new(int64))
	}
	return st
}

// refusal is why Begin would refuse; nil: it would not.
func (j *Journal) refusal() error {
	switch {
	case j.closed:
		return ErrClosed
	case j.failed != nil:
		return fmt.Errorf("%w: %w", ErrDisk, j.failed)
	case j.room() > j.promised:
		return nil
	case j.nextSize() < j.reserve:
		return ErrFull
	}
	return j.growErr
}
