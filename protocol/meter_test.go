package protocol_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// ends are the events that bring a usage at the end of a stream, and events of
// content before them.
var ends = map[protocol.Protocol][]string{
	protocol.Chat: {
		`{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}],"usage":null}`,
		`{"choices":[{"index":0,"delta":{"content":" there"},"finish_reason":null}],"usage":null}`,
		`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}`,
		`{"choices":[],"usage":%s}`,
		`[DONE]`,
	},
	protocol.Responses: {
		`{"type":"response.created","response":{"model":"m","usage":null}}`,
		`{"type":"response.output_text.delta","delta":"Hi"}`,
		`{"type":"response.output_text.delta","delta":" there"}`,
		`{"type":"response.completed","response":{"model":"m","usage":%s}}`,
	},
	protocol.Messages: {
		`{"type":"message_start","message":{"model":"m","usage":%s}}`,
		`{"type":"content_block_delta","delta":{"type":"text_delta","text":"Hi"}}`,
		`{"type":"content_block_delta","delta":{"type":"text_delta","text":" there"}}`,
		`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":%s}`,
		`{"type":"message_stop"}`,
	},
	protocol.Gemini: {
		`{"candidates": [{"content": {"parts": [{"text": "Hi"}]},"index": 0}],"usageMetadata": {"promptTokenCount": 1},"modelVersion": "m"}`,
		`{"candidates": [{"content": {"parts": [{"text": " there"}]},"index": 0}],"usageMetadata": {"promptTokenCount": 1},"modelVersion": "m"}`,
		`{"candidates": [{"content": {"parts": [{"text": ""}]},"finishReason": "STOP","index": 0}],"usageMetadata": %s,"modelVersion": "m"}`,
	},
}

// streamOf returns the events of a stream with that usage, and which of them
// is the last to bring it.
func streamOf(p protocol.Protocol, usage, end string) (events [][]byte, last int) {
	usage = strings.NewReplacer("\n", " ", "\t", "").Replace(usage)
	for i, data := range ends[p] {
		if strings.Contains(data, "%s") {
			data, last = fmt.Sprintf(data, usage), i
		}
		events = append(events, []byte("data: "+data+end+end))
	}
	return events, last
}

// What a vendor writes means the same in a stream.
func TestStreamedUsage(t *testing.T) {
	for _, u := range usages {
		events, _ := streamOf(u.p, u.json, "\n")
		stream := codecs[u.p].Stream(protocol.Edits{Usage: true}, false)
		for _, raw := range events {
			stream.Event(raw)
		}
		got, input, output := stream.Usage()
		want := u.want
		if want.Input == 0 {
			// no input was said: what is inside of it was not either
			want.InputAudio, want.InputImage = 0, 0
		}
		if diff := cmp.Diff(want, got); diff != "" || input != (want.Input > 0) || output != (want.Output > 0) {
			t.Errorf("%s %s: input %t, output %t, -want +got:\n%s", u.p, u.name, input, output, diff)
		}
	}
}

// drawUsage draws a usage and how the protocol's own vendor writes it.
func drawUsage(t *rapid.T, p protocol.Protocol) (protocol.Usage, string) {
	count := func(name string) int64 { return rapid.Int64Range(0, 1<<38).Draw(t, name) }
	some := func(name string) int64 { return 1 + count(name) }
	cached, fresh, reasoning, spoken := count("cached"), some("fresh"), count("reasoning"), some("spoken")
	u := protocol.Usage{Input: cached + fresh, CachedInput: cached, Output: reasoning + spoken, Reasoning: reasoning}
	var v any
	switch p {
	case protocol.Chat:
		v = map[string]any{"prompt_tokens": u.Input, "completion_tokens": u.Output, "total_tokens": u.Input + u.Output,
			"prompt_tokens_details": map[string]any{"cached_tokens": cached}, "completion_tokens_details": map[string]any{"reasoning_tokens": reasoning}}
	case protocol.Responses:
		v = map[string]any{"input_tokens": u.Input, "output_tokens": u.Output, "total_tokens": u.Input + u.Output,
			"input_tokens_details": map[string]any{"cached_tokens": cached}, "output_tokens_details": map[string]any{"reasoning_tokens": reasoning}}
	case protocol.Messages:
		five, hour := count("5m"), count("1h")
		u = protocol.Usage{Input: fresh + cached + five + hour, CachedInput: cached, CacheWrite: five + hour, CacheWrite1h: hour, Output: u.Output}
		v = map[string]any{"input_tokens": fresh, "cache_read_input_tokens": cached, "cache_creation_input_tokens": five + hour,
			"cache_creation": map[string]any{"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour}, "output_tokens": u.Output}
	case protocol.Gemini:
		tools := count("tools")
		u.Input += tools
		v = map[string]any{"promptTokenCount": cached + fresh, "cachedContentTokenCount": cached, "toolUsePromptTokenCount": tools,
			"candidatesTokenCount": spoken, "thoughtsTokenCount": reasoning, "totalTokenCount": u.Input + u.Output}
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return u, string(text)
}

// Numbers come out as they went in, wherever the stream is cut behind them,
// however often it is asked in between, and whatever is edited; and before them
// none is final.
func TestUsageIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom([]protocol.Protocol{protocol.Chat, protocol.Responses, protocol.Messages, protocol.Gemini}).Draw(t, "protocol")
		want, text := drawUsage(t, p)
		if got, ok := codecs[p].Usage(protocol.Generate, fmt.Appendf(nil, bodies[p], text)); !ok || got != want {
			t.Fatalf("%s: %+v, expected %+v", text, got, want)
		}
		end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")
		events, last := streamOf(p, text, end)
		edits := rapid.SampledFrom([]protocol.Edits{{}, {Usage: true}, {Usage: true, ClientModel: "c", UpstreamModel: "m"}}).Draw(t, "edits")
		stream := codecs[p].Stream(edits, false)
		for i, raw := range events {
			stream.Event(raw)
			if i < len(events)-1 && rapid.Bool().Draw(t, "ask") {
				if _, _, output := stream.Usage(); output != (i >= last) {
					t.Fatalf("after %s: output is final: %t", raw, output)
				}
			}
			if i >= last && rapid.Bool().Draw(t, "cut") {
				break
			}
		}
		if got, input, output := stream.Usage(); got != want || !input || !output {
			t.Fatalf("%s: %+v, %t, %t; expected %+v", text, got, input, output, want)
		}
	})
}

