package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// read takes one message off r.
func read(r *Reader) (head Head, start string, body []byte, err error) {
	if head, err = r.Head(); err != nil {
		return head, "", nil, err
	}
	start = string(head.Start)
	err = r.Body(head, func(p []byte) error {
		body = append(body, p...)
		return nil
	})
	return head, start, body, err
}

func TestMessages(t *testing.T) {
	for _, c := range []struct{ name, in, start, body, err string }{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 200 OK", "hello", ""},
		{"no body", "HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", "HTTP/1.1 200 OK", "", ""},
		{"other fields", "POST / HTTP/1.1\r\nHost: a\r\nX-Content-Length: 9\r\nCONTENT-LENGTH:\t2 \r\nA: b\r\n\r\nhi", "POST / HTTP/1.1", "hi", ""},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\n\r\n", "HTTP/1.1 200 OK", "abc0123456789", ""},
		{"trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n", "HTTP/1.1 200 OK", "a", ""},
		{"unframed", "HTTP/1.1 200 OK\r\nA: b\r\n\r\nhello", "HTTP/1.1 200 OK", "", ErrUnframed.Error()},
		{"short body", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", "HTTP/1.1 200 OK", "hello", "unexpected EOF"},
		{"short head", "HTTP/1.1 200 OK\r\nContent-Le", "", "", "unexpected EOF"},
		{"nothing", "", "", "", "EOF"},
		{"no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", "HTTP/1.1 200 OK", "a", "unexpected EOF"},
		{"chunk too long", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", "HTTP/1.1 200 OK", "a", `chunk of 1 bytes is followed by "b"`},
		{"chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ng\r\n", "HTTP/1.1 200 OK", "", `chunk size "g"`},
		{"empty chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", "HTTP/1.1 200 OK", "", `chunk size ""`},
		{"huge chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "HTTP/1.1 200 OK", "", `chunk size "ffffffffffffffff"`},
		{"bare newline", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", "HTTP/1.1 200 OK", "", `line "1" does not end in CRLF`},
		{"bad length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "", "", `content length "-1"`},
		{"empty length", "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", "", "", `content length ""`},
		{"huge length", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "", "", `content length "99999999999999999999"`},
		{"two framings", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "", "", "both chunked and a length of 1"},
		{"other encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "", "", `transfer encoding "gzip, chunked"`},
		{"long head", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("b", MaxHead) + "\r\n\r\n", "", "", fmt.Sprintf("head is longer than %d bytes", MaxHead)},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, src := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				_, start, body, err := read(NewReader(src, 0))
				said := ""
				if err != nil {
					said = err.Error()
				}
				if start != c.start || string(body) != c.body || said != c.err {
					t.Errorf("start %q, body %q, error %q", start, body, said)
				}
			}
		})
	}
}

func TestField(t *testing.T) {
	head, err := NewReader(strings.NewReader("GET / HTTP/1.1\r\nHost: x:1\r\nauthorization:  Bearer a b \r\n\r\n"), 0).Head()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"Authorization": "Bearer a b", "host": "x:1"} {
		if got, ok := head.Field(name); !ok || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
	}
	if got, ok := head.Field("Hos"); ok {
		t.Errorf("a field that is not there: %q", got)
	}
}

func TestClose(t *testing.T) {
	for in, want := range map[string]bool{
		"HTTP/1.1 200 OK\r\nconnection: Close\r\n\r\n":      true,
		"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n": false,
		"HTTP/1.1 200 OK\r\n\r\n":                           false,
	} {
		if head, err := NewReader(strings.NewReader(in), 0).Head(); err != nil || head.Close != want {
			t.Errorf("%q: %+v, %v", in, head, err)
		}
	}
}

func TestTakeEndsReading(t *testing.T) {
	stop := errors.New("enough")
	r := NewReader(strings.NewReader("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), 0)
	head, err := r.Head()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Body(head, func([]byte) error { return stop }); err != stop {
		t.Errorf("error %v", err)
	}
}

// ragged returns its bytes in pieces of the sizes given, over and over.
type ragged struct {
	rest  []byte
	sizes []int
	next  int
}

func (r *ragged) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), r.sizes[r.next%len(r.sizes)])], r.rest)
	r.rest = r.rest[n:]
	r.next++
	return n, nil
}

// Messages that follow each other on a connection come out as they went in,
// however the connection cuts them.
func TestPipelineInPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bodies := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 40<<10), 1, 4).Draw(t, "bodies")
		var stream bytes.Buffer
		for _, body := range bodies {
			if rapid.Bool().Draw(t, "chunked") {
				stream.WriteString("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
				for rest := body; len(rest) > 0; {
					n := rapid.IntRange(1, len(rest)).Draw(t, "chunk")
					fmt.Fprintf(&stream, "%x\r\n%s\r\n", n, rest[:n])
					rest = rest[n:]
				}
				stream.WriteString("0\r\n\r\n")
			} else {
				fmt.Fprintf(&stream, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			}
		}
		sizes := rapid.SliceOfN(rapid.IntRange(1, 30<<10), 1, 8).Draw(t, "sizes")
		r := NewReader(&ragged{rest: stream.Bytes(), sizes: sizes}, 0)
		for i, want := range bodies {
			_, _, got, err := read(r)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("message %d: %d bytes of %d, %v", i, len(got), len(want), err)
			}
		}
		if _, err := r.Head(); err != io.EOF || r.Buffered() != 0 {
			t.Fatalf("after the last message: %v, %d bytes", err, r.Buffered())
		}
	})
}

// FuzzRead: whatever an upstream sends, reading it ends, and gives no more
// than was sent.
func FuzzRead(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\ncontent-length: 05\r\nX: y\r\n\r\nhello world"))
	f.Fuzz(func(t *testing.T, in []byte) {
		_, _, got, err := read(NewReader(bytes.NewReader(in), 0))
		if err == nil && len(got) > len(in) {
			t.Errorf("%d bytes came of %d", len(got), len(in))
		}
	})
}
