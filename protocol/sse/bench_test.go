package sse

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

// BenchmarkReader reads a chat stream of 100 chunks, and one event of 1 MB.
func BenchmarkReader(b *testing.B) {
	const chunk = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-5-mini",` +
		`"choices":[{"index":0,"delta":{"content":" hello"},"finish_reason":null}]}` + "\n\n"
	for name, stream := range map[string]string{
		"100Chunks": strings.Repeat(chunk, 100),
		"100CRLF":   strings.Repeat(strings.ReplaceAll(chunk, "\n", "\r\n"), 100),
		"1MBEvent":  "data: " + strings.Repeat("x", 1<<20) + "\n\n",
	} {
		b.Run(name, func(b *testing.B) { benchmark(b, NewReader, []byte(stream), true) })
	}
}

// BenchmarkReaderSlow reads a chunk a call, as a stream in real time does.
func BenchmarkReaderSlow(b *testing.B) {
	stream := strings.Repeat("data: "+strings.Repeat("x", 200)+"\n\n", 100)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		rest := stream
		r := NewReader(readerFunc(func(p []byte) (int, error) {
			if rest == "" {
				return 0, io.EOF
			}
			n := copy(p, rest[:208])
			rest = rest[n:]
			return n, nil
		}), 0)
		events := 0
		for ; ; events++ {
			if _, err := r.Next(); err != nil {
				break
			}
		}
		if events != 100 {
			b.Fatalf("%d events", events)
		}
	}
}

// BenchmarkArrayReader reads a Gemini stream of 100 elements, and one of 1 MB.
func BenchmarkArrayReader(b *testing.B) {
	const element = `{"candidates": [{"content": {"parts": [{"text": " hello"}],"role": "model"},"index": 0}],` +
		`"usageMetadata": {"promptTokenCount": 5,"totalTokenCount": 9},"modelVersion": "gemini-2.5-flash"}`
	for name, stream := range map[string]string{
		"100Elements": "[" + strings.Repeat(element+"\n,\r\n", 99) + element + "\n]",
		"1MBElement":  `[{"inlineData":"` + strings.Repeat("iVBORw0K", 1<<17) + `"}]`,
	} {
		b.Run(name, func(b *testing.B) { benchmark(b, NewArrayReader, []byte(stream), false) })
	}
}

func benchmark(b *testing.B, reader func(io.Reader, int) *Reader, stream []byte, data bool) {
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		r := reader(bytes.NewReader(stream), 0)
		for {
			event, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil || data && Data(event) == nil {
				b.Fatal(fmt.Errorf("event %q: %w", event, err))
			}
		}
	}
}
