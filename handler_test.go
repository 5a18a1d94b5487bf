package aiproxy

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// TestRefusalsBeforeTheBody asks for what is refused by its path, method and
// query alone.
func TestRefusalsBeforeTheBody(t *testing.T) {
	g := newGate(t, "", "")
	const anthropic, google = "Anthropic-Version: 2023-06-01", "X-Goog-Api-Key: sk-ci"
	for _, c := range []struct {
		call, header string
		protocol     protocol.Protocol
		kind         protocol.Kind
		says, allow  string
	}{
		{"GET /v1/chat/completions", "", protocol.Chat, protocol.KindMethod, "expected POST", "POST"},
		{"PUT /v1/responses", "", protocol.Responses, protocol.KindMethod, "expected POST", "POST"},
		{"DELETE /v1/messages", "", protocol.Messages, protocol.KindMethod, "expected POST", "POST"},
		{"TRACE /v1/models", "", protocol.Chat, protocol.KindMethod, "expected GET", "GET, HEAD"},
		{"GET /v1beta/models/echo:generateContent", "", protocol.Gemini, protocol.KindMethod, "expected POST", "POST"},
		{"POST /v1/models/echo", anthropic, protocol.Messages, protocol.KindMethod, "expected GET", "GET, HEAD"},
		{"POST /v1/nothing", "", protocol.Chat, protocol.KindNotFound, `unknown path: POST "/v1/nothing"`, ""},
		{"POST /v1/nothing", anthropic, protocol.Messages, protocol.KindNotFound, "unknown path", ""},
		{"POST /v1/nothing", google, protocol.Gemini, protocol.KindNotFound, "unknown path", ""},
		{"POST /v1beta/nothing", "", protocol.Gemini, protocol.KindNotFound, "unknown path", ""},
		{"GET /v1/", "", protocol.Chat, protocol.KindNotFound, "unknown path", ""},
		{"POST /v1/%22%5C%0A%FF", "", protocol.Chat, protocol.KindNotFound, `"/v1/\"\\\n\xff"`, ""},
		{"POST /v1/images/generations", "", protocol.Chat, protocol.KindNotBuilt, "images", ""},
		{"GET /v1/responses/resp_1", "", protocol.Responses, protocol.KindNotBuilt, "stored responses", ""},
		{"POST /v1/messages/batches", "", protocol.Messages, protocol.KindNotBuilt, "batches", ""},
		{"POST /v1beta/models/m:predict", "", protocol.Gemini, protocol.KindNotBuilt, "predictions", ""},
		{"POST /v1beta/models/m:streamGenerateContent?alt=xml", "", protocol.Gemini, protocol.KindInvalid, "expected sse or json", ""},
	} {
		method, target, _ := strings.Cut(c.call, " ")
		headers := []string{ci}
		if c.header != "" {
			headers = append(headers, c.header)
		}
		w := g.ask(method, target, "", headers...)
		wantError(t, c.call, w, c.protocol, c.kind, c.says)
		if got := w.Header().Get("Allow"); got != c.allow {
			t.Errorf("%s: Allow is %q, expected %q", c.call, got, c.allow)
		}
		if w.Header().Get("Retry-After") != "" {
			t.Errorf("%s: has a Retry-After", c.call)
		}
	}
	if g.app.current.Load() != nil {
		t.Error("a request that is refused at once opened the store")
	}
}

// TestOtherPaths go to the next handler, untouched.
func TestOtherPaths(t *testing.T) {
	g := newGate(t, "", `"cors": ["*"]`)
	for _, call := range []string{
		"GET /", "POST /v1", "POST /v10/chat/completions", "GET /V1/models", "GET //v1/models",
		"OPTIONS /", "OPTIONS /v1/models", "OPTIONS /index.html", "HEAD /favicon.ico",
	} {
		method, path, _ := strings.Cut(call, " ")
		w := g.ask(method, path, "", "Origin: https://a.example")
		if w.Code != http.StatusTeapot || len(w.Header()) != 0 {
			t.Errorf("%s: got %d with headers %v", call, w.Code, w.Header())
		}
	}
}

