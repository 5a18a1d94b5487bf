package upstream

import (
	"encoding/json"
	"fmt"
	"strings"
)

var chatFields = fields{
	required: []string{"messages", "model"},
	known: union(
		among(anArray, "messages", "modalities", "functions", "tools"),
		among(aString, "model", "prompt_cache_key", "prompt_cache_retention", "reasoning_effort", "safety_identifier", "service_tier", "user", "verbosity"),
		among(aNumber, "frequency_penalty", "presence_penalty", "temperature", "top_p"),
		among(anInteger, "max_completion_tokens", "max_tokens", "n", "seed", "top_logprobs"),
		among(aBool, "logprobs", "parallel_tool_calls", "store", "stream"),
		among(anObject, "audio", "logit_bias", "metadata", "prediction", "response_format", "stream_options", "web_search_options"),
		among(aString|anArray, "stop"),
		among(aString|anObject, "tool_choice", "function_call"),
	),
}

type chatMessage struct {
	Role       string          `json:"role"`
	Content    json.RawMessage `json:"content"`
	ToolCallID string          `json:"tool_call_id"`
	ToolCalls  []struct {
		ID string `json:"id"`
	} `json:"tool_calls"`
}

// checkChat holds the rules between members: roles, and that each tool call is
// answered right after it.
func checkChat(body map[string]json.RawMessage) *refusal {
	if body["stream_options"] != nil && shapeOf(body["stream_options"]) != aNull && !streamed(body) {
		return invalidOpenAI(400, "", "stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	}
	var messages []chatMessage
	if err := json.Unmarshal(body["messages"], &messages); err != nil {
		return invalidOpenAI(400, "invalid_type", "messages", "Invalid type for 'messages': expected an array of objects.")
	}
	if len(messages) == 0 {
		return invalidOpenAI(400, "empty_array", "messages", "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.")
	}
	open := map[string]bool{}
	for i, m := range messages {
		switch m.Role {
		case "system", "developer", "user", "assistant", "function":
			if len(open) > 0 {
				return unansweredCalls(open, i)
			}
		case "tool":
			if !open[m.ToolCallID] {
				return invalidOpenAI(400, "", fmt.Sprintf("messages.[%d].role", i), "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.")
			}
			delete(open, m.ToolCallID)
		default:
			return invalidOpenAI(400, "invalid_value", fmt.Sprintf("messages[%d].role", i), fmt.Sprintf("Invalid value: '%s'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.", m.Role))
		}
		if shapeOf(m.Content)&(aString|anArray) == 0 && m.Role != "assistant" {
			return invalidOpenAI(400, "invalid_type", fmt.Sprintf("messages.[%d].content", i), fmt.Sprintf("Invalid type for 'messages.[%d].content': expected one of a string or array of objects, but got null instead.", i))
		}
		for _, call := range m.ToolCalls {
			open[call.ID] = true
		}
	}
	if len(open) > 0 {
		return unansweredCalls(open, len(messages)-1)
	}
	return nil
}

func unansweredCalls(open map[string]bool, at int) *refusal {
	return invalidOpenAI(400, "", fmt.Sprintf("messages.[%d].role", at), "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: "+names(open))
}

func chatOperation(model string, body map[string]json.RawMessage) *operation {
	var options struct {
		IncludeUsage bool `json:"include_usage"`
	}
	_ = json.Unmarshal(body["stream_options"], &options)
	return &operation{
		stream: streamed(body),
		body:   func(r Reply) []byte { return chatBody(model, r) },
		events: func(r Reply) []event { return chatEvents(model, options.IncludeUsage, r) },
		failure: func(e refusal) []byte {
			return fmt.Appendf(nil, "data: {\"error\":{\"message\":%s,\"type\":%s,\"param\":null,\"code\":null}}\n\n", quote(e.message), quote(e.kind))
		},
	}
}

const chatID = "chatcmpl-CgWv3Zk1qYh7aT0nLxPpQm5dRs2Ju"

func chatUsage(r Reply) string {
	input, output := r.usage()
	return fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`, input, output, input+output)
}

func chatFinish(r Reply) string {
	if len(r.Tools) > 0 {
		return "tool_calls"
	}
	return "stop"
}

func chatBody(model string, r Reply) []byte {
	content, calls := "null", ""
	if r.Text != "" {
		content = quote(r.Text)
	}
	for i, t := range r.Tools {
		calls += fmt.Sprintf(`%s{"id":%s,"type":"function","function":{"name":%s,"arguments":%s}}`, comma(i), quote(t.id("call_", i)), quote(t.Name), quote(t.Arguments))
	}
	if calls != "" {
		calls = `"tool_calls":[` + calls + `],`
	}
	return fmt.Appendf(nil, `{"id":"%s","object":"chat.completion","created":1764028800,"model":%s,"choices":[{"index":0,"message":{"role":"assistant","content":%s,%s"refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"%s"}],"usage":%s,"service_tier":"default","system_fingerprint":"fp_9c2a1b"}`+"\n",
		chatID, quote(model), content, calls, chatFinish(r), chatUsage(r))
}

func chatEvents(model string, usage bool, r Reply) []event {
	tail := ""
	if usage {
		tail = `,"usage":null`
	}
	chunk := func(content bool, choices string, tail string) event {
		return event{fmt.Appendf(nil, `data: {"id":"%s","object":"chat.completion.chunk","created":1764028800,"model":%s,"service_tier":"default","system_fingerprint":"fp_9c2a1b","choices":%s%s,"obfuscation":"kX3b"}`+"\n\n",
			chatID, quote(model), choices, tail), content}
	}
	delta := func(content bool, delta string) event {
		return chunk(content, `[{"index":0,"delta":`+delta+`,"logprobs":null,"finish_reason":null}]`, tail)
	}
	events := []event{delta(false, `{"role":"assistant","content":"","refusal":null}`)}
	for _, piece := range r.pieces(r.Text) {
		events = append(events, delta(true, `{"content":`+quote(piece)+`}`))
	}
	for i, t := range r.Tools {
		events = append(events, delta(true, fmt.Sprintf(`{"tool_calls":[{"index":%d,"id":%s,"type":"function","function":{"name":%s,"arguments":""}}]}`, i, quote(t.id("call_", i)), quote(t.Name))))
		for _, piece := range r.pieces(t.Arguments) {
			events = append(events, delta(true, fmt.Sprintf(`{"tool_calls":[{"index":%d,"function":{"arguments":%s}}]}`, i, quote(piece))))
		}
	}
	events = append(events, chunk(false, `[{"index":0,"delta":{},"logprobs":null,"finish_reason":"`+chatFinish(r)+`"}]`, tail))
	if usage {
		events = append(events, chunk(false, `[]`, `,"usage":`+chatUsage(r)))
	}
	return append(events, event{[]byte("data: [DONE]\n\n"), false})
}

// id is the call's id, or one in the vendor's form.
func (t Tool) id(prefix string, i int) string {
	if t.ID != "" {
		return t.ID
	}
	return fmt.Sprintf("%s%02dQx7ZbLr4VtWn", prefix, i)
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

// names lists the keys of a set, joined by commas.
func names(set map[string]bool) string {
	var all []string
	for name := range set {
		all = append(all, name)
	}
	return strings.Join(all, ", ")
}
