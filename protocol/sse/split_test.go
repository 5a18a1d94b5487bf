package sse

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// pieces returns its elements one a read, as a network would.
type pieces []string

func (p *pieces) Read(b []byte) (int, error) {
	for len(*p) > 0 && (*p)[0] == "" {
		*p = (*p)[1:]
	}
	if len(*p) == 0 {
		return 0, io.EOF
	}
	n := copy(b, (*p)[0])
	(*p)[0] = (*p)[0][n:]
	return n, nil
}

// settled moves the LF of a CR LF that was split from the start of an event
// back to the end of the one before it: this alone may differ by the split.
func settled(events []string) []string {
	var out []string
	for _, e := range events {
		if n := len(out); n > 0 && strings.HasSuffix(out[n-1], "\r") && strings.HasPrefix(e, "\n") {
			out[n-1] += "\n"
			e = e[1:]
		}
		if e != "" {
			out = append(out, e)
		}
	}
	return out
}

// field is what an application gets of an event.
type field struct{ Name, Data string }

func applied(events []string) []field {
	var out []field
	for _, e := range events {
		if !Empty([]byte(e)) {
			out = append(out, field{string(Name([]byte(e))), string(Data([]byte(e)))})
		}
	}
	return out
}

var splitStreams = []string{
	"\ufeffevent: a\ndata: 1\n\n: ping\n\ndata: 2\ndata: 3\n\n\n\ndata: 4\n",
	"\r\n\r\nevent: a\r\ndata: 1\r\n\r\n\r\ndata: 2\r\n\r\ndata: 3\r\n",
	"data: 1\r\rdata: 2\r\n\rdata: 3\n\r\ndata: 4\r\r\ndata: 5\r\r",
	"data: " + strings.Repeat("x", 4100) + "\r\n\r\ndata: [DONE]\r\n\r\n",
}

func TestReaderSplitAtEachByte(t *testing.T) {
	for _, stream := range splitStreams {
		want, wantErr := all(NewReader(strings.NewReader(stream), 0))
		if strings.Join(want, "") != stream || wantErr != io.EOF {
			t.Fatalf("%q: events %q, %v", stream, want, wantErr)
		}
		check := func(how string, src io.Reader) {
			t.Helper()
			got, err := all(NewReader(src, 0))
			if strings.Join(got, "") != stream || err != io.EOF {
				t.Fatalf("%q %s: events %q, %v", stream, how, got, err)
			}
			if !slices.Equal(settled(want), settled(got)) {
				t.Fatalf("%q %s: events %q, want %q", stream, how, got, want)
			}
			if !slices.Equal(applied(want), applied(got)) {
				t.Fatalf("%q %s: fields %q, want %q", stream, how, applied(got), applied(want))
			}
		}
		for i := range stream {
			check("split", &pieces{stream[:i], stream[i:]})
		}
		check("by byte", iotest.OneByteReader(strings.NewReader(stream)))
		check("by halves", iotest.HalfReader(strings.NewReader(stream)))
		check("with late EOF", iotest.DataErrReader(strings.NewReader(stream)))
	}
}

func TestArrayReaderSplitAtEachByte(t *testing.T) {
	stream := " [{\"a\":\"\\\\\\\"}]\",\"b\":[[],{}]}\n,\r\n{\"c\":\"" + strings.Repeat(`\"`, 2050) + "\"}\n] \n"
	want, err := all(NewArrayReader(strings.NewReader(stream), 0))
	if len(want) != 4 || strings.Join(want, "") != stream || err != io.EOF {
		t.Fatalf("events %q, %v", want, err)
	}
	for i := range stream {
		got, err := all(NewArrayReader(&pieces{stream[:i], stream[i:]}, 0))
		if !slices.Equal(want, got) || err != io.EOF {
			t.Fatalf("split at %d: %v, events %q, want %q", i, err, got, want)
		}
	}
}

