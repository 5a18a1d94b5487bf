package journal

import (
	"fmt"
	"slices"
	"testing"
)

// frameOf is where a record lies in a segment.
type frameOf struct {
	number     int
	offset     int
	end, bytes int // behind its data, behind its frame
}

// smallJournal is a killed journal of one segment and two calls in flight.
func smallJournal(t *testing.T) (*memDisk, []frameOf) {
	t.Helper()
	d := newMemDisk()
	j, _ := mustOpen(t, small(d))
	var frames []frameOf
	for n, size := range []int{0, 60, 1, 7, 33} {
		pos := int(mustAppend(t, mustBegin(t, j, n), recordOf(n, size)))
		frames = append(frames, frameOf{n, pos, pos + headerSize + IDSize + size, pos + int(frameSize(IDSize+size))})
	}
	mustBegin(t, j, 10)
	mustBegin(t, j, 11)
	kill(j)
	return d, frames
}

// checkSurvivors opens a damaged journal: it has the records wanted, takes more,
// and has them all at the next opening, which finds nothing to cut any more.
func checkSurvivors(t *testing.T, what string, d *memDisk, want []int) Recovery {
	t.Helper()
	j, r, err := Open(small(d))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if got := numbers(mustRead(t, j)); !slices.Equal(got, want) || r.Records != int64(len(want)) {
		t.Fatalf("%s: the records are of the calls %v (%d), want %v", what, got, r.Records, want)
	}
	put(t, j, 20, 21, 10)
	for _, s := range r.Lost {
		s.Release()
	}
	kill(j)
	j, again, err := Open(small(d))
	if err != nil {
		t.Fatalf("%s: again: %v", what, err)
	}
	for _, damage := range again.Damage {
		if damage.Cut {
			t.Fatalf("%s: it was not cut: %+v", what, again.Damage)
		}
	}
	if got := numbers(mustRead(t, j)); !slices.Equal(got, append(slices.Clone(want), 20)) || len(again.Lost) > 0 {
		t.Fatalf("%s: afterwards the records are of %v, lost are %v", what, got, lostNumbers(again))
	}
	mustClose(t, j)
	return r
}

// TestFlips changes each byte of a segment: it costs at most the record it is in.
func TestFlips(t *testing.T) {
	whole, frames := smallJournal(t)
	name := segmentName(0)
	for at := range whole.files[name].data {
		for _, bits := range []byte{1, 0x80, 0xff} {
			what := fmt.Sprintf("byte %d ^ %#x", at, bits)
			d := whole.clone()
			d.files[name].data[at] ^= bits
			var want []int
			var damage []Damage
			last := frames[len(frames)-1]
			for _, f := range frames {
				if at < f.offset || at >= f.end {
					want = append(want, f.number)
				} else if f == last {
					damage = []Damage{{name, int64(f.offset), int64(f.end - f.offset), true}}
				} else {
					damage = []Damage{{name, int64(f.offset), int64(f.bytes - f.offset), false}}
				}
			}
			if at >= last.bytes {
				damage = []Damage{{name, int64(last.bytes), int64(at + 1 - last.bytes), true}}
			}
			r := checkSurvivors(t, what, d, want)
			// The last byte of the data may have become zero, and is not counted then.
			if len(damage) > 0 && damage[0].Cut && len(r.Damage) == 1 && r.Damage[0].Bytes == damage[0].Bytes-1 {
				damage[0].Bytes--
			}
			if !slices.Equal(r.Damage, damage) {
				t.Fatalf("%s: the damage is %+v, want %+v", what, r.Damage, damage)
			}
			lost := []int{10, 11}
			if len(want) < len(frames) && whole.files[inflightName] != nil {
				// The call whose record is rotten may still stand in its slot.
				for _, f := range frames {
					if !slices.Contains(want, f.number) && slices.Contains(lostNumbers(r), f.number) {
						lost = append([]int{f.number}, lost...)
					}
				}
			}
			if got := lostNumbers(r); !slices.Equal(got, lost) {
				t.Fatalf("%s: lost are %v", what, got)
			}
		}
	}
}