// TestHead is answered as GET is, without the body.
func TestHead(t *testing.T) {
	g := newGate(t, "", "")
	for path, status := range map[string]int{
		"/v1/models": 200, "/v1/models/echo": 200, "/v1/aiproxy/me": 200, "/v1/aiproxy/live": 200, "/v1/aiproxy/ready": 200,
		"/v1/models/none": 404, "/v1/nothing": 404, "/v1/messages": 405, "/v1beta/models?pageSize=x&key=sk-ci": 400,
	} {
		get, head := g.ask("GET", path, "", ci), g.ask("HEAD", path, "", ci)
		if get.Code != status || head.Code != status {
			t.Errorf("%s: GET has %d and HEAD %d, expected %d", path, get.Code, head.Code, status)
		}
		if head.Body.Len() != 0 {
			t.Errorf("HEAD %s has a body", path)
		}
		// Where a message names the method, the lengths differ by a letter.
		if a, b := get.Header().Get("Content-Length"), head.Header().Get("Content-Length"); status == 200 && a != b {
			t.Errorf("HEAD %s: Content-Length is %s, GET's is %s", path, b, a)
		}
	}
}

func TestPreflight(t *testing.T) {
	const origin, asks = "Origin: https://a.example", "Access-Control-Request-Method: POST"
	for _, c := range []struct {
		name, cors string
		headers    []string
		status     int
		allowed    string
	}{
		{"without cors", "", []string{origin, asks}, http.StatusTeapot, ""},
		{"of the list", `"cors": ["https://b.example", "https://a.example"]`, []string{origin, asks}, 204, "https://a.example"},
		{"of every origin", `"cors": ["*"]`, []string{origin, asks}, 204, "https://a.example"},
		{"of another origin", `"cors": ["https://b.example"]`, []string{origin, asks}, 204, ""},
		{"of a longer origin", `"cors": ["https://a.example"]`, []string{"Origin: https://a.example.evil", asks}, 204, ""},
		{"without an origin", `"cors": ["*"]`, []string{asks}, 204, ""},
		{"that is none", `"cors": ["*"]`, []string{origin}, http.StatusTeapot, ""},
	} {
		g := newGate(t, "", c.cors)
		w := g.ask("OPTIONS", "/v1/chat/completions", "", append(c.headers, "Access-Control-Request-Headers: authorization, x-a")...)
		h := w.Header()
		if w.Code != c.status || h.Get("Access-Control-Allow-Origin") != c.allowed {
			t.Errorf("a preflight %s: got %d and %q, expected %d and %q", c.name, w.Code, h.Get("Access-Control-Allow-Origin"), c.status, c.allowed)
		}
		if c.allowed != "" && (h.Get("Access-Control-Allow-Headers") != "authorization, x-a" || h.Get("Access-Control-Allow-Methods") != "GET, POST, DELETE") {
			t.Errorf("a preflight %s: headers %v", c.name, h)
		}
		if c.status == 204 && h.Get("Vary") != "Origin" {
			t.Errorf("a preflight %s: Vary is %q", c.name, h.Get("Vary"))
		}
		// The call itself, refused or not, can be read by those origins alone.
		for _, key := range []string{ci, "Authorization: Bearer wrong"} {
			w = g.ask("GET", "/v1/models", "", append(c.headers, key)...)
			if got := w.Header().Get("Access-Control-Allow-Origin"); got != c.allowed && c.name != "that is none" {
				t.Errorf("a call after a preflight %s: Access-Control-Allow-Origin is %q", c.name, got)
			}
		}
	}
}

