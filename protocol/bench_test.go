package protocol_test

import (
	"testing"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// ordinary are the events that most of a stream is made of. Each costs less
// than a microsecond and allocates nothing.
var ordinary = []struct {
	name  string
	p     protocol.Protocol
	edits protocol.Edits
	array bool
	event string
}{
	{"chat", protocol.Chat, protocol.Edits{}, false,
		`data: {"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz","object":"chat.completion.chunk","created":1732000000,"model":"gpt-5-2025-08-07","service_tier":"default","system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{"content":" world"},"logprobs":null,"finish_reason":null}],"obfuscation":"aZ09"}` + "\n\n"},
	{"chat-usage", protocol.Chat, protocol.Edits{Usage: true}, false,
		`data: {"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz","object":"chat.completion.chunk","created":1732000000,"model":"gpt-5-2025-08-07","service_tier":"default","system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{"content":" world"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"aZ09"}` + "\n\n"},
	{"chat-mapped", protocol.Chat, protocol.Edits{ClientModel: "small", UpstreamModel: "gpt-5-2025-08-07", Usage: true}, false,
		`data: {"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz","object":"chat.completion.chunk","created":1732000000,"model":"gpt-5-2025-08-07","service_tier":"default","system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{"content":" world"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"aZ09"}` + "\n\n"},
	{"responses", protocol.Responses, protocol.Edits{ClientModel: "small", UpstreamModel: "gpt-5"}, false,
		"event: response.output_text.delta\n" + `data: {"type":"response.output_text.delta","sequence_number":12,"item_id":"msg_0123456789abcdef0123456789abcdef0123456789abcdef","output_index":1,"content_index":0,"delta":" world","logprobs":[],"obfuscation":"aZ09aZ09"}` + "\n\n"},
	{"messages", protocol.Messages, protocol.Edits{ClientModel: "small", UpstreamModel: "claude"}, false,
		"event: content_block_delta\n" + `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" world"}}` + "\n\n"},
	{"gemini", protocol.Gemini, protocol.Edits{}, false,
		`data: {"candidates": [{"content": {"parts": [{"text": " world"}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 4,"candidatesTokenCount": 12,"totalTokenCount": 16,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 4}]},"modelVersion": "gemini-2.5-flash","responseId": "abcdefghijklmnop"}` + "\r\n\r\n"},
	{"gemini-mapped", protocol.Gemini, protocol.Edits{ClientModel: "flash", UpstreamModel: "gemini-2.5-flash"}, false,
		`data: {"candidates": [{"content": {"parts": [{"text": " world"}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 4,"candidatesTokenCount": 12,"totalTokenCount": 16,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 4}]},"modelVersion": "gemini-2.5-flash","responseId": "abcdefghijklmnop"}` + "\r\n\r\n"},
	{"gemini-array", protocol.Gemini, protocol.Edits{}, true,
		"\n,\n" + `{"candidates": [{"content": {"parts": [{"text": " world"}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 4},"modelVersion": "gemini-2.5-flash","responseId": "abcdefghijklmnop"}`},
}

func BenchmarkEvent(b *testing.B) {
	for _, o := range ordinary {
		b.Run(o.name, func(b *testing.B) {
			stream, raw := codecs[o.p].Stream(o.edits, o.array), []byte(o.event)
			b.ReportAllocs()
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if out, class := stream.Event(raw); out == nil || class != protocol.Content {
					b.Fatal(class)
				}
			}
		})
	}
}

func BenchmarkText(b *testing.B) {
	for _, o := range ordinary {
		if o.edits.Usage || o.edits.Mapped() && o.p == protocol.Gemini {
			continue // the text is the same
		}
		b.Run(o.name, func(b *testing.B) {
			stream, raw := codecs[o.p].Stream(o.edits, o.array), []byte(o.event)
			stream.Event(raw)
			stream.Event(raw)
			dst := make([]byte, 0, 64)
			b.ReportAllocs()
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if dst = stream.Text(dst[:0], raw); string(dst) != " world" {
					b.Fatalf("%q", dst)
				}
			}
		})
	}
}

func TestOrdinaryEventsAllocateNothing(t *testing.T) {
	for _, o := range ordinary {
		stream, raw := codecs[o.p].Stream(o.edits, o.array), []byte(o.event)
		stream.Event(raw)
		if n := testing.AllocsPerRun(100, func() { stream.Event(raw) }); n != 0 {
			t.Errorf("%s: %v allocations an event", o.name, n)
		}
		dst := make([]byte, 0, 64)
		if n := testing.AllocsPerRun(100, func() { dst = stream.Text(dst[:0], raw) }); n != 0 || string(dst) != " world" {
			t.Errorf("%s: text %q, %v allocations", o.name, dst, n)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	body := []byte(`{"model":"gpt-5","messages":[{"role":"user","content":"` + string(make1K()) + `"}],"stream":true,"temperature":0.7}`)
	codec := codecs[protocol.Chat]
	call := protocol.Call{Protocol: protocol.Chat, Operation: protocol.Generate}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		req, e := codec.Read(call, body)
		if e != nil {
			b.Fatal(e)
		}
		if out, _ := codec.RequestEdits(req, "gpt-5-2025-08-07", true); len(out) <= len(body) {
			b.Fatal("not edited")
		}
	}
}

func make1K() []byte {
	text := make([]byte, 1024)
	for i := range text {
		text[i] = "the quick brown fox jumps over "[i%31]
	}
	return text
}

func BenchmarkRecognise(b *testing.B) {
	for _, path := range []string{"/v1/chat/completions", "/v1beta/models/gemini-2.5-flash:streamGenerateContent", "/index.html"} {
		b.Run(path[1:], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, e := protocol.Recognise("POST", path, "alt=sse", nil); e != nil {
					b.Fatal(e)
				}
			}
		})
	}
}
