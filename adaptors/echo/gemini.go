package echo

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// gemini is Google's Gemini API (https://ai.google.dev/api/generate-content).
type gemini struct{}

type geminiRequest struct {
	Contents   []geminiContent   `json:"contents"`
	System     *geminiContent    `json:"systemInstruction"`
	Tools      []json.RawMessage `json:"tools"`
	ToolConfig struct {
		Calling struct {
			Mode    string   `json:"mode"`
			Allowed []string `json:"allowedFunctionNames"`
		} `json:"functionCallingConfig"`
	} `json:"toolConfig"`
	Config struct {
		MaxOutputTokens *int `json:"maxOutputTokens"`
		CandidateCount  *int `json:"candidateCount"`
	} `json:"generationConfig"`
	// Generate is the other way to ask for the tokens of a prompt.
	Generate *geminiRequest `json:"generateContentRequest"`
}

type geminiContent struct {
	Role  string `json:"role"`
	Parts texts  `json:"parts"`
}

// camelCase decodes a body of Google's, whose members may be written in
// camelCase or in snake_case, into v, which has them in camelCase.
func camelCase(body []byte, v any) *fault {
	var tree any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return invalid("", "Invalid JSON payload received: %v.", err)
	}
	if _, ok := tree.(map[string]any); !ok {
		return invalid("", "Invalid JSON payload received: expected an object.")
	}
	return decode(encode(camel(tree)), v)
}

func camel(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			words := strings.Split(name, "_")
			for i, word := range words[1:] {
				if word != "" {
					words[i+1] = strings.ToUpper(word[:1]) + word[1:]
				}
			}
			out[strings.Join(words, "")] = camel(value)
		}
		return out
	case []any:
		for i := range v {
			v[i] = camel(v[i])
		}
	}
	return v
}

func (gemini) read(call *adaptors.Call) (*question, *fault) {
	var r geminiRequest
	if f := camelCase(call.Body, &r); f != nil {
		return nil, f
	}
	if n := r.Config.CandidateCount; n != nil && *n != 1 {
		return nil, invalid("generationConfig.candidateCount", "echo has one candidate only")
	}
	// Zero is what Google takes for not set.
	if n := r.Config.MaxOutputTokens; n != nil && *n < 0 {
		return nil, invalid("generationConfig.maxOutputTokens", "max_output_tokens must be positive")
	}
	p, f := r.prompt()
	if f != nil {
		return nil, f
	}
	return &question{
		model: call.UpstreamModel, stream: call.Stream, array: call.Array,
		text: p.last, input: p.total(), limit: value(r.Config.MaxOutputTokens), tool: r.forced(),
	}, nil
}

// prompt reads the texts.
func (r *geminiRequest) prompt() (*prompt, *fault) {
	if len(r.Contents) == 0 {
		return nil, invalid("contents", "* GenerateContentRequest.contents: contents is not specified")
	}
	var p prompt
	if r.System != nil {
		p.count(r.System.Parts)
	}
	for _, c := range r.Contents {
		p.add(c.Role == "user" || c.Role == "", c.Parts)
	}
	p.raw(r.Tools...)
	return &p, nil
}

// forced is the function that the mode ANY forces: the first that is allowed,
// or the first there is.
func (r *geminiRequest) forced() string {
	calling := r.ToolConfig.Calling
	if calling.Mode != "ANY" {
		return ""
	}
	if len(calling.Allowed) > 0 {
		return calling.Allowed[0]
	}
	for _, raw := range r.Tools {
		var t struct {
			Functions []struct{ Name string } `json:"functionDeclarations"`
		}
		if json.Unmarshal(raw, &t) == nil && len(t.Functions) > 0 {
			return t.Functions[0].Name
		}
	}
	return ""
}

// other counts tokens and makes embeddings.
func (gemini) other(call *adaptors.Call) (any, *fault) {
	if call.Operation != protocol.CountTokens {
		return geminiEmbed(call)
	}
	var r geminiRequest
	if f := camelCase(call.Body, &r); f != nil {
		return nil, f
	}
	asked := &r
	if r.Generate != nil {
		asked = r.Generate
	}
	p, f := asked.prompt()
	if f != nil {
		return nil, f
	}
	return struct {
		TotalTokens int           `json:"totalTokens"`
		Details     []geminiCount `json:"promptTokensDetails"`
	}{p.total(), []geminiCount{{"TEXT", p.total()}}}, nil
}

type geminiCount struct {
	Modality   string `json:"modality"`
	TokenCount int    `json:"tokenCount"`
}

