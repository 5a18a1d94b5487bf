package relay

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func TestBudget(t *testing.T) {
	b := NewBudget(10)
	for _, tt := range []struct {
		take int64
		ok   bool
		left int64
	}{
		{4, true, 4}, {7, false, 4}, {6, true, 10}, {1, false, 10}, {0, true, 10}, {math.MaxInt64, false, 10},
	} {
		if ok := b.Take(tt.take); ok != tt.ok || b.Taken() != tt.left {
			t.Errorf("Take(%d) = %v, taken %d", tt.take, ok, b.Taken())
		}
	}
	b.Give(10)
	if b.Taken() != 0 {
		t.Errorf("taken %d", b.Taken())
	}
}

// TestBudgetIsNeverOverdrawn: many that ask for too much do not keep out those
// who ask for what is there.
func TestBudgetIsNeverOverdrawn(t *testing.T) {
	b := NewBudget(1000)
	stop := make(chan struct{})
	var greedy, modest sync.WaitGroup
	for range 2 {
		greedy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if b.Take(1001) {
					t.Error("more was given than there is")
					return
				}
			}
		})
	}
	for range 4 {
		modest.Go(func() {
			for range 5000 {
				if !b.Take(250) {
					t.Error("what was there was refused")
					return
				}
				if b.Taken() > 1000 {
					t.Error("overdrawn")
				}
				b.Give(250)
			}
		})
	}
	modest.Wait()
	close(stop)
	greedy.Wait()
	if b.Taken() != 0 {
		t.Errorf("taken %d", b.Taken())
	}
}

func TestReadBody(t *testing.T) {
	broken := errors.New("broken")
	text := strings.Repeat("0123456789", 10_000)
	tests := []struct {
		name          string
		r             io.Reader
		length, limit int64
		budget        int64
		want          string
		err           error
	}{
		{"announced", strings.NewReader("hello"), 5, 100, 1 << 20, "hello", nil},
		{"not announced", strings.NewReader("hello"), -1, 100, 1 << 20, "hello", nil},
		{"empty", strings.NewReader(""), 0, 100, 1 << 20, "", nil},
		{"empty, not announced", strings.NewReader(""), -1, 100, 1 << 20, "", nil},
		{"large", strings.NewReader(text), int64(len(text)), 1 << 20, 1 << 20, text, nil},
		{"large, not announced", strings.NewReader(text), -1, 1 << 20, 1 << 20, text, nil},
		{"byte by byte", iotest.OneByteReader(strings.NewReader(text)), -1, 1 << 20, 1 << 20, text, nil},
		{"the end with the last bytes", iotest.DataErrReader(strings.NewReader(text)), int64(len(text)), 1 << 20, 1 << 20, text, nil},
		{"more than announced", strings.NewReader(text), 5, 1 << 20, 1 << 20, text, nil},
		{"less than announced", strings.NewReader("hello"), 1000, 1 << 20, 1 << 20, "hello", nil},
		{"as long as the limit", strings.NewReader(text), -1, int64(len(text)), 1 << 20, text, nil},
		{"one too long", strings.NewReader(text), -1, int64(len(text)) - 1, 1 << 20, "", TooLarge},
		{"short but over", strings.NewReader("hello"), -1, 4, 1 << 20, "", TooLarge},
		{"announced too long", strings.NewReader(""), 101, 100, 1 << 20, "", TooLarge},
		{"no memory at all", strings.NewReader("hello"), -1, 100, 100, "", NoMemory},
		{"no memory to grow", strings.NewReader(text), -1, 1 << 20, 40_000, "", NoMemory},
		{"memory for exactly this", strings.NewReader("hello"), 5, 100, 6, "hello", nil},
		{"breaks", io.MultiReader(strings.NewReader("hel"), iotest.ErrReader(broken)), 5, 100, 1 << 20, "", broken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := NewBudget(tt.budget)
			body, err := b.ReadBody(tt.r, tt.length, tt.limit)
			if err != tt.err {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if err != nil {
				if b.Taken() != 0 {
					t.Errorf("%d bytes were not given back", b.Taken())
				}
				return
			}
			if string(body.Bytes) != tt.want {
				t.Errorf("got %d bytes", len(body.Bytes))
			}
			if b.Taken() < int64(cap(body.Bytes)) {
				t.Errorf("%d bytes are held, %d taken", cap(body.Bytes), b.Taken())
			}
			body.Release()
			body.Release()
			if b.Taken() != 0 {
				t.Errorf("taken %d after release", b.Taken())
			}
		})
	}
}

// TestAnnouncedIsNotBelieved: who announces much and sends little takes little.
func TestAnnouncedIsNotBelieved(t *testing.T) {
	b := NewBudget(1 << 30)
	r, w := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := b.ReadBody(r, 500<<20, 1<<30)
		done <- err
	}()
	if _, err := w.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if b.Taken() > 4*firstRead {
		t.Errorf("%d bytes are taken for 1000", b.Taken())
	}
	w.CloseWithError(io.ErrUnexpectedEOF)
	if err := <-done; err != io.ErrUnexpectedEOF || b.Taken() != 0 {
		t.Errorf("error %v, taken %d", err, b.Taken())
	}
}

// TestReadBodyProperty: what is read is what was sent, at most twice of it
// (and a first piece) is taken, and a limit is a limit to the byte.
func TestReadBodyProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(0, 100), rapid.IntRange(0, 300_000)).Draw(t, "bytes")
		text := bytes.Repeat([]byte{'x'}, n)
		length := rapid.SampledFrom([]int64{-1, int64(n), int64(n) + 1, int64(n / 2), 200_000}).Draw(t, "announced")
		limit := int64(rapid.OneOf(rapid.Just(n), rapid.Just(n-1), rapid.IntRange(0, 400_000)).Draw(t, "limit"))
		b := NewBudget(1 << 30)
		var r io.Reader = bytes.NewReader(text)
		if rapid.Bool().Draw(t, "halves") {
			r = iotest.HalfReader(r)
		}
		body, err := b.ReadBody(r, length, limit)
		if int64(n) > limit || length > limit {
			if err != TooLarge {
				t.Fatalf("error %v", err)
			}
			if b.Taken() != 0 {
				t.Fatalf("taken %d", b.Taken())
			}
			return
		}
		if err != nil || !bytes.Equal(body.Bytes, text) {
			t.Fatalf("error %v", err)
		}
		if b.Taken() > 2*int64(n)+4*firstRead {
			t.Fatalf("%d taken for %d", b.Taken(), n)
		}
		body.Release()
		if b.Taken() != 0 {
			t.Fatalf("taken %d", b.Taken())
		}
	})
}
