package aiproxy

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// gate is a handler and its app, provisioned by Caddy and called without a
// server of Caddy's.
type gate struct {
	t       testing.TB
	app     *App
	handler *Handler
	server  caddyhttp.Server
	// replacer is that of the last request.
	replacer *caddy.Replacer
}

// gateApp is what a gate's config declares unless it says otherwise.
const gateApp = `{
	"channels": {
		"echo": {"adaptor": {"adaptor": "echo"}, "models": ["echo", "vendor/fixed:free", "wild-*", "stopped"], "map": {"alias": "echo"}},
		"idle": {"adaptor": {"adaptor": "openai"}, "keys": [""], "models": ["keyless"]},
		"talk": {"adaptor": {"adaptor": "echo"}, "models": ["chat-only"], "protocols": ["chat"]},
		"away": {"adaptor": {"adaptor": "echo"}, "models": ["hidden"], "sets": ["other"]}
	},
	"models": {
		"echo": {"display_name": "Echo", "owned_by": "us", "context_tokens": 1000, "max_output_tokens": 100},
		"stopped": {"status": "disabled"},
		"unserved": {}
	},
	"groups": {"acme": {}, "dead": {"status": "disabled"}, "both": {"sets": ["default", "other"]}},
	"tokens": [
		{"group": "acme", "name": "ci", "key": "sk-ci"},
		{"group": "acme", "name": "narrow", "key": "sk-narrow", "models": ["vendor/*", "wild-1"]},
		{"group": "acme", "name": "off", "key": "sk-off", "status": "disabled"},
		{"group": "acme", "name": "late", "key": "sk-late", "expires_at": "2020-01-01"},
		{"group": "acme", "name": "far", "key": "sk-far", "subnets": ["198.51.100.0/24"]},
		{"group": "dead", "name": "ci", "key": "sk-dead"},
		{"group": "both", "name": "ci", "key": "sk-both", "expires_at": "2999-01-31T12:00:00Z"}
	]
}`

// gateConfig is a config of Caddy's with this app and nothing else, which
// stores in dir.
func gateConfig(t testing.TB, dir, app string) *caddy.Config {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(app), &fields); err != nil {
		t.Fatalf("the test's app is no JSON: %v", err)
	}
	if _, ok := fields["store"]; !ok {
		fields["store"] = map[string]any{"driver": "sqlite", "path": filepath.Join(dir, "gate.db")}
	}
	if _, ok := fields["secret"]; !ok {
		fields["secret"] = strings.Repeat("gate", 8)
	}
	whole, err := json.Marshal(map[string]any{
		"admin":   map[string]any{"disabled": true},
		"storage": map[string]any{"module": "file_system", "root": filepath.Join(dir, "storage")},
		"logging": map[string]any{"logs": map[string]any{"default": map[string]any{"writer": map[string]any{"output": "discard"}}}},
		"apps":    map[string]any{"aiproxy": fields},
	})
	if err != nil {
		t.Fatal(err)
	}
	config := new(caddy.Config)
	if err := json.Unmarshal(whole, config); err != nil {
		t.Fatal(err)
	}
	return config
}

// newGate makes a gate of this app (empty: gateApp) and this handler, and
// leaves it to the first request to open it.
func newGate(t testing.TB, app, handler string) *gate {
	t.Helper()
	if app == "" {
		app = gateApp
	}
	ctx, err := caddy.ProvisionContext(gateConfig(t, t.TempDir(), app))
	if err != nil {
		t.Fatal(err)
	}
	guest, err := ctx.LoadModuleByID("http.handlers.aiproxy", json.RawMessage("{"+handler+"}"))
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{t: t, handler: guest.(*Handler)}
	g.app = g.handler.app
	t.Cleanup(func() {
		if err := g.app.Cleanup(); err != nil {
			t.Error(err)
		}
		states.mu.Lock()
		defer states.mu.Unlock()
		if e := states.entries[g.app.identity]; e != nil {
			t.Errorf("the state is left open for %d users", e.users)
		}
	})
	return g
}

// ServeHTTP serves as a route of Caddy's would, whose next handler is a
// teapot.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	replacer := caddy.NewReplacer()
	r = caddyhttp.PrepareRequest(r, replacer, w, &g.server)
	g.serve(w, r)
}