type geminiPart struct {
	Text *string     `json:"text,omitempty"`
	Call *geminiCall `json:"functionCall,omitempty"`
}

type geminiCall struct {
	Name string   `json:"name"`
	Args struct{} `json:"args"`
}

type geminiCandidate struct {
	Content struct {
		Parts []geminiPart `json:"parts"`
		Role  string       `json:"role"`
	} `json:"content"`
	FinishReason string `json:"finishReason,omitempty"`
	Index        int    `json:"index"`
}

type geminiUsage struct {
	PromptTokenCount     int           `json:"promptTokenCount"`
	CandidatesTokenCount int           `json:"candidatesTokenCount,omitempty"`
	TotalTokenCount      int           `json:"totalTokenCount"`
	PromptTokensDetails  []geminiCount `json:"promptTokensDetails"`
}

type geminiAnswer struct {
	Candidates    []geminiCandidate `json:"candidates"`
	UsageMetadata geminiUsage       `json:"usageMetadata"`
	ModelVersion  string            `json:"modelVersion"`
	ResponseID    string            `json:"responseId"`
}

// part is an answer, or the part of one, with this text; the last one has the
// reason and the tokens of the answer.
func (gemini) part(an *answer, text string, last bool) *geminiAnswer {
	var c geminiCandidate
	c.Content.Role = "model"
	if an.tool != "" {
		c.Content.Parts = []geminiPart{{Call: &geminiCall{Name: an.tool}}}
	} else {
		c.Content.Parts = []geminiPart{{Text: &text}}
	}
	usage := geminiUsage{
		PromptTokenCount: an.input, TotalTokenCount: an.input,
		PromptTokensDetails: []geminiCount{{"TEXT", an.input}},
	}
	if last {
		c.FinishReason = "STOP"
		if an.cut {
			c.FinishReason = "MAX_TOKENS"
		}
		usage.CandidatesTokenCount = an.output
		usage.TotalTokenCount += an.output
	}
	return &geminiAnswer{[]geminiCandidate{c}, usage, strings.TrimPrefix(an.model, "models/"), an.id}
}

func (g gemini) whole(an *answer) any { return g.part(an, an.text, true) }

func (gemini) streamType(an *answer) string {
	if an.array {
		return "application/json; charset=UTF-8"
	}
	return "text/event-stream"
}

// head is nothing in an event stream: Gemini's first event has content. The
// array's bracket is written with the first element, as Google does.
func (gemini) head(*answer) []byte { return nil }

func (g gemini) piece(an *answer, i int) []byte {
	last := i == len(an.pieces)-1
	return g.element(an, i, g.part(an, an.pieces[i], last))
}

func (gemini) tail(an *answer) []byte {
	if an.array {
		return []byte("\n]")
	}
	return nil
}

// element writes one element: an event, or the i-th of an array.
func (gemini) element(an *answer, i int, v any) []byte {
	if !an.array {
		// Google ends its lines with CRLF.
		return append([]byte("data: "), append(encode(v), "\r\n\r\n"...)...)
	}
	before := ",\n"
	if i == 0 {
		before = "["
	}
	return append([]byte(before), encode(v)...)
}

func (g gemini) faultEvent(an *answer, i int, f *fault) []byte {
	out := g.element(an, i, g.fault(f))
	if an.array {
		out = append(out, "\n]"...)
	}
	return out
}

// geminiStatuses are the names of errors by HTTP status
// (https://cloud.google.com/apis/design/errors#handling_errors).
var geminiStatuses = map[int]string{
	http.StatusBadRequest:          "INVALID_ARGUMENT",
	http.StatusUnauthorized:        "UNAUTHENTICATED",
	http.StatusForbidden:           "PERMISSION_DENIED",
	http.StatusNotFound:            "NOT_FOUND",
	http.StatusConflict:            "ABORTED",
	http.StatusTooManyRequests:     "RESOURCE_EXHAUSTED",
	http.StatusInternalServerError: "INTERNAL",
	http.StatusNotImplemented:      "UNIMPLEMENTED",
	http.StatusServiceUnavailable:  "UNAVAILABLE",
	http.StatusGatewayTimeout:      "DEADLINE_EXCEEDED",
}

func (gemini) fault(f *fault) any {
	type body struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Status  string `json:"status"`
	}
	name := geminiStatuses[f.status]
	if name == "" {
		name = "UNKNOWN"
	}
	return struct {
		Error body `json:"error"`
	}{body{f.status, f.message, name}}
}
