package splice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

var benchNames = NewNames("model", "stream", "stream_options", "max_tokens", "max_completion_tokens")

// prompt is a chat request of about size bytes: code and prose in strings with
// the escapes that they bring.
func prompt(size int) []byte {
	const text = `Fix the test:\n\n\tif got != \"want\" {\n\t\tt.Errorf(\"got %q, path C:\\\\tmp\", got)\n\t}\n` +
		`The quick brown fox jumps over the lazy dog, and then it explains at length why it did so. `
	var b bytes.Buffer
	b.WriteString(`{"messages":[{"role":"system","content":"You are terse."}`)
	for b.Len() < size-100 {
		n := min(4096, size-100-b.Len())/len(text) + 1
		fmt.Fprintf(&b, `,{"role":"user","content":"%s"}`, strings.Repeat(text, n))
	}
	b.WriteString(`],"temperature":0.7,"stream":true,"model":"gpt-5-mini"}`)
	return b.Bytes()
}

// plainPrompt has one long string without escapes, as base64 of an image is.
func plainPrompt(size int) []byte {
	return []byte(`{"model":"gpt-5","input":"` + strings.Repeat("iVBORw0K", size/8) + `","stream":true}`)
}

// structure is a request that is brackets, short keys and numbers.
func structure(size int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"model":"gpt-5","input":[`)
	for n := 0; b.Len() < size; n++ {
		fmt.Fprintf(&b, `{"type":"object","id":%d,"items":[[1,2.5,true],{"a":{"b":{"c":null}}}]},`, n)
	}
	b.WriteString(`{}],"stream":true}`)
	return b.Bytes()
}

// tokens is an embedding request of token numbers.
func tokens(size int) []byte {
	return []byte(`{"model":"gpt-5","input":[` + strings.Repeat("100257,", size/7) + `1],"stream":true}`)
}

// indented is structure as a pretty printer writes it.
func indented(size int) []byte {
	var b bytes.Buffer
	if err := json.Indent(&b, structure(size/4), "", "    "); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func BenchmarkScan(b *testing.B) {
	for _, kind := range []struct {
		name string
		body func(int) []byte
	}{{"prompt", prompt}, {"plain", plainPrompt}, {"structure", structure}, {"tokens", tokens}, {"indented", indented}} {
		for _, size := range []int{1 << 10, 100 << 10, 1 << 20} {
			body := kind.body(size)
			if !json.Valid(body) {
				b.Fatal("the benchmark's body is not valid")
			}
			b.Run(fmt.Sprintf("%s/%dKB", kind.name, size>>10), func(b *testing.B) {
				b.SetBytes(int64(len(body)))
				b.ReportAllocs()
				for b.Loop() {
					o, err := Scan(body, benchNames, 0)
					if err != nil || o.Value(0) == nil || o.Value(1) == nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkScanChunk is one event of a chat stream.
func BenchmarkScanChunk(b *testing.B) {
	chunk := []byte(`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-5-mini-2025",` +
		`"choices":[{"index":0,"delta":{"content":" hello"},"logprobs":null,"finish_reason":null}],"usage":null}`)
	names := NewNames("model", "choices", "usage", "error")
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		if o, err := Scan(chunk, names, 0); err != nil || o.Value(2) == nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10, 1 << 20} {
		body := prompt(size)
		o, err := Scan(body, benchNames, 0)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				out := Apply(body, o.Set(0, `"gpt-4o-2024-11-20"`), o.Add(`"stream_options"`, `{"include_usage":true}`))
				if len(out) <= len(body) {
					b.Fatal("nothing was added")
				}
			}
		})
	}
}
