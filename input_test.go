package aiproxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/requestbody"
)

// TestBadBodies sends what is wrong in every protocol.
func TestBadBodies(t *testing.T) {
	g := newGate(t, "", "")
	for _, c := range []struct{ name, body, says string }{
		{"nothing", "", "invalid JSON"},
		{"spaces", " \n\t", "invalid JSON"},
		{"an array", "[]", "invalid JSON"},
		{"a string", `"model"`, "invalid JSON"},
		{"null", "null", "invalid JSON"},
		{"cut off", `{"model":"echo"`, "invalid JSON"},
		{"a comma too many", `{"model":"echo",}`, "invalid JSON"},
		{"two values", `{"model":"echo"}{}`, "invalid JSON"},
		{"a byte order mark", "\ufeff{}", "invalid JSON"},
		{"a key that is none", `{model:"echo"}`, "invalid JSON"},
		{"a brace alone", "}", "invalid JSON"},
		{"zero bytes", "\x00\x00", "invalid JSON"},
		{"gzip", "\x1f\x8b\x08\x00\x00\x00", "invalid JSON"},
	} {
		for _, call := range calls {
			w := g.ask("POST", named(call.path, "echo"), c.body, ci)
			wantError(t, call.path+" with "+c.name, w, call.protocol, protocol.KindInvalid, c.says)
		}
	}
}

// TestBadModels sends a member model, and others that are acted on, with no
// single meaning or none at all.
func TestBadModels(t *testing.T) {
	g := newGate(t, "", "")
	for _, c := range []struct{ body, says string }{
		{`{}`, `"model" is missing`},
		{`{"model":null}`, `"model" is null`},
		{`{"model":""}`, `"model" is ""`},
		{`{"model":1}`, `"model" is 1`},
		{`{"model":true}`, `"model" is true`},
		{`{"model":["echo"]}`, `"model" is ["echo"]`},
		{`{"model":{"id":"echo"}}`, `"model" is {"id":"echo"}`},
		{`{"model":"echo","model":"hidden"}`, `"model"`},
		{`{"model":"echo","model":"echo"}`, `"model"`},
		{`{"model":"echo","Model":"hidden"}`, `"model"`},
		{`{"MODEL":"echo"}`, `"model"`},
		{`{"model":"echo","mod\u0065l":"hidden"}`, `"model"`},
		{`{"\u006dodel":"echo"}`, `"model"`},
		{`{"model":"echo","stream":true,"stream":false}`, `"stream"`},
		{`{"model":"echo","Stream":true}`, `"stream"`},
		{`{"model":"echo","\u0073tream":true}`, `"stream"`},
		{"{\"model\":\"echo\",\"\u017ftream\":true}", `"stream"`},
		{`{"model":"echo","stream":"true"}`, `"stream" is "true"`},
		{`{"model":"echo","stream":1}`, `"stream" is 1`},
		{`{"model":"echo","stream":[]}`, `"stream" is []`},
		{"{\"model\":\"ec\xffho\"}", `"model"`},
		{`{"model":"\ud800"}`, `"model"`},
		{`{"model":"\x"}`, `"model"`},
		{"{\"model\":\"a\nb\"}", ""},
		{`{"model":"` + strings.Repeat("m", protocol.MaxModel+1) + `"}`, `"model"`},
	} {
		for _, call := range calls[:3] {
			w := g.ask("POST", call.path, c.body, ci)
			wantError(t, call.path+" "+c.body[:min(40, len(c.body))], w, call.protocol, protocol.KindInvalid, c.says)
		}
	}
	// Other members pass however often and in whatever way they are written.
	for _, call := range calls {
		body := strings.Replace(named(call.body, "echo"), "{", `{"x":1,"x":2,"\u0078":3,"X":4,"y":"\ud800","z":1e999,`, 1)
		if w := g.ask("POST", named(call.path, "echo"), body, ci); w.Code != 200 {
			t.Errorf("%s %s: got %d %s", call.path, body, w.Code, w.Body)
		}
	}
	// The longest name is looked for, and not there.
	long := strings.Repeat("m", protocol.MaxModel)
	wantError(t, "a long name", g.ask("POST", calls[0].path, named(calls[0].body, long), ci), protocol.Chat, protocol.KindModelNotFound, long)
}

