package sse

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// all reads a stream to its end and returns copies of its events.
func all(r *Reader) ([]string, error) {
	var events []string
	for {
		event, err := r.Next()
		if err != nil {
			return events, err
		}
		events = append(events, string(event))
	}
}

func TestReader(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
		err      error
	}{
		{"empty", "", nil, io.EOF},
		{"lf", "data: a\n\ndata: b\n\n", []string{"data: a\n\n", "data: b\n\n"}, io.EOF},
		{"crlf", "data: a\r\n\r\ndata: b\r\n\r\n", []string{"data: a\r\n\r\n", "data: b\r\n\r\n"}, io.EOF},
		{"cr", "data: a\r\rdata: b\r\r", []string{"data: a\r\r", "data: b\r\r"}, io.EOF},
		{"mixture", "data: a\r\n\rdata: b\n\r\ndata: c\r\ndata: d\n\n",
			[]string{"data: a\r\n\r", "data: b\n\r\n", "data: c\r\ndata: d\n\n"}, io.EOF},
		{"several lines", "event: x\nid: 1\ndata: a\ndata: b\n\n", []string{"event: x\nid: 1\ndata: a\ndata: b\n\n"}, io.EOF},
		{"comment", ": ping\n\ndata: a\n\n", []string{": ping\n\n", "data: a\n\n"}, io.EOF},
		{"blank lines", "\n\r\n\rdata: a\n\n\n", []string{"\n", "\r\n", "\r", "data: a\n\n", "\n"}, io.EOF},
		{"byte order mark", "\ufeffdata: a\n\n", []string{"\ufeffdata: a\n\n"}, io.EOF},
		{"byte order mark alone", "\ufeff\ndata: a\n\n", []string{"\ufeff\n", "data: a\n\n"}, io.EOF},
		{"no blank line at the end", "data: a\n\ndata: b\n", []string{"data: a\n\n", "data: b\n"}, io.EOF},
		{"no blank line at the end, cr", "data: a\r", []string{"data: a\r"}, io.EOF},
		{"cut inside a line", "data: a\n\nevent: x\ndata: b", []string{"data: a\n\n"}, io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := all(NewReader(strings.NewReader(tt.in), 0))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if err != tt.err {
				t.Errorf("error = %v, want %v", err, tt.err)
			}
			// the end stays the end, also where it comes along with bytes
			got, err = all(NewReader(iotest.DataErrReader(strings.NewReader(tt.in)), 0))
			if diff := cmp.Diff(tt.want, got); diff != "" || err != tt.err {
				t.Errorf("with io.EOF beside the bytes: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestArrayReader(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
		err      error
	}{
		{"gemini", "[{\"a\":1}\n,\r\n{\"b\":\"]}\\\\\\\"\"}\n]\n",
			[]string{`[{"a":1}`, "\n,\r\n" + `{"b":"]}\\\""}`, "\n]", "\n"}, io.EOF},
		{"nothing in it", " [ ]", []string{" [ ]"}, io.EOF},
		{"nested", `[{"a":[{"b":{}},[]]},{}]`, []string{`[{"a":[{"b":{}},[]]}`, `,{}`, `]`}, io.EOF},
		{"empty", "", nil, io.ErrUnexpectedEOF},
		{"not closed", `[{}`, []string{`[{}`}, io.ErrUnexpectedEOF},
		{"cut inside an element", `[{},{"a`, []string{`[{}`}, io.ErrUnexpectedEOF},
		{"object", `{"error":{}}`, nil, ErrArray},
		{"numbers", `[1,2]`, nil, ErrArray},
		{"no comma", `[{}{}]`, []string{`[{}`}, ErrArray},
		{"comma at the end", `[{},]`, []string{`[{}`}, ErrArray},
		{"comma at the start", `[,{}]`, nil, ErrArray},
		{"trailing bytes", `[{}]x`, []string{`[{}`, `]`}, ErrArray},
		{"mismatch", `[{"a":[}]}]`, nil, ErrArray},
		{"deep", `[{"a":` + strings.Repeat("[", maxDepth), nil, ErrArray},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, src := range map[string]io.Reader{
				"whole":   strings.NewReader(tt.in),
				"by byte": iotest.OneByteReader(strings.NewReader(tt.in)),
				"eof":     iotest.DataErrReader(strings.NewReader(tt.in)),
			} {
				got, err := all(NewArrayReader(src, 0))
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s: events (-want +got):\n%s", name, diff)
				}
				if !errors.Is(err, tt.err) {
					t.Errorf("%s: error = %v, want %v", name, err, tt.err)
				}
			}
		})
	}
}