func (g *gate) serve(w http.ResponseWriter, r *http.Request) {
	err := g.handler.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusTeapot)
		return nil
	}))
	if err != nil {
		g.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
}

// ask makes a request of the gate's; headers are given as "Name: value".
func (g *gate) ask(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	g.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	g.replacer = caddy.NewReplacer()
	g.serve(w, caddyhttp.PrepareRequest(r, g.replacer, w, &g.server))
	return w
}

// from asks for the list of models from an address.
func (g *gate) from(remote, key string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/v1/models", nil)
	r.RemoteAddr = remote
	r.Header.Set("X-Api-Key", key)
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

// ci is the header of a token that may do everything.
const ci = "Authorization: Bearer sk-ci"

// calls are the calls of the four protocols, MODEL standing for the model.
var calls = []struct {
	protocol   protocol.Protocol
	path, body string
}{
	{protocol.Chat, "/v1/chat/completions", `{"model":"MODEL","messages":[{"role":"user","content":"say it"}]}`},
	{protocol.Responses, "/v1/responses", `{"model":"MODEL","input":"say it"}`},
	{protocol.Messages, "/v1/messages", `{"model":"MODEL","max_tokens":64,"messages":[{"role":"user","content":"say it"}]}`},
	{protocol.Gemini, "/v1beta/models/MODEL:generateContent", `{"contents":[{"role":"user","parts":[{"text":"say it"}]}]}`},
}

func named(text, model string) string { return strings.Replace(text, "MODEL", model, 1) }

// errorOf returns the kind's word and the message of an error body, and fails
// unless it has exactly the members that clients of the protocol read.
func errorOf(t testing.TB, p protocol.Protocol, status int, body []byte) (word, message string) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	var err error
	switch p {
	case protocol.Messages:
		var b struct {
			Type  string
			Error *struct{ Type, Message string }
			ID    string `json:"request_id"`
		}
		if err = d.Decode(&b); err == nil && b.Type == "error" && b.Error != nil && b.ID != "" {
			return b.Error.Type, b.Error.Message
		}
	case protocol.Gemini:
		var b struct {
			Error *struct {
				Code            int
				Message, Status string
				Details         []map[string]any
			}
		}
		if err = d.Decode(&b); err == nil && b.Error != nil && b.Error.Code == status {
			return b.Error.Status, b.Error.Message
		}
	default:
		var b struct {
			Error *struct {
				Message, Type string
				Param, Code   *string
			}
		}
		if err = d.Decode(&b); err == nil && b.Error != nil {
			return b.Error.Type, b.Error.Message
		}
	}
	t.Errorf("status %d: %q is no error body of %s: %v", status, body, p, err)
	return "", ""
}

// wantError fails unless the answer is an error of this kind, whole and in the
// protocol's words, whose message holds the text.
func wantError(t testing.TB, what string, w *httptest.ResponseRecorder, p protocol.Protocol, kind protocol.Kind, text string) {
	t.Helper()
	row := kind.In(p)
	if w.Code != row.Status {
		t.Errorf("%s: got status %d %s, expected %d", what, w.Code, w.Body, row.Status)
		return
	}
	word, message := errorOf(t, p, w.Code, w.Body.Bytes())
	if word != row.Type || !strings.Contains(message, text) || message == "" {
		t.Errorf("%s: got %s %q, expected %s and %q", what, word, message, row.Type, text)
	}
	whole(t, what, w)
}

// whole fails unless the headers fit the answer.
func whole(t testing.TB, what string, w *httptest.ResponseRecorder) {
	t.Helper()
	h := w.Result().Header
	if len(h["X-Request-Id"]) != 1 || len(h.Get("X-Request-Id")) != 36 {
		t.Errorf("%s: X-Request-Id is %q", what, h["X-Request-Id"])
	}
	if h.Get("Content-Type") != "application/json" {
		t.Errorf("%s: Content-Type is %q", what, h.Get("Content-Type"))
	}
	if h.Get("Content-Length") != strconv.Itoa(w.Body.Len()) {
		t.Errorf("%s: Content-Length is %q of %d bytes", what, h.Get("Content-Length"), w.Body.Len())
	}
}
