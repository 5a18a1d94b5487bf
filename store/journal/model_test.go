package journal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// model is what a journal has to hold.
type model struct {
	d       *memDisk
	o       Options
	j       *Journal
	n       int           // calls begun
	open    map[int]*Slot // calls in flight
	left    []Record      // not delivered
	settled map[[IDSize]byte]bool
	from    int64 // what the store says is delivered
	tail    int64 // behind all records ever
}

func newModel(t *rapid.T, always bool) *model {
	d := newMemDisk()
	o := small(d)
	o.SyncAlways = always
	o.MaxBytes = rapid.Int64Range(8*128, 6*8*128).Draw(t, "max bytes")
	m := &model{d: d, o: o, open: map[int]*Slot{}, settled: map[[IDSize]byte]bool{}}
	m.j, _ = mustOpen(t, o)
	return m
}

func (m *model) begin(t *rapid.T) {
	s, err := m.j.Begin(callOf(m.n))
	if errors.Is(err, ErrFull) {
		if len(m.left)+len(m.open) < int(m.o.MaxBytes/m.o.SegmentBytes) {
			t.Fatalf("full with %d records and %d calls in flight", len(m.left), len(m.open))
		}
		return
	}
	if err != nil {
		t.Fatalf("beginning: %v", err)
	}
	m.open[m.n] = s
	m.n++
}

func (m *model) pick(t *rapid.T) (int, *Slot) {
	if len(m.open) == 0 {
		t.Skip("no call is in flight")
	}
	var list []int
	for n := range m.open {
		list = append(list, n)
	}
	slices.Sort(list)
	n := rapid.SampledFrom(list).Draw(t, "call")
	return n, m.open[n]
}

func (m *model) keep(t *rapid.T, record []byte, isExtra bool) {
	m.left = append(m.left, Record{Pos: -1, Extra: isExtra, Data: record})
	all, _ := readAll(t, m.j, m.from)
	last := &m.left[len(m.left)-1]
	last.Pos = all[len(all)-1].Pos
	if last.Pos < m.tail {
		t.Fatalf("the position %d was used before", last.Pos)
	}
	m.tail = last.Pos + int64(len(record))
}

func (m *model) append(t *rapid.T) {
	n, s := m.pick(t)
	record := recordOf(n, rapid.IntRange(0, 88).Draw(t, "size"))
	promised := s.promised
	pos, err := s.Append(record)
	if !promised && errors.Is(err, ErrFull) {
		return
	}
	if err != nil {
		t.Fatalf("appending: %v", err)
	}
	s.Release()
	delete(m.open, n)
	m.settled[s.call.ID] = true
	m.keep(t, record, false)
	if last := m.left[len(m.left)-1]; last.Pos != pos {
		t.Fatalf("Append says %d, it is at %d", pos, last.Pos)
	}
}

func (m *model) extra(t *rapid.T) {
	n, s := m.pick(t)
	record := recordOf(n, rapid.IntRange(0, 88).Draw(t, "size"))
	if err := s.Extra(record); err == nil {
		m.keep(t, record, true)
	} else if !errors.Is(err, ErrFull) {
		t.Fatalf("extra: %v", err)
	}
}

func (m *model) release(t *rapid.T) {
	n, s := m.pick(t)
	s.Release()
	delete(m.open, n)
	m.settled[s.call.ID] = true
}

func (m *model) deliver(t *rapid.T) {
	records, next, err := m.j.Read(m.from, rapid.IntRange(1, 20).Draw(t, "records"))
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	m.same(t, records, m.left[:min(len(records), len(m.left))])
	m.left, m.from = m.left[len(records):], next
	m.j.Delivered(next)
}

func (m *model) same(t *rapid.T, got, want []Record) {
	t.Helper()
	if !slices.EqualFunc(got, want, func(a, b Record) bool {
		return a.Pos == b.Pos && a.Extra == b.Extra && bytes.Equal(a.Data, b.Data)
	}) {
		t.Fatalf("the records are %v, want %v", got, want)
	}
}

// reopen opens the journal again, and takes the lost calls for those in flight.
func (m *model) reopen(t *rapid.T) Recovery {
	j, r := mustOpen(t, m.o)
	m.j = j
	j.Delivered(m.from)
	return r
}

// sameLost checks that the lost calls are those in flight.
func (m *model) sameLost(t *rapid.T, r Recovery) {
	if len(r.Damage) > 0 || r.NewWriter {
		t.Fatalf("the recovery is %+v", r)
	}
	var want []int
	for n := range m.open {
		want = append(want, n)
	}
	slices.Sort(want)
	if got := lostNumbers(r); !slices.Equal(got, want) {
		t.Fatalf("the lost calls are %v, want %v", got, want)
	}
	for i, n := range want {
		if c := callOf(n); !bytes.Equal(c.Info, r.Lost[i].Call().Info) || !c.Time.Equal(r.Lost[i].Call().Time) {
			t.Fatalf("call %d was lost as %+v", n, r.Lost[i].Call())
		}
		m.open[n] = r.Lost[i]
	}
}

func (m *model) check(t *rapid.T) {
	all, _ := readAll(t, m.j, m.from)
	m.same(t, all, m.left)
	st := m.j.Stats()
	if st.Records != int64(len(m.left)) || st.InFlight != len(m.open) || st.Bytes > m.o.MaxBytes || st.Reserved > st.Bytes {
		t.Fatalf("the stats are %+v, want %d records and %d in flight", st, len(m.left), len(m.open))
	}
	if st.Full && m.o.MaxBytes > st.Bytes+m.o.SegmentBytes {
		t.Fatalf("full with %+v", st)
	}
}

