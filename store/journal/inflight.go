package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"sync/atomic"
	"time"
)

// Call is what is known of a call while it is in flight.
type Call struct {
	// ID is the call's own; its final record begins with it.
	ID [IDSize]byte
	// Time is when it began.
	Time time.Time
	// Info is the caller's, at most MaxInfo bytes. The journal does not change
	// it, and nor may the caller until the call has ended.
	Info []byte
}

// A slot of the file of calls in flight:
//
//	 0  CRC-32C of the rest
//	 4  version, length of the info, two zeros
//	 8  when the call began, nanoseconds since 1970; 0: not known
//	16  the call's ID
//	32  the info
//
// One that is free is zeros, or still names a call whose final record is in the
// journal: the end of a call writes nothing here.
const (
	slotSize   = 256
	slotHeader = 32
	// MaxInfo is the most bytes of Call.Info.
	MaxInfo = slotSize - slotHeader

	inflightName = "inflight"
	// slotStep is how many slots the file grows by.
	slotStep = 64
)

// inflight is the file of the calls in flight. Its lists are guarded by
// Journal.mu.
type inflight struct {
	f       file
	slots   uint32        // that the file has
	free    []uint32      // zeros
	settled []settledSlot // free, but not yet cleared; in the order in which they were settled
	dirty   atomic.Bool
}

// settledSlot is a slot whose call has ended.
type settledSlot struct {
	index  uint32
	writes uint64 // records written until then
}

// put writes a slot into 256 bytes.
func (c *Call) put(b []byte) {
	clear(b[:slotSize])
	b[4], b[5] = version, byte(len(c.Info))
	if !c.Time.IsZero() {
		binary.LittleEndian.PutUint64(b[8:], uint64(c.Time.UnixNano()))
	}
	copy(b[16:], c.ID[:])
	copy(b[slotHeader:], c.Info)
	binary.LittleEndian.PutUint32(b, crc32.Checksum(b[4:slotSize], castagnoli))
}

// parseSlot reads a slot. Its info shares memory with b.
func parseSlot(b []byte) (c Call, ok bool) {
	n := int(b[5])
	if b[4] != version || n > MaxInfo || binary.LittleEndian.Uint32(b) != crc32.Checksum(b[4:slotSize], castagnoli) {
		return c, false
	}
	if nano := int64(binary.LittleEndian.Uint64(b[8:])); nano != 0 {
		c.Time = time.Unix(0, nano)
	}
	c.ID = [IDSize]byte(b[16:])
	c.Info = b[slotHeader : slotHeader+n : slotHeader+n]
	return c, true
}

// take takes a free slot; those that are written often come first.
func (i *inflight) take() (index uint32, ok bool) {
	if n := len(i.settled); n > 0 {
		index, i.settled = i.settled[n-1].index, i.settled[:n-1]
		return index, true
	}
	if n := len(i.free); n > 0 {
		index, i.free = i.free[n-1], i.free[:n-1]
		return index, true
	}
	return 0, false
}

// addSlots grows the file of slots unless one is free.
func (j *Journal) addSlots() error {
	j.growing.Lock()
	defer j.growing.Unlock()
	j.mu.Lock()
	enough, closed := len(j.calls.free)+len(j.calls.settled) > 0, j.closed
	j.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if enough {
		return nil
	}
	from := int64(j.calls.slots) * slotSize
	if err := j.calls.f.allocate(from, from+slotStep*slotSize); err != nil {
		return fmt.Errorf("%w: allocating slots: %w", ErrDisk, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for n := range uint32(slotStep) {
		j.calls.free = append(j.calls.free, j.calls.slots+slotStep-1-n)
	}
	j.calls.slots += slotStep
	return nil
}

var noCall [slotSize]byte

// writeSlot writes 256 bytes into a slot.
func (j *Journal) writeSlot(index uint32, b []byte) error {
	if _, err := j.calls.f.WriteAt(b, int64(index)*slotSize); err != nil {
		return fmt.Errorf("writing a call in flight: %w", err)
	}
	if !j.calls.dirty.Swap(true) {
		j.attend()
	}
	return nil
}

// clearSettled clears the slots of the calls that were settled in the first so
// many records. It comes before the deletion of segments, as the calls would look
// lost without their records, and holds Journal.reading so that no segment is
// deleted while it is at it.
func (j *Journal) clearSettled(writes uint64) error {
	j.mu.Lock()
	n := 0
	for n < len(j.calls.settled) && j.calls.settled[n].writes <= writes {
		n++
	}
	list := slices.Clone(j.calls.settled[:n])
	j.calls.settled = slices.Delete(j.calls.settled, 0, n)
	j.mu.Unlock()
	return j.clearSlots(list)
}

func (j *Journal) clearSlots(list []settledSlot) error {
	var err error
	done := 0
	for _, s := range list {
		if err = j.writeSlot(s.index, noCall[:]); err != nil {
			break
		}
		done++
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range list[:done] {
		j.calls.free = append(j.calls.free, s.index)
	}
	j.calls.settled = slices.Insert(j.calls.settled, 0, list[done:]...)
	return err
}
