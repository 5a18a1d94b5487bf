package upstream

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestRefusals holds what the vendors refuse, with a part of the error body.
// An empty want is a request that is taken.
func TestRefusals(t *testing.T) {
	bare := func(r *http.Request) { r.Header = http.Header{"Content-Type": {"application/json"}} }
	for _, c := range []struct {
		vendor       Vendor
		path, body   string
		status       int
		want         string
		with         func(*http.Request)
		alsoViolates bool
	}{
		{OpenAI, "/chat/completions", say[OpenAI], 401, `You didn't provide an API key`, bare, false},
		{OpenAI, "/chat/completions", say[OpenAI], 401, `"code": "invalid_api_key"`, header("Authorization", "Bearer no"), false},
		{OpenAI, "/chat/completions", say[OpenAI], 400, `"code": "unsupported_content_type"`, header("Content-Type", "text/plain"), false},
		{OpenAI, "/nowhere", say[OpenAI], 404, `Invalid URL (POST /v1/nowhere)`, nil, false},
		{OpenAI, "/chat/completions", `{`, 400, `could not parse the JSON body`, nil, false},
		{OpenAI, "/chat/completions", `{"model":"gpt-5"}`, 400, `Missing required parameter: 'messages'.`, nil, false},
		{OpenAI, "/chat/completions", `{"model":"gpt-5","messages":[]}`, 400, `"code": "empty_array"`, nil, false},
		{OpenAI, "/chat/completions", `{"model":"gpt-5","messages":"hi"}`, 400, `expected an array, but got a string instead`, nil, false},
		{OpenAI, "/chat/completions", `{"model":"gpt-5","messages":[{"role":"user","content":"x"}],"max_tokens":1.5}`, 400, `expected an integer, but got a number`, nil, false},
		{OpenAI, "/chat/completions", `{"model":"gpt-5","messages":[{"role":"user","content":"x"}],"stop":null,"max_tokens":2}`, 200, ``, nil, false},
		{OpenAI, "/chat/completions", `{"model":"gpt-5","messages":[{"role":"user","content":"x"}],"odd":1}`, 400, `"code": "unknown_parameter"`, nil, false},
		{OpenAI, "/chat/completions", `{"model":"gpt-9","messages":[{"role":"user","content":"x"}]}`, 404, `"code": "model_not_found"`, nil, false},
		{OpenAI, "/chat/completions", `{"model":"gpt-5","messages":[{"role":"bot","content":"x"}]}`, 400, `Invalid value: 'bot'`, nil, false},
		{OpenAI, "/chat/completions", `{"model":"gpt-5","messages":[{"role":"user"}]}`, 400, `messages.[0].content`, nil, false},
		{OpenAI, "/chat/completions", `{"model":"gpt-5","stream_options":{},"messages":[{"role":"user","content":"x"}]}`, 400, `only allowed when 'stream' is enabled`, nil, false},
		{OpenAI, "/chat/completions", `{"model":"gpt-5","messages":[{"role":"tool","tool_call_id":"a","content":"x"}]}`, 400, `must be a response to a preceeding message`, nil, false},
		{OpenAI, "/chat/completions", `{"model":"gpt-5","messages":[{"role":"assistant","tool_calls":[{"id":"a"}]},{"role":"user","content":"x"}]}`, 400, `did not have response messages: a`, nil, false},
		{OpenAI, "/chat/completions", `{"model":"gpt-5","messages":[{"role":"assistant","tool_calls":[{"id":"a"}]}]}`, 400, `did not have response messages: a`, nil, false},
		{OpenAI, "/chat/completions", `{"model":"gpt-5","messages":[{"role":"assistant","tool_calls":[{"id":"a"}]},{"role":"tool","tool_call_id":"a","content":"x"}]}`, 200, ``, nil, false},
		{OpenAI, "/responses", `{"model":"gpt-5","input":"x"}`, 200, ``, nil, false},
		{OpenAI, "/responses", `{"model":"gpt-5"}`, 400, `must be provided`, nil, false},
		{OpenAI, "/responses", `{"model":"gpt-5","input":"x","stream_options":{}}`, 400, `only allowed when 'stream'`, nil, false},
		{OpenAI, "/responses", `{"model":"gpt-5","input":"x","messages":[]}`, 400, `Unknown parameter: 'messages'`, nil, false},
		{OpenAI, "/responses", `{"model":"gpt-5","input":[{"role":"tool","content":"x"}]}`, 400, `Invalid value: 'tool'`, nil, false},
		{OpenAI, "/responses", `{"model":"gpt-5","input":[{"type":"function_call","call_id":"a"}]}`, 400, `No tool output found for function call a`, nil, false},
		{OpenAI, "/responses", `{"model":"gpt-5","input":[{"type":"function_call_output","call_id":"a"}]}`, 400, `No tool call found for function call output with call_id a`, nil, false},
		{OpenAI, "/responses", `{"model":"gpt-5","input":[{"type":"function_call","call_id":"a"},{"type":"function_call_output","call_id":"a"}]}`, 200, ``, nil, false},
		{OpenAI, "/embeddings", `{"model":"text-embedding-3-small","input":[]}`, 400, `empty_array`, nil, false},
		{OpenAI, "/embeddings", `{"model":"text-embedding-3-small","input":["a","b"]}`, 200, ``, nil, false},

		{Anthropic, "/messages", say[Anthropic], 401, `x-api-key header is required`, bare, false},
		{Anthropic, "/messages", say[Anthropic], 401, `invalid x-api-key`, header("X-Api-Key", "no"), false},
		{Anthropic, "/messages", say[Anthropic], 400, `anthropic-version: header is required`, header("Anthropic-Version", ""), false},
		{Anthropic, "/messages", say[Anthropic], 400, `is not a valid version`, header("Anthropic-Version", "2042-01-01"), false},
		{Anthropic, "/messages", say[Anthropic], 400, `content-type`, header("Content-Type", "text/plain"), false},
		{Anthropic, "/nowhere", say[Anthropic], 404, `not_found_error`, nil, false},
		{Anthropic, "/messages", `[]`, 400, `not valid JSON`, nil, false},
		{Anthropic, "/messages", `{"model":"claude-sonnet-4-5","messages":[]}`, 400, `max_tokens: Field required`, nil, false},
		{Anthropic, "/messages", `{"model":"claude-sonnet-4-5","max_tokens":1,"messages":[]}`, 400, `at least one message is required`, nil, false},
		{Anthropic, "/messages", `{"model":"claude-sonnet-4-5","max_tokens":"1","messages":[]}`, 400, `max_tokens: Input should be a valid integer`, nil, false},
		{Anthropic, "/messages", `{"model":"claude-sonnet-4-5","max_tokens":1,"messages":[],"stream_options":{}}`, 400, `stream_options: Extra inputs are not permitted`, nil, false},
		{Anthropic, "/messages", `{"model":"claude-9","max_tokens":1,"messages":[{"role":"user","content":"x"}]}`, 404, `model: claude-9`, nil, false},
		{Anthropic, "/messages", `{"model":"claude-sonnet-4-5","max_tokens":1,"messages":[{"role":"system","content":"x"}]}`, 400, `Unexpected role \"system\"`, nil, false},
		{Anthropic, "/messages", `{"model":"claude-sonnet-4-5","max_tokens":1,"messages":[{"role":"assistant","content":"x"}]}`, 400, `first message must use the \"user\" role`, nil, false},
		{Anthropic, "/messages", `{"model":"claude-sonnet-4-5","max_tokens":1,"messages":[{"role":"user","content":""}]}`, 400, `non-empty content`, nil, false},
		{Anthropic, "/messages", `{"model":"claude-sonnet-4-5","max_tokens":1,"messages":[{"role":"user"}]}`, 400, `messages.0.content: Field required`, nil, false},
		{Anthropic, "/messages", `{"model":"claude-sonnet-4-5","max_tokens":1,"messages":[{"role":"user","content":7}]}`, 400, `messages.0.content: Input should be`, nil, false},
		{Anthropic, "/messages", `{"model":"claude-sonnet-4-5","max_tokens":1,"messages":[{"role":"user","content":[{"text":"x"}]}]}`, 400, `content.0.type: Field required`, nil, false},
		{Anthropic, "/messages", `{"model":"claude-sonnet-4-5","max_tokens":1,"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"}]}]}`, 400, "unexpected `tool_use_id` found", nil, false},
		{Anthropic, "/messages", `{"model":"claude-sonnet-4-5","max_tokens":1,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use","id":"a"}]},{"role":"user","content":"x"}]}`, 400, "messages.1: `tool_use` ids were found without", nil, false},
		{Anthropic, "/messages", `{"model":"claude-sonnet-4-5","max_tokens":1,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use","id":"a"}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"}]}]}`, 200, ``, nil, false},
		{Anthropic, "/messages/count_tokens", `{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"x"}]}`, 200, ``, nil, false},
		{Anthropic, "/messages/count_tokens", `{"model":"claude-sonnet-4-5","max_tokens":1,"messages":[{"role":"user","content":"x"}]}`, 400, `max_tokens: Extra inputs`, nil, false},

		{Gemini, paths[Gemini], say[Gemini], 403, `Method doesn't allow unregistered callers`, bare, false},
		{Gemini, paths[Gemini], say[Gemini], 400, `API_KEY_INVALID`, header("X-Goog-Api-Key", "no"), false},
		{Gemini, paths[Gemini] + "?key=upstream-key-of-gemini", say[Gemini], 200, ``, bare, true},
		{Gemini, "/models/gemini-2.5-flash", say[Gemini], 404, `NOT_FOUND`, nil, false},
		{Gemini, "/models/gemini-9:generateContent", say[Gemini], 404, `models/gemini-9 is not found for API version v1beta, or is not supported for generateContent`, nil, false},
		{Gemini, paths[Gemini], `nope`, 400, `Invalid JSON payload received`, nil, false},
		{Gemini, paths[Gemini], `{}`, 400, `GenerateContentRequest.contents: contents is not specified`, nil, false},
		{Gemini, paths[Gemini], `{"contents":[]}`, 400, `contents is not specified`, nil, false},
		{Gemini, paths[Gemini], `{"contents":[{"parts":[{"text":"x"}]}],"messages":[]}`, 400, `Unknown name \"messages\": Cannot find field.`, nil, false},
		{Gemini, paths[Gemini], `{"contents":[{"parts":[{"text":"x"}]}],"generation_config":{}}`, 200, ``, nil, false},
		{Gemini, paths[Gemini], `{"contents":{"parts":[]}}`, 400, `Invalid value at 'contents'`, nil, false},
		{Gemini, paths[Gemini], `{"contents":[{"role":"assistant","parts":[{"text":"x"}]}]}`, 400, `Please use a valid role: user, model.`, nil, false},
		{Gemini, paths[Gemini], `{"contents":[{"role":"user","parts":[]}]}`, 400, `must not be empty`, nil, false},
		{Gemini, paths[Gemini], `{"contents":[{"parts":[{"functionResponse":{}}]}]}`, 400, `immediately after a function call turn`, nil, false},
		{Gemini, paths[Gemini], `{"contents":[{"role":"model","parts":[{"functionCall":{}}]},{"parts":[{"text":"x"}]}]}`, 400, `number of function response parts is equal`, nil, false},
		{Gemini, paths[Gemini], `{"contents":[{"role":"model","parts":[{"functionCall":{}}]}]}`, 400, `end with a user role`, nil, false},
		{Gemini, paths[Gemini], `{"contents":[{"role":"model","parts":[{"function_call":{}}]},{"parts":[{"function_response":{}}]}]}`, 200, ``, nil, false},
		{Gemini, "/models/gemini-2.5-flash:countTokens", `{}`, 400, `contents is not specified`, nil, false},
		{Gemini, "/models/gemini-2.5-flash:countTokens", say[Gemini], 200, ``, nil, false},
		{Gemini, "/models/gemini-2.5-flash:countTokens", `{"generateContentRequest":{"model":"models/other","contents":[{"parts":[{"text":"x"}]}]}}`, 400, `unexpected model name format`, nil, false},
		{Gemini, "/models/gemini-embedding-001:embedContent", `{"content":{"parts":[{"text":"x"}]}}`, 200, ``, nil, false},
		{Gemini, "/models/gemini-embedding-001:embedContent", `{"content":{}}`, 400, `content is empty`, nil, false},
		{Gemini, "/models/gemini-embedding-001:batchEmbedContents", `{"requests":[{"model":"models/gemini-embedding-001","content":{"parts":[{"text":"x"}]}}]}`, 200, ``, nil, false},
		{Gemini, "/models/gemini-embedding-001:batchEmbedContents", `{"requests":[{"model":"models/other","content":{"parts":[{"text":"x"}]}}]}`, 400, `unexpected model name format`, nil, false},
		{Gemini, "/models/gemini-embedding-001:batchEmbedContents", `{"requests":[]}`, 400, `at least one request`, nil, false},
	} {
		s, err := Start(c.vendor)
		if err != nil {
			t.Fatal(err)
		}
		with := func(*http.Request) {}
		if c.with != nil {
			with = c.with
		}
		answer, body, err := call(t, s, c.path, c.body, with)
		switch {
		case err != nil:
			t.Errorf("%s %s: %v", c.path, c.body, err)
		case answer.StatusCode != c.status || !strings.Contains(string(body), c.want):
			t.Errorf("%s %s: got %d %s, want %d and %q", c.path, c.body, answer.StatusCode, body, c.status, c.want)
		case !json.Valid(body):
			t.Errorf("%s %s: answered %s, which is no JSON", c.path, c.body, body)
		case (s.Requests()[0].Refused == "") != (c.status == 200):
			t.Errorf("%s %s: recorded as refused: %q", c.path, c.body, s.Requests()[0].Refused)
		}
		if got := s.TakeViolations(); (got != nil) != c.alsoViolates {
			t.Errorf("%s %s: violations %q", c.path, c.body, got)
		}
		s.Close()
	}
}

func TestAnyBodyChecksKeysAlone(t *testing.T) {
	s := New(t, OpenAI)
	s.Otherwise(Reply{Text: "taken", AnyBody: true})
	odd := `{"odd":1,"odd":9223372036854775808,"model":"any"}`
	if answer, body, _ := call(t, s, paths[OpenAI], odd); answer.StatusCode != 200 || !strings.Contains(string(body), "taken") {
		t.Errorf("got %d %s", answer.StatusCode, body)
	}
	if answer, _, _ := call(t, s, paths[OpenAI], odd, header("Authorization", "Bearer no")); answer.StatusCode != 401 {
		t.Errorf("got %d", answer.StatusCode)
	}
}