// TestRequestIDs never repeat, and are what the error body says.
func TestRequestIDs(t *testing.T) {
	g := newGate(t, "", "")
	var mu sync.Mutex
	seen := make(map[string]bool)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 250 {
				id := newID()
				mu.Lock()
				if seen[id] {
					t.Errorf("%s came twice", id)
				}
				seen[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	w := g.ask("POST", "/v1/messages", "{}")
	id := w.Header().Get("X-Request-Id")
	if w.Header().Get("Request-Id") != id || !strings.Contains(w.Body.String(), `"request_id":"`+id+`"`) {
		t.Errorf("the id %q is not that of %v and %s", id, w.Header(), w.Body)
	}
	// What a client calls its request is not ours.
	w = g.ask("POST", "/v1/chat/completions", "{}", "X-Request-Id: mine")
	if got := w.Header()["X-Request-Id"]; len(got) != 1 || got[0] == "mine" {
		t.Errorf("X-Request-Id is %q", got)
	}
}

// TestPlaceholders shows what handlers outside and logs see after a call.
func TestPlaceholders(t *testing.T) {
	g := newGate(t, "", "")
	const all = "{http.aiproxy.group}|{http.aiproxy.token}|{http.aiproxy.model}|{http.aiproxy.channel}|{http.aiproxy.protocol}"
	for _, c := range []struct{ call, key, body, want string }{
		{"POST /v1/chat/completions", "sk-ci", named(calls[0].body, "alias"), "acme|ci|alias|echo|chat"},
		{"POST /v1beta/models/echo:generateContent", "sk-both", calls[3].body, "both|ci|echo|echo|gemini"},
		{"POST /v1/messages", "sk-ci", named(calls[2].body, "none"), "acme|ci|none||messages"},
		{"POST /v1/messages", "sk-ci", "{", "acme|ci|||messages"},
		{"POST /v1/responses", "wrong", "{}", "||||responses"},
		// A credential that is known and refused is named to the operator.
		{"POST /v1/responses", "sk-late", "{}", "acme|late|||responses"},
		{"GET /v1/models", "sk-narrow", "", "acme|narrow|||chat"},
		{"GET /v1/chat/completions", "sk-ci", "", "||||chat"},
	} {
		method, path, _ := strings.Cut(c.call, " ")
		g.ask(method, path, c.body, "Authorization: Bearer "+c.key)
		if got := g.replacer.ReplaceAll(all, ""); got != c.want {
			t.Errorf("%s with %s: got %s, expected %s", c.call, c.key, got, c.want)
		}
	}
	if v, ok := g.replacer.Get("http.aiproxy.cost"); ok {
		t.Errorf("a placeholder that is not built is %v", v)
	}
	g.ask("GET", "/", "")
	if v, ok := g.replacer.Get("http.aiproxy.group"); ok {
		t.Errorf("a path that is not ours has a group %v", v)
	}
}

// TestReadyAndLive need no credential; the first of them opens the gateway.
func TestReadyAndLive(t *testing.T) {
	g := newGate(t, "", "")
	for _, c := range []struct{ path, want string }{
		{"/v1/aiproxy/live", `{"status":"live"}`}, {"/v1/aiproxy/ready", `{"status":"ready"}`},
	} {
		w := g.ask("GET", c.path, "")
		if w.Code != 200 || w.Body.String() != c.want {
			t.Errorf("%s: got %d %s", c.path, w.Code, w.Body)
		}
		whole(t, c.path, w)
	}
	if err := g.app.Start(); err != nil {
		t.Errorf("Start after a first request: %v", err)
	}
}

// TestNotReady is a gateway whose store cannot be opened: alive, not ready,
// and an error of the caller's protocol for all else.
func TestNotReady(t *testing.T) {
	g := newGate(t, `{"store": {"driver": "sqlite", "path": "`+t.TempDir()+`"}}`, "")
	if w := g.ask("GET", "/v1/aiproxy/live", ""); w.Code != 200 {
		t.Errorf("live: got %d %s", w.Code, w.Body)
	}
	wantError(t, "ready", g.ask("GET", "/v1/aiproxy/ready", ""), protocol.Chat, protocol.KindOverloaded, "not ready")
	for _, c := range calls {
		w := g.ask("POST", named(c.path, "m"), c.body, ci)
		wantError(t, c.path, w, c.protocol, protocol.KindOverloaded, "not ready")
		if strings.Contains(w.Body.String(), g.app.identity) {
			t.Errorf("the path of the store is told: %s", w.Body)
		}
	}
	if err := g.app.Start(); err == nil || !strings.Contains(err.Error(), "opening the store") {
		t.Errorf("Start: got %v", err)
	}
}

// TestMe is a token's view of itself.
func TestMe(t *testing.T) {
	g := newGate(t, "", "")
	for key, want := range map[string]string{
		"sk-ci":     `{"group":"acme","token":"ci","models":[],"sets":["default"],"expires_at":null}`,
		"sk-narrow": `{"group":"acme","token":"narrow","models":["vendor/*","wild-1"],"sets":["default"],"expires_at":null}`,
		"sk-both":   `{"group":"both","token":"ci","models":[],"sets":["default","other"],"expires_at":"2999-01-31T12:00:00Z"}`,
	} {
		w := g.ask("GET", "/v1/aiproxy/me", "", "Authorization: Bearer "+key)
		if w.Code != 200 || w.Body.String() != want || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: got %d %s, expected %s", key, w.Code, w.Body, want)
		}
	}
}

// TestWhoMayAnswer tells 404, 403, 501 and 503 apart.
func TestWhoMayAnswer(t *testing.T) {
	g := newGate(t, "", "")
	for _, c := range []struct {
		key, model string
		kind       protocol.Kind
	}{
		{"sk-ci", "nobody", protocol.KindModelNotFound},
		{"sk-ci", "hidden", protocol.KindModelNotFound},
		{"sk-ci", "stopped", protocol.KindModelNotFound},
		{"sk-ci", "unserved", protocol.KindModelNotFound},
		{"sk-ci", "wild", protocol.KindModelNotFound},
		{"sk-ci", "Echo", protocol.KindModelNotFound},
		{"sk-ci", "keyless", protocol.KindOverloaded},
		{"sk-narrow", "echo", protocol.KindForbidden},
		{"sk-narrow", "wild-2", protocol.KindForbidden},
		// What the group does not have is not there for the token either.
		{"sk-narrow", "hidden", protocol.KindModelNotFound},
		{"sk-narrow", "nobody", protocol.KindModelNotFound},
		{"sk-narrow", "stopped", protocol.KindModelNotFound},
	} {
		for _, call := range calls {
			w := g.ask("POST", named(call.path, c.model), named(call.body, c.model), "Authorization: Bearer "+c.key)
			wantError(t, c.key+" "+call.path+" "+c.model, w, call.protocol, c.kind, c.model)
		}
	}
	for _, call := range calls {
		w := g.ask("POST", named(call.path, "chat-only"), named(call.body, "chat-only"), ci)
		if call.protocol == protocol.Chat {
			if w.Code != 200 {
				t.Errorf("chat: got %d %s", w.Code, w.Body)
			}
			continue
		}
		wantError(t, call.path, w, call.protocol, protocol.KindNotBuilt, "not built yet")
	}
	for _, c := range []struct{ key, model string }{
		{"sk-ci", "echo"}, {"sk-ci", "alias"}, {"sk-ci", "wild-"}, {"sk-ci", "vendor/fixed:free"}, {"sk-both", "hidden"},
		{"sk-narrow", "vendor/fixed:free"}, {"sk-narrow", "wild-1"},
	} {
		for _, call := range calls {
			w := g.ask("POST", named(call.path, c.model), named(call.body, c.model), "Authorization: Bearer "+c.key)
			if w.Code != 200 || !strings.Contains(w.Body.String(), "say it") {
				t.Errorf("%s %s %s: got %d %s", c.key, call.path, c.model, w.Code, w.Body)
			}
		}
	}
}
