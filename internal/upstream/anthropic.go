package upstream

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// anthropic is Anthropic's API: messages and their token count.
type anthropic struct{}

func (anthropic) base() string { return "/v1" }

func (anthropic) models() []string {
	return []string{"claude-sonnet-4-5", "claude-haiku-4-5"}
}

func (anthropic) requestID() (string, string) { return "Request-Id", "req_011CVTmQk7x2P9nLw4sJ5bYd" }

func (anthropic) authenticate(r *Request, key string) *refusal {
	switch r.Header.Get("X-Api-Key") {
	case key:
		return nil
	case "":
		return &refusal{status: 401, kind: "authentication_error", message: "x-api-key header is required"}
	}
	return &refusal{status: 401, kind: "authentication_error", message: "invalid x-api-key"}
}

// anthropicVersions are the versions of the API that clients ask for.
var anthropicVersions = []string{"2023-01-01", "2023-06-01", "2026-10-21"}

var anthropicPaths = map[string]struct {
	fields fields
	make   func(model string, body map[string]json.RawMessage) *operation
}{
	"/messages":              {messagesFields, messagesOperation},
	"/messages/count_tokens": {countFields, countOperation},
}

func (anthropic) understand(s *Server, r *Request, anyBody bool) (*operation, *refusal) {
	path, ok := anthropicPaths[r.Path]
	switch {
	case !ok:
		return nil, &refusal{status: 404, kind: "not_found_error", message: "Not found"}
	case r.Method != http.MethodPost:
		return nil, &refusal{status: 405, kind: "invalid_request_error", message: "Method Not Allowed"}
	case r.Header.Get("Anthropic-Version") == "":
		return nil, invalidAnthropic("anthropic-version: header is required")
	case !slices.Contains(anthropicVersions, r.Header.Get("Anthropic-Version")):
		return nil, invalidAnthropic(fmt.Sprintf("anthropic-version: %q is not a valid version", r.Header.Get("Anthropic-Version")))
	case !isJSON(r.Header):
		return nil, invalidAnthropic("content-type: expected \"application/json\"")
	}
	body := members(r.Body)
	model := text(body["model"])
	if anyBody {
		return path.make(model, body), nil
	}
	if body == nil {
		return nil, invalidAnthropic("The request body is not valid JSON: expected value at line 1 column 1 (char 0)")
	}
	if f := path.fields.check(body); f != nil {
		return nil, anthropicFault(f)
	}
	if !s.knows(model) {
		return nil, &refusal{status: 404, kind: "not_found_error", message: "model: " + model}
	}
	if refused := checkMessages(body); refused != nil {
		return nil, refused
	}
	return path.make(model, body), nil
}

// anthropicTypes are the words of the vendor's validator for a wrong type.
var anthropicTypes = map[string]string{
	"string": "string", "integer": "integer", "number": "number", "boolean": "boolean", "array": "list", "object": "dictionary",
}

func anthropicFault(f *fault) *refusal {
	switch f.wrong {
	case unknown:
		return invalidAnthropic(f.name + ": Extra inputs are not permitted")
	case missing:
		return invalidAnthropic(f.name + ": Field required")
	default:
		return invalidAnthropic(f.name + ": Input should be a valid " + anthropicTypes[f.want.String()])
	}
}

func invalidAnthropic(message string) *refusal {
	return &refusal{status: 400, kind: "invalid_request_error", message: message}
}

var anthropicErrors = map[int]refusal{
	400: {kind: "invalid_request_error", message: "messages: Invalid request."},
	401: {kind: "authentication_error", message: "invalid x-api-key"},
	403: {kind: "permission_error", message: "Your API key does not have permission to use the specified resource."},
	404: {kind: "not_found_error", message: "model: claude-gone"},
	413: {kind: "request_too_large", message: "Request exceeds the maximum size"},
	429: {kind: "rate_limit_error", message: "This request would exceed your organization's rate limit of 30,000 input tokens per minute."},
	503: {kind: "overloaded_error", message: "Overloaded"},
	529: {kind: "overloaded_error", message: "Overloaded"},
}

func (anthropic) errorOf(status int) refusal {
	e, ok := anthropicErrors[status]
	if !ok {
		e = refusal{kind: "api_error", message: "Internal server error"}
	}
	e.status = status
	return e
}

func (a anthropic) errorBody(e refusal) []byte {
	_, id := a.requestID()
	return fmt.Appendf(nil, `{"type":"error","error":{"type":%s,"message":%s},"request_id":%s}`, quote(e.kind), quote(e.message), quote(id))
}
