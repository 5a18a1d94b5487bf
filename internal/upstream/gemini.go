package upstream

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// gemini is Google's Gemini API, under v1beta and v1.
type gemini struct{}

func (gemini) base() string { return "/v1beta" }

func (gemini) models() []string {
	return []string{"gemini-2.5-flash", "gemini-2.5-pro", "gemini-embedding-001"}
}

func (gemini) requestID() (string, string) { return "X-Cloud-Trace-Context", "8f6f2d1c0b7e4a53" }

func (gemini) authenticate(r *Request, key string) *refusal {
	sent := r.Header.Get("X-Goog-Api-Key")
	if sent == "" {
		sent = r.Query.Get("key")
	}
	switch sent {
	case key:
		return nil
	case "":
		return &refusal{status: 403, kind: "PERMISSION_DENIED", message: "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API."}
	}
	return &refusal{status: 400, kind: "INVALID_ARGUMENT", code: "API_KEY_INVALID", message: "API key not valid. Please pass a valid API key."}
}

// geminiCalls are the operations by the word after the colon.
var geminiCalls = map[string]struct {
	message string // the request's name in error messages
	fields  fields
	check   func(s *Server, model string, body map[string]json.RawMessage) *refusal
	make    func(model string, body map[string]json.RawMessage) *operation
}{
	"generateContent":       {"GenerateContentRequest", generateFields, checkContents, generateOperation},
	"streamGenerateContent": {"GenerateContentRequest", generateFields, checkContents, generateOperation},
	"countTokens":           {"CountTokensRequest", countTokensFields, checkCount, countTokensOperation},
	"embedContent":          {"EmbedContentRequest", embedFields, checkEmbed, embedOperation},
	"batchEmbedContents":    {"BatchEmbedContentsRequest", batchEmbedFields, checkBatchEmbed, batchEmbedOperation},
}

func (gemini) understand(s *Server, r *Request, anyBody bool) (*operation, *refusal) {
	name, ok := strings.CutPrefix(r.Path, "/models/")
	colon := strings.LastIndexByte(name, ':')
	if !ok || colon < 0 {
		return nil, &refusal{status: 404, kind: "NOT_FOUND", message: "Requested entity was not found."}
	}
	model, verb := name[:colon], name[colon+1:]
	call, ok := geminiCalls[verb]
	switch {
	case !ok:
		return nil, &refusal{status: 404, kind: "NOT_FOUND", message: "Requested entity was not found."}
	case r.Method != http.MethodPost:
		return nil, &refusal{status: 404, kind: "NOT_FOUND", message: "Requested entity was not found."}
	case !isJSON(r.Header):
		return nil, invalidGemini("Invalid JSON payload received. Unexpected token.")
	}
	body := camel(members(r.Body))
	if !anyBody {
		if body == nil {
			return nil, invalidGemini("Invalid JSON payload received. Unexpected token.\n" + string(r.Body[:min(len(r.Body), 20)]) + "\n^")
		}
		if f := call.fields.check(body); f != nil {
			return nil, geminiFault(f, call.message)
		}
		if !s.knows(model) {
			return nil, &refusal{status: 404, kind: "NOT_FOUND", message: fmt.Sprintf("models/%s is not found for API version %s, or is not supported for %s. Call ListModels to see the list of available models and their supported methods.", model, r.version, verb)}
		}
		if refused := call.check(s, model, body); refused != nil {
			return nil, refused
		}
	}
	op := call.make(model, body)
	op.stream = verb == "streamGenerateContent"
	op.array = op.stream && r.Query.Get("alt") != "sse"
	if op.array {
		sse := op.events
		op.events = func(r Reply) []event { return asArray(sse(r)) }
		op.failure = func(e refusal) []byte { return append([]byte(",\r\n"), append(geminiError(e), ']')...) }
	}
	return op, nil
}

// camel returns the members under their camelCase names: the vendor takes
// both spellings.
func camel(body map[string]json.RawMessage) map[string]json.RawMessage {
	if body == nil {
		return nil
	}
	out := make(map[string]json.RawMessage, len(body))
	for name, value := range body {
		parts := strings.Split(name, "_")
		for i := 1; i < len(parts); i++ {
			if parts[i] != "" {
				parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
			}
		}
		out[strings.Join(parts, "")] = value
	}
	return out
}

func geminiFault(f *fault, message string) *refusal {
	switch f.wrong {
	case unknown:
		return invalidGemini(fmt.Sprintf("Invalid JSON payload received. Unknown name \"%s\": Cannot find field.", f.name))
	case missing:
		return invalidGemini(fmt.Sprintf("* %s.%s: %[2]s is not specified\n", message, f.name))
	default:
		return invalidGemini(fmt.Sprintf("Invalid value at '%s' (%s), expected %s.", f.name, f.got, f.want))
	}
}

func invalidGemini(message string) *refusal {
	return &refusal{status: 400, kind: "INVALID_ARGUMENT", message: message}
}

var geminiErrors = map[int]refusal{
	400: {kind: "INVALID_ARGUMENT", message: "Request contains an invalid argument."},
	401: {kind: "UNAUTHENTICATED", message: "Request had invalid authentication credentials."},
	403: {kind: "PERMISSION_DENIED", message: "The caller does not have permission"},
	404: {kind: "NOT_FOUND", message: "models/gemini-gone is not found for API version v1beta, or is not supported for generateContent."},
	429: {kind: "RESOURCE_EXHAUSTED", message: "You exceeded your current quota, please check your plan and billing details."},
	503: {kind: "UNAVAILABLE", message: "The model is overloaded. Please try again later."},
	504: {kind: "DEADLINE_EXCEEDED", message: "Deadline expired before operation could complete."},
}

func (gemini) errorOf(status int) refusal {
	e, ok := geminiErrors[status]
	if !ok {
		e = refusal{kind: "INTERNAL", message: "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting"}
	}
	e.status = status
	return e
}

func (gemini) errorBody(e refusal) []byte { return append(geminiError(e), '\n') }

func geminiError(e refusal) []byte {
	details := ""
	if e.code != "" {
		details = fmt.Sprintf(`,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":%s,"domain":"googleapis.com","metadata":{"service":"generativelanguage.googleapis.com"}}]`, quote(e.code))
	}
	return fmt.Appendf(nil, `{"error":{"code":%d,"message":%s,"status":%s%s}}`, e.status, quote(e.message), quote(e.kind), details)
}
