package protocol_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// usages are what vendors write as the usage of an answer, and what it means.
var usages = []struct {
	name string
	p    protocol.Protocol
	json string
	want protocol.Usage
}{
	{"OpenAI", protocol.Chat, `{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,
		"prompt_tokens_details":{"cached_tokens":8,"audio_tokens":3},
		"completion_tokens_details":{"reasoning_tokens":4,"audio_tokens":2,"accepted_prediction_tokens":1,"rejected_prediction_tokens":0}}`,
		protocol.Usage{Input: 19, CachedInput: 8, InputAudio: 3, Output: 10, Reasoning: 4, OutputAudio: 2}},
	{"plain", protocol.Chat, `{"completion_tokens":10,"prompt_tokens":19}`, protocol.Usage{Input: 19, Output: 10}},
	{"nulls", protocol.Chat, `{"prompt_tokens":19,"completion_tokens":10,"total_tokens":null,"prompt_tokens_details":null,"completion_tokens_details":null}`,
		protocol.Usage{Input: 19, Output: 10}},
	{"DeepSeek", protocol.Chat, `{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":16},
		"completion_tokens_details":{"reasoning_tokens":6},"prompt_cache_hit_tokens":16,"prompt_cache_miss_tokens":3}`,
		protocol.Usage{Input: 19, CachedInput: 16, Output: 10, Reasoning: 6}},
	{"DeepSeek without details", protocol.Chat, `{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_cache_hit_tokens":16,"prompt_cache_miss_tokens":3}`,
		protocol.Usage{Input: 19, CachedInput: 16, Output: 10}},
	{"Moonshot", protocol.Chat, `{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"cached_tokens":19}`,
		protocol.Usage{Input: 19, CachedInput: 19, Output: 10}},
	{"OpenRouter", protocol.Chat, `{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"cost":0.001,
		"prompt_tokens_details":{"cached_tokens":8,"cache_write_tokens":5,"audio_tokens":0,"video_tokens":0},
		"completion_tokens_details":{"reasoning_tokens":4,"image_tokens":6}}`,
		protocol.Usage{Input: 19, CachedInput: 8, CacheWrite: 5, Output: 10, Reasoning: 4, OutputImage: 6}},
	{"xAI", protocol.Chat, `{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,"prompt_tokens_details":{"text_tokens":32,"image_tokens":12},
		"completion_tokens_details":{"reasoning_tokens":94}}`,
		protocol.Usage{Input: 32, InputImage: 12, Output: 103, Reasoning: 94}},
	{"Google", protocol.Chat, `{"completion_tokens":198,"prompt_tokens":20,"total_tokens":623}`,
		protocol.Usage{Input: 20, Output: 603, Reasoning: 405}},
	{"another total", protocol.Chat, `{"prompt_tokens":20,"completion_tokens":30,"total_tokens":60,"completion_tokens_details":{"reasoning_tokens":7}}`,
		protocol.Usage{Input: 20, Output: 30, Reasoning: 7}},
	{"low total", protocol.Chat, `{"prompt_tokens":20,"completion_tokens":30,"total_tokens":3}`, protocol.Usage{Input: 20, Output: 30}},

	{"OpenAI", protocol.Responses, `{"input_tokens":36,"input_tokens_details":{"cached_tokens":32},"output_tokens":87,
		"output_tokens_details":{"reasoning_tokens":64},"total_tokens":123}`,
		protocol.Usage{Input: 36, CachedInput: 32, Output: 87, Reasoning: 64}},
	{"writes", protocol.Responses, `{"input_tokens":36,"input_tokens_details":{"cached_tokens":8,"cache_write_tokens":20},"output_tokens":87,"total_tokens":123}`,
		protocol.Usage{Input: 36, CachedInput: 8, CacheWrite: 20, Output: 87}},
	{"plain", protocol.Responses, `{"input_tokens":36,"output_tokens":87}`, protocol.Usage{Input: 36, Output: 87}},
	{"reasoning beside", protocol.Responses, `{"input_tokens":36,"output_tokens":7,"output_tokens_details":{"reasoning_tokens":64},"total_tokens":107}`,
		protocol.Usage{Input: 36, Output: 71, Reasoning: 64}},

	{"Anthropic", protocol.Messages, `{"input_tokens":21,"cache_creation_input_tokens":300,"cache_read_input_tokens":4000,
		"cache_creation":{"ephemeral_5m_input_tokens":100,"ephemeral_1h_input_tokens":200},"output_tokens":50,"service_tier":"standard","server_tool_use":{"web_search_requests":1}}`,
		protocol.Usage{Input: 4321, CachedInput: 4000, CacheWrite: 300, CacheWrite1h: 200, Output: 50}},
	{"plain", protocol.Messages, `{"input_tokens":21,"output_tokens":50}`, protocol.Usage{Input: 21, Output: 50}},
	{"all cached", protocol.Messages, `{"input_tokens":0,"cache_read_input_tokens":21,"output_tokens":50}`,
		protocol.Usage{Input: 21, CachedInput: 21, Output: 50}},
	{"nulls", protocol.Messages, `{"input_tokens":21,"cache_creation_input_tokens":null,"cache_read_input_tokens":null,"cache_creation":null,"output_tokens":50}`,
		protocol.Usage{Input: 21, Output: 50}},
	{"write without lifetimes", protocol.Messages, `{"input_tokens":1,"cache_creation_input_tokens":20,"output_tokens":50}`,
		protocol.Usage{Input: 21, CacheWrite: 20, Output: 50}},
	{"lifetimes alone", protocol.Messages, `{"input_tokens":1,"cache_creation":{"ephemeral_5m_input_tokens":5,"ephemeral_1h_input_tokens":15},"output_tokens":50}`,
		protocol.Usage{Input: 21, CacheWrite: 20, CacheWrite1h: 15, Output: 50}},

	{"Google", protocol.Gemini, `{"promptTokenCount":100,"cachedContentTokenCount":60,"candidatesTokenCount":20,"toolUsePromptTokenCount":7,"thoughtsTokenCount":30,"totalTokenCount":157,
		"promptTokensDetails":[{"modality":"TEXT","tokenCount":50},{"modality":"AUDIO","tokenCount":32},{"modality":"IMAGE","tokenCount":18}],
		"cacheTokensDetails":[{"modality":"AUDIO","tokenCount":32}],"toolUsePromptTokensDetails":[{"modality":"IMAGE","tokenCount":2}],
		"candidatesTokensDetails":[{"modality":"TEXT","tokenCount":5},{"modality":"AUDIO","tokenCount":4},{"modality":"IMAGE","tokenCount":11}],"trafficType":"ON_DEMAND"}`,
		protocol.Usage{Input: 107, CachedInput: 60, InputAudio: 32, InputImage: 20, Output: 50, Reasoning: 30, OutputAudio: 4, OutputImage: 11}},
	{"plain", protocol.Gemini, `{"promptTokenCount": 4,"candidatesTokenCount": 12,"totalTokenCount": 16}`, protocol.Usage{Input: 4, Output: 12}},
	{"thoughts alone", protocol.Gemini, `{"promptTokenCount":4,"thoughtsTokenCount":60,"totalTokenCount":64}`, protocol.Usage{Input: 4, Output: 60, Reasoning: 60}},
	{"blocked", protocol.Gemini, `{"promptTokenCount":4,"totalTokenCount":4}`, protocol.Usage{Input: 4}},
	{"odd details", protocol.Gemini, `{"promptTokenCount":4,"candidatesTokenCount":12,"promptTokensDetails":{"modality":"AUDIO"},"candidatesTokensDetails":[7]}`,
		protocol.Usage{Input: 4, Output: 12}},

	// what is no number is no number, and takes nothing else with it
	{"floats", protocol.Chat, `{"prompt_tokens":12.0,"completion_tokens":1e3,"prompt_tokens_details":{"cached_tokens":1.5}}`, protocol.Usage{Input: 12, Output: 1000}},
	{"negative", protocol.Chat, `{"prompt_tokens":-1,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":-2,"audio_tokens":1}}`, protocol.Usage{InputAudio: 1, Output: 3}},
	{"huge", protocol.Chat, `{"prompt_tokens":1099511627777,"completion_tokens":1099511627776,"total_tokens":1e400}`, protocol.Usage{Output: 1 << 40}},
	{"strings", protocol.Responses, `{"input_tokens":"36","output_tokens":87,"input_tokens_details":[],"output_tokens_details":"x"}`, protocol.Usage{Output: 87}},
	{"objects", protocol.Messages, `{"input_tokens":{},"output_tokens":87,"cache_creation":7,"cache_read_input_tokens":true}`, protocol.Usage{Output: 87}},
	{"small", protocol.Gemini, `{"promptTokenCount":0.5,"candidatesTokenCount":2}`, protocol.Usage{Output: 2}},
	{"snake case", protocol.Gemini, `{"prompt_token_count":9,"candidatesTokenCount":2}`, protocol.Usage{Output: 2}},
}

