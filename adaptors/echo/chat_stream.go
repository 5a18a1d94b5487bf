package echo

import "encoding/json"

type chatDelta struct {
	Role      string     `json:"role,omitempty"`
	Content   *string    `json:"content,omitempty"`
	ToolCalls []chatCall `json:"tool_calls,omitempty"`
}

type chatChoice struct {
	Index        int       `json:"index"`
	Delta        any       `json:"delta"`
	Logprobs     *struct{} `json:"logprobs"`
	FinishReason *string   `json:"finish_reason"`
}

type chatChunk struct {
	ID      string       `json:"id"`
	Object  string       `json:"object"`
	Created int64        `json:"created"`
	Model   string       `json:"model"`
	Choices []chatChoice `json:"choices"`
	// Usage is null in all chunks but the last where the client asked for it,
	// and else in none.
	Usage json.RawMessage `json:"usage,omitempty"`
}

// chunk makes one event; with a choice where delta is not nil.
func (chat) chunk(an *answer, delta any, reason *string, usage *chatUsage) []byte {
	c := chatChunk{
		ID: "chatcmpl-" + an.id, Object: "chat.completion.chunk",
		Created: an.created.Unix(), Model: an.model, Choices: []chatChoice{},
	}
	if delta != nil {
		c.Choices = append(c.Choices, chatChoice{Delta: delta, FinishReason: reason})
	}
	if an.usage {
		c.Usage = encode(usage)
	}
	return event("", c)
}

func (chat) streamType(*answer) string { return "text/event-stream; charset=utf-8" }

func (c chat) head(an *answer) []byte {
	if an.tool == "" {
		return c.chunk(an, struct {
			Role    string  `json:"role"`
			Content string  `json:"content"`
			Refusal *string `json:"refusal"`
		}{"assistant", "", nil}, nil, nil)
	}
	return c.chunk(an, struct {
		Role      string     `json:"role"`
		Content   *string    `json:"content"`
		ToolCalls []chatCall `json:"tool_calls"`
		Refusal   *string    `json:"refusal"`
	}{"assistant", nil, []chatCall{{
		Index: new(int), ID: "call_" + an.id, Type: "function",
		Function: chatFunction{Name: an.tool},
	}}, nil}, nil, nil)
}

func (c chat) piece(an *answer, i int) []byte {
	if an.tool != "" {
		return c.chunk(an, chatDelta{ToolCalls: []chatCall{{
			Index: new(int), Function: chatFunction{Arguments: an.pieces[i]},
		}}}, nil, nil)
	}
	return c.chunk(an, chatDelta{Content: &an.pieces[i]}, nil, nil)
}

func (c chat) tail(an *answer) []byte {
	out := c.chunk(an, chatDelta{}, pointer(c.reason(an)), nil)
	if an.usage {
		out = append(out, c.chunk(an, nil, nil, chatUsageOf(an))...)
	}
	return append(out, "data: [DONE]\n\n"...)
}

func (chat) faultEvent(_ *answer, _ int, f *fault) []byte { return event("", openAIFault(f)) }
