package protocol

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Recognise says what a call to a path means. path is decoded (URL.Path) and
// query is not (URL.RawQuery); neither is copied.
//
// ours is false for a path that is neither under /v1/ nor under /v1beta/: it is
// the next handler's. For ours, an error is of KindNotFound, KindMethod (with
// Allow), KindNotBuilt or KindInvalid, and Call.Protocol is still set: it is the
// protocol to write the error in.
//
// A path is taken as it is written: one with a slash at its end or two in a row
// is unknown. HEAD is taken where GET is.
func Recognise(method, path, query string, header http.Header) (call Call, ours bool, err *Error) {
	version, rest := "v1", ""
	switch {
	case strings.HasPrefix(path, "/v1/"):
		rest = path[len("/v1/"):]
	case strings.HasPrefix(path, "/v1beta/"):
		version, rest = "v1beta", path[len("/v1beta/"):]
	default:
		return Call{}, false, nil
	}
	if e, ok := endpoints[path]; ok {
		call = Call{Protocol: e.protocol, Operation: e.operation, Version: version}
		if call.Protocol == None {
			call.Protocol = Asker(query, header)
		}
		return call, true, allow(method, e.method, path)
	}
	if model, ok := strings.CutPrefix(rest, "models/"); ok && model != "" {
		call, err = recogniseModel(method, path, version, model, query, header)
		return call, true, err
	}
	if strings.HasPrefix(rest, "tunedModels/") && strings.Contains(rest, ":") {
		call, err = recogniseModel(method, path, version, rest, query, header)
		return call, true, err
	}
	call, err = unknown(method, path, version, rest, query, header)
	return call, true, err
}

// Asker says whose client is asking where the path belongs to several: the one
// whose headers, or key in the query, are there; OpenAI's else.
func Asker(query string, header http.Header) Protocol {
	if len(header["Anthropic-Version"]) > 0 {
		return Messages
	}
	if len(header["X-Goog-Api-Key"]) > 0 {
		return Gemini
	}
	if _, n := queryValue(query, "key"); n > 0 {
		return Gemini
	}
	return Chat
}

// recogniseModel looks at what follows models/: a model's name, or one with an
// action of Gemini's after its last colon. The name itself may hold both
// slashes and colons, so that only a known action is one.
func recogniseModel(method, path, version, rest, query string, header http.Header) (Call, *Error) {
	call := Call{Protocol: Gemini, Version: version}
	colon := strings.LastIndexByte(rest, ':')
	model, action := rest, ""
	if colon >= 0 {
		model, action = rest[:colon], rest[colon+1:]
	}
	if a, ok := actions[action]; ok && model != "" {
		call.Operation, call.Model, call.Stream = a.operation, model, a.stream
		if err := allow(method, http.MethodPost, path); err != nil {
			return call, err
		}
		if !a.stream {
			return call, nil
		}
		array, err := streamAsArray(query)
		call.Array = array
		return call, err
	}
	if what, ok := actionsNotBuilt[action]; ok {
		return call, errNotBuilt(what, path)
	}
	if method == http.MethodPost && colon >= 0 {
		return call, &Error{Kind: KindNotFound, Message: fmt.Sprintf("unknown action %q of model %q: expected one of generateContent, "+
			"streamGenerateContent, countTokens, embedContent, batchEmbedContents", action, model)}
	}
	if version == "v1" {
		call.Protocol = Asker(query, header)
	}
	call.Operation, call.Model = GetModel, rest
	return call, allow(method, http.MethodGet, path)
}

// unknown makes the error of a path that is under ours and not built.
func unknown(method, path, version, rest, query string, header http.Header) (Call, *Error) {
	asker := Gemini
	if version == "v1" {
		asker = Asker(query, header)
	}
	call := Call{Protocol: asker, Version: version}
	if version == "v1beta" && (rest == "openai" || strings.HasPrefix(rest, "openai/")) {
		// Google serves OpenAI's protocol here. A second address for the same
		// call would only be one more thing to limit, log and document.
		call.Protocol = Chat
		return call, &Error{Kind: KindNotFound, Message: fmt.Sprintf("unknown path %q: OpenAI's protocol is served under /v1 for every model", path)}
	}
	segments := strings.SplitN(rest, "/", 3)
	api, ok := notBuilt[segments[0]]
	if len(segments) > 1 {
		if longer, found := notBuilt[segments[0]+"/"+segments[1]]; found {
			api, ok = longer, true
		}
	}
	// The API itself may be built, as /v1/responses is, and only what lies below
	// it not: the endpoints have been looked through before. An empty segment is
	// a slash too many.
	if !ok || strings.HasSuffix(path, "/") || strings.Contains(path, "//") {
		return call, &Error{Kind: KindNotFound, Message: fmt.Sprintf("unknown path: %s %q", method, path)}
	}
	if api.protocol != None {
		call.Protocol = api.protocol
	}
	return call, errNotBuilt(api.what, path)
}

func errNotBuilt(what, path string) *Error {
	return &Error{Kind: KindNotBuilt, Message: fmt.Sprintf("%s (%q) is not built yet", what, path)}
}

// allow returns an error unless the method is the wanted one.
func allow(method, wanted, path string) *Error {
	if method == wanted || (method == http.MethodHead && wanted == http.MethodGet) {
		return nil
	}
	if wanted == http.MethodGet {
		wanted = "GET, HEAD"
	}
	return &Error{Kind: KindMethod, Allow: wanted, Message: fmt.Sprintf("method %q is not allowed for %q: expected %s", method, path, wanted)}
}

// streamAsArray says whether a streamGenerateContent answers as a JSON array.
// Google's front end reads alt under two names; it has to be clear to it and
// to us alike which form is meant.
func streamAsArray(query string) (bool, *Error) {
	alt, n := queryValue(query, "alt")
	alt2, n2 := queryValue(query, "$alt")
	if n2 > 0 {
		alt = alt2
	}
	if n+n2 > 1 {
		return false, &Error{Kind: KindInvalid, Param: "alt", Message: "query parameter \"alt\" is given more than once"}
	}
	switch alt {
	case "sse":
		return false, nil
	case "", "json":
		return true, nil
	}
	return false, &Error{Kind: KindInvalid, Param: "alt", Message: fmt.Sprintf("query parameter \"alt\" is %q: expected sse or json", alt)}
}

// queryValue returns the first value of a parameter and how often it is there.
// It makes no map of the query and decodes only what is encoded.
func queryValue(query, name string) (value string, n int) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, val, _ := strings.Cut(pair, "=")
		if unescape(key) != name {
			continue
		}
		if n++; n == 1 {
			value = unescape(val)
		}
	}
	return value, n
}

func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}
