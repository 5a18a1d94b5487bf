package aiproxy

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

func TestCredentials(t *testing.T) {
	g := newGate(t, "", "")
	const chat, gem = "/v1/chat/completions", "/v1beta/models/echo:generateContent"
	for _, c := range []struct {
		target  string
		headers []string
		// says is a part of the refusal; empty: the call is let in.
		says string
	}{
		{chat, []string{"Authorization: Bearer sk-ci"}, ""},
		{chat, []string{"Authorization: bearer sk-ci"}, ""},
		{chat, []string{"Authorization: BEARER   sk-ci  "}, ""},
		{chat, []string{"X-Api-Key: sk-ci"}, ""},
		{chat, []string{"X-Goog-Api-Key: sk-ci"}, ""},
		{chat, []string{"Api-Key: sk-ci"}, ""},
		{gem + "?key=sk-ci", nil, ""},
		{gem + "?alt=&key=sk%2Dci", nil, ""},
		{gem + "?%6Bey=x&key=sk-ci", nil, "differ"},

		// The same twice is one.
		{chat, []string{"Authorization: Bearer sk-ci", "Authorization: Bearer sk-ci"}, ""},
		{chat, []string{"Authorization: Bearer sk-ci", "X-Api-Key: sk-ci", "X-Goog-Api-Key: sk-ci", "Api-Key: sk-ci"}, ""},
		{gem + "?key=sk-ci&key=sk-ci", []string{"X-Goog-Api-Key: sk-ci"}, ""},
		// An empty one is none.
		{chat, []string{"Authorization: Bearer", "X-Api-Key: sk-ci"}, ""},
		{chat, []string{"Authorization: Bearer ", "X-Api-Key: ", "Api-Key: sk-ci"}, ""},
		{gem + "?key=", []string{"X-Goog-Api-Key: sk-ci"}, ""},
		// Another scheme is not ours.
		{chat, []string{"Authorization: Basic c2s6eA==", "X-Api-Key: sk-ci"}, ""},

		{chat, []string{"Authorization: Bearer sk-ci", "Authorization: Bearer sk-both"}, "differ"},
		{chat, []string{"Authorization: Bearer sk-ci", "X-Api-Key: sk-both"}, "differ"},
		{chat, []string{"X-Api-Key: wrong", "X-Goog-Api-Key: sk-ci"}, "differ"},
		{chat, []string{"X-Goog-Api-Key: sk-ci", "Api-Key: sk-ci "}, ""},
		{chat, []string{"X-Goog-Api-Key: sk-ci", "Api-Key: SK-CI"}, "differ"},
		{gem + "?key=sk-both", []string{"X-Goog-Api-Key: sk-ci"}, "differ"},
		{gem + "?key=sk-ci&key=sk-both", nil, "differ"},

		{chat, nil, "no API key was sent"},
		{chat + "?key=sk-ci", nil, "no API key was sent"},
		{chat, []string{"Authorization: sk-ci"}, "no API key was sent"},
		{chat, []string{"Authorization: Basic sk-ci"}, "no API key was sent"},
		{chat, []string{"Proxy-Authorization: Bearer sk-ci", "Cookie: key=sk-ci"}, "no API key was sent"},
		{gem + "?Key=sk-ci", nil, "no API key was sent"},

		{chat, []string{"Authorization: Bearer sk-unknown"}, "is not valid"},
		{chat, []string{"Authorization: Bearer sk-ci\x00"}, "is not valid"},
		{chat, []string{"Authorization: Bearer sk-ci,sk-ci"}, "is not valid"},
		{chat, []string{"Authorization: Bearer " + strings.Repeat("k", 1<<20)}, "is not valid"},
		{chat, []string{"Authorization: Bearer sk-off"}, "is not valid"},
		{chat, []string{"Authorization: Bearer sk-late"}, "is not valid"},
		{chat, []string{"Authorization: Bearer sk-dead"}, "is not valid"},
	} {
		p, body := protocol.Chat, named(calls[0].body, "echo")
		if strings.HasPrefix(c.target, gem) {
			p, body = protocol.Gemini, calls[3].body
		}
		what := c.target + " " + strings.Join(c.headers, ", ")[:min(40, len(strings.Join(c.headers, ", ")))]
		w := g.ask("POST", c.target, body, c.headers...)
		if c.says != "" {
			wantError(t, what, w, p, protocol.KindUnauthenticated, c.says)
			if strings.Contains(w.Body.String(), "sk-") {
				t.Errorf("%s: the error shows a key: %s", what, w.Body)
			}
		} else if w.Code != 200 {
			t.Errorf("%s: got %d %s", what, w.Code, w.Body)
		}
	}
}

// TestCredentialBeforeTheBody: who may not call has no body read.
func TestCredentialBeforeTheBody(t *testing.T) {
	g := newGate(t, "", "")
	for _, c := range calls {
		w := g.ask("POST", named(c.path, "echo"), strings.Repeat("[", 1<<16), "X-Api-Key: sk-wrong")
		wantError(t, c.path, w, c.protocol, protocol.KindUnauthenticated, "is not valid")
	}
	if taken := g.app.relay.Budget.Taken(); taken != 0 {
		t.Errorf("%d bytes are taken", taken)
	}
}

// TestAddress is what Caddy says that the client's is.
func TestAddress(t *testing.T) {
	g := newGate(t, "", "")
	for remote, status := range map[string]int{
		"198.51.100.7:1": 200, "[::ffff:198.51.100.7]:1": 200,
		"192.0.2.1:1": 403, "[2001:db8::1]:1": 403, "[fe80::1%eth0]:1": 403, "@": 403, "": 403,
	} {
		w := g.from(remote, "sk-far")
		if w.Code != status {
			t.Errorf("%q: got %d %s, expected %d", remote, w.Code, w.Body, status)
		}
		if status == 403 {
			wantError(t, remote, w, protocol.Chat, protocol.KindForbidden, "this address")
		}
	}
}

// TestCredentialsStayHere: no parameter that may hold a credential goes on to
// the upstream, whatever its case.
func TestCredentialsStayHere(t *testing.T) {
	x := &exchange{r: httptest.NewRequest("POST", "/v1/messages?beta=true&Key=a&api-key=b&ACCESS_TOKEN=c&%6bey=d", nil)}
	if q := x.query().Encode(); q != "beta=true" {
		t.Errorf("%s goes upstream", q)
	}
}

// TestRefusedBeforeTheBody: a refusal does not wait for a body that may never
// come, and says so on HTTP/1.
func TestRefusedBeforeTheBody(t *testing.T) {
	g := newGate(t, "", "")
	w := g.ask("POST", "/v1/chat/completions", `{"model":"echo"}`)
	if w.Code != 401 || w.Header().Get("Connection") != "close" {
		t.Errorf("got %d, Connection %q", w.Code, w.Header().Get("Connection"))
	}
	if w = g.ask("POST", "/v1/chat/completions", `{}`, ci); w.Code != 400 || w.Header().Get("Connection") != "" {
		t.Errorf("after the body: got %d, Connection %q", w.Code, w.Header().Get("Connection"))
	}
	if w = g.ask("GET", "/v1/models", ""); w.Code != 401 || w.Header().Get("Connection") != "" {
		t.Errorf("without a body: got %d, Connection %q", w.Code, w.Header().Get("Connection"))
	}
}
