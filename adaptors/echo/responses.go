package echo

import (
	"encoding/json"
	"net/http"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// responses is OpenAI's Responses API
// (https://platform.openai.com/docs/api-reference/responses).
type responses struct{}

type responsesRequest struct {
	Input  json.RawMessage `json:"input"`
	Stream bool            `json:"stream"`
	responsesSettings
}

// responsesSettings are members of a request that its answer repeats.
type responsesSettings struct {
	Instructions       json.RawMessage   `json:"instructions"`
	MaxOutputTokens    *int              `json:"max_output_tokens"`
	Model              string            `json:"model"`
	ParallelToolCalls  *bool             `json:"parallel_tool_calls"`
	PreviousResponseID *string           `json:"previous_response_id"`
	PromptCacheKey     *string           `json:"prompt_cache_key"`
	Reasoning          json.RawMessage   `json:"reasoning"`
	SafetyIdentifier   *string           `json:"safety_identifier"`
	Store              *bool             `json:"store"`
	Temperature        *float64          `json:"temperature"`
	Text               json.RawMessage   `json:"text"`
	ToolChoice         json.RawMessage   `json:"tool_choice"`
	Tools              []json.RawMessage `json:"tools"`
	TopP               *float64          `json:"top_p"`
	Truncation         *string           `json:"truncation"`
	User               *string           `json:"user"`
	Metadata           json.RawMessage   `json:"metadata"`
}

// responsesItem is a message, the call of a tool, or a call's result.
type responsesItem struct {
	Type      string          `json:"type"`
	Role      string          `json:"role"`
	Content   texts           `json:"content"`
	Arguments string          `json:"arguments"`
	Output    json.RawMessage `json:"output"`
}

func (responses) read(call *adaptors.Call) (*question, *fault) {
	var r responsesRequest
	if f := decode(call.Body, &r); f != nil {
		return nil, f
	}
	if r.Model == "" {
		return nil, invalid("model", "Missing required parameter: 'model'.")
	}
	if most := r.MaxOutputTokens; most != nil && *most < 1 {
		return nil, invalid("max_output_tokens", "max_output_tokens: expected a number above 0.")
	}
	var p prompt
	if f := readInput(&p, r.Input); f != nil {
		return nil, f
	}
	var instructions texts
	instructions.read(r.Instructions, 0)
	p.count(instructions)

	var names []string
	for _, raw := range r.Tools {
		p.raw(raw)
		var t struct{ Type, Name string }
		if json.Unmarshal(raw, &t) == nil && t.Type == "function" {
			names = append(names, t.Name)
		}
	}
	var forced struct{ Type, Name string }
	tool := force(r.ToolChoice, "required", names, &forced, &forced.Name)
	if forced.Type != "" && forced.Type != "function" {
		tool = ""
	}
	r.complete()
	return &question{
		model: r.Model, stream: r.Stream, text: p.last, input: p.total(),
		limit: value(r.MaxOutputTokens), tool: tool, settings: &r.responsesSettings,
	}, nil
}

// readInput reads the input: the user's text, or a list of items.
func readInput(p *prompt, input json.RawMessage) *fault {
	if len(input) == 0 || string(input) == "null" {
		return invalid("input", "Missing required parameter: 'input'.")
	}
	var text string
	if json.Unmarshal(input, &text) == nil {
		p.add(true, texts{said: []string{text}})
		return nil
	}
	var items []responsesItem
	if json.Unmarshal(input, &items) != nil {
		return invalid("input", "Invalid type for 'input': expected a string or an array of input items.")
	}
	for _, item := range items {
		if item.Arguments != "" {
			p.tokens += count(item.Arguments)
		}
		var result texts
		result.read(item.Output, 1)
		p.count(result)
		p.add(item.Role == "user", item.Content)
	}
	return nil
}

// complete gives the settings that the client left out OpenAI's defaults.
func (s *responsesSettings) complete() {
	fallback(&s.ParallelToolCalls, true)
	fallback(&s.Store, true)
	fallback(&s.Temperature, 1)
	fallback(&s.TopP, 1)
	fallback(&s.Truncation, "disabled")
	raw(&s.Instructions, "null")
	raw(&s.Reasoning, `{"effort":null,"summary":null}`)
	raw(&s.Text, `{"format":{"type":"text"}}`)
	raw(&s.ToolChoice, `"auto"`)
	raw(&s.Metadata, "{}")
	if s.Tools == nil {
		s.Tools = []json.RawMessage{}
	}
}

func fallback[T any](target **T, v T) {
	if *target == nil {
		*target = &v
	}
}

func raw(target *json.RawMessage, v string) {
	if len(*target) == 0 || string(*target) == "null" {
		*target = json.RawMessage(v)
	}
}

// response is the object that an answer is, and that a stream's first and
// last events hold.
type response struct {
	ID                string  `json:"id"`
	Object            string  `json:"object"`
	CreatedAt         int64   `json:"created_at"`
	Status            string  `json:"status"`
	Background        bool    `json:"background"`
	CompletedAt       *int64  `json:"completed_at"`
	Error             *string `json:"error"`
	IncompleteDetails any     `json:"incomplete_details"`
	Output            []any   `json:"output"`
	ServiceTier       string  `json:"service_tier"`
	responsesSettings
	Usage *responsesUsage `json:"usage"`
}

type responsesUsage struct {
	InputTokens  int `json:"input_tokens"`
	InputDetails struct {
		CachedTokens     int `json:"cached_tokens"`
		CacheWriteTokens int `json:"cache_write_tokens"`
	} `json:"input_tokens_details"`
	OutputTokens  int `json:"output_tokens"`
	OutputDetails struct {
		ReasoningTokens int `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	TotalTokens int `json:"total_tokens"`
}

// begun is the response before it has any output.
func (responses) begun(an *answer) *response {
	return &response{
		ID: "resp_" + an.id, Object: "response", CreatedAt: an.created.Unix(),
		Status: "in_progress", Output: []any{}, ServiceTier: "default",
		responsesSettings: *an.settings,
	}
}

// ended is the response when all has been said.
func (r responses) ended(an *answer) *response {
	resp := r.begun(an)
	resp.Output = append(resp.Output, r.item(an, true))
	resp.Usage = &responsesUsage{
		InputTokens: an.input, OutputTokens: an.output, TotalTokens: an.input + an.output,
	}
	if an.cut {
		resp.Status = "incomplete"
		resp.IncompleteDetails = map[string]string{"reason": "max_output_tokens"}
		return resp
	}
	resp.Status = "completed"
	resp.CompletedAt = pointer(an.created.Unix())
	return resp
}

type responsesText struct {
	Type        string     `json:"type"`
	Annotations []struct{} `json:"annotations"`
	Logprobs    []struct{} `json:"logprobs"`
	Text        string     `json:"text"`
}

func textPart(text string) responsesText {
	return responsesText{"output_text", []struct{}{}, []struct{}{}, text}
}

// item is the one item of the output, before or after its content.
func (responses) item(an *answer, done bool) any {
	status, text := "in_progress", ""
	if done {
		status, text = "completed", an.text
		if an.cut {
			status = "incomplete"
		}
	}
	if an.tool != "" {
		return struct {
			ID        string `json:"id"`
			Type      string `json:"type"`
			Status    string `json:"status"`
			Arguments string `json:"arguments"`
			CallID    string `json:"call_id"`
			Name      string `json:"name"`
		}{"fc_" + an.id, "function_call", status, text, "call_" + an.id, an.tool}
	}
	content := []responsesText{}
	if done {
		content = append(content, textPart(text))
	}
	return struct {
		ID      string          `json:"id"`
		Type    string          `json:"type"`
		Status  string          `json:"status"`
		Content []responsesText `json:"content"`
		Role    string          `json:"role"`
	}{"msg_" + an.id, "message", status, content, "assistant"}
}

func (r responses) whole(an *answer) any { return r.ended(an) }

func (responses) other(call *adaptors.Call) (any, *fault) {
	return nil, &fault{status: http.StatusNotImplemented, message: "echo has no " + call.Operation.String() + " in protocol " + protocol.Responses.String()}
}

func (responses) fault(f *fault) any { return openAIFault(f) }
