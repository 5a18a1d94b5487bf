package sse

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestArrayErrors(t *testing.T) {
	tests := []struct{ in, want string }{
		{"x", "stream is not a JSON array of objects: byte 0: found 'x', expected '['"},
		{"[x", "stream is not a JSON array of objects: byte 1: found 'x', expected '{' or ']'"},
		{"[{} x", "stream is not a JSON array of objects: byte 4: found 'x', expected ',' or ']'"},
		{"[{}, x", "stream is not a JSON array of objects: byte 5: found 'x', expected '{'"},
		{"[{}] x", "stream is not a JSON array of objects: byte 5: found 'x', expected nothing after the array"},
		{`[{},{"a":[}`, "stream is not a JSON array of objects: byte 10: '}' closes a bracket of the other kind"},
		{`[` + strings.Repeat(`{"a":`, maxDepth+1), "stream is not a JSON array of objects: byte 2561: nested more than 512 levels deep"},
	}
	for _, tt := range tests {
		r := NewArrayReader(strings.NewReader(tt.in), 0)
		_, err := all(r)
		if err == nil || err.Error() != tt.want || !errors.Is(err, ErrArray) {
			t.Errorf("%.20q: error = %v, want %s", tt.in, err, tt.want)
		}
		if _, again := r.Next(); again != err {
			t.Errorf("%.20q: error then = %v, want the same", tt.in, again)
		}
	}
}

func TestArrayDepth(t *testing.T) {
	deep := "[" + strings.Repeat(`{"a":`, maxDepth) + "1" + strings.Repeat("}", maxDepth)
	got, err := all(NewArrayReader(strings.NewReader(deep+"]"), 0))
	if diff := cmp.Diff([]string{deep, "]"}, got); diff != "" || err != io.EOF {
		t.Errorf("%v, events (-want +got):\n%s", err, diff)
	}
}

// element returns what an array's event holds behind the bytes before it.
func element(event string) string { return strings.TrimLeft(event, "[, \t\r\n") }

func FuzzArrayReader(f *testing.F) {
	for _, s := range []string{
		"", "[", "[]", " [ ] ", "[{}]", `[{"a":"]\\\"}"}` + "\n,\r\n" + `{"b":[{}]}` + "\n]\n", "[1]", "[{},]", "[{}{}]", "[{}]]",
		`[{"a":[}]}]`, `{"error":{"code":400}}`, `[{"a":"`, `[{"a":"\`, "[" + strings.Repeat(`{"a":[`, 300),
	} {
		f.Add([]byte(s), uint16(3))
	}
	f.Fuzz(func(t *testing.T, stream []byte, at uint16) {
		text := string(stream)
		i := min(int(at), len(text))
		want, wantErr := all(NewArrayReader(bytes.NewReader(stream), 0))
		for _, src := range []io.Reader{iotest.OneByteReader(bytes.NewReader(stream)), &pieces{text[:i], text[i:]}} {
			got, err := all(NewArrayReader(src, 0))
			if diff := cmp.Diff(want, got); diff != "" || err.Error() != wantErr.Error() {
				t.Fatalf("%q: %v, before %v, events (-want +got):\n%s", text, err, wantErr, diff)
			}
		}
		if whole := strings.Join(want, ""); !strings.HasPrefix(text, whole) || wantErr == io.EOF && whole != text {
			t.Fatalf("%q: events %q, %v", text, want, wantErr)
		}
		var elements []json.RawMessage
		if json.Unmarshal(stream, &elements) != nil || elements == nil {
			return
		}
		if wantErr != io.EOF {
			for _, e := range elements {
				if e[0] != '{' || bytes.Count(e, []byte("{"))+bytes.Count(e, []byte("[")) > maxDepth {
					return
				}
			}
			t.Fatalf("%q: a valid array is refused: %v", text, wantErr)
		}
		for n, e := range elements {
			if element(want[n]) != string(e) {
				t.Fatalf("%q: element %d = %q, want %q", text, n, want[n], e)
			}
		}
	})
}