// TestModelOfAPath is a model that Gemini's path names in a way that breaks
// messages and JSON.
func TestModelOfAPath(t *testing.T) {
	g := newGate(t, "", "")
	for _, c := range []struct {
		path string
		kind protocol.Kind
		says string
	}{
		{"/v1beta/models/%22%5C%0A%00:generateContent", protocol.KindModelNotFound, `"\"\\\n\x00"`},
		{"/v1beta/models/%FF%FE:generateContent", protocol.KindModelNotFound, `\xff`},
		{"/v1beta/models/a%3Aecho:generateContent", protocol.KindModelNotFound, "a:echo"},
		{"/v1beta/models/..%2F..%2Fadmin:generateContent", protocol.KindModelNotFound, "../../admin"},
		{"/v1beta/models/:generateContent", protocol.KindNotFound, "unknown action"},
		{"/v1beta/models/*:generateContent", protocol.KindModelNotFound, "*"},
		{"/v1beta/models/wild-*:generateContent", protocol.KindInvalid, ""},
	} {
		w := g.ask("POST", c.path, calls[3].body, ci)
		if c.path == "/v1beta/models/wild-*:generateContent" {
			// A name that holds a star is a name like another.
			if w.Code != 200 {
				t.Errorf("%s: got %d %s", c.path, w.Code, w.Body)
			}
			continue
		}
		wantError(t, c.path, w, protocol.Gemini, c.kind, c.says)
	}
}

// TestDepth nests up to the limit and one level deeper. The object itself is
// the first level.
func TestDepth(t *testing.T) {
	g := newGate(t, "", "")
	for _, open := range []string{"[", `{"a":`} {
		for _, depth := range []int{511, 512, 513, 100_000} {
			value := strings.Repeat(open, depth-1) + "1" + strings.Repeat(map[string]string{"[": "]", `{"a":`: "}"}[open], depth-1)
			for _, call := range calls {
				body := strings.Replace(named(call.body, "echo"), "{", `{"deep":`+value+`,`, 1)
				w := g.ask("POST", named(call.path, "echo"), body, ci)
				what := fmt.Sprintf("%s with %d of %s", call.path, depth, open)
				if depth <= 512 {
					if w.Code != 200 {
						t.Errorf("%s: got %d %s", what, w.Code, w.Body)
					}
					continue
				}
				wantError(t, what, w, call.protocol, protocol.KindInvalid, "512 levels")
			}
		}
	}
}

// TestBodyLimit sends bodies of the limit's length and of one byte more, as
// announced, chunked, and announced falsely.
func TestBodyLimit(t *testing.T) {
	const limit = 1000
	app := strings.Replace(gateApp, "{", `{"limits": {"body": 1000},`, 1)
	g := newGate(t, app, "")
	for _, call := range calls {
		for _, length := range []int{limit - 1, limit, limit + 1, 64 * limit} {
			body := named(call.body, "echo")
			body += strings.Repeat(" ", length-len(body))
			for _, announced := range []int64{int64(length), -1} {
				w := g.send(named(call.path, "echo"), strings.NewReader(body), announced)
				what := fmt.Sprintf("%s with %d bytes, %d announced", call.path, length, announced)
				if length <= limit {
					if w.Code != 200 {
						t.Errorf("%s: got %d %s", what, w.Code, w.Body)
					}
					continue
				}
				wantError(t, what, w, call.protocol, protocol.KindTooLarge, "1000 bytes")
				if w.Header().Get("Connection") != "close" {
					t.Errorf("%s: the connection is not closed", what)
				}
			}
		}
	}
	if taken := g.app.relay.Budget.Taken(); taken != 0 {
		t.Errorf("%d bytes are taken", taken)
	}
}

// send makes a call whose body is read from a reader, and whose length is
// announced so (-1: not).
func (g *gate) send(target string, body io.Reader, length int64) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", target, body)
	r.ContentLength = length
	r.Header.Set("Authorization", "Bearer sk-ci")
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