// TestCuts cuts a segment at each byte: what is whole before it stays.
func TestCuts(t *testing.T) {
	whole, frames := smallJournal(t)
	name := segmentName(0)
	for size := range whole.files[name].data {
		d := whole.clone()
		d.files[name].data = d.files[name].data[:size]
		var want []int
		for _, f := range frames {
			if f.end <= size {
				want = append(want, f.number)
			}
		}
		checkSurvivors(t, fmt.Sprintf("cut at %d", size), d, want)
	}
}

// TestRotInTheMiddle damages one of several segments in many places.
func TestRotInTheMiddle(t *testing.T) {
	d := newMemDisk()
	j, _ := mustOpen(t, small(d))
	put(t, j, 0, 24, 80) // frames of 120 bytes, 8 a segment
	kill(j)
	data := d.files[segmentName(1024)].data
	clear(data[120:360])   // 9 and 10, as a power failure leaves them
	data[480+40] ^= 4      // 12
	data[7*120+4] ^= 0x80  // the length of 15
	data[8*120+10] ^= 0x80 // the rest of the segment
	j, r := mustOpen(t, small(d))
	want := slices.DeleteFunc(count(0, 24), func(n int) bool { return slices.Contains([]int{9, 10, 12, 15}, n) })
	wantNumbers(t, mustRead(t, j), want)
	name := segmentName(1024)
	if want := []Damage{{name, 120, 240, false}, {name, 480, 120, false}, {name, 840, 131, true}}; !slices.Equal(r.Damage, want) {
		t.Errorf("the damage is %+v, want %+v", r.Damage, want)
	}
	// The count of what is left fits although records are missing.
	all, next := readAll(t, j, 0)
	j.Delivered(all[11].Pos)
	if st := j.Stats(); st.Records != int64(len(want)-11) {
		t.Errorf("11 delivered: %+v", st)
	}
	j.Delivered(next)
	if st := j.Stats(); st.Records != 0 {
		t.Errorf("all delivered: %+v", st)
	}
	mustClose(t, j)
}

// TestRotWhileOpen: what rots under an open journal is passed over and reported.
func TestRotWhileOpen(t *testing.T) {
	d := newMemDisk()
	o := small(d)
	var reported reports
	o.OnError = reported.add
	j, _ := mustOpen(t, o)
	put(t, j, 0, 5, 16) // frames of 56 bytes
	d.mu.Lock()
	d.files[segmentName(0)].data[60] ^= 1
	d.files[segmentName(0)].data[4*56+30] ^= 1
	d.mu.Unlock()
	all, next := readAll(t, j, 0)
	wantNumbers(t, all, []int{0, 2, 3})
	if next != 5*56 {
		t.Errorf("it goes on at %d", next)
	}
	if err := reported.err(); err == nil || err.Error() != ""+
		"the journal has become unreadable from 56 to 112: records are lost\n"+
		"the journal has become unreadable from 224 to 280: records are lost" {
		t.Errorf("reported was %v", err)
	}
	j.Delivered(next)
	if st := j.Stats(); st.Records != 0 {
		t.Errorf("the stats are %+v", st)
	}
	put(t, j, 5, 6, 0)
	all, _ = readAll(t, j, next)
	wantNumbers(t, all, []int{5})
	mustClose(t, j)
}

// TestInsideData: a record that holds the bytes of another one is not taken
// apart when it rots.
func TestInsideData(t *testing.T) {
	d := newMemDisk()
	j, _ := mustOpen(t, small(d))
	s := mustBegin(t, j, 0)
	inner := frame(nil, final, s.call.Time, recordOf(7, 0))
	seal(inner, headerSize+IDSize)
	mustAppend(t, s, append(recordOf(0, 0), inner...))
	put(t, j, 1, 2, 0)
	kill(j)
	d.files[segmentName(0)].data[headerSize] ^= 1
	j, _ = mustOpen(t, small(d))
	wantNumbers(t, mustRead(t, j), []int{1})
	mustClose(t, j)
}

