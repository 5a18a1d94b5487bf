package journal

import (
	"encoding/binary"
	"sync/atomic"
	"testing"
)

// deliverAll takes what a benchmark makes out of the journal.
func deliverAll(b *testing.B, j *Journal) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		var next int64
		for j.Wait(b.Context(), next) == nil {
			records, to, err := j.Read(next, 1<<20)
			if err != nil {
				return
			}
			if len(records) > 0 {
				next = to
				j.Delivered(next)
			}
		}
	}()
	b.Cleanup(func() {
		mustClose(b, j)
		<-done
	})
}

func benchCall(n uint64) (c Call) {
	binary.LittleEndian.PutUint64(c.ID[:], n)
	c.Info = benchInfo[:]
	return c
}

var benchInfo [100]byte

// BenchmarkBegin is the noting of a call, and the end of one without a record.
func BenchmarkBegin(b *testing.B) {
	j, _ := mustOpen(b, Options{Dir: b.TempDir()})
	b.Cleanup(func() { mustClose(b, j) })
	var n uint64
	b.ReportAllocs()
	var slots []*Slot
	for b.Loop() {
		n++
		s, err := j.Begin(benchCall(n))
		if err != nil {
			b.Fatal(err)
		}
		if slots = append(slots, s); len(slots) == 1000 {
			b.StopTimer()
			for _, s := range slots {
				s.Release()
			}
			slots = slots[:0]
			b.StartTimer()
		}
	}
	for _, s := range slots {
		s.Release()
	}
}

// BenchmarkAppend is the writing of a record of 400 bytes.
func BenchmarkAppend(b *testing.B) {
	j, _ := mustOpen(b, Options{Dir: b.TempDir()})
	deliverAll(b, j)
	record := make([]byte, 400)
	var slots []*Slot
	var n uint64
	b.ReportAllocs()
	for b.Loop() {
		if len(slots) == 0 {
			b.StopTimer()
			for range 1000 {
				n++
				s, err := j.Begin(benchCall(n))
				if err != nil {
					b.Fatal(err)
				}
				slots = append(slots, s)
			}
			b.StartTimer()
		}
		s := slots[len(slots)-1]
		slots = slots[:len(slots)-1]
		copy(record, s.call.ID[:])
		if _, err := s.Append(record); err != nil {
			b.Fatal(err)
		}
	}
	for _, s := range slots {
		s.Release()
	}
}

// BenchmarkCall is a whole call: Begin, Append, Release.
func BenchmarkCall(b *testing.B) {
	j, _ := mustOpen(b, Options{Dir: b.TempDir()})
	deliverAll(b, j)
	b.ReportAllocs()
	record := make([]byte, 400)
	var n uint64
	for b.Loop() {
		n++
		benchOne(b, j, n, record)
	}
}

// BenchmarkCall64 is the same with 64 at once.
func BenchmarkCall64(b *testing.B)           { bench64(b, false) }
func BenchmarkCall64SyncAlways(b *testing.B) { bench64(b, true) }

func bench64(b *testing.B, always bool) {
	j, _ := mustOpen(b, Options{Dir: b.TempDir(), SyncAlways: always})
	deliverAll(b, j)
	b.ReportAllocs()
	b.SetParallelism(32) // times the 2 processors that it is told about
	var n atomic.Uint64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		record := make([]byte, 400)
		for pb.Next() {
			benchOne(b, j, n.Add(1), record)
		}
	})
}

func benchOne(b *testing.B, j *Journal, n uint64, record []byte) {
	s, err := j.Begin(benchCall(n))
	if err != nil {
		b.Error(err)
		return
	}
	copy(record, s.call.ID[:])
	if _, err := s.Append(record); err != nil {
		b.Error(err)
	}
	s.Release()
}

// BenchmarkRead is the reading of records of 400 bytes.
func BenchmarkRead(b *testing.B) {
	j, _ := mustOpen(b, Options{Dir: b.TempDir()})
	b.Cleanup(func() { mustClose(b, j) })
	record := make([]byte, 400)
	const records = 10000
	for n := range uint64(records) {
		benchOne(b, j, n, record)
	}
	b.ReportAllocs()
	for b.Loop() {
		var next int64
		for {
			list, to, err := j.Read(next, records)
			if err != nil {
				b.Fatal(err)
			}
			if len(list) == 0 {
				break
			}
			next = to
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
}
