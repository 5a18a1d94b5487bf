package journal

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Slot is a call in flight, with room for its record. Whoever has it ends it by
// Append or Release.
type Slot struct {
	j        *Journal
	call     Call
	index    uint32
	promised bool // guarded by the state: only who is at work on the slot sees it
	state    atomic.Uint32
}

// The states of a slot.
const (
	open uint32 = iota
	busy
	ended
)

// Call returns what Begin was given, or what was found of a lost call.
func (s *Slot) Call() Call { return s.call }

// Begin notes a call that is about to start and reserves room for its record. It
// returns ErrFull or ErrDisk where that cannot be promised, and the call must not
// start then.
func (j *Journal) Begin(c Call) (*Slot, error) {
	if len(c.Info) > MaxInfo {
		return nil, fmt.Errorf("a call's info of %d bytes is longer than %d", len(c.Info), MaxInfo)
	}
	index, err := j.promise(true)
	if err != nil {
		return nil, err
	}
	b := buffers.Get().(*[]byte)
	c.put((*b)[:slotSize])
	err = j.writeSlot(index, (*b)[:slotSize])
	buffers.Put(b)
	if err != nil {
		j.mu.Lock()
		j.promised--
		j.settle(index)
		j.mu.Unlock()
		return nil, fmt.Errorf("%w: %w", ErrDisk, j.fail(err))
	}
	return &Slot{j: j, call: c, index: index, promised: true}, nil
}

// buffers are what is written in one piece.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 1024)
	return &b
}}

// promise reserves room for a record, and a slot for its call where it has none.
func (j *Journal) promise(call bool) (index uint32, err error) {
	for {
		j.mu.Lock()
		if j.closed {
			j.mu.Unlock()
			return 0, ErrClosed
		}
		if call && j.failed != nil {
			defer j.mu.Unlock()
			return 0, fmt.Errorf("%w: %w", ErrDisk, j.failed)
		}
		free := j.room() - j.promised
		ok := free > 0
		if ok && call {
			if index, ok = j.calls.take(); ok {
				j.inFlight++
			}
		}
		if ok {
			j.promised++
			if free <= j.low() && !j.wanted && j.allocated+j.reserve <= j.o.MaxBytes {
				j.want()
			}
			j.mu.Unlock()
			return index, nil
		}
		j.mu.Unlock()
		if free > 0 {
			err = j.addSlots()
		} else {
			err = j.grow(0)
		}
		if err != nil {
			return 0, err
		}
	}
}

// settle ends a call whose slot in the file is not cleared. It needs Journal.mu.
func (j *Journal) settle(index uint32) {
	j.inFlight--
	j.calls.settled = append(j.calls.settled, settledSlot{index, j.writes})
}

// Append writes the final record of the call, which begins with the call's ID,
// and ends the slot. The record survives the end of the process once Append has
// returned, and is synced by then where Options.SyncAlways says so.
//
// After an error the position tells what became of it: -1, and the record is not
// in the journal, the slot is as before, and Append may be tried again; or the
// record's position, and only its sync failed.
func (s *Slot) Append(record []byte) (pos int64, err error) {
	if len(record) >= IDSize && !bytes.Equal(record[:IDSize], s.call.ID[:]) {
		return -1, fmt.Errorf("the record begins with %x, its call's id is %x", record[:IDSize], s.call.ID)
	}
	if !s.state.CompareAndSwap(open, busy) {
		return -1, ErrSettled
	}
	next := open
	defer func() { s.state.Store(next) }()
	if err := checkRecord(record, s.j.o.MaxRecord); err != nil {
		return -1, err
	}
	if !s.promised {
		if _, err := s.j.promise(false); err != nil {
			return -1, err
		}
		s.promised = true
	}
	pos, err = s.j.write(final, record, s.index)
	if pos >= 0 {
		next = ended
	}
	return pos, err
}

// Extra writes a record before the final one, in room of its own: where there is
// none it returns ErrFull or ErrDisk. It may begin with any 16 bytes or more. An
// error of its sync leaves it in the journal.
func (s *Slot) Extra(record []byte) error {
	if !s.state.CompareAndSwap(open, busy) {
		return ErrSettled
	}
	defer s.state.Store(open)
	if err := checkRecord(record, s.j.o.MaxRecord); err != nil {
		return err
	}
	if _, err := s.j.promise(false); err != nil {
		return err
	}
	pos, err := s.j.write(extra, record, s.index)
	if pos < 0 {
		s.j.mu.Lock()
		s.j.promised--
		s.j.mu.Unlock()
	}
	return err
}

// Release ends a call that leaves no final record. After Append, or a Release
// before, it does nothing.
func (s *Slot) Release() {
	if !s.state.CompareAndSwap(open, ended) {
		return
	}
	j := s.j
	err := j.writeSlot(s.index, noCall[:])
	j.mu.Lock()
	if s.promised {
		j.promised--
	}
	j.settle(s.index)
	closed := j.closed
	j.mu.Unlock()
	if err != nil && !closed {
		j.fail(err) //nolint:errcheck // reported; the slot is cleared later
	}
}

// write writes a record into promised room. The position is -1 where it failed.
func (j *Journal) write(k kind, record []byte, index uint32) (pos int64, err error) {
	b := buffers.Get().(*[]byte)
	*b = frame(*b, k, time.Now(), record)
	pos, count, err := j.writeFrame(*b, k, index)
	*b = (*b)[:cap(*b)]
	buffers.Put(b)
	switch {
	case errors.Is(err, ErrClosed):
		return -1, err
	case err != nil:
		return -1, fmt.Errorf("%w: %w", ErrDisk, j.fail(fmt.Errorf("writing a record: %w", err)))
	case j.o.SyncAlways:
		return pos, j.syncTo(count)
	}
	j.attend()
	return pos, nil
}

func (j *Journal) writeFrame(b []byte, k kind, index uint32) (pos int64, count uint64, err error) {
	j.writing.Lock()
	defer j.writing.Unlock()
	if j.closed {
		return 0, 0, ErrClosed
	}
	seg := j.current
	if seg.limit-seg.end < int64(len(b)) {
		seg = j.advance()
	}
	pos = seg.end
	seal(b, pos)
	if _, err := seg.f.WriteAt(b, pos-seg.base); err != nil {
		return 0, 0, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	seg.end += int64(len(b))
	seg.records++
	j.promised--
	j.last = pos
	j.writes++
	if k == final {
		j.settle(index)
	}
	j.notify()
	return pos, j.writes, nil
}

// advance goes on to the next segment, which has room: a record that does not
// fit was promised some, and the current one has none for it.
func (j *Journal) advance() *segment {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, seg := range j.segments {
		if seg == j.current {
			j.current = j.segments[i+1]
			break
		}
	}
	j.spare -= (j.current.limit - j.current.base) / j.reserve
	return j.current
}
