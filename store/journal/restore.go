package journal

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
)

// Damage is a part of a file that held no valid record.
type Damage struct {
	// File is the file's name in the folder, Offset and Bytes say where in it.
	File          string
	Offset, Bytes int64
	// Cut says that nothing valid followed, so that it was cut away: a record
	// that was being written when the process or the machine stopped looks so.
	// Otherwise it was passed over.
	Cut bool
}

// Recovery is what Open found.
type Recovery struct {
	// Damage is what could not be read, in order.
	Damage []Damage
	// Lost are the calls whose process ended before they did, oldest first. They
	// are in flight until each has been ended by Append or Release, and come
	// again with the next Open if they are not. Where the journal is full they
	// have no room promised, and Append may return ErrFull or ErrDisk.
	Lost []*Slot
	// Records are those that the journal has. Some may be delivered already,
	// see Journal.Delivered.
	Records int64
	// NewWriter says that the journal has a new id, as it was new, its segments
	// were gone or the old id was rotten.
	NewWriter bool
}

// gap is what Open leaves between the old positions and its own. When power
// fails, the store may keep a position that the journal has lost; no position
// may mean two records, and a second's worth of them is far less than this.
const gap = 1 << 40

// restore reads the folder.
func (j *Journal) restore() (Recovery, error) {
	var r Recovery
	names, err := j.o.disk.list()
	if err != nil {
		return r, err
	}
	calls, err := j.loadCalls(&r)
	if err != nil {
		return r, err
	}
	settled := make(map[[IDSize]byte]bool, len(calls))
	for _, s := range calls {
		settled[s.call.ID] = false
	}
	if err := j.loadSegments(names, settled, &r); err != nil {
		return r, err
	}
	if r.NewWriter, err = j.loadWriter(len(j.segments) == 0); err != nil {
		return r, err
	}
	if err := j.loadLost(calls, settled, &r); err != nil {
		return r, err
	}
	return r, j.start(r.Lost)
}

// start makes the first segment of this Open, and promises the lost calls room.
func (j *Journal) start(lost []*Slot) error {
	n := len(j.segments)
	if n == 0 {
		if _, err := j.addSegment(0); err != nil {
			return err
		}
		n = 1
	} else {
		j.floor = j.segments[n-1].limit + gap
	}
	j.current = j.segments[n-1]
	j.delivered = j.segments[0].base
	// Without room, what there is can be delivered all the same.
	if j.grow(0) == nil && len(j.segments) > n {
		j.moveTo(j.segments[n])
	}
	for _, s := range lost {
		if _, err := j.promise(false); err != nil {
			break
		}
		s.promised = true
	}
	return nil
}

// loadSegments reads all segments and notes which calls have a record in them.
func (j *Journal) loadSegments(names []string, settled map[[IDSize]byte]bool, r *Recovery) error {
	var bases []int64
	for _, name := range names {
		if base, ok := segmentBase(name); ok {
			bases = append(bases, base)
		}
	}
	slices.Sort(bases)
	for i, base := range bases {
		f, err := j.o.disk.open(segmentName(base))
		if err != nil {
			return err
		}
		seg := &segment{f: f, base: base}
		j.segments = append(j.segments, seg)
		size, err := f.size()
		if err != nil {
			return err
		}
		end := base + size
		if i+1 < len(bases) {
			// A power failure can bring bytes back that had been cut away.
			end = min(end, bases[i+1])
		}
		if err := j.loadSegment(seg, end, settled, r); err != nil {
			return err
		}
		// Longer it becomes where only zeros at the end of its last record are gone.
		if seg.end != base+size {
			if err := f.Truncate(seg.end - base); err != nil {
				return err
			}
		}
		seg.limit, seg.synced = seg.end, seg.end
		j.allocated += seg.end - base
		r.Records += seg.records
	}
	return nil
}

func (j *Journal) loadSegment(seg *segment, end int64, settled map[[IDSize]byte]bool, r *Recovery) error {
	name := segmentName(seg.base)
	sc := seg.scan(seg.base, end, func(from, to int64) {
		r.Damage = append(r.Damage, Damage{File: name, Offset: from - seg.base, Bytes: to - from})
	})
	for {
		rec, ok, err := sc.next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		seg.records++
		j.last = rec.Pos
		if id := [IDSize]byte(rec.Data); !rec.Extra {
			if _, asked := settled[id]; asked {
				settled[id] = true
			}
		}
	}
	seg.end = sc.pos
	bad, err := sc.rest()
	if bad > 0 {
		r.Damage = append(r.Damage, Damage{File: name, Offset: sc.pos - seg.base, Bytes: bad, Cut: true})
	}
	return err
}

// loadCalls reads the slots that name a call.
func (j *Journal) loadCalls(r *Recovery) ([]*Slot, error) {
	f, err := j.o.disk.open(inflightName)
	if err != nil {
		return nil, err
	}
	j.calls.f = f
	size, err := f.size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the calls in flight: %w", err)
	}
	j.calls.slots = uint32(size / slotSize)
	var calls []*Slot
	for i := range j.calls.slots {
		at := b[i*slotSize : (i+1)*slotSize]
		if c, ok := parseSlot(at); ok {
			calls = append(calls, &Slot{j: j, call: c, index: i})
			continue
		}
		if [slotSize]byte(at) == noCall {
			j.calls.free = append(j.calls.free, i)
			continue
		}
		r.Damage = append(r.Damage, Damage{File: inflightName, Offset: int64(i) * slotSize, Bytes: slotSize})
		j.calls.settled = append(j.calls.settled, settledSlot{index: i})
	}
	return calls, nil
}

// loadLost finds out which calls have no record, and frees the slots of the others.
func (j *Journal) loadLost(calls []*Slot, settled map[[IDSize]byte]bool, r *Recovery) error {
	for _, s := range calls {
		known := settled[s.call.ID]
		if !known && j.o.Settled != nil {
			var err error
			if known, err = j.o.Settled(s.call.ID); err != nil {
				return fmt.Errorf("asking for a call that was in flight: %w", err)
			}
		}
		if known {
			j.calls.settled = append(j.calls.settled, settledSlot{index: s.index})
			continue
		}
		settled[s.call.ID] = true // a second slot of the same call is not another one
		r.Lost = append(r.Lost, s)
	}
	j.inFlight = len(r.Lost)
	slices.SortStableFunc(r.Lost, func(a, b *Slot) int { return a.call.Time.Compare(b.call.Time) })
	return j.clearSettled(0)
}

// loadWriter reads the journal's id, or makes one where there is none or where
// it has to be anew.
func (j *Journal) loadWriter(anew bool) (made bool, err error) {
	f, err := j.o.disk.open("writer")
	if err != nil {
		return false, err
	}
	defer f.Close()
	b := make([]byte, 41)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	if !anew && string(b) == writerLine(string(b[:32])) {
		j.writer = string(b[:32])
		return false, nil
	}
	var id [16]byte
	rand.Read(id[:]) //nolint:errcheck // it never fails
	j.writer = hex.EncodeToString(id[:])
	if _, err := f.WriteAt([]byte(writerLine(j.writer)), 0); err != nil {
		return false, err
	}
	return true, errors.Join(f.sync(), j.o.disk.sync())
}

// writerLine is an id and its checksum, as the file has them.
func writerLine(id string) string {
	return fmt.Sprintf("%s%08x\n", id, crc32.Checksum([]byte(id), castagnoli))
}
