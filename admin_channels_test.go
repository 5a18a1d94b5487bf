package aiproxy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// upstream is a server that speaks chat and remembers the keys that it was
// called with.
func newChatUpstream(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// whoami answers with the key that it was called with.
func whoami(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"object":"chat.completion","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":%q}}]}`,
		strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
}

func TestAdminChannels(t *testing.T) {
	w := newWorld(t, "")
	up := newChatUpstream(t, whoami)
	_, key := w.group("beta")
	w.ask(key, "new").want(404)
	made := w.call("POST", "/aiproxy/channels", `{"name":"up","adaptor":{"adaptor":"openai","provider":"compatible"},"base_url":"`+up.URL+`",
		"keys":["first-key-0123456789-wxyz","short"],"models":["new"],"weight":7}`).want(201)
	doc := made.doc()
	delete(doc, "created_at")
	delete(doc, "updated_at")
	want := map[string]any{
		"name": "up", "adaptor": map[string]any{"adaptor": "openai", "provider": "compatible"}, "base_url": up.URL,
		"keys": []any{
			map[string]any{"position": 1.0, "hint": "…wxyz"},
			map[string]any{"position": 2.0, "hint": ""},
		},
		"models": []any{"new"}, "map": map[string]any{}, "protocols": []any{}, "priority": 0.0, "weight": 7.0,
		"sets": []any{"default"}, "status": "enabled", "state": "active", "source": "store",
	}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	asks := func(model, want string) {
		t.Helper()
		if got := w.ask(key, model).want(200); !strings.Contains(string(got.body), want) {
			t.Errorf("the upstream was called with another key than %s: %s", want, got.body)
		}
	}
	// One key: with two, they take turns.
	w.call("PATCH", "/aiproxy/channels/up", `{"keys":["first-key-0123456789-wxyz"]}`).want(200)
	asks("new", "first-key-0123456789-wxyz")

	// A patch without keys keeps them; masks are never taken for keys.
	shown := w.call("PATCH", "/aiproxy/channels/up", `{"models":["newer"],"map":{"alias":"real"}}`).want(200)
	asks("newer", "first-key-0123456789-wxyz")
	asks("alias", "first-key-0123456789-wxyz")
	w.ask(key, "new").want(404)
	w.call("PATCH", "/aiproxy/channels/up", string(shown.body)).want(400).says("keys", "hints")
	w.call("PATCH", "/aiproxy/channels/up", `{"keys":["…wxyz",{}]}`).want(400).says("keys")
	asks("newer", "first-key-0123456789-wxyz")
	var withoutKeys map[string]json.RawMessage
	if err := json.Unmarshal(shown.body, &withoutKeys); err != nil {
		t.Fatal(err)
	}
	delete(withoutKeys, "keys")
	body, _ := json.Marshal(withoutKeys)
	w.call("PATCH", "/aiproxy/channels/up", string(body)).want(200)
	asks("newer", "first-key-0123456789-wxyz")

	// New keys, then none.
	w.call("PATCH", "/aiproxy/channels/up", `{"keys":["other-key"]}`).want(200)
	asks("newer", "other-key")
	if got := w.call("PATCH", "/aiproxy/channels/up", `{"keys":null}`).want(200); len(got.doc()["keys"].([]any)) != 0 {
		t.Errorf("keys: null leaves %s", got.body)
	}
	disabled := w.call("PATCH", "/aiproxy/channels/up", `{"status":"disabled"}`).want(200)
	if disabled.text("state") != "disabled" {
		t.Errorf("state: %s", disabled.body)
	}
	w.ask(key, "newer").want(503)
	w.call("DELETE", "/aiproxy/channels/up", "").want(204)
	w.ask(key, "newer").want(404)
	w.call("GET", "/aiproxy/channels/up", "").want(404).says("up")
}

func TestAdminChannelDeclared(t *testing.T) {
	w := newWorld(t, "")
	got := w.call("GET", "/aiproxy/channels/keyed", "").want(200)
	doc := got.doc()
	if diff := cmp.Diff([]any{map[string]any{"position": 1.0, "hint": "…1111"}}, doc["keys"]); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"protocol": "http"}, doc["transport"]); diff != "" {
		t.Errorf("transport (-want +got):\n%s", diff)
	}
	w.call("PATCH", "/aiproxy/channels/keyed", `{"keys":[]}`).want(409).says("config")
	w.call("DELETE", "/aiproxy/channels/keyed", ``).want(409).says("config")
	w.call("POST", "/aiproxy/channels", `{"name":"keyed","adaptor":"echo","models":["x"]}`).want(409).says("config")
}

func TestAdminChannelErrors(t *testing.T) {
	w := newWorld(t, "")
	for _, test := range []struct {
		body string
		says []string
	}{
		{`{"adaptor":"echo","models":["x"]}`, []string{"name"}},
		{`{"name":"..","adaptor":"echo","models":["x"]}`, []string{"name"}},
		{`{"name":"x"}`, []string{"adaptor", "required"}},
		{`{"name":"x","adaptor":null,"models":["x"]}`, []string{"adaptor", "required"}},
		{`{"name":"x","adaptor":7,"models":["x"]}`, []string{"adaptor"}},
		{`{"name":"x","adaptor":{"provider":"openai"},"models":["x"]}`, []string{"adaptor"}},
		{`{"name":"x","adaptor":"nonesuch","models":["x"]}`, []string{"adaptor", "nonesuch"}},
		{`{"name":"x","adaptor":{"adaptor":"echo","colour":1},"models":["x"]}`, []string{"adaptor", "colour"}},
		{`{"name":"x","adaptor":{"adaptor":"openai","organization":"{file./etc/hostname}"},"models":["x"]}`, []string{"adaptor", "placeholder"}},
		{`{"name":"x","adaptor":"echo"}`, []string{"models"}},
		{`{"name":"x","adaptor":"echo","models":[""]}`, []string{"models"}},
		{`{"name":"x","adaptor":"echo","map":{"a":1}}`, []string{"map", "expected a string"}},
		{`{"name":"x","adaptor":"echo","models":["x"],"weight":1.5}`, []string{"weight", "whole number"}},
		{`{"name":"x","adaptor":"echo","models":["x"],"weight":-1}`, []string{"weight"}},
		{`{"name":"x","adaptor":"echo","models":["x"],"protocols":["soap"]}`, []string{"protocols", "soap"}},
		{`{"name":"x","adaptor":"echo","models":["x"],"status":"on"}`, []string{"status"}},
		{`{"name":"x","adaptor":"openai","models":["x"],"base_url":"ftp://host"}`, []string{"base_url", "ftp://host"}},
		{`{"name":"x","adaptor":"openai","models":["x"],"keys":"sk-canary-in-error"}`, []string{"keys", "list of strings"}},
		{`{"name":"x","adaptor":"openai","models":["x"],"keys":[""]}`, []string{"keys", "position 1"}},
		{`{"name":"x","adaptor":"openai","models":["x"],"keys":["a",null]}`, []string{"keys", "position 2"}},
		{`{"name":"x","adaptor":"echo","models":["x"],"transport":{"protocol":"http"}}`, []string{"transport", "config"}},
	} {
		got := w.call("POST", "/aiproxy/channels", test.body).want(400).says(test.says...)
		if strings.Contains(string(got.body), "canary-in-error") {
			t.Errorf("the error shows a key: %s", got.body)
		}
	}
	many, _ := json.Marshal(map[string]any{"name": "x", "adaptor": "openai", "models": []string{"x"}, "keys": strings.Split(strings.Repeat("k ", 65), " ")[:65]})
	w.call("POST", "/aiproxy/channels", string(many)).want(400).says("keys", "64")
	// A bad change leaves the channel as it was.
	w.call("POST", "/aiproxy/channels", `{"name":"x","adaptor":"echo","models":["x"]}`).want(201)
	w.call("PATCH", "/aiproxy/channels/x", `{"adaptor":{"colour":1}}`).want(400).says("adaptor")
	_, key := w.group("beta")
	w.ask(key, "x").want(200)
	if got := w.call("GET", "/aiproxy/channels", "").items("name"); !cmp.Equal(got, []string{"fixed", "keyed", "x"}) {
		t.Errorf("there are %v", got)
	}
}

// TestAdminPlaceholders: what is stored is taken as it is.
func TestAdminPlaceholders(t *testing.T) {
	t.Setenv("AIPROXY_TEST_CANARY", "expanded")
	w := newWorld(t, "")
	up := newChatUpstream(t, whoami)
	w.call("POST", "/aiproxy/channels", `{"name":"up","adaptor":{"adaptor":"openai","provider":"compatible"},"base_url":"`+up.URL+`",
		"keys":["{env.AIPROXY_TEST_CANARY}"],"models":["m"]}`).want(201)
	_, key := w.group("beta")
	if got := w.ask(key, "m").want(200); !strings.Contains(string(got.body), "{env.AIPROXY_TEST_CANARY}") {
		t.Errorf("the upstream was called with %s", got.body)
	}
}

// TestChannelDocHoldsConfig: a field of the config that the API does not show
// would be lost with the first change.
func TestChannelDocHoldsConfig(t *testing.T) {
	for _, pair := range [][2]reflect.Type{
		{reflect.TypeFor[ChannelConfig](), reflect.TypeFor[channelDoc]()},
		{reflect.TypeFor[ModelConfig](), reflect.TypeFor[modelDoc]()},
		{reflect.TypeFor[GroupConfig](), reflect.TypeFor[groupDoc]()},
		{reflect.TypeFor[TokenConfig](), reflect.TypeFor[tokenDoc]()},
	} {
		has := map[string]bool{}
		for _, f := range docFields(pair[1]) {
			has[f.name] = true
			if f.doc == "" {
				t.Errorf("%s: %s is not described", pair[1], f.name)
			}
		}
		for _, f := range docFields(pair[0]) {
			if !has[f.name] {
				t.Errorf("%s has no %s", pair[1], f.name)
			}
		}
	}
}

func TestHintOf(t *testing.T) {
	for key, want := range map[string]string{
		"":                              "",
		strings.Repeat("x", 19):         "",
		"0123456789012345abcd":          "…abcd",
		strings.Repeat("é", 19) + "äöü": "…éäöü",
	} {
		if got := hintOf(1, key).Hint; got != want {
			t.Errorf("%q: got %q, expected %q", key, got, want)
		}
	}
}
