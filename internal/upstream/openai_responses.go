package upstream

import (
	"encoding/json"
	"fmt"
	"strings"
)

var responsesFields = fields{
	required: []string{"model"},
	known: union(
		among(aString|anArray, "input", "conversation"),
		among(aString, "model", "instructions", "previous_response_id", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier", "truncation", "user"),
		among(aBool, "background", "parallel_tool_calls", "store", "stream"),
		among(anArray, "include", "tools", "context_management"),
		among(anInteger, "max_output_tokens", "max_tool_calls", "top_logprobs"),
		among(anObject, "metadata", "prompt", "reasoning", "stream_options", "text", "client_metadata", "conversation"),
		among(aNumber, "temperature", "top_p"),
		among(aString|anObject, "tool_choice"),
	),
}

type responsesItem struct {
	Type   string `json:"type"`
	Role   string `json:"role"`
	CallID string `json:"call_id"`
}

// checkResponses holds the rules between items: each function call has its
// output, and the reverse.
func checkResponses(body map[string]json.RawMessage) *refusal {
	if body["stream_options"] != nil && !streamed(body) {
		return invalidOpenAI(400, "", "stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	}
	if shapeOf(body["input"])&(aString|anArray) == 0 && body["previous_response_id"] == nil && body["prompt"] == nil && body["conversation"] == nil {
		return invalidOpenAI(400, "missing_required_parameter", "input", "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.")
	}
	if shapeOf(body["input"]) != anArray {
		return nil
	}
	var items []responsesItem
	if err := json.Unmarshal(body["input"], &items); err != nil {
		return invalidOpenAI(400, "invalid_type", "input", "Invalid type for 'input': expected an array of objects.")
	}
	open := map[string]bool{}
	for i, item := range items {
		switch item.Type {
		case "", "message":
			switch item.Role {
			case "user", "assistant", "system", "developer":
			default:
				return invalidOpenAI(400, "invalid_value", fmt.Sprintf("input[%d].role", i), fmt.Sprintf("Invalid value: '%s'. Supported values are: 'assistant', 'system', 'developer', and 'user'.", item.Role))
			}
		case "function_call", "custom_tool_call":
			open[item.CallID] = true
		case "function_call_output", "custom_tool_call_output":
			if !open[item.CallID] && body["previous_response_id"] == nil {
				return invalidOpenAI(400, "", "input", fmt.Sprintf("No tool call found for function call output with call_id %s.", item.CallID))
			}
			delete(open, item.CallID)
		}
	}
	if len(open) > 0 {
		return invalidOpenAI(400, "", "input", fmt.Sprintf("No tool output found for function call %s.", names(open)))
	}
	return nil
}

const (
	responseID = "resp_0a4c1f7be93d5e2200692550b8d4a48193a7"
	messageID  = "msg_0a4c1f7be93d5e2200692550b97f3c8193b2"
	callItemID = "fc_0a4c1f7be93d5e2200692550b9c0e48193d1"
)

func responsesOperation(model string, body map[string]json.RawMessage) *operation {
	return &operation{
		stream: streamed(body),
		body:   func(r Reply) []byte { return append([]byte(responseObject(model, r, "completed")), '\n') },
		events: func(r Reply) []event { return responsesEvents(model, r) },
		failure: func(e refusal) []byte {
			return fmt.Appendf(nil, "event: error\ndata: {\"type\":\"error\",\"sequence_number\":3,\"code\":%s,\"message\":%s,\"param\":null}\n\n", quote(e.kind), quote(e.message))
		},
	}
}

// responseObject is the response as it stands in the answer and in the events
// that frame a stream.
func responseObject(model string, r Reply, status string) string {
	output, usage, done := "", "null", "null"
	if status == "completed" {
		output, usage, done = strings.Join(responseItems(r, "completed"), ","), responseUsage(r), "1764028803"
	}
	return fmt.Sprintf(`{"id":"%s","object":"response","created_at":1764028800,"status":"%s","background":false,"completed_at":%s,"error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,"max_tool_calls":null,"model":%s,"output":[%s],"parallel_tool_calls":true,"previous_response_id":null,"prompt_cache_key":null,"reasoning":{"effort":"medium","summary":null},"safety_identifier":null,"service_tier":"default","store":true,"temperature":1.0,"text":{"format":{"type":"text"},"verbosity":"medium"},"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1.0,"truncation":"disabled","usage":%s,"user":null,"metadata":{}}`,
		responseID, status, done, quote(model), output, usage)
}

func responseUsage(r Reply) string {
	input, output := r.usage()
	return fmt.Sprintf(`{"input_tokens":%d,"input_tokens_details":{"cached_tokens":0},"output_tokens":%d,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":%d}`, input, output, input+output)
}

func responseText(s string) string {
	return `{"type":"output_text","annotations":[],"logprobs":[],"text":` + quote(s) + `}`
}

// responseItems are the output items, as they begin (in_progress) or end.
func responseItems(r Reply, status string) (items []string) {
	begun := status == "in_progress"
	if r.Text != "" {
		content := responseText(r.Text)
		if begun {
			content = ""
		}
		items = append(items, fmt.Sprintf(`{"id":"%s","type":"message","status":"%s","content":[%s],"role":"assistant"}`, messageID, status, content))
	}
	for i, t := range r.Tools {
		arguments := t.Arguments
		if begun {
			arguments = ""
		}
		items = append(items, fmt.Sprintf(`{"id":"%s%d","type":"function_call","status":"%s","arguments":%s,"call_id":%s,"name":%s}`, callItemID, i, status, quote(arguments), quote(t.id("call_", i)), quote(t.Name)))
	}
	return items
}

func responsesEvents(model string, r Reply) []event {
	var events []event
	add := func(content bool, kind, rest string) {
		events = append(events, event{fmt.Appendf(nil, "event: %s\ndata: {\"type\":\"%[1]s\",\"sequence_number\":%d,%s}\n\n", kind, len(events), rest), content})
	}
	add(false, "response.created", `"response":`+responseObject(model, r, "in_progress"))
	add(false, "response.in_progress", `"response":`+responseObject(model, r, "in_progress"))
	begun, ended := responseItems(r, "in_progress"), responseItems(r, "completed")
	for i := range begun {
		add(false, "response.output_item.added", fmt.Sprintf(`"output_index":%d,"item":%s`, i, begun[i]))
		if i == 0 && r.Text != "" {
			at := fmt.Sprintf(`"item_id":"%s","output_index":0,"content_index":0,`, messageID)
			add(false, "response.content_part.added", at+`"part":`+responseText(""))
			for _, piece := range r.pieces(r.Text) {
				add(true, "response.output_text.delta", at+`"delta":`+quote(piece)+`,"logprobs":[],"obfuscation":"Zt0q"`)
			}
			add(false, "response.output_text.done", at+`"text":`+quote(r.Text)+`,"logprobs":[]`)
			add(false, "response.content_part.done", at+`"part":`+responseText(r.Text))
		} else {
			n := i - len(begun) + len(r.Tools)
			at := fmt.Sprintf(`"item_id":"%s%d","output_index":%d,`, callItemID, n, i)
			for _, piece := range r.pieces(r.Tools[n].Arguments) {
				add(true, "response.function_call_arguments.delta", at+`"delta":`+quote(piece)+`,"obfuscation":"b"`)
			}
			add(false, "response.function_call_arguments.done", at+`"arguments":`+quote(r.Tools[n].Arguments))
		}
		add(false, "response.output_item.done", fmt.Sprintf(`"output_index":%d,"item":%s`, i, ended[i]))
	}
	add(false, "response.completed", `"response":`+responseObject(model, r, "completed"))
	return events
}
