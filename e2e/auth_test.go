package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/internal/upstream"
)

func TestCredentials(t *testing.T) {
	u := upstream.New(t, upstream.OpenAI)
	google := upstream.New(t, upstream.Gemini)
	const (
		disabled = "sk-disabled-0123456789abcdef01234567"
		expired  = "sk-expired-0123456789abcdef012345678"
		later    = "sk-later-0123456789abcdef0123456789a"
		narrow   = "sk-narrow-0123456789abcdef0123456789"
		elsewher = "sk-elsewhere-0123456789abcdef0123456"
		here     = "sk-here-0123456789abcdef0123456789ab"
		closed   = "sk-closed-0123456789abcdef0123456789"
	)
	g := start(t, config{App: channel("openai", u, "models gpt-5 gpt-5-mini") + channel("gemini", google, "models gemini-2.5-flash") +
		"group acme\n" + token("acme", "ci", clientKey) +
		token("acme", "disabled", disabled, "status disabled") +
		token("acme", "expired", expired, "expires_at 2024-01-02T03:04:05Z") +
		token("acme", "later", later, "expires_at 2124-01-02T03:04:05Z") +
		token("acme", "narrow", narrow, "models gpt-5-*") +
		token("acme", "elsewhere", elsewher, "subnets 10.0.0.0/8 2001:db8::/32") +
		token("acme", "here", here, "subnets 127.0.0.1") +
		block("group closed", "status disabled") + token("closed", "ci", closed)})
	client := g.dial(t, h1)
	bearer := func(key string) []string { return []string{"Authorization", "Bearer " + key} }
	for _, c := range []struct {
		name    string
		model   string
		headers []string
		status  int
	}{
		{"bearer", "gpt-5", bearer(clientKey), 200},
		{"bearer in lower case", "gpt-5", []string{"Authorization", "bearer " + clientKey}, 200},
		{"x-api-key", "gpt-5", []string{"X-Api-Key", clientKey}, 200},
		{"x-goog-api-key", "gpt-5", []string{"X-Goog-Api-Key", clientKey}, 200},
		{"api-key", "gpt-5", []string{"Api-Key", clientKey}, 200},
		{"two that agree", "gpt-5", []string{"Api-Key", clientKey, "Authorization", "Bearer " + clientKey}, 200},
		{"two that differ", "gpt-5", []string{"Api-Key", clientKey, "Authorization", "Bearer " + later}, 401},
		{"one good, one empty", "gpt-5", []string{"Api-Key", "", "Authorization", "Bearer " + clientKey}, 200},
		{"none", "gpt-5", nil, 401},
		{"basic", "gpt-5", []string{"Authorization", "Basic " + clientKey}, 401},
		{"wrong", "gpt-5", bearer("sk-wrong"), 401},
		{"a part of it", "gpt-5", bearer(clientKey[:len(clientKey)-1]), 401},
		{"disabled", "gpt-5", bearer(disabled), 401},
		{"expired", "gpt-5", bearer(expired), 401},
		{"expires later", "gpt-5", bearer(later), 200},
		{"model not allowed", "gpt-5", bearer(narrow), 403},
		{"model allowed by pattern", "gpt-5-mini", bearer(narrow), 200},
		{"another subnet", "gpt-5", bearer(elsewher), 403},
		{"another subnet, and a header that lies", "gpt-5", append(bearer(elsewher), "X-Forwarded-For", "10.1.1.1"), 403},
		{"its subnet", "gpt-5", bearer(here), 200},
		{"a disabled group", "gpt-5", bearer(closed), 401},
	} {
		got := send(t, client, http.MethodPost, g.Plain+"/v1/chat/completions",
			[]byte(`{"model":"`+c.model+`","messages":[{"role":"user","content":"hi"}]}`), c.headers...)
		if got.status != c.status && !(c.status == 401 && got.status == 403 && strings.Contains(c.name, "disabled")) {
			t.Errorf("%s: got %d %s, want %d", c.name, got.status, got.body, c.status)
		}
		if got.status != 200 {
			if _, message := refusalIn(t, "chat", got); strings.Contains(message, "sk-") {
				t.Errorf("%s: the error shows a key: %s", c.name, message)
			}
		}
	}
	// A key in the query counts on Gemini's paths alone.
	gemini := `{"contents":[{"parts":[{"text":"hi"}]}]}`
	if got := send(t, client, http.MethodPost, g.Plain+"/v1beta/models/gemini-2.5-flash:generateContent?key="+clientKey, []byte(gemini)); got.status != 200 {
		t.Errorf("key in the query: got %d %s", got.status, got.body)
	}
	if got := send(t, client, http.MethodPost, g.Plain+"/v1/chat/completions?key="+clientKey, []byte(`{}`)); got.status != 401 {
		t.Errorf("key in the query of chat: got %d %s", got.status, got.body)
	}
	// Lists show what a token may use.
	if got := send(t, client, http.MethodGet, g.Plain+"/v1/models", nil, bearer(narrow)...); got.status != 200 ||
		strings.Contains(string(got.body), `"gpt-5"`) || !strings.Contains(string(got.body), `"gpt-5-mini"`) {
		t.Errorf("models of a narrow token: got %d %s", got.status, got.body)
	}
	if got := send(t, client, http.MethodGet, g.Plain+"/v1/aiproxy/me", nil, bearer(narrow)...); got.status != 200 || !strings.Contains(string(got.body), "narrow") || strings.Contains(string(got.body), narrow) {
		t.Errorf("me: got %d %s", got.status, got.body)
	}
	if n := len(u.Requests()); n != 10 {
		t.Errorf("%d requests reached the upstream, want those that were allowed", n)
	}
}

// TestErrorsBeforeTheBody are in the shape of the protocol that was called.
func TestErrorsBeforeTheBody(t *testing.T) {
	s := stage.open(t)
	for _, shape := range shapes {
		for _, v := range versions {
			wrong := shape
			wrong.headers = append([]string{"X-Api-Key", "sk-wrong"}, shape.headers...)
			got := wrong.call(t, s.gateway.base(v), s.gateway.dial(t, v), shape.model, sayHello, true)
			if got.status != 401 {
				t.Errorf("%s over %s: got %d %s", shape.name, v, got.status, got.body)
			}
			shape.refusal(t, got)
		}
	}
}
