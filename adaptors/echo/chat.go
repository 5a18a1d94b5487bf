package echo

import (
	"encoding/json"
	"net/http"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
)

// chat is OpenAI's Chat Completions API
// (https://platform.openai.com/docs/api-reference/chat).
type chat struct{}

type chatRequest struct {
	Model         string             `json:"model"`
	Messages      []chatMessage      `json:"messages"`
	Stream        bool               `json:"stream"`
	StreamOptions *chatStreamOptions `json:"stream_options"`
	Tools         []chatTool         `json:"tools"`
	ToolChoice    json.RawMessage    `json:"tool_choice"`
	MaxTokens     *int               `json:"max_tokens"`
	MaxCompletion *int               `json:"max_completion_tokens"`
	N             *int               `json:"n"`
}

type chatStreamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type chatMessage struct {
	Role      string            `json:"role"`
	Content   texts             `json:"content"`
	ToolCalls []json.RawMessage `json:"tool_calls"`
}

type chatTool struct {
	raw      json.RawMessage
	Function struct {
		Name string `json:"name"`
	} `json:"function"`
}

// UnmarshalJSON keeps the definition for counting.
func (t *chatTool) UnmarshalJSON(b []byte) error {
	type plain chatTool
	t.raw = append(t.raw, b...)
	return json.Unmarshal(b, (*plain)(t))
}

func (chat) read(call *adaptors.Call) (*question, *fault) {
	var r chatRequest
	if f := decode(call.Body, &r); f != nil {
		return nil, f
	}
	most, name := r.MaxCompletion, "max_completion_tokens"
	if most == nil {
		most, name = r.MaxTokens, "max_tokens"
	}
	switch {
	case r.Model == "":
		return nil, invalid("model", "you must provide a model parameter")
	case len(r.Messages) == 0:
		return nil, invalid("messages", "messages: expected at least one message.")
	case r.N != nil && *r.N != 1:
		return nil, invalid("n", "n: echo has one answer only.")
	case r.StreamOptions != nil && !r.Stream:
		return nil, invalid("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	case most != nil && *most < 1:
		return nil, invalid(name, "%s: expected a number above 0.", name)
	}
	var p prompt
	for _, m := range r.Messages {
		if m.Role == "" {
			return nil, invalid("messages", "messages: each message must have a role.")
		}
		p.add(m.Role == "user", m.Content)
		p.raw(m.ToolCalls...)
	}
	var names []string
	for _, t := range r.Tools {
		p.raw(t.raw)
		names = append(names, t.Function.Name)
	}
	q := &question{
		model: r.Model, stream: r.Stream,
		usage: r.StreamOptions != nil && r.StreamOptions.IncludeUsage,
		text:  p.last, input: p.total(), limit: value(most),
	}
	var forced struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	q.tool = force(r.ToolChoice, "required", names, &forced, &forced.Function.Name)
	return q, nil
}

// force returns the function that a choice of tools forces: the word that
// means any of them forces the first, an object the one that it names.
func force(choice json.RawMessage, anyTool string, names []string, object any, name *string) string {
	var word string
	if json.Unmarshal(choice, &word) == nil {
		if word != anyTool {
			return ""
		}
		for _, name := range names {
			if name != "" {
				return name
			}
		}
		return ""
	}
	if json.Unmarshal(choice, object) != nil {
		return ""
	}
	return *name
}

func value(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

type chatUsage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
	PromptDetails    struct {
		CachedTokens int `json:"cached_tokens"`
		AudioTokens  int `json:"audio_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionDetails struct {
		ReasoningTokens          int `json:"reasoning_tokens"`
		AudioTokens              int `json:"audio_tokens"`
		AcceptedPredictionTokens int `json:"accepted_prediction_tokens"`
		RejectedPredictionTokens int `json:"rejected_prediction_tokens"`
	} `json:"completion_tokens_details"`
}

func chatUsageOf(an *answer) *chatUsage {
	return &chatUsage{PromptTokens: an.input, CompletionTokens: an.output, TotalTokens: an.input + an.output}
}

type chatCall struct {
	Index    *int         `json:"index,omitempty"`
	ID       string       `json:"id,omitempty"`
	Type     string       `json:"type,omitempty"`
	Function chatFunction `json:"function"`
}

type chatFunction struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

// reason is the finish_reason of a whole answer.
func (chat) reason(an *answer) string {
	switch {
	case an.tool != "":
		return "tool_calls"
	case an.cut:
		return "length"
	default:
		return "stop"
	}
}

func (c chat) whole(an *answer) any {
	type message struct {
		Role        string     `json:"role"`
		Content     *string    `json:"content"`
		Refusal     *string    `json:"refusal"`
		Annotations []struct{} `json:"annotations"`
		ToolCalls   []chatCall `json:"tool_calls,omitempty"`
	}
	type choice struct {
		Index        int       `json:"index"`
		Message      message   `json:"message"`
		Logprobs     *struct{} `json:"logprobs"`
		FinishReason string    `json:"finish_reason"`
	}
	m := message{Role: "assistant", Annotations: []struct{}{}}
	if an.tool != "" {
		m.ToolCalls = []chatCall{{
			ID: "call_" + an.id, Type: "function",
			Function: chatFunction{Name: an.tool, Arguments: an.text},
		}}
	} else {
		m.Content = &an.text
	}
	return struct {
		ID      string     `json:"id"`
		Object  string     `json:"object"`
		Created int64      `json:"created"`
		Model   string     `json:"model"`
		Choices []choice   `json:"choices"`
		Usage   *chatUsage `json:"usage"`
	}{
		"chatcmpl-" + an.id, "chat.completion", an.created.Unix(), an.model,
		[]choice{{Message: m, FinishReason: c.reason(an)}}, chatUsageOf(an),
	}
}

func (chat) other(call *adaptors.Call) (any, *fault) { return chatEmbed(call) }

func (chat) fault(f *fault) any { return openAIFault(f) }

// openAIFault is the body of an error of OpenAI's APIs.
func openAIFault(f *fault) any {
	type body struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	}
	b := body{Message: f.message, Type: "invalid_request_error"}
	if f.param != "" {
		b.Param = &f.param
	}
	switch {
	case f.status == http.StatusUnauthorized:
		b.Code = pointer("invalid_api_key")
	case f.status == http.StatusNotFound:
		b.Code = pointer("model_not_found")
	case f.status == http.StatusTooManyRequests:
		b.Type, b.Code = "requests", pointer("rate_limit_exceeded")
	case f.status >= 500:
		b.Type, b.Code = "server_error", pointer("server_error")
	}
	return struct {
		Error body `json:"error"`
	}{b}
}

func pointer[T any](v T) *T { return &v }