// bodies are answers around a usage.
var bodies = map[protocol.Protocol]string{
	protocol.Chat:      `{"id":"x","choices":[{"message":{"content":"\"usage\":{\"prompt_tokens\":1}","usage":{"prompt_tokens":1}},"finish_reason":"stop"}],"usage":%s,"model":"m"}`,
	protocol.Responses: `{"id":"x","status":"completed","usage":%s,"output":[{"usage":{"input_tokens":1}}]}`,
	protocol.Messages:  ` { "type":"message", "usage" : %s , "content":[{"type":"text","text":"usage"}] } `,
	protocol.Gemini:    `{"candidates":[{"content":{"parts":[{"functionCall":{"args":{"usageMetadata":{"promptTokenCount":1}}}}]},"finishReason":"STOP"}],"usageMetadata":%s}`,
}

func TestUsage(t *testing.T) {
	for _, u := range usages {
		t.Run(u.p.String()+" "+u.name, func(t *testing.T) {
			body := fmt.Appendf(nil, bodies[u.p], u.json)
			got, ok := codecs[u.p].Usage(protocol.Generate, body)
			if diff := cmp.Diff(u.want, got); diff != "" || !ok {
				t.Errorf("%t, -want +got:\n%s", ok, diff)
			}
		})
	}
}

