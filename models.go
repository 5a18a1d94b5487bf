package aiproxy

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/routing"
)

// epoch is what Anthropic's documentation says to send as created_at where the
// day of release is not known.
const epoch = "1970-01-01T00:00:00Z"

// openAIModel is a model in OpenAI's shape.
// https://platform.openai.com/docs/api-reference/models/object
type openAIModel struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

// anthropicModel is a model in Anthropic's shape.
// https://docs.anthropic.com/en/api/models-list
type anthropicModel struct {
	Type           string `json:"type"`
	ID             string `json:"id"`
	DisplayName    string `json:"display_name"`
	CreatedAt      string `json:"created_at"`
	MaxInputTokens int64  `json:"max_input_tokens,omitempty"`
	MaxTokens      int64  `json:"max_tokens,omitempty"`
}

// geminiModel is a model in Gemini's shape.
// https://ai.google.dev/api/models#Model
type geminiModel struct {
	Name             string   `json:"name"`
	BaseModelID      string   `json:"baseModelId"`
	Version          string   `json:"version"`
	DisplayName      string   `json:"displayName"`
	InputTokenLimit  int64    `json:"inputTokenLimit,omitempty"`
	OutputTokenLimit int64    `json:"outputTokenLimit,omitempty"`
	Methods          []string `json:"supportedGenerationMethods"`
}

func displayName(m routing.Model) string {
	if m.DisplayName != "" {
		return m.DisplayName
	}
	return m.Name
}

// modelIn returns a model in the shape of the asking protocol.
func modelIn(p protocol.Protocol, m routing.Model) any {
	switch p {
	case protocol.Messages:
		return anthropicModel{
			Type: "model", ID: m.Name, DisplayName: displayName(m), CreatedAt: epoch,
			MaxInputTokens: m.ContextTokens, MaxTokens: m.MaxOutputTokens,
		}
	case protocol.Gemini:
		return geminiModel{
			Name: "models/" + m.Name, BaseModelID: m.Name, Version: "1", DisplayName: displayName(m),
			InputTokenLimit: m.ContextTokens, OutputTokenLimit: m.MaxOutputTokens,
			Methods: []string{"generateContent", "countTokens", "embedContent"},
		}
	}
	owner := m.OwnedBy
	if owner == "" {
		owner = "aiproxy"
	}
	return openAIModel{ID: m.Name, Object: "model", OwnedBy: owner}
}

// listModels answers with the models that the token may use.
func (x *exchange) listModels(c *routing.Catalogue) {
	models := c.List(x.sets(), x.principal.Token.MayUse)
	var body any
	var err *protocol.Error
	switch x.call.Protocol {
	case protocol.Messages:
		body, err = x.anthropicList(models)
	case protocol.Gemini:
		body, err = x.geminiList(models)
	default:
		body = map[string]any{"object": "list", "data": shaped(x.call.Protocol, models)}
	}
	if err != nil {
		x.refuse(err)
		return
	}
	x.sendJSON(body)
}

// getModel answers with one model.
func (x *exchange) getModel(c *routing.Catalogue) {
	name := strings.TrimPrefix(x.call.Model, "models/")
	m, ok := c.Find(name, x.sets())
	if !ok || !x.principal.Token.MayUse(name) {
		x.refuse(routing.NotFound(name))
		return
	}
	x.sendJSON(modelIn(x.call.Protocol, m))
}

func shaped(p protocol.Protocol, models []routing.Model) []any {
	out := make([]any, 0, len(models))
	for _, m := range models {
		out = append(out, modelIn(p, m))
	}
	return out
}

// anthropicList pages as Anthropic does: limit (20, at most 1000), after_id,
// before_id.
func (x *exchange) anthropicList(models []routing.Model) (any, *protocol.Error) {
	q := x.r.URL.Query()
	limit, err := pageSize(q.Get("limit"), "limit", 20)
	if err != nil {
		return nil, err
	}
	start, end := 0, len(models)
	if id := q.Get("after_id"); id != "" {
		start, err = position(models, id, "after_id")
		start++
	} else if id := q.Get("before_id"); id != "" {
		end, err = position(models, id, "before_id")
		start = max(end-limit, 0)
	}
	if err != nil {
		return nil, err
	}
	more := end-start > limit
	if q.Get("before_id") != "" && q.Get("after_id") == "" {
		more = start > 0
	}
	page := models[start:min(start+limit, end)]
	list := map[string]any{"data": shaped(protocol.Messages, page), "has_more": more, "first_id": nil, "last_id": nil}
	if len(page) > 0 {
		list["first_id"], list["last_id"] = page[0].Name, page[len(page)-1].Name
	}
	return list, nil
}

// geminiList pages as Gemini does: pageSize (50, at most 1000), pageToken.
func (x *exchange) geminiList(models []routing.Model) (any, *protocol.Error) {
	q := x.r.URL.Query()
	size := q.Get("pageSize")
	if size == "0" { // a number that is not set, in Google's protocols
		size = ""
	}
	limit, err := pageSize(size, "pageSize", 50)
	if err != nil {
		return nil, err
	}
	start := 0
	if token := q.Get("pageToken"); token != "" {
		if start, err = position(models, token, "pageToken"); err != nil {
			return nil, err
		}
		start++
	}
	page := models[start:min(start+limit, len(models))]
	list := map[string]any{"models": shaped(protocol.Gemini, page)}
	if start+limit < len(models) {
		list["nextPageToken"] = page[len(page)-1].Name
	}
	return list, nil
}

func pageSize(s, param string, otherwise int) (int, *protocol.Error) {
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, &protocol.Error{Kind: protocol.KindInvalid, Param: param, Message: param + " is not a number from 1 to 1000"}
	}
	return min(n, 1000), nil
}

func position(models []routing.Model, name, param string) (int, *protocol.Error) {
	i := slices.IndexFunc(models, func(m routing.Model) bool { return m.Name == name })
	if i < 0 {
		return 0, &protocol.Error{Kind: protocol.KindInvalid, Param: param, Message: param + " names no model of the list"}
	}
	return i, nil
}

func (x *exchange) sendJSON(v any) {
	body, err := json.Marshal(v)
	if err != nil {
		x.refuse(&protocol.Error{Kind: protocol.KindInternal, Message: "the answer could not be written"})
		return
	}
	x.outcome.Result, x.outcome.Status = "ok", http.StatusOK
	x.send(http.StatusOK, body)
}
