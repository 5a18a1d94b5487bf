package adaptors

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// coder is a writer that compresses, as servers use them.
type coder interface {
	io.WriteCloser
	Flush() error
}

var coders = map[string]func(io.Writer) coder{
	"gzip":    func(w io.Writer) coder { return gzip.NewWriter(w) },
	"x-gzip":  func(w io.Writer) coder { return gzip.NewWriter(w) },
	"deflate": func(w io.Writer) coder { return zlib.NewWriter(w) },
	"br":      func(w io.Writer) coder { return brotli.NewWriter(w) },
	"zstd": func(w io.Writer) coder {
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
		if err != nil {
			panic(err)
		}
		return z
	},
}

func rawDeflate(w io.Writer) coder {
	f, err := flate.NewWriter(w, flate.DefaultCompression)
	if err != nil {
		panic(err)
	}
	return f
}

func coded(t testing.TB, text string, makers ...func(io.Writer) coder) []byte {
	t.Helper()
	b := []byte(text)
	for _, maker := range makers {
		var out bytes.Buffer
		w := maker(&out)
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		b = out.Bytes()
	}
	return b
}

func answerOf(body io.Reader, codings ...string) *http.Response {
	return &http.Response{
		Header: http.Header{
			"Content-Encoding": codings, "Content-Length": {"1"}, "Content-Type": {"application/json"},
		},
		ContentLength: 1,
		Body:          io.NopCloser(body),
	}
}

