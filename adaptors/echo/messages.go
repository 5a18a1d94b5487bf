package echo

import (
	"encoding/json"
	"net/http"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
)

// messages is Anthropic's Messages API (https://docs.claude.com/en/api/messages).
type messages struct{}

type messagesRequest struct {
	Model     string            `json:"model"`
	MaxTokens *int              `json:"max_tokens"`
	System    texts             `json:"system"`
	Messages  []messagesMessage `json:"messages"`
	Stream    bool              `json:"stream"`
	Tools     []messagesTool    `json:"tools"`
	Choice    struct {
		Type string `json:"type"`
		Name string `json:"name"`
	} `json:"tool_choice"`
}

type messagesMessage struct {
	Role    string `json:"role"`
	Content texts  `json:"content"`
}

type messagesTool struct {
	raw  json.RawMessage
	Name string `json:"name"`
}

// UnmarshalJSON keeps the definition for counting.
func (t *messagesTool) UnmarshalJSON(b []byte) error {
	type plain messagesTool
	t.raw = append(t.raw, b...)
	return json.Unmarshal(b, (*plain)(t))
}

func (messages) read(call *adaptors.Call) (*question, *fault) {
	var r messagesRequest
	q, f := r.read(call)
	if f != nil {
		return nil, f
	}
	switch {
	case r.MaxTokens == nil:
		return nil, invalid("max_tokens", "max_tokens: Field required")
	case *r.MaxTokens < 1:
		return nil, invalid("max_tokens", "max_tokens: must be greater than or equal to 1")
	}
	q.limit = *r.MaxTokens
	return q, nil
}

// other counts the tokens of a prompt.
func (messages) other(call *adaptors.Call) (any, *fault) {
	q, f := new(messagesRequest).read(call)
	if f != nil {
		return nil, f
	}
	return struct {
		InputTokens int `json:"input_tokens"`
	}{q.input}, nil
}

// read reads what messages and the counting of their tokens have in common.
func (r *messagesRequest) read(call *adaptors.Call) (*question, *fault) {
	if f := decode(call.Body, r); f != nil {
		return nil, f
	}
	switch {
	case r.Model == "":
		return nil, invalid("model", "model: Field required")
	case len(r.Messages) == 0:
		return nil, invalid("messages", "messages: at least one message is required")
	}
	var p prompt
	p.count(r.System)
	for _, m := range r.Messages {
		if m.Role == "" {
			return nil, invalid("messages", "messages.0.role: Field required")
		}
		p.add(m.Role == "user", m.Content)
	}
	for _, t := range r.Tools {
		p.raw(t.raw)
	}
	q := &question{model: r.Model, stream: r.Stream, text: p.last, input: p.total()}
	switch {
	case r.Choice.Type == "tool":
		q.tool = r.Choice.Name
	case r.Choice.Type == "any" && len(r.Tools) > 0:
		q.tool = r.Tools[0].Name
	}
	return q, nil
}

type messagesUsage struct {
	InputTokens              int `json:"input_tokens"`
	CacheCreationInputTokens int `json:"cache_creation_input_tokens"`
	CacheReadInputTokens     int `json:"cache_read_input_tokens"`
	CacheCreation            struct {
		Ephemeral5mInputTokens int `json:"ephemeral_5m_input_tokens"`
		Ephemeral1hInputTokens int `json:"ephemeral_1h_input_tokens"`
	} `json:"cache_creation"`
	OutputTokens int    `json:"output_tokens"`
	ServiceTier  string `json:"service_tier"`
}

type message struct {
	ID           string         `json:"id"`
	Type         string         `json:"type"`
	Role         string         `json:"role"`
	Model        string         `json:"model"`
	Content      []any          `json:"content"`
	StopReason   *string        `json:"stop_reason"`
	StopSequence *string        `json:"stop_sequence"`
	Usage        *messagesUsage `json:"usage"`
}

type messagesText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type messagesCall struct {
	Type  string   `json:"type"`
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Input struct{} `json:"input"`
}

// message is the answer with so many output tokens, and without content.
func (messages) message(an *answer, output int) *message {
	return &message{
		ID: "msg_" + an.id, Type: "message", Role: "assistant", Model: an.model, Content: []any{},
		Usage: &messagesUsage{InputTokens: an.input, OutputTokens: output, ServiceTier: "standard"},
	}
}

// block is the one block of content, with so much text.
func (messages) block(an *answer, text string) any {
	if an.tool != "" {
		return messagesCall{Type: "tool_use", ID: "toolu_" + an.id, Name: an.tool}
	}
	return messagesText{"text", text}
}

// reason is the stop_reason.
func (messages) reason(an *answer) *string {
	switch {
	case an.tool != "":
		return pointer("tool_use")
	case an.cut:
		return pointer("max_tokens")
	default:
		return pointer("end_turn")
	}
}

func (m messages) whole(an *answer) any {
	msg := m.message(an, an.output)
	msg.Content = append(msg.Content, m.block(an, an.text))
	msg.StopReason = m.reason(an)
	return msg
}

// messagesTypes are the types of errors by status; others are of the API's
// general type (https://docs.claude.com/en/api/errors).
var messagesTypes = map[int]string{
	http.StatusBadRequest:            "invalid_request_error",
	http.StatusUnauthorized:          "authentication_error",
	http.StatusPaymentRequired:       "billing_error",
	http.StatusForbidden:             "permission_error",
	http.StatusNotFound:              "not_found_error",
	http.StatusRequestEntityTooLarge: "request_too_large",
	http.StatusTooManyRequests:       "rate_limit_error",
	http.StatusGatewayTimeout:        "timeout_error",
	529:                              "overloaded_error",
}

func (messages) fault(f *fault) any {
	type body struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	t := messagesTypes[f.status]
	switch {
	case t != "":
	case f.status < 500:
		t = "invalid_request_error"
	default:
		t = "api_error"
	}
	return struct {
		Type  string `json:"type"`
		Error body   `json:"error"`
	}{"error", body{t, f.message}}
}