func TestNoUsage(t *testing.T) {
	for p, list := range map[protocol.Protocol][]string{
		protocol.Chat: {`{"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}`, `{"usage":{"input_tokens":3}}`,
			`{"choices":[{"usage":{"prompt_tokens":3}}]}`, `{"usage":{"prompt_tokens":3},"usage":{"prompt_tokens":3}}`},
		protocol.Responses: {`{"id":"x","status":"queued","usage":null}`, `{"object":"response.input_tokens","input_tokens":11}`},
		protocol.Messages:  {`{"input_tokens":11}`, `{"type":"error","error":{"usage":{"input_tokens":1}}}`},
		protocol.Gemini:    {`{"totalTokens":11}`, `{"usageMetadata":{"totalTokenCount":3}}`, `{"usage_metadata":{"promptTokenCount":3}}`},
	} {
		list = append(list, ``, `{}`, `[]`, `null`, `<html>`, `{"usage":`, `{"usage":{}}`, `{"usage":7}`, `{"usage":[]}`, `{"usageMetadata":{}}`, `{"usageMetadata":null}`)
		for _, body := range list {
			if u, ok := codecs[p].Usage(protocol.Generate, []byte(body)); ok || u != (protocol.Usage{}) {
				t.Errorf("%s %s: %+v, %t", p, body, u, ok)
			}
		}
	}
}

// Operations that consume nothing, and those that have input alone.
func TestUsageOfOperations(t *testing.T) {
	for _, c := range []struct {
		p    protocol.Protocol
		op   protocol.Operation
		body string
		want protocol.Usage
	}{
		{protocol.Chat, protocol.Embed, `{"object":"list","data":[{"embedding":[0.5,-1e-3]}],"usage":{"prompt_tokens":8,"total_tokens":8}}`, protocol.Usage{Input: 8}},
		{protocol.Chat, protocol.Embed, `{"data":[],"usage":{"total_tokens":8}}`, protocol.Usage{Input: 8}},
		{protocol.Messages, protocol.CountTokens, `{"input_tokens":8,"usage":{"input_tokens":8,"output_tokens":1}}`, protocol.Usage{}},
		{protocol.Gemini, protocol.CountTokens, `{"totalTokens":8,"usageMetadata":{"promptTokenCount":8}}`, protocol.Usage{}},
		{protocol.Gemini, protocol.Embed, `{"embedding":{"values":[0.5]}}`, protocol.Usage{}},
		{protocol.Gemini, protocol.Embed, `{"embedding":{"values":[0.5]},"usageMetadata":{"promptTokenCount":8}}`, protocol.Usage{Input: 8}},
		{protocol.Gemini, protocol.BatchEmbed, `{"embeddings":[],"usageMetadata":{"promptTokenCount":8,"totalTokenCount":8}}`, protocol.Usage{Input: 8}},
	} {
		got, ok := codecs[c.p].Usage(c.op, []byte(c.body))
		if got != c.want || ok == c.want.Zero() {
			t.Errorf("%s %s %s: %+v, %t", c.p, c.op, c.body, got, ok)
		}
	}
}

func TestCount(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "7": 7, "1099511627776": 1 << 40, "12.0": 12, "1e3": 1000, "1.5E1": 15, "-0": 0, "1e0": 1, "00012": 12, "0.0000": 0,
		"": -1, "-1": -1, "1099511627777": -1, "99999999999999999999999": -1, "9999999999999999999999999999999999": -1, "1.5": -1, "1e13": -1, "1e999": -1,
		"null": -1, "true": -1, `"7"`: -1, "{}": -1, "[]": -1, "+7": -1, "Inf": -1, "nan": -1, " 7": -1,
	} {
		if n, ok := protocol.Count([]byte(text)); ok != (want >= 0) || ok && n != want {
			t.Errorf("%s: %d, %t", text, n, ok)
		}
	}
}
