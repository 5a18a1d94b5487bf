package aiproxy

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// FuzzHandler sends any request to a gateway with echo channels. Whatever it
// is, it is answered once and whole: by the next handler where the path is not
// ours, and else with JSON or a stream that ends as its protocol's do.
func FuzzHandler(f *testing.F) {
	for _, c := range calls {
		f.Add("POST", named(c.path, "echo"), "", "Authorization", "Bearer sk-ci", named(c.body, "echo"))
		f.Add("POST", named(c.path, "echo"), "key=sk-ci&alt=sse", "Anthropic-Version", "2023-06-01", strings.Replace(named(c.body, "echo"), "{", `{"stream":true,`, 1))
		f.Add("POST", named(c.path, "none"), "", "X-Api-Key", "sk-narrow", `{"model":"\ud800","model":1}`)
	}
	f.Add("POST", "/v1beta/models/echo:streamGenerateContent", "alt=sse", "X-Goog-Api-Key", "sk-ci", calls[3].body)
	f.Add("POST", "/v1beta/models/echo:streamGenerateContent", "", "X-Goog-Api-Key", "sk-ci", calls[3].body)
	f.Add("POST", "/v1beta/models/echo:batchEmbedContents", "", "X-Goog-Api-Key", "sk-ci", `{"requests":[{"model":"models/echo","content":{"parts":[{"text":"x"}]}}]}`)
	f.Add("POST", "/v1beta/models/echo:countTokens", "", "Api-Key", "sk-ci", calls[3].body)
	f.Add("POST", "/v1/messages/count_tokens", "", "X-Api-Key", "sk-ci", named(calls[2].body, "echo"))
	f.Add("POST", "/v1/embeddings", "", "X-Api-Key", "sk-ci", `{"model":"echo","input":["x"],"encoding_format":"base64"}`)
	f.Add("GET", "/v1/models", "limit=1&after_id=echo", "Anthropic-Version", "", "")
	f.Add("GET", "/v1beta/models/a/b:c", "pageSize=0&key=sk-ci", "Range", "bytes=0-1", "")
	f.Add("OPTIONS", "/v1/models", "", "Access-Control-Request-Method", "\r\n", "")
	f.Add("", "", "%zz;=", "", "\x00", "\xff")
	app := strings.Replace(gateApp, "{", `{"limits": {"body": 65536, "memory": 65537},`, 1)
	g := newGate(f, app, `"cors": ["*"]`)
	if err := g.app.Start(); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, path, query, name, value, body string) {
		r := httptest.NewRequest("GET", "/", strings.NewReader(body))
		r.Method, r.URL = method, &url.URL{Path: path, RawQuery: query}
		if len(body)%2 == 1 {
			r.ContentLength = -1
		}
		if len(value)%3 != 0 {
			r.Header.Set("X-Api-Key", "sk-ci")
		}
		r.Header[http.CanonicalHeaderKey(name)] = []string{value}
		w := &once{ResponseRecorder: httptest.NewRecorder(), t: t}
		g.ServeHTTP(w, r)

		ours := strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/v1beta/")
		switch {
		case !ours || method == "OPTIONS":
			if w.Code != http.StatusTeapot && w.Code != http.StatusNoContent || w.Body.Len() > 0 {
				t.Errorf("a request that is not ours: %d %q", w.Code, w.Body)
			}
			return
		case w.headers != 1:
			t.Errorf("%d statuses are written", w.headers)
		case method == "HEAD":
			if w.Body.Len() > 0 {
				t.Errorf("HEAD has a body %q", w.Body)
			}
			return
		}
		if len(w.Header()["X-Request-Id"]) != 1 {
			t.Errorf("X-Request-Id is %q", w.Header()["X-Request-Id"])
		}
		if w.Code != 200 {
			call, _, _ := protocol.Recognise(method, path, query, r.Header)
			errorOf(t, call.Protocol, w.Code, w.Body.Bytes())
			return
		}
		if kind := w.Header().Get("Content-Type"); strings.HasPrefix(kind, "text/event-stream") {
			events(t, w.Body.String())
		} else if !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s is no JSON: %q", kind, w.Body)
		}
		if taken := g.app.relay.Budget.Taken(); taken != 0 {
			t.Errorf("%d bytes are taken", taken)
		}
	})
}

// once counts the statuses that are written, and takes no body of more than
// the gateway can mean.
type once struct {
	*httptest.ResponseRecorder
	t       *testing.T
	headers int
}

func (w *once) WriteHeader(status int) {
	if w.headers++; status < 200 || status > 599 {
		w.t.Errorf("the status is %d", status)
	}
	w.ResponseRecorder.WriteHeader(status)
}

// Unwrap lets nobody at the recorder's own WriteHeader.
func (w *once) Unwrap() http.ResponseWriter { return w.ResponseRecorder }

// events fails unless each event's data is JSON, and the stream has an end.
func events(t *testing.T, stream string) {
	t.Helper()
	d := 0
	for line := range strings.Lines(stream) {
		data, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "data: ")
		if !ok {
			continue
		}
		d++
		if data != "[DONE]" && !json.Valid([]byte(data)) {
			t.Errorf("the data of an event is no JSON: %q", data)
		}
	}
	if d == 0 || !strings.HasSuffix(strings.ReplaceAll(stream, "\r", ""), "\n\n") {
		t.Errorf("the stream has no end: %q", stream)
	}
}