func TestDecode(t *testing.T) {
	text := strings.Repeat(`{"text":"hello, wörld"}`, 5000)
	tests := []struct {
		name   string
		header []string
		body   []byte
	}{
		{"gzip", []string{"gzip"}, coded(t, text, coders["gzip"])},
		{"gzip of old", []string{"X-GZip"}, coded(t, text, coders["gzip"])},
		{"deflate", []string{"deflate"}, coded(t, text, coders["deflate"])},
		{"bare deflate", []string{"deflate"}, coded(t, text, rawDeflate)},
		{"br", []string{"br"}, coded(t, text, coders["br"])},
		{"zstd", []string{"zstd"}, coded(t, text, coders["zstd"])},
		{"identity", []string{"identity"}, []byte(text)},
		{"nothing", []string{""}, []byte(text)},
		{"stacked", []string{"gzip, br"}, coded(t, text, coders["gzip"], coders["br"])},
		{"stacked, two lines", []string{"zstd", " identity , gzip"}, coded(t, text, coders["zstd"], coders["gzip"])},
		{"two gzip members", []string{"gzip"}, append(coded(t, text[:100], coders["gzip"]), coded(t, text[100:], coders["gzip"])...)},
	}
	for _, tt := range tests {
		for name, reader := range map[string]io.Reader{
			"at once":      bytes.NewReader(tt.body),
			"byte by byte": iotest.OneByteReader(bytes.NewReader(tt.body)),
			"with the end": iotest.DataErrReader(bytes.NewReader(tt.body)),
		} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				resp := answerOf(reader, tt.header...)
				if err := Decode(resp); err != nil {
					t.Fatal(err)
				}
				if resp.Header["Content-Encoding"] != nil {
					t.Error("Content-Encoding is still there")
				}
				plain := tt.name == "identity" || tt.name == "nothing"
				if gone := resp.Header["Content-Length"] == nil; gone == plain {
					t.Errorf("Content-Length: %v", resp.Header["Content-Length"])
				}
				if !plain && (resp.ContentLength != -1 || !resp.Uncompressed) {
					t.Errorf("length %d, uncompressed %v", resp.ContentLength, resp.Uncompressed)
				}
				got, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				if string(got) != text {
					t.Errorf("%d bytes came out, %d went in", len(got), len(text))
				}
				if n, err := resp.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("after the end: %d, %v", n, err)
				}
				if err := resp.Body.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestDecodeWithoutCoding(t *testing.T) {
	resp := answerOf(strings.NewReader("x"))
	delete(resp.Header, "Content-Encoding")
	body := resp.Body
	if err := Decode(resp); err != nil || resp.Body != body || resp.ContentLength != 1 {
		t.Errorf("%v, body changed %v, length %d", err, resp.Body != body, resp.ContentLength)
	}
}

func TestDecodeEmptyBodies(t *testing.T) {
	for coding := range coders {
		resp := answerOf(strings.NewReader(""), coding)
		if err := Decode(resp); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(resp.Body); err != nil || len(b) != 0 {
			t.Errorf("%s of no bytes: %q, %v", coding, b, err)
		}
		resp = answerOf(nil, coding)
		resp.Body = http.NoBody
		if err := Decode(resp); err != nil || resp.Body != http.NoBody || resp.Header["Content-Encoding"] != nil {
			t.Errorf("%s of no body: %v, %v", coding, err, resp)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	tests := []struct {
		header []string
		err    string
	}{
		{[]string{"compress"}, `unknown content coding "compress"`},
		{[]string{"gzip, lzma"}, `unknown content coding "lzma"`},
		{[]string{"gzip", "br", "zstd"}, "3 content codings on one body"},
		{[]string{strings.Repeat("x", 1000)}, `unknown content coding "` + strings.Repeat("x", 32) + `"`},
	}
	for _, tt := range tests {
		resp := answerOf(strings.NewReader("x"), tt.header...)
		body := resp.Body
		err := Decode(resp)
		if err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%.40q: %v", tt.header, err)
		}
		if resp.Body != body || resp.Header["Content-Encoding"] == nil {
			t.Errorf("%.40q: the answer was changed", tt.header)
		}
	}
}

func TestDecodeGarbled(t *testing.T) {
	text := strings.Repeat("the quick brown fox ", 500)
	for coding, maker := range coders {
		good := coded(t, text, maker)
		for name, body := range map[string][]byte{
			"no such thing":     []byte("{\"error\":\"this is not compressed at all\"}"),
			"cut":               good[:len(good)-5],
			"cut in the header": good[:1],
			"trailing bytes":    append(bytes.Clone(good), "garbage"...),
		} {
			if name == "trailing bytes" && coding == "deflate" {
				continue // zlib has an end, and what follows it is not looked at
			}
			t.Run(coding+"/"+name, func(t *testing.T) {
				resp := answerOf(bytes.NewReader(body), coding)
				if err := Decode(resp); err != nil {
					t.Fatal(err)
				}
				_, err := io.ReadAll(resp.Body)
				var wrong *DecodeError
				if !errors.As(err, &wrong) || wrong.Coding != coding {
					t.Fatalf("%v", err)
				}
				if strings.HasPrefix(name, "cut") && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("cut, and %v", err)
				}
				if _, again := resp.Body.Read(make([]byte, 1)); again != err {
					t.Errorf("the next read says %v", again)
				}
			})
		}
	}
}

// An error of the connection is not the coding's fault.
func TestDecodeConnectionError(t *testing.T) {
	for coding, maker := range coders {
		body := coded(t, strings.Repeat("abcdefgh", 5000), maker)
		for _, at := range []int{0, 1, len(body) / 2} {
			resp := answerOf(io.MultiReader(bytes.NewReader(body[:at]), iotest.ErrReader(context.Canceled)), coding)
			if err := Decode(resp); err != nil {
				t.Fatal(err)
			}
			_, err := io.ReadAll(resp.Body)
			var wrong *DecodeError
			if !errors.Is(err, context.Canceled) || errors.As(err, &wrong) {
				t.Errorf("%s at %d: %v", coding, at, err)
			}
		}
	}
}

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

// A bomb costs what is read of it, and no more.
func TestDecodeBomb(t *testing.T) {
	for coding, maker := range coders {
		var body bytes.Buffer
		w := maker(&body)
		zeros := make([]byte, 1<<20)
		for range 64 {
			w.Write(zeros)
		}
		w.Close()
		counted := &counter{r: &body}
		size := body.Len()
		resp := answerOf(counted, coding)
		if err := Decode(resp); err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
		if err != nil || n != 1<<20 {
			t.Fatalf("%s: %d, %v", coding, n, err)
		}
		if counted.n > size/2+64<<10 {
			t.Errorf("%s: %d of %d bytes were read for the first MiB", coding, counted.n, size)
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
	for i := range 32 {
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

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func FuzzDecode(f *testing.F) {
	for coding, maker := range coders {
		f.Add(coding, coded(f, "hello, hello, hello", maker))
	}
	f.Add("gzip, br", coded(f, "hello", coders["gzip"], coders["br"]))
	f.Fuzz(func(t *testing.T, coding string, body []byte) {
		resp := answerOf(bytes.NewReader(body), coding)
		if err := Decode(resp); err != nil {
			return
		}
		_, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
		var wrong *DecodeError
		if err != nil && !errors.As(err, &wrong) {
			t.Errorf("%T: %v", err, err)
		}
		resp.Body.Close()
	})
}