// TestModel: nothing is lost, nothing comes twice, order is kept, whatever
// happens in whatever order.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t, false)
		defer func() { m.j.Close() }() //nolint:errcheck // checked where it matters
		t.Repeat(map[string]func(*rapid.T){
			"begin":   m.begin,
			"begin 2": m.begin,
			"append":  m.append,
			"extra":   m.extra,
			"release": m.release,
			"deliver": m.deliver,
			"tidy":    func(*rapid.T) { m.j.tidy() },
			"close": func(t *rapid.T) {
				mustClose(t, m.j)
				m.sameLost(t, m.reopen(t))
			},
			"kill": func(t *rapid.T) {
				kill(m.j)
				m.sameLost(t, m.reopen(t))
			},
			"": m.check,
		})
	})
}

// TestPower: what Append has returned survives a loss of power where each waits
// for its sync, and no position comes again.
func TestPower(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t, true)
		defer func() { m.j.Close() }() //nolint:errcheck // checked where it matters
		m.o.Settled = func(id [IDSize]byte) (bool, error) { return m.settled[id], nil }
		t.Repeat(map[string]func(*rapid.T){
			"begin":   m.begin,
			"append":  m.append,
			"extra":   m.extra,
			"deliver": m.deliver,
			"tidy":    func(*rapid.T) { m.j.tidy() },
			"power": func(t *rapid.T) {
				kill(m.j)
				m.d.losePower(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "blocks"), 0)))
				r := m.reopen(t)
				// Calls that were in flight may be forgotten, never others remembered.
				for _, s := range r.Lost {
					if m.settled[s.call.ID] {
						t.Fatalf("a settled call is lost: %+v", s.call)
					}
				}
				clear(m.open)
				for i, n := range lostNumbers(r) {
					m.open[n] = r.Lost[i]
				}
			},
			"": m.check,
		})
	})
}

// TestPowerBehindStore: the store may have a record that the journal has lost
// with the power, and its position with it. What comes then has another.
func TestPowerBehindStore(t *testing.T) {
	d := newMemDisk()
	j, _ := mustOpen(t, small(d))
	put(t, j, 0, 3, 50)
	_, next := readAll(t, j, 0)
	j.Delivered(next)
	kill(j)
	for _, f := range d.files {
		if f.synced == nil {
			clear(f.data)
		}
	}
	j, r := mustOpen(t, small(d))
	if r.Records != 0 {
		t.Fatalf("%d records survived", r.Records)
	}
	j.Delivered(next)
	put(t, j, 3, 4, 0)
	ctx := t.Context()
	if err := j.Wait(ctx, next); err != nil {
		t.Fatal(err)
	}
	all, _ := readAll(t, j, next)
	wantNumbers(t, all, []int{3})
	mustClose(t, j)
}

// TestKeeps: a sync follows by itself, and the slots of settled calls are cleared.
func TestKeeps(t *testing.T) {
	d := newMemDisk()
	o := small(d)
	o.delay = time.Millisecond
	j, _ := mustOpen(t, o)
	put(t, j, 0, 5, 20)
	held := mustBegin(t, j, 5)
	eventually(t, "the sync", func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return j.synced == 5 && len(j.calls.settled) == 0 && !j.calls.dirty.Load()
	})
	kill(j)
	for _, f := range d.files {
		f.data = slices.Clone(f.synced)
	}
	j, r := mustOpen(t, o)
	wantNumbers(t, mustRead(t, j), count(0, 5))
	if got := lostNumbers(r); !slices.Equal(got, []int{5}) {
		t.Errorf("lost are %v", got)
	}
	if pos, err := held.Append(recordOf(5, 0)); pos != -1 || !errors.Is(err, ErrClosed) {
		t.Errorf("a slot of the journal before: %d, %v", pos, err)
	}
	mustClose(t, j)
}

func mustRead(t fataler, j *Journal) []Record {
	t.Helper()
	all, _ := readAll(t, j, 0)
	return all
}

// TestDeliveredWhileSyncing: a segment that is deleted while the keeper is
// about to clear slots takes their calls' records with it.
func TestDeliveredWhileSyncing(t *testing.T) {
	d := newMemDisk()
	j, _ := mustOpen(t, small(d))
	var slots []*Slot
	for n := range 9 { // the first 8 fill a segment
		slots = append(slots, mustBegin(t, j, n))
		mustBegin(t, j, 200+n)
	}
	for n, s := range slots {
		mustAppend(t, s, recordOf(n, 88))
	}
	_, next := readAll(t, j, 0)
	put(t, j, 9, 10, 0)
	var then *memDisk
	d.before = func() {
		d.mu.Lock()
		d.before = nil
		d.mu.Unlock()
		j.Delivered(next)
		then = d.clone()
	}
	j.tidy()
	if first := j.segments[0].base; first != 1024 {
		t.Errorf("the first segment begins at %d", first)
	}
	mustClose(t, j)
	j, r := mustOpen(t, small(then))
	if got := lostNumbers(r); !slices.Equal(got, count(200, 209)) {
		t.Errorf("lost are %v", got)
	}
	mustClose(t, j)
}