// TestSlotFlips changes each byte of the file of calls in flight: it costs at
// most the call it is in, and no record.
func TestSlotFlips(t *testing.T) {
	whole, frames := smallJournal(t)
	var records []int
	for _, f := range frames {
		records = append(records, f.number)
	}
	// The last two slots that were taken; one had settled calls before.
	for at := range 3 * slotSize {
		d := whole.clone()
		d.files[inflightName].data[at] ^= 0x10
		r := checkSurvivors(t, fmt.Sprintf("slot byte %d", at), d, records)
		slot := at / slotSize
		want := [][]int{{11}, {10}, {10, 11}}[slot]
		if got := lostNumbers(r); !slices.Equal(got, want) {
			t.Fatalf("byte %d: lost are %v, want %v", at, got, want)
		}
		if damage := (Damage{File: inflightName, Offset: int64(slot * slotSize), Bytes: slotSize}); !slices.Equal(r.Damage, []Damage{damage}) {
			t.Fatalf("byte %d: the damage is %+v", at, r.Damage)
		}
	}
	for size := range 3 * slotSize {
		d := whole.clone()
		d.files[inflightName].data = d.files[inflightName].data[:size]
		r := checkSurvivors(t, fmt.Sprintf("slots cut at %d", size), d, records)
		if got, want := lostNumbers(r), []int{10, 11}[:size/slotSize]; size < 2*slotSize && !slices.Equal(got, want) {
			t.Fatalf("cut at %d: lost are %v, want %v", size, got, want)
		}
	}
}

// FuzzOpen opens whatever bytes as a segment and as slots.
func FuzzOpen(f *testing.F) {
	d := newMemDisk()
	j, _, err := Open(small(d))
	if err != nil {
		f.Fatal(err)
	}
	for n := range 4 {
		s, err := j.Begin(callOf(n))
		if err != nil {
			f.Fatal(err)
		}
		if n < 3 {
			if _, err := s.Append(recordOf(n, 9*n)); err != nil {
				f.Fatal(err)
			}
		}
	}
	kill(j)
	segment, slots := d.files[segmentName(0)].data, d.files[inflightName].data[:2*slotSize]
	f.Add(segment, slots)
	f.Add(segment[:100], slots[:300])
	f.Add(slices.Concat(segment[:40], segment[48:]), []byte("x"))
	f.Add([]byte("AJ\x01\x01"), []byte{})
	f.Fuzz(func(t *testing.T, segment, slots []byte) {
		d := newMemDisk()
		d.files[segmentName(0)] = &memFile{data: slices.Clone(segment)}
		d.files[inflightName] = &memFile{data: slices.Clone(slots)}
		o := small(d)
		o.MaxBytes = 1 << 20
		if len(segment) > 1<<19 {
			return
		}
		j, r := mustOpen(t, o)
		old := mustRead(t, j)
		if int64(len(old)) != r.Records {
			t.Fatalf("Open says %d records, Read %d", r.Records, len(old))
		}
		for i, s := range r.Lost {
			if _, err := s.Append(slices.Clone(s.call.ID[:])); err != nil {
				t.Fatalf("settling lost call %d: %v", i, err)
			}
		}
		put(t, j, 1<<40, 1<<40+1, 20)
		want := mustRead(t, j)
		if len(want) != len(old)+len(r.Lost)+1 {
			t.Fatalf("%d records, want %d and %d and 1", len(want), len(old), len(r.Lost))
		}
		kill(j)
		j, r = mustOpen(t, o)
		if got := mustRead(t, j); !slices.EqualFunc(got, want, func(a, b Record) bool {
			return a.Pos == b.Pos && slices.Equal(a.Data, b.Data)
		}) {
			t.Fatalf("the records have become %v, they were %v", got, want)
		}
		if len(r.Lost) > 0 {
			t.Fatalf("lost are %v", lostNumbers(r))
		}
		mustClose(t, j)
	})
}
