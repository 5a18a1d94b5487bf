package upstream

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// openAI is OpenAI's API: chat completions, responses and embeddings.
type openAI struct{}

func (openAI) base() string { return "/v1" }

func (openAI) models() []string {
	return []string{"gpt-5", "gpt-5-mini", "gpt-4o-2024-11-20", "text-embedding-3-small"}
}

func (openAI) requestID() (string, string) { return "X-Request-Id", "req_8f6f2d1c0b7e4a53" }

func (openAI) authenticate(r *Request, key string) *refusal {
	sent, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !ok || sent == "":
		return &refusal{status: 401, kind: "invalid_request_error", message: "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."}
	case sent != key:
		return &refusal{status: 401, kind: "invalid_request_error", code: "invalid_api_key", message: "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys."}
	}
	return nil
}

// openAIPaths are the operations: what a body may hold, and how to go on.
var openAIPaths = map[string]struct {
	fields fields
	check  func(map[string]json.RawMessage) *refusal
	make   func(model string, body map[string]json.RawMessage) *operation
}{
	"/chat/completions": {chatFields, checkChat, chatOperation},
	"/responses":        {responsesFields, checkResponses, responsesOperation},
	"/embeddings":       {embeddingsFields, checkEmbeddings, embeddingsOperation},
}

func (a openAI) understand(s *Server, r *Request, anyBody bool) (*operation, *refusal) {
	path, ok := openAIPaths[r.Path]
	switch {
	case !ok:
		return nil, invalidOpenAI(404, "", "", fmt.Sprintf("Invalid URL (%s /v1%s)", r.Method, r.Path))
	case r.Method != http.MethodPost:
		return nil, invalidOpenAI(405, "method_not_supported", "", fmt.Sprintf("Not allowed to %s on %s.", r.Method, r.Path))
	case !isJSON(r.Header):
		return nil, invalidOpenAI(400, "unsupported_content_type", "", fmt.Sprintf("Unsupported content type: '%s'. This API method only accepts 'application/json' requests, but you specified the header 'Content-Type: %[1]s'. Please try again with a supported content type.", r.Header.Get("Content-Type")))
	}
	body := members(r.Body)
	if anyBody {
		return path.make(text(body["model"]), body), nil
	}
	if body == nil {
		return nil, invalidOpenAI(400, "", "", "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)")
	}
	if f := path.fields.check(body); f != nil {
		return nil, openAIFault(f)
	}
	model := text(body["model"])
	if !s.knows(model) {
		return nil, invalidOpenAI(404, "model_not_found", "", fmt.Sprintf("The model `%s` does not exist or you do not have access to it.", model))
	}
	if refused := path.check(body); refused != nil {
		return nil, refused
	}
	return path.make(model, body), nil
}

// openAIFault words what is wrong with a member.
func openAIFault(f *fault) *refusal {
	switch f.wrong {
	case unknown:
		return invalidOpenAI(400, "unknown_parameter", f.name, fmt.Sprintf("Unknown parameter: '%s'.", f.name))
	case missing:
		return invalidOpenAI(400, "missing_required_parameter", f.name, fmt.Sprintf("Missing required parameter: '%s'.", f.name))
	default:
		return invalidOpenAI(400, "invalid_type", f.name, fmt.Sprintf("Invalid type for '%s': expected %s, but got %s instead.", f.name, article(f.want), article(f.got)))
	}
}

func article(s shape) string {
	name := s.String()
	if strings.ContainsRune("aio", rune(name[0])) {
		return "an " + name
	}
	return "a " + name
}

func invalidOpenAI(status int, code, param, message string) *refusal {
	return &refusal{status: status, kind: "invalid_request_error", code: code, param: param, message: message}
}

var openAIErrors = map[int]refusal{
	400: {kind: "invalid_request_error", message: "Invalid request."},
	401: {kind: "invalid_request_error", code: "invalid_api_key", message: "Incorrect API key provided."},
	403: {kind: "invalid_request_error", code: "unsupported_country_region_territory", message: "Country, region, or territory not supported"},
	404: {kind: "invalid_request_error", code: "model_not_found", message: "The model `gpt-gone` does not exist or you do not have access to it."},
	429: {kind: "tokens", code: "rate_limit_exceeded", message: "Rate limit reached for gpt-5 in organization org-x on tokens per min (TPM): Limit 30000, Used 30000, Requested 19."},
	503: {kind: "server_error", message: "The engine is currently overloaded, please try again later."},
}

func (openAI) errorOf(status int) refusal {
	e, ok := openAIErrors[status]
	if !ok {
		e = refusal{kind: "server_error", message: "The server had an error while processing your request. Sorry about that!"}
	}
	e.status = status
	return e
}

func (openAI) errorBody(e refusal) []byte {
	return []byte(fmt.Sprintf("{\n  \"error\": {\n    \"message\": %s,\n    \"type\": %s,\n    \"param\": %s,\n    \"code\": %s\n  }\n}",
		quote(e.message), quote(e.kind), orNull(e.param), orNull(e.code)))
}

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return quote(s)
}

func isJSON(h http.Header) bool {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/json")
}

// streamed says whether a body asks for a stream.
func streamed(body map[string]json.RawMessage) bool { return string(body["stream"]) == "true" }
