package relay

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/chat"
	"github.com/caddy-aiproxy/aiproxy/routing"
)

// canned is a transport that has the same answer for all, out of memory.
type canned struct {
	header http.Header
	body   string
	// piece is how much a read brings at most; 0: all.
	piece int
}

type cannedBody struct {
	strings.Reader
	piece int
}

func (b *cannedBody) Read(p []byte) (int, error) {
	if b.piece > 0 && len(p) > b.piece {
		p = p[:b.piece]
	}
	return b.Reader.Read(p)
}

func (*cannedBody) Close() error { return nil }

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Body.Close()
	b := &cannedBody{piece: c.piece}
	b.Reset(c.body)
	return &http.Response{StatusCode: 200, Header: c.header, ContentLength: int64(len(c.body)), Body: b, Request: r}, nil
}

// sink is a ResponseWriter that throws all away.
type sink struct {
	header http.Header
	bytes  int
}

func (s *sink) Header() http.Header              { return s.header }
func (s *sink) WriteHeader(int)                  {}
func (s *sink) Write(p []byte) (int, error)      { s.bytes += len(p); return len(p), nil }
func (s *sink) FlushError() error                { return nil }
func (s *sink) SetWriteDeadline(time.Time) error { return nil }

// benchmark makes one call over and over, with chat's codec.
func benchmark(b *testing.B, body string, answer *canned, ping time.Duration) {
	w := newWorld(b, 1, 1)
	w.channels[0].Transport = answer
	catalogue := routing.NewCatalogue(w.channels, nil)
	header := head("User-Agent", "OpenAI/JS 7", "Accept", "application/json", "X-Stainless-Lang", "js",
		"X-Stainless-Os", "Linux", "Authorization", "Bearer sk-x", "Content-Type", "application/json")
	// As of a server: a context that can be cancelled.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	codec := chat.Codec{}
	request, refusal := codec.Read(protocol.Call{Protocol: protocol.Chat, Operation: protocol.Generate}, []byte(body))
	if refusal != nil {
		b.Fatal(refusal)
	}
	out := &sink{header: http.Header{}}
	b.ReportAllocs()
	b.SetBytes(int64(len(answer.body)))
	for b.Loop() {
		clear(out.header)
		plan, _ := catalogue.Plan(routing.Call{Model: model, Sets: []string{routing.DefaultSet},
			Protocol: protocol.Chat, Operation: protocol.Generate})
		call := Call{Request: request, Codec: codec, Header: header, RequestID: "id", Plan: plan, Ping: ping}
		if o := w.relay.Do(ctx, out, &call); o.Result != OK {
			b.Fatalf("%+v", o)
		}
	}
	if out.bytes == 0 || out.bytes%len(answer.body) != 0 {
		b.Fatalf("%d bytes went out", out.bytes)
	}
}

const benchBody = `{"model":"the-model","messages":[{"role":"user","content":"hi"}]`

func BenchmarkAnswer(b *testing.B) {
	for name, size := range map[string]int{"1KB": 1 << 10, "100KB": 100 << 10} {
		b.Run(name, func(b *testing.B) {
			benchmark(b, benchBody+"}", &canned{
				header: head("Content-Type", "application/json", "X-Request-Id", "req-1", "Openai-Version", "2020-10-01", "Date", "now"),
				body:   `{"model":"the-model","choices":[{"text":"` + strings.Repeat("x", size) + `"}]}`,
			}, 0)
		})
	}
}

// BenchmarkStream is a stream of 100 chunks, each of which comes alone, or as
// many as a read holds.
func BenchmarkStream(b *testing.B) {
	chunk := `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"the-model","choices":[{"index":0,"delta":{"content":"token"},"finish_reason":null}]}` + "\n\n"
	end := `data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"
	for name, piece := range map[string]int{"alone": len(chunk), "together": 0} {
		b.Run(name, func(b *testing.B) {
			benchmark(b, benchBody+`,"stream":true}`, &canned{
				header: head("Content-Type", "text/event-stream", "X-Request-Id", "req-1"),
				body:   strings.Repeat(chunk, 100) + end,
				piece:  piece,
			}, 15*time.Second)
		})
	}
}

var _ io.ReadCloser = (*cannedBody)(nil)
