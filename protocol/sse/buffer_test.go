package sse

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLimit(t *testing.T) {
	event := "data: " + strings.Repeat("x", 92) + "\n\n" // 100 bytes
	for _, tt := range []struct {
		name, stream string
		reader       func(io.Reader, int) *Reader
		max, want    int
	}{
		{"at the limit", event + event, NewReader, 100, 2},
		{"over the limit", event + event, NewReader, 99, 0},
		{"one short event first", ":\n\n" + event, NewReader, 99, 1},
		{"many short events", strings.Repeat(event, 1000), NewReader, 100, 1000},
		{"no end", strings.Repeat("data: x\n", 1<<20), NewReader, 10_000, 0},
		{"element at the limit", `[{"a":1},{"a":2}]`, NewArrayReader, 8, 3},
		{"element over the limit", `[{"a":1},{"a":22}]`, NewArrayReader, 8, 1},
		{"white space without end", "[" + strings.Repeat(" ", 1<<20), NewArrayReader, 10_000, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, src := range []io.Reader{strings.NewReader(tt.stream), iotest.HalfReader(strings.NewReader(tt.stream))} {
				r := tt.reader(src, tt.max)
				got, err := all(r)
				wantErr := ErrTooLong
				if strings.Join(got, "") == tt.stream {
					wantErr = io.EOF
				}
				if len(got) != tt.want || err != wantErr {
					t.Errorf("%d events, %v, want %d, %v", len(got), err, tt.want, wantErr)
				}
				if _, again := r.Next(); again != err {
					t.Errorf("error then = %v", again)
				}
				if len(r.buf) > max(burst, tt.max+1) {
					t.Errorf("the buffer has %d bytes", len(r.buf))
				}
			}
		})
	}
}

func TestSourceErrors(t *testing.T) {
	broken := errors.New("connection reset")
	src := io.MultiReader(strings.NewReader("data: a\n\ndata: b\n"), iotest.ErrReader(broken))
	for name, src := range map[string]io.Reader{
		"apart":  src,
		"beside": &errorBeside{"data: a\n\ndata: b\n", broken},
	} {
		r := NewReader(src, 0)
		got, err := all(r)
		if len(got) != 1 || err != broken {
			t.Errorf("%s: events %q, %v", name, got, err)
		}
		if !r.Buffered() {
			t.Errorf("%s: not Buffered after the error", name)
		}
		if _, err := r.Next(); err != broken {
			t.Errorf("%s: error then = %v", name, err)
		}
	}
	if _, err := NewReader(readerFunc(func([]byte) (int, error) { return 0, nil }), 0).Next(); err != io.ErrNoProgress {
		t.Errorf("a source that returns nothing: %v", err)
	}
}

// errorBeside returns its error together with its last bytes.
type errorBeside struct {
	text string
	err  error
}

func (e *errorBeside) Read(b []byte) (int, error) {
	n := copy(b, e.text)
	e.text = e.text[n:]
	if e.text == "" {
		return n, e.err
	}
	return n, nil
}

func TestBuffered(t *testing.T) {
	r := NewReader(&pieces{"data: a\n\ndata: b\n\ndata: c", "\n\n"}, 0)
	for i, want := range []bool{false, true, false, false} {
		if got := r.Buffered(); got != want {
			t.Errorf("before event %d: Buffered = %v, want %v", i, got, want)
		}
		// asking does not change the event returned before
		if _, err := r.Next(); err != nil && i < 3 {
			t.Fatal(err)
		}
	}
	if !r.Buffered() {
		t.Error("not Buffered at the end")
	}
}

// Buffered looks ahead without spoiling the event that is in use.
func TestBufferedLeavesTheEvent(t *testing.T) {
	r := NewReader(strings.NewReader("data: a\n\ndata: b\n\n"), 0)
	event, err := r.Next()
	if err != nil || !r.Buffered() || string(event) != "data: a\n\n" {
		t.Errorf("event = %q, %v", event, err)
	}
	// nor can the event be grown into the next
	_ = append(event, "overwritten"...)
	if event, err = r.Next(); err != nil || string(event) != "data: b\n\n" {
		t.Errorf("next event = %q, %v", event, err)
	}
}

// A stream whose events come one at a time holds a small buffer, one that is
// faster than its reader a larger one, and only while it is.
func TestBufferFollowsThePace(t *testing.T) {
	burstOf := func(n int) string { return strings.Repeat("data: hello\n\n", n) }
	slow := func(n int) pieces {
		return pieces(strings.SplitAfter(strings.TrimSuffix(burstOf(n), "\n"), "\n\n")[:n-1])
	}
	for _, c := range []struct {
		name   string
		pieces pieces
		want   int
	}{
		{"slow", slow(1000), small},
		{"fast", pieces{burstOf(10_000)}, burst},
		{"fast, then slow", append(pieces{burstOf(10_000)}, slow(200)...), small},
	} {
		t.Run(c.name, func(t *testing.T) {
			whole := strings.Join(c.pieces, "")
			r := NewReader(&c.pieces, 0)
			got, err := all(r)
			if strings.Join(got, "") != whole || err != io.EOF || len(r.buf) != c.want {
				t.Errorf("%d events, %v, a buffer of %d bytes, want %d", len(got), err, len(r.buf), c.want)
			}
		})
	}
}

func TestBufferShrinks(t *testing.T) {
	giant := "data: " + strings.Repeat("x", 1<<20) + "\n\n"
	r := NewReader(&pieces{giant, "data: a\n\n", giant + "data: b\n", "\n", "data: c\n\n"}, 0)
	for i, want := range []string{giant, "data: a\n\n", giant, "data: b\n\n", "data: c\n\n"} {
		event, err := r.Next()
		if string(event) != want || err != nil {
			t.Fatalf("event %d has %d bytes, %v, want %d", i, len(event), err, len(want))
		}
		if size := len(r.buf); (size == small) != (want != giant) || size > 4<<20 {
			t.Errorf("event %d of %d bytes: a buffer of %d", i, len(event), size)
		}
	}
}

// Lines that end in CR alone must not be searched for LF again and again: this
// would take minutes.
func TestManyLinesInOneEvent(t *testing.T) {
	for _, end := range []string{"\r", "\n", "\r\n"} {
		const n = 1 << 18
		stream := strings.Repeat("data:"+end, n) + end
		r := NewReader(strings.NewReader(stream), 0)
		event, err := r.Next()
		if err != nil || len(event) < len(stream)-1 {
			t.Fatalf("%q: an event of %d bytes, %v", end, len(event), err)
		}
		if data := Data(event); len(data) != n-1 {
			t.Errorf("%q: %d bytes of data, want %d", end, len(data), n-1)
		}
	}
}

func TestManyStreamsAtRest(t *testing.T) {
	const n = 1000
	var before, after runtime.MemStats
	streams := make([]*Reader, n)
	runtime.ReadMemStats(&before)
	for i := range streams {
		streams[i] = NewReader(&pieces{"data: a\n\n"}, 0)
		if _, err := streams[i].Next(); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	// all that was ever allocated, the test's own part included
	if each := (after.TotalAlloc - before.TotalAlloc) / n; each > small+1024 {
		t.Errorf("a stream takes %d bytes, want at most %d", each, small+1024)
	}
	runtime.KeepAlive(streams)
}
