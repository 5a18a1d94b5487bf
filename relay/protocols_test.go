package relay

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/chat"
	"github.com/caddy-aiproxy/aiproxy/protocol/gemini"
	"github.com/caddy-aiproxy/aiproxy/protocol/messages"
	"github.com/caddy-aiproxy/aiproxy/protocol/responses"
)

// spoken is a stream of one of the real protocols.
type spoken struct {
	name     string
	codec    protocol.Codec
	protocol protocol.Protocol
	// model and array are what Gemini's path says.
	model string
	array bool
	// body is the client's request.
	body string
	// held come before content, content is two events of it, end is the rest.
	held, content, end []string
	failure            string
	// broken is what follows content where the upstream breaks off.
	broken string
}

func data(lines ...string) []string {
	var out []string
	for _, l := range lines {
		out = append(out, "data: "+l+"\n\n")
	}
	return out
}

func named(name, text string) string { return "event: " + name + "\ndata: " + text + "\n\n" }

var protocols = []spoken{
	{
		name: "chat", codec: chat.Codec{}, protocol: protocol.Chat,
		body: `{"model":"the-model","stream":true,"messages":[{"role":"user","content":"hi"}]}`,
		held: data(`{"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}`),
		content: data(`{"id":"1","choices":[{"index":0,"delta":{"content":"Hel"}}]}`,
			`{"id":"1","choices":[{"index":0,"delta":{"content":"lo"}}]}`),
		end:     data(`{"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`, `[DONE]`),
		failure: data(`{"error":{"message":"busy","type":"server_error","code":"server_overloaded"}}`)[0],
		broken:  `data: {"error":{"message":"upstream: connection broke","type":"server_error","param":null,"code":"upstream_error"}}` + "\n\n",
	},
	{
		name: "responses", codec: responses.Codec{}, protocol: protocol.Responses,
		body: `{"model":"the-model","stream":true,"input":"hi"}`,
		held: []string{named("response.created", `{"type":"response.created","sequence_number":0,"response":{"id":"r"}}`),
			named("response.in_progress", `{"type":"response.in_progress","sequence_number":1,"response":{"id":"r"}}`)},
		content: []string{named("response.output_text.delta", `{"type":"response.output_text.delta","sequence_number":2,"delta":"Hel"}`),
			named("response.output_text.delta", `{"type":"response.output_text.delta","sequence_number":3,"delta":"lo"}`)},
		end:     []string{named("response.completed", `{"type":"response.completed","sequence_number":4,"response":{"id":"r","status":"completed"}}`)},
		failure: named("error", `{"type":"error","sequence_number":2,"code":"server_overloaded","message":"busy","param":null}`),
		broken:  named("error", `{"type":"error","code":"upstream_error","message":"upstream: connection broke","param":null,"sequence_number":4}`),
	},
	{
		name: "messages", codec: messages.Codec{}, protocol: protocol.Messages,
		body: `{"model":"the-model","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`,
		held: []string{named("message_start", `{"type":"message_start","message":{"id":"m","role":"assistant","content":[]}}`),
			named("ping", `{"type":"ping"}`)},
		content: []string{named("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}}`),
			named("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"lo"}}`)},
		end: []string{named("content_block_stop", `{"type":"content_block_stop","index":0}`),
			named("message_delta", `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}`),
			named("message_stop", `{"type":"message_stop"}`)},
		failure: named("error", `{"type":"error","error":{"type":"overloaded_error","message":"busy"}}`),
		broken:  named("error", `{"type":"error","error":{"type":"api_error","message":"upstream: connection broke"},"request_id":null}`),
	},
	{
		name: "gemini", codec: gemini.Codec{}, protocol: protocol.Gemini, model: model,
		body: `{"contents":[{"parts":[{"text":"hi"}]}]}`,
		held: data(`{"candidates":[{"content":{"role":"model","parts":[{"text":""}]}}]}`),
		content: data(`{"candidates":[{"content":{"parts":[{"text":"Hel"}],"role":"model"}}]}`,
			`{"candidates":[{"content":{"parts":[{"text":"lo"}],"role":"model"}}]}`),
		end:     data(`{"candidates":[{"content":{"parts":[{"text":"!"}]},"finishReason":"STOP"}],"usageMetadata":{"totalTokenCount":3}}`),
		failure: data(`{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}`)[0],
		broken:  `data: {"error":{"code":502,"message":"upstream: connection broke","status":"UNAVAILABLE"}}` + "\n\n",
	},
	{
		name: "gemini array", codec: gemini.Codec{}, array: true, protocol: protocol.Gemini, model: model,
		body: `{"contents":[{"parts":[{"text":"hi"}]}]}`,
		held: []string{`[{"candidates":[{"content":{"role":"model","parts":[{"text":""}]}}]}`},
		content: []string{"\n,\r\n" + `{"candidates":[{"content":{"parts":[{"text":"Hel"}],"role":"model"}}]}`,
			"\n,\r\n" + `{"candidates":[{"content":{"parts":[{"text":"lo"}],"role":"model"}}]}`},
		end:     []string{"\n,\r\n" + `{"candidates":[{"content":{"parts":[{"text":"!"}]},"finishReason":"STOP"}]}`, "\n]"},
		failure: "\n,\r\n" + `{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}`,
		broken:  ",\n" + `{"error":{"code":502,"message":"upstream: connection broke","status":"UNAVAILABLE"}}` + "\n]",
	},
}

func (p spoken) world(t *testing.T, channels int) *world {
	w := newWorld(t, channels, 1)
	w.call.Codec = p.codec
	request, refusal := p.codec.Read(
		protocol.Call{Protocol: p.protocol, Operation: protocol.Generate, Model: p.model, Stream: p.model != "", Array: p.array},
		[]byte(p.body))
	if refusal != nil {
		t.Fatal(refusal)
	}
	if request.Model != model || !request.Stream {
		t.Fatalf("read as %+v", request)
	}
	w.call.Request = request
	return w
}

// says makes an answer whose events come one by one, a second apart.
func (p spoken) says(events []string, then ...step) reply {
	var steps []step
	for _, e := range events {
		steps = append(steps, say(e), pause(time.Second))
	}
	kind := "text/event-stream"
	if p.array {
		kind = "application/json"
	}
	return reply{header: head("Content-Type", kind), body: append(steps, then...)}
}

func join(parts ...[]string) []string {
	var out []string
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// TestProtocols: with the real codecs nothing leaves before content, then
// each event as it comes; a failure before content goes to the next channel,
// after it to the client; a stream that breaks ends with the protocol's error
// and without its end.
func TestProtocols(t *testing.T) {
	for _, p := range protocols {
		all := join(p.held, p.content, p.end)
		run := func(name string, f func(t *testing.T)) {
			t.Run(p.name+": "+name, func(t *testing.T) { synctest.Test(t, f) })
		}
		run("whole", func(t *testing.T) {
			w := p.world(t, 1).script(1, p.says(all)).do().got(200, strings.Join(all, "")).result(OK, "")
			first := strings.Join(p.held, "") + p.content[0]
			if len(w.client.flushed) != len(all)-len(p.held) || w.client.flushed[0] != first {
				t.Errorf("writes: %q", w.client.flushed)
			}
			if want := time.Duration(len(p.held)) * time.Second; w.out.FirstToken != want {
				t.Errorf("first token after %v, want %v", w.out.FirstToken, want)
			}
		})
		run("failure before content", func(t *testing.T) {
			w := p.world(t, 2).script(1, p.says(join(p.held, []string{p.failure}))).script(2, p.says(all))
			w.do().got(200, strings.Join(all, "")).has("Aiproxy-Channel", "c2")
			if r := w.out.Attempts[0].Reason; r != "error event: busy" {
				t.Errorf("the first attempt failed with %q", r)
			}
		})
		run("failure before content, nobody left", func(t *testing.T) {
			busy := &protocol.Error{Kind: protocol.KindOverloaded, Message: "busy"}
			w := p.world(t, 1).script(1, p.says(join(p.held, []string{p.failure}))).do().result(Errored, "busy")
			if w.client.status != p.codec.Status(busy.Kind) || !strings.Contains(w.client.body, `"message":"busy"`) {
				t.Errorf("got %d %s", w.client.status, w.client.body)
			}
		})
		run("failure after content", func(t *testing.T) {
			sent := join(p.held, p.content, []string{p.failure})
			want := strings.Join(sent, "")
			if p.array {
				want += "\n]"
			}
			p.world(t, 2).script(1, p.says(sent)).do().got(200, want).result(Errored, "busy")
		})
		run("breaks after content", func(t *testing.T) {
			sent := join(p.held, p.content)
			p.world(t, 2).script(1, p.says(sent, breaks(errors.New("reset")))).do().
				got(200, strings.Join(sent, "")+p.broken).result(Errored, "upstream: connection broke")
		})
		run("ends after content", func(t *testing.T) {
			sent := join(p.held, p.content)
			p.world(t, 2).script(1, p.says(sent)).do().
				got(200, strings.Join(sent, "")+p.broken).result(Errored, "upstream: connection broke")
		})
		run("goes on after the end", func(t *testing.T) {
			if p.name == "gemini" {
				t.Log("has no last event: what follows is the stream's")
				return
			}
			r := p.says(all)
			last := &r.body[len(r.body)-2]
			last.data += p.content[0]
			if p.array {
				last.data = strings.TrimSuffix(last.data, p.content[0]) + "\n"
			}
			p.world(t, 1).script(1, r).do().got(200, strings.Join(all, "")).result(OK, "")
		})
		run("pings", func(t *testing.T) {
			ping := string(p.codec.Stream(protocol.Edits{}, p.array).Ping())
			w := p.world(t, 1).script(1, p.says(join(p.held, p.content[:1]), pause(14*time.Second), say(strings.Join(join(p.content[1:], p.end), ""))))
			w.call.Ping = 10 * time.Second
			want := strings.Join(join(p.held, p.content[:1]), "") + ping + strings.Join(join(p.content[1:], p.end), "")
			w.do().got(200, want).result(OK, "")
		})
		run("pings, then nobody answers", func(t *testing.T) {
			fresh := p.codec.Stream(protocol.Edits{}, p.array)
			w := p.world(t, 1).script(1, reply{wait: 15 * time.Second, err: errors.New("reset")})
			w.call.Ping, w.call.PingBeforeContent = 10*time.Second, true
			want := string(fresh.Ping())
			want += string(fresh.Break(&protocol.Error{Kind: protocol.KindUpstream, Message: "upstream: connection broke"}))
			w.do().got(200, want).result(Errored, "upstream: connection broke")
		})
	}
}

// TestChatCompletesTheLastLine: some vendors leave out [DONE].
func TestChatCompletesTheLastLine(t *testing.T) {
	p := protocols[0]
	sent := join(p.held, p.content, p.end[:1])
	synctest.Test(t, func(t *testing.T) {
		p.world(t, 1).script(1, p.says(sent)).do().got(200, strings.Join(sent, "")+"data: [DONE]\n\n").result(OK, "")
	})
}
