package aiproxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAdminProbe(t *testing.T) {
	w := newWorld(t, "")
	for _, protocol := range []string{"chat", "responses", "messages", "gemini"} {
		w.call("POST", "/aiproxy/channels", fmt.Sprintf(`{"name":%q,"adaptor":"echo","models":["*"],"map":{"b/c:d":"real"},"protocols":[%[1]q]}`, protocol)).want(201)
		got := w.call("POST", "/aiproxy/channels/"+protocol+"/test", "").want(200)
		if doc := got.doc(); doc["ok"] != true || doc["status"] != 200.0 || doc["protocol"] != protocol ||
			doc["model"] != "b/c:d" || doc["upstream_model"] != "real" || doc["error"] != "" || doc["key_position"] != 0.0 {
			t.Errorf("%s: %s", protocol, got.body)
		}
	}
	if got := w.call("POST", "/aiproxy/channels/chat/test", `{"model":"any"}`).want(200); got.text("model") != "any" {
		t.Errorf("model: %s", got.body)
	}
	w.call("POST", "/aiproxy/channels/fixed/test", `{"model":"other"}`).want(400).says("fixed", "other")
	w.call("POST", "/aiproxy/channels/fixed/test", `{"model":1}`).want(400).says("model")
	w.call("POST", "/aiproxy/channels/fixed/test", `{"Model":"echo"}`).want(400).says(`"Model"`)
	w.call("POST", "/aiproxy/channels/none/test", "").want(404).says("none")
	w.call("POST", "/aiproxy/channels", `{"name":"wild","adaptor":"echo","models":["*"]}`).want(201)
	w.call("POST", "/aiproxy/channels/wild/test", "").want(400).says("model", "required")
	w.call("POST", "/aiproxy/channels", `{"name":"nokey","adaptor":"openai","models":["m"]}`).want(201)
	w.call("POST", "/aiproxy/channels/nokey/test", "").want(409).says("no key")
	// A test is no change.
	if got := w.call("GET", "/aiproxy/audit", "").items("action"); len(got) != 6 {
		t.Errorf("audit: %v", got)
	}
}

func TestAdminProbeFails(t *testing.T) {
	const key = "sk-canary-repeated-by-upstream-0123"
	w := newWorld(t, "")
	status, body := 401, `{"error":"wrong key `+key+`"}`
	up := newChatUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		w.Write([]byte(body))
	})
	w.call("POST", "/aiproxy/channels", `{"name":"up","adaptor":{"adaptor":"openai","provider":"compatible"},"base_url":"`+up.URL+`",
		"keys":["`+key+`"],"models":["m"],"status":"disabled"}`).want(201)
	for _, test := range []struct {
		status int
		body   string
		says   string
	}{
		{401, body, "wrong key [key]"},
		{429, "slow down", "answered 429: slow down"},
		{302, "", "answered 302"},
		{200, "<html>", "no JSON"},
		{500, strings.Repeat("x", 2*probeError), "…"},
		{500, strings.Repeat(".", probeError-60) + key + " " + strings.Repeat(".", 100), "[key]"},
	} {
		status, body = test.status, test.body
		got := w.call("POST", "/aiproxy/channels/up/test", "").want(200)
		if doc := got.doc(); doc["ok"] != false || doc["status"] != float64(test.status) || !strings.Contains(doc["error"].(string), test.says) {
			t.Errorf("%d %.40s: %s", test.status, test.body, got.body)
		}
		if strings.Contains(string(got.body), key) || len(got.body) > 2*probeError {
			t.Errorf("%d: too much is shown: %s", test.status, got.body)
		}
	}
	// One refusal does not let the key rest: the next test calls again.
	status, body = 200, `{}`
	if got := w.call("POST", "/aiproxy/channels/up/test", "").want(200); got.doc()["ok"] != true {
		t.Errorf("after refusals: %s", got.body)
	}
	up.Close()
	if got := w.call("POST", "/aiproxy/channels/up/test", "").want(200); got.doc()["status"] != 0.0 || got.text("error") == "" {
		t.Errorf("gone: %s", got.body)
	}
}

func TestShown(t *testing.T) {
	for _, test := range []struct{ text, key, want string }{
		{"plain", "", "plain"},
		{"a KEY b KEY", "KEY", "a [key] b [key]"},
		{"bad \xff byte", "k", "bad \uFFFD byte"},
		{strings.Repeat("é", probeError), "k", strings.Repeat("é", probeError/2) + "…"},
		{"x" + strings.Repeat("é", probeError), "k", "x" + strings.Repeat("é", probeError/2-1) + "…"},
	} {
		got := shown(test.text, test.key)
		if got != test.want || !utf8.ValidString(got) {
			t.Errorf("%.40q: got %.40q", test.text, got)
		}
	}
}

// TestProbeTimeout: a test that takes too long says so, whatever the transport
// calls it.
func TestProbeTimeout(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := send(ctx, newWitness(errors.New("context canceled: secret detail")), probeCall())
	if err == nil || err.Error() != "no answer came in time" {
		t.Errorf("got %v", err)
	}
}