// An event goes as soon as its last byte is here, whatever comes behind it.
func TestEventsAreNotHeldBack(t *testing.T) {
	tests := []struct {
		name   string
		reader func(io.Reader, int) *Reader
		pieces pieces
	}{
		{"lf", NewReader, pieces{"data: a\n\n", "data: b\n\n"}},
		{"crlf", NewReader, pieces{"data: a\r\n\r\n", "data: b\r\n\r\n"}},
		{"cr", NewReader, pieces{"data: a\r\r", "data: b\r\r"}},
		{"crlf split at the end", NewReader, pieces{"data: a\r\n\r", "\ndata: b\r\n\r", "\n"}},
		{"blank lines", NewReader, pieces{"\n", "\r", "data: a\n\n"}},
		{"comment", NewReader, pieces{": ping\n\n", "data: a\n\n"}},
		{"array", NewArrayReader, pieces{`[{"a":1}`, "\n,{}", "]", "\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reads := 0
			src := tt.pieces
			r := tt.reader(readerFunc(func(b []byte) (int, error) { reads++; return src.Read(b) }), 0)
			for i, want := range append(pieces(nil), tt.pieces...) {
				if r.Buffered() {
					t.Errorf("event %d: Buffered before it was read", i)
				}
				event, err := r.Next()
				if string(event) != want || err != nil {
					t.Fatalf("event %d = %q, %v, want %q", i, event, err, want)
				}
				// white space behind an array, and a lone LF, wait for the end
				if last := i == len(tt.pieces)-1; reads != i+1 && !last {
					t.Errorf("event %d took %d reads", i, reads)
				}
			}
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestRandomStreams(t *testing.T) {
	parts := []string{"\n", "\r", "\r\n", "data", "data:", "data: x", ":c", "event: e", "id:1", " ", "é", "\x00", strings.Repeat("y", 4097)}
	rapid.Check(t, func(t *rapid.T) {
		stream := rapid.SampledFrom([]string{"", "\ufeff"}).Draw(t, "mark") +
			strings.Join(rapid.SliceOf(rapid.SampledFrom(parts)).Draw(t, "parts"), "")
		var split pieces
		for rest := stream; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			split = append(split, rest[:n])
			rest = rest[n:]
		}
		want := reference(stream)
		for _, src := range []io.Reader{strings.NewReader(stream), &split} {
			got, err := all(NewReader(src, 0))
			if diff := cmp.Diff(want, applied(got)); diff != "" {
				t.Fatalf("%q: fields (-want +got):\n%s", stream, diff)
			}
			checkBytes(t, stream, got, err)
		}
	})
}

// checkBytes holds the events of a stream against its bytes.
func checkBytes(t interface{ Fatalf(string, ...any) }, stream string, events []string, err error) {
	whole := strings.Join(events, "")
	switch {
	case errors.Is(err, io.EOF):
		if whole != stream {
			t.Fatalf("%q: events %q are not the stream", stream, events)
		}
	case errors.Is(err, io.ErrUnexpectedEOF):
		if !strings.HasPrefix(stream, whole) || len(whole) == len(stream) || strings.HasSuffix(stream, "\n") || strings.HasSuffix(stream, "\r") {
			t.Fatalf("%q: events %q and %v", stream, events, err)
		}
	default:
		t.Fatalf("%q: %v", stream, err)
	}
}

// reference reads a whole stream as the standard says, but for its end: what
// is left there counts where its last line is whole.
func reference(stream string) []field {
	var out []field
	var event, data string
	var hasEvent, hasData bool
	dispatch := func() {
		if hasEvent || hasData {
			out = append(out, field{event, strings.TrimSuffix(data, "\n")})
		}
		event, data, hasEvent, hasData = "", "", false, false
	}
	text := strings.ReplaceAll(strings.ReplaceAll(strings.TrimPrefix(stream, "\ufeff"), "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(text, "\n")
	for _, line := range lines[:len(lines)-1] {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			dispatch()
		case name == "data":
			data, hasData = data+value+"\n", true
		case name == "event":
			event, hasEvent = value, true
		}
	}
	if lines[len(lines)-1] == "" {
		dispatch()
	}
	return out
}

func FuzzReader(f *testing.F) {
	for _, s := range splitStreams {
		f.Add([]byte(s), uint16(7))
	}
	for _, s := range []string{"", "\r", "\n", "data", "data\n", "data:\r\n\r", "\ufeff", "\ufeff\n\n", "::\n\ndata: \x00\n\n", "event: a\revent: b\r\r\n"} {
		f.Add([]byte(s), uint16(1))
	}
	f.Fuzz(func(t *testing.T, stream []byte, at uint16) {
		checkShortcuts(t, stream)
		text := string(stream)
		if strings.Contains(text, "\ufeff") && strings.LastIndex(text, "\ufeff") > 0 {
			// at the start of a later event it is taken for the stream's own
			return
		}
		i := min(int(at), len(text))
		for _, src := range []io.Reader{bytes.NewReader(stream), iotest.OneByteReader(bytes.NewReader(stream)), &pieces{text[:i], text[i:]}} {
			got, err := all(NewReader(src, 0))
			checkBytes(t, text, got, err)
			if diff := cmp.Diff(reference(text), applied(got)); diff != "" {
				t.Fatalf("%q: fields (-want +got):\n%s", text, diff)
			}
		}
		if got, err := all(NewReader(bytes.NewReader(stream), 8)); !strings.HasPrefix(text, strings.Join(got, "")) {
			t.Fatalf("%q: with a limit: events %q, %v", text, got, err)
		}
	})
}

// checkShortcuts holds Line and Replace against Data, for any bytes.
func checkShortcuts(t *testing.T, event []byte) {
	data := Data(event)
	if line := Line(event); line != nil && (!bytes.Equal(line, data) || Name(event) != nil) {
		t.Fatalf("%q: Line = %q, Data = %q, Name = %q", event, line, data, Name(event))
	}
	ended := bytes.HasSuffix(event, []byte("\n")) || bytes.HasSuffix(event, []byte("\r"))
	if data == nil || !ended || bytes.HasPrefix(event, bom) {
		return
	}
	for _, want := range []string{"x", "", "a\nb"} {
		out := Replace(nil, event, []byte(want))
		if got := Data(out); string(got) != want || !bytes.Equal(Name(out), Name(event)) {
			t.Fatalf("%q with %q is %q: Data = %q", event, want, out, got)
		}
	}
}
