package adaptors

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// What was flushed comes out before anything else is sent.
func TestDecodeFlushes(t *testing.T) {
	makers := map[string]func(io.Writer) coder{"bare deflate": rawDeflate}
	for coding, maker := range coders {
		makers[coding] = maker
	}
	for name, maker := range makers {
		t.Run(name, func(t *testing.T) {
			pr, pw := io.Pipe()
			defer pr.Close()
			resp := answerOf(pr, strings.TrimPrefix(name, "bare "))
			if err := Decode(resp); err != nil {
				t.Fatal(err)
			}
			next, done := make(chan string), make(chan struct{})
			go func() {
				defer close(done)
				w := maker(pw)
				for event := range next {
					io.WriteString(w, event)
					w.Flush()
				}
				w.Close()
				pw.Close()
			}()
			for i := range 50 {
				event := fmt.Sprintf("data: {\"n\":%d}\n\n", i)
				next <- event
				got := make([]byte, len(event))
				// It blocks for ever where the event is held back.
				if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != event {
					t.Fatalf("%q, %v", got, err)
				}
			}
			close(next)
			if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
				t.Errorf("after the end: %q, %v", rest, err)
			}
			<-done
		})
	}
}

// A server may make a gzip member of each event.
func TestDecodeFlushedMembers(t *testing.T) {
	pr, pw := io.Pipe()
	resp := answerOf(pr, "gzip")
	if err := Decode(resp); err != nil {
		t.Fatal(err)
	}
	next := make(chan string)
	go func() {
		defer pw.Close()
		for event := range next {
			pw.Write(coded(t, event, coders["gzip"]))
		}
	}()
	for i := range 5 {
		event := fmt.Sprintf("data: %d\n\n", i)
		next <- event
		got := make([]byte, len(event))
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != event {
			t.Fatalf("%q, %v", got, err)
		}
	}
	close(next)
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
		t.Errorf("after the end: %q, %v", rest, err)
	}
}

// Decode itself reads nothing: the headers of an answer may come long before
// its body.
func TestDecodeReadsNothing(t *testing.T) {
	for coding := range coders {
		resp := answerOf(readerFunc(func([]byte) (int, error) {
			t.Error("read")
			return 0, io.EOF
		}), coding)
		if err := Decode(resp); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Close reaches the connection through all layers, and ends a Read that waits.
func TestDecodeClose(t *testing.T) {
	pr, pw := io.Pipe()
	defer pw.Close()
	resp := answerOf(nil, "gzip, br")
	resp.Body = pr
	if err := Decode(resp); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() {
		_, err := resp.Body.Read(make([]byte, 1))
		failed <- err
	}()
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
}

// A bomb without an end costs what is read of it, and no more. (The other
// codings cannot be put one after the other.)
func TestDecodeBomb(t *testing.T) {
	for _, coding := range []string{"gzip", "zstd"} {
		link := coded(t, strings.Repeat("\x00", 1<<20), coders[coding])
		var chain bytes.Reader
		read := 0
		resp := answerOf(readerFunc(func(p []byte) (int, error) {
			if chain.Len() == 0 {
				chain.Reset(link)
			}
			n, err := chain.Read(p)
			read += n
			return n, err
		}), coding)
		if err := Decode(resp); err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<20))
		if err != nil || n != 4<<20 {
			t.Fatalf("%s: %d, %v", coding, n, err)
		}
		if most := 5*len(link) + 8<<10; read > most {
			t.Errorf("%s: %d bytes were read for 4 MiB, want at most %d", coding, read, most)
		}
		resp.Body.Close()
	}
}

// A zstd frame that wants more memory than HTTP allows is refused.
func TestDecodeZstdWindow(t *testing.T) {
	var body bytes.Buffer
	w, err := zstd.NewWriter(&body, zstd.WithWindowSize(64<<20), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		fmt.Fprintf(w, "%d%s", i, strings.Repeat("x", 1<<20))
	}
	w.Close()
	resp := answerOf(&body, "zstd")
	if err := Decode(resp); err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(resp.Body)
	if !errors.Is(err, zstd.ErrWindowSizeExceeded) {
		t.Errorf("%v", err)
	}
}
