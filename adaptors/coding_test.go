package adaptors

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
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
	"br":      func(w io.Writer) coder { return brotli.NewWriterLevel(w, brotli.BestSpeed) },
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