// A recording that breaks off says what it has said until then: asking for it
// changes nothing.
func TestUsageAnywhere(t *testing.T) {
	for _, path := range recordings(t) {
		rec := record(t, path)
		asked, once := rec.codec.Stream(rec.edits, rec.array), rec.codec.Stream(protocol.Edits{}, rec.array)
		events := rec.events()
		for {
			raw, err := events.Next()
			if err != nil {
				break
			}
			before, input, output := asked.Usage()
			asked.Event(raw)
			once.Event(raw)
			after, input2, output2 := asked.Usage()
			if input && !input2 || output && !output2 || before.Input > 0 && after.Input == 0 || before.Output > 0 && after.Output == 0 {
				t.Errorf("%s: %+v became %+v by %s", path, before, after, raw)
			}
		}
		a, input, output := asked.Usage()
		b, input2, output2 := once.Usage()
		if a != b || input != input2 || output != output2 {
			t.Errorf("%s: %+v, %t, %t and %+v, %t, %t", path, a, input, output, b, input2, output2)
		}
	}
}

// subsequence says whether part is in whole, in order.
func subsequence(part, whole []byte) bool {
	for _, c := range part {
		i := bytes.IndexByte(whole, c)
		if i < 0 {
			return false
		}
		whole = whole[i+1:]
	}
	return true
}

// FuzzMeter: no request and no answer makes a meter panic; usage is never
// negative; texts are no longer than what they are from.
func FuzzMeter(f *testing.F) {
	for _, u := range usages {
		f.Add(fmt.Appendf(nil, bodies[u.p], u.json), uint8(u.p), uint8(protocol.Generate))
	}
	for _, test := range prompts {
		f.Add([]byte(test.body), uint8(test.p), uint8(test.op))
	}
	f.Fuzz(func(t *testing.T, body []byte, p, op uint8) {
		codec, operation := codecs[protocol.Protocol(p%4+1)], protocol.Operation(op%5)
		before := bytes.Clone(body)
		u, ok := codec.Usage(operation, body)
		if ok == u.Zero() {
			t.Fatalf("%q: %+v, %t", body, u, ok)
		}
		for _, n := range []int64{u.Input, u.CachedInput, u.CacheWrite, u.CacheWrite1h, u.Output, u.Reasoning, u.InputAudio, u.InputImage, u.OutputAudio, u.OutputImage} {
			if n < 0 {
				t.Fatalf("%q: %+v", body, u)
			}
		}
		var prompt, answer int
		items := codec.Prompt(operation, body, func(piece []byte) { prompt += len(piece) })
		codec.AnswerText(operation, body, func(piece []byte) { answer += len(piece) })
		// a lone surrogate of 6 bytes becomes one of 3: nothing grows
		if prompt > len(body) || answer > len(body) || items < 0 || items > len(body) {
			t.Fatalf("%q: %d items, %d and %d bytes", body, items, prompt, answer)
		}
		if !bytes.Equal(body, before) {
			t.Fatal("the body was written to")
		}
	})
}
