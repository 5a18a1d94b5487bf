package protocol_test

import (
	"strings"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

func call(p protocol.Protocol, op protocol.Operation) protocol.Call {
	c := protocol.Call{Protocol: p, Operation: op, Version: "v1"}
	if p == protocol.Gemini {
		c.Model = "m"
	}
	return c
}

// TestRead shows a body, what is read of it, and the body for an upstream that
// knows the model m as "up/m" and takes the request for usage.
func TestRead(t *testing.T) {
	const same = "="
	for _, test := range []struct {
		p      protocol.Protocol
		op     protocol.Operation
		body   string
		stream bool
		edited string
		usage  bool
	}{
		{protocol.Chat, protocol.Generate, ` { "model" : "m" }`, false, ` { "model" : "up/m" }`, false},
		{protocol.Chat, protocol.Generate, `{"model":"m","stream":null,"n":1e400}`, false, `{"model":"up/m","stream":null,"n":1e400}`, false},
		{protocol.Chat, protocol.Generate, `{"stream":true,"model":"\u006d"}`, true, `{"stream":true,"model":"up/m","stream_options":{"include_usage":true}}`, true},
		{protocol.Chat, protocol.Generate, `{"stream":true,"stream_options":null,"model":"m"}`, true, `{"stream":true,"stream_options":{"include_usage":true},"model":"up/m"}`, true},
		{protocol.Chat, protocol.Generate, `{"stream":true,"stream_options":{},"model":"m"}`, true, `{"stream":true,"stream_options":{"include_usage":true},"model":"up/m"}`, true},
		{protocol.Chat, protocol.Generate, `{"stream":true,"stream_options":{"include_obfuscation":false},"model":"m"}`, true,
			`{"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true},"model":"up/m"}`, true},
		{protocol.Chat, protocol.Generate, `{"stream":true,"stream_options":{"include_usage": false},"model":"m"}`, true,
			`{"stream":true,"stream_options":{"include_usage": true},"model":"up/m"}`, true},
		{protocol.Chat, protocol.Generate, `{"stream":true,"stream_options":{"include_usage":null},"model":"m"}`, true,
			`{"stream":true,"stream_options":{"include_usage":true},"model":"up/m"}`, true},
		{protocol.Chat, protocol.Generate, `{"stream":true,"stream_options":{"include_usage":true},"model":"m"}`, true,
			`{"stream":true,"stream_options":{"include_usage":true},"model":"up/m"}`, false},
		{protocol.Chat, protocol.Generate, `{"stream":false,"stream_options":{},"model":"m"}`, false, `{"stream":false,"stream_options":{},"model":"up/m"}`, false},
		{protocol.Chat, protocol.Generate, `{"model":"m","messages":[{"model":1,"stream":2}],"x":1,"x":2}`, false, `{"model":"up/m","messages":[{"model":1,"stream":2}],"x":1,"x":2}`, false},
		{protocol.Chat, protocol.Embed, `{"model":"m","input":"x","stream":7}`, false, `{"model":"up/m","input":"x","stream":7}`, false},

		{protocol.Responses, protocol.Generate, `{"model":"m","input":"x"}`, false, `{"model":"up/m","input":"x"}`, false},
		{protocol.Responses, protocol.Generate, `{"model":"m","stream":true,"background":true}`, true, `{"model":"up/m","stream":true,"background":true}`, false},
		{protocol.Messages, protocol.Generate, `{"model":"m","stream":true}`, true, `{"model":"up/m","stream":true}`, false},
		{protocol.Messages, protocol.CountTokens, `{"model":"m","messages":[]}`, false, `{"model":"up/m","messages":[]}`, false},

		{protocol.Gemini, protocol.Generate, `{"contents":[]}`, false, same, false},
		{protocol.Gemini, protocol.Generate, `{"model":"models/m"}`, false, `{"model":"models/up/m"}`, false},
		{protocol.Gemini, protocol.Generate, `{"requests":7}`, false, same, false},
		{protocol.Gemini, protocol.Embed, `{"model":"m","content":{}}`, false, `{"model":"up/m","content":{}}`, false},
		{protocol.Gemini, protocol.Embed, `{"content":{"model":"other"}}`, false, same, false},
		{protocol.Gemini, protocol.BatchEmbed, `{"requests":[{"model":"models/m"},{"content":{}},{"x":1,"model":"m"}]}`, false,
			`{"requests":[{"model":"models/up/m"},{"content":{}},{"x":1,"model":"up/m"}]}`, false},
		{protocol.Gemini, protocol.BatchEmbed, `{"requests":[]}`, false, same, false},
		{protocol.Gemini, protocol.BatchEmbed, `{}`, false, same, false},
		{protocol.Gemini, protocol.CountTokens, `{"contents":[]}`, false, same, false},
		{protocol.Gemini, protocol.CountTokens, `{"generateContentRequest":{"model":"models/m","contents":[]}}`, false,
			`{"generateContentRequest":{"model":"models/up/m","contents":[]}}`, false},
		{protocol.Gemini, protocol.CountTokens, `{"generate_content_request":{"model":"models/m"}}`, false, `{"generate_content_request":{"model":"models/up/m"}}`, false},
		{protocol.Gemini, protocol.CountTokens, `{"generateContentRequest":null}`, false, same, false},
	} {
		codec := codecs[test.p]
		req, e := codec.Read(call(test.p, test.op), []byte(test.body))
		if e != nil {
			t.Errorf("%s %s %s: %v", test.p, test.op, test.body, e)
			continue
		}
		if req.Model != "m" || req.Stream != test.stream || string(req.Body) != test.body {
			t.Errorf("%s %s %s: read model %q, stream %t, body %s", test.p, test.op, test.body, req.Model, req.Stream, req.Body)
		}
		out, edits := codec.RequestEdits(req, "m", false)
		if string(out) != test.body || &out[0] != &req.Body[0] || edits.Mapped() || edits.Usage {
			t.Errorf("%s %s %s: without edits is %s, %+v", test.p, test.op, test.body, out, edits)
		}
		want := test.edited
		if want == same {
			want = test.body
		}
		out, edits = codec.RequestEdits(req, "up/m", true)
		if string(out) != want || edits != (protocol.Edits{ClientModel: "m", UpstreamModel: "up/m", Usage: test.usage}) {
			t.Errorf("%s %s %s: edited to\n%s, %+v; expected\n%s", test.p, test.op, test.body, out, edits, want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	deep := `{"model":"m","x":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + "}"
	openai := []protocol.Protocol{protocol.Chat, protocol.Responses, protocol.Messages}
	google := []protocol.Protocol{protocol.Gemini}
	all := []protocol.Protocol{protocol.Chat, protocol.Responses, protocol.Messages, protocol.Gemini}
	for _, test := range []struct {
		p           []protocol.Protocol
		op          protocol.Operation
		body, param string
		says        string
	}{
		{all, protocol.Generate, ``, "", "empty body"},
		{all, protocol.Generate, `[]`, "", "byte 0"},
		{all, protocol.Generate, `{"model":"m"`, "", "byte 12"},
		{all, protocol.Generate, `{"model":"m"} {}`, "", "byte 14"},
		{all, protocol.Generate, deep, "", "512 levels"},
		{all, protocol.Generate, `{"model":"m","model":"m"}`, "model", "twice"},
		{all, protocol.Generate, `{"Model":"m"}`, "model", "letter case"},
		{all, protocol.Generate, `{"mod\u0065l":"m"}`, "model", "escapes"},
		{all, protocol.Generate, `{"model":7}`, "model", `is 7: expected a model's name`},
		{all, protocol.Generate, `{"model":""}`, "model", "expected a model's name"},
		{all, protocol.Generate, "{\"model\":\"\xff\"}", "model", "invalid UTF-8"},
		{all, protocol.Generate, `{"model":"` + strings.Repeat("m", 513) + `"}`, "model", "..."},
		{openai, protocol.Generate, `{}`, "model", "is missing"},
		{openai, protocol.Generate, `{"model":null}`, "model", "is null"},
		{openai, protocol.Generate, `{"model":"m","stream":"true"}`, "stream", "expected a boolean"},
		{openai, protocol.Generate, `{"model":"m","stream":1}`, "stream", "expected a boolean"},
		{openai, protocol.Generate, `{"model":"m","stream":true,"stream":false}`, "stream", "twice"},
		{openai, protocol.Generate, `{"model":"m","STREAM":true}`, "stream", "letter case"},
		{openai[:1], protocol.Generate, `{"model":"m","stream_options":[]}`, "stream_options", "expected an object"},
		{openai[:1], protocol.Generate, `{"model":"m","stream_options":{"include_usage":1}}`, "stream_options.include_usage", "expected a boolean"},
		{openai[:1], protocol.Generate, `{"model":"m","stream_options":{"include_usage":true,"include_usage":false}}`, "stream_options.include_usage", "twice"},
		{openai[:1], protocol.Embed, `{"input":"x"}`, "model", "is missing"},
		{openai[2:], protocol.CountTokens, `{"messages":[]}`, "model", "is missing"},
		{google, protocol.Generate, `{"model":"models/other"}`, "model", `expected the model of the path, "models/m"`},
		{google, protocol.Embed, `{"model":"other"}`, "model", "expected the model of the path"},
		{google, protocol.BatchEmbed, `{"requests":[{"model":"m"},{"model":"models/other"}]}`, "requests[1].model", "expected the model of the path"},
		{google, protocol.BatchEmbed, `{"requests":[{"model":"m","model":"m"}]}`, "requests[0].model", "twice"},
		{google, protocol.BatchEmbed, `{"requests":[{"model":5}]}`, "requests[0].model", "is 5"},
		{google, protocol.BatchEmbed, `{"requests":[7]}`, "requests[0]", "not an object"},
		{google, protocol.BatchEmbed, `{"requests":{}}`, "requests", "not an array"},
		{google, protocol.BatchEmbed, `{"requests":[],"requests":[]}`, "requests", "twice"},
		{google, protocol.CountTokens, `{"generateContentRequest":{"model":"models/other"}}`, "generateContentRequest.model", "expected the model of the path"},
		{google, protocol.CountTokens, `{"generate_content_request":{"model":"models/other"}}`, "generateContentRequest.model", "expected the model of the path"},
		{google, protocol.CountTokens, `{"generateContentRequest":{},"generate_content_request":{}}`, "generateContentRequest", "twice"},
		{google, protocol.CountTokens, `{"generateContentRequest":[]}`, "generateContentRequest", "not an object"},
	} {
		for _, p := range test.p {
			_, e := codecs[p].Read(call(p, test.op), []byte(test.body))
			if e == nil || e.Kind != protocol.KindInvalid || e.Param != test.param || !strings.Contains(e.Message, test.says) {
				t.Errorf("%s %s %.80s: %+v; expected param %q, message with %q", p, test.op, test.body, e, test.param, test.says)
			}
			if e != nil && len(e.Message) > 300 {
				t.Errorf("%s %s %.80s: message of %d bytes", p, test.op, test.body, len(e.Message))
			}
		}
	}
}

func TestTunedModels(t *testing.T) {
	c := call(protocol.Gemini, protocol.Generate)
	c.Model = "tunedModels/t"
	req, e := codecs[protocol.Gemini].Read(c, []byte(`{"model":"tunedModels/t"}`))
	if e != nil {
		t.Fatal(e)
	}
	out, _ := codecs[protocol.Gemini].RequestEdits(req, "tunedModels/u", false)
	if string(out) != `{"model":"tunedModels/u"}` {
		t.Errorf("edited to %s", out)
	}
}

func TestAnswerEdits(t *testing.T) {
	mapped := protocol.Edits{ClientModel: "m\"", UpstreamModel: "up/m"}
	for _, test := range []struct {
		p          protocol.Protocol
		op         protocol.Operation
		body, want string
	}{
		{protocol.Chat, protocol.Generate, ` {"id":1, "model" :"up/m"} `, ` {"id":1, "model" :"m\""} `},
		{protocol.Chat, protocol.Generate, `{"model":"up\/m"}`, `{"model":"m\""}`},
		{protocol.Chat, protocol.Generate, `{"model":"up/m-2025"}`, ""},
		{protocol.Chat, protocol.Generate, `{"model":null}`, ""},
		{protocol.Chat, protocol.Generate, `{"x":{"model":"up/m"}}`, ""},
		{protocol.Chat, protocol.Generate, `{"model":"up/m","model":"up/m"}`, ""},
		{protocol.Chat, protocol.Generate, `{"model":"up/m"`, ""},
		{protocol.Chat, protocol.Generate, `<html>`, ""},
		{protocol.Chat, protocol.Generate, ``, ""},
		{protocol.Chat, protocol.Embed, `{"data":[],"model":"up/m"}`, `{"data":[],"model":"m\""}`},
		{protocol.Responses, protocol.Generate, `{"model":"up/m"}`, `{"model":"m\""}`},
		{protocol.Messages, protocol.Generate, `{"model":"up/m"}`, `{"model":"m\""}`},
		{protocol.Messages, protocol.CountTokens, `{"input_tokens":1}`, ""},
		{protocol.Gemini, protocol.Generate, `{"modelVersion":"up/m","model":"up/m"}`, `{"modelVersion":"m\"","model":"up/m"}`},
		{protocol.Gemini, protocol.Generate, `{"modelVersion":"models/up/m"}`, `{"modelVersion":"models/m\""}`},
		{protocol.Gemini, protocol.Generate, `{"modelVersion":"m"}`, ""},
		{protocol.Gemini, protocol.Embed, `{"model":"models/up/m"}`, `{"model":"models/m\""}`},
		{protocol.Gemini, protocol.Generate, `{"modelVersion":"up/m"`, ""},
	} {
		want := test.want
		if want == "" {
			want = test.body
		}
		if got := codecs[test.p].AnswerEdits(test.op, []byte(test.body), mapped); string(got) != want {
			t.Errorf("%s %s %s: edited to %s, expected %s", test.p, test.op, test.body, got, want)
		}
		if got := codecs[test.p].AnswerEdits(test.op, []byte(test.body), protocol.Edits{ClientModel: "up/m", UpstreamModel: "up/m"}); string(got) != test.body {
			t.Errorf("%s %s %s: not mapped, but edited to %s", test.p, test.op, test.body, got)
		}
	}
}