// TestMemorySpent: no room for a body is the client's reason to come again.
func TestMemorySpent(t *testing.T) {
	app := strings.Replace(gateApp, "{", `{"limits": {"body": 100000, "memory": 200000},`, 1)
	g := newGate(t, app, "")
	if w := g.ask("GET", "/v1/models", "", ci); w.Code != 200 {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	budget := g.app.relay.Budget
	if !budget.Take(199_990) {
		t.Fatal("the budget is smaller than its limit")
	}
	for _, call := range calls {
		w := g.ask("POST", named(call.path, "echo"), named(call.body, "echo"), ci)
		wantError(t, call.path, w, call.protocol, protocol.KindOverloaded, "too many large requests")
		if got := w.Header().Get("Retry-After"); got != "1" {
			t.Errorf("%s: Retry-After is %q", call.path, got)
		}
		// What needs no body is served all the same.
		if w := g.ask("GET", "/v1/models", "", ci); w.Code != 200 {
			t.Errorf("the list: got %d %s", w.Code, w.Body)
		}
	}
	budget.Give(199_990)
	for _, call := range calls {
		if w := g.ask("POST", named(call.path, "echo"), named(call.body, "echo"), ci); w.Code != 200 {
			t.Errorf("%s with memory again: got %d %s", call.path, w.Code, w.Body)
		}
	}
	if taken := budget.Taken(); taken != 0 {
		t.Errorf("%d bytes are taken", taken)
	}
}

// TestBrokenUploads: a body that ends with an error is answered, for what it
// is worth, and gives its memory back.
func TestBrokenUploads(t *testing.T) {
	g := newGate(t, "", "")
	for _, call := range calls {
		for _, sent := range []string{"", `{"model":"ec`, named(call.body, "echo")} {
			body := io.MultiReader(strings.NewReader(sent), iotest.ErrReader(io.ErrUnexpectedEOF))
			w := g.send(named(call.path, "echo"), body, 4096)
			wantError(t, call.path+" broken off", w, call.protocol, protocol.KindInvalid, "broke off")
		}
		w := g.send(named(call.path, "echo"), iotest.ErrReader(errors.New("secret of the machine")), -1)
		wantError(t, call.path+" broken", w, call.protocol, protocol.KindInvalid, "broke off")
		if strings.Contains(w.Body.String(), "secret") {
			t.Errorf("an error of the machine is told: %s", w.Body)
		}
		// One byte a read, and a read of none at all now and then.
		slow := iotest.OneByteReader(strings.NewReader(named(call.body, "echo")))
		if w := g.send(named(call.path, "echo"), slow, -1); w.Code != 200 {
			t.Errorf("%s a byte at a time: got %d %s", call.path, w.Code, w.Body)
		}
	}
	if taken := g.app.relay.Budget.Taken(); taken != 0 {
		t.Errorf("%d bytes are taken", taken)
	}
}

// TestLimitOfCaddys, set by request_body, is told as ours is.
func TestLimitOfCaddys(t *testing.T) {
	g := newGate(t, "", "")
	limited := requestbody.RequestBody{MaxSize: 20}
	for _, call := range calls {
		r := httptest.NewRequest("POST", named(call.path, "echo"), strings.NewReader(named(call.body, "echo")))
		r.ContentLength = -1
		r.Header.Set("Authorization", "Bearer sk-ci")
		w := httptest.NewRecorder()
		r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, &g.server)
		err := limited.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			g.serve(w, r)
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, call.path, w, call.protocol, protocol.KindTooLarge, "limit of 20 bytes")
	}
}

// TestCodedBodies: a body that is compressed is refused by name, and not as
// JSON that is broken.
func TestCodedBodies(t *testing.T) {
	g := newGate(t, "", "")
	body := `{"model":"echo","messages":[{"role":"user","content":"hi"}]}`
	w := g.ask("POST", "/v1/chat/completions", body, ci, "Content-Encoding: zstd")
	wantError(t, "zstd", w, protocol.Chat, protocol.KindInvalid, "Content-Encoding")
	if w = g.ask("POST", "/v1/chat/completions", body, ci, "Content-Encoding: identity"); w.Code != 200 {
		t.Errorf("identity: %d %s", w.Code, w.Body)
	}
}
