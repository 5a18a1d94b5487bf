package aiproxy

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAdminSecrets plants keys and looks for them wherever something is
// written: answers, audit rows, the database's files, the log.
func TestAdminSecrets(t *testing.T) {
	w := newWorld(t, "")
	up := newChatUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		w.Write([]byte("no: " + r.Header.Get("Authorization")))
	})
	const first, second, refused = "sk-canary-stored-first-2222", "sk-canary-stored-second-3333", "sk-canary-refused-4444"
	secrets := []string{canarySecret, canaryDeclared, canaryProvider, first, second, refused}

	id, made := w.group("beta")
	_, other := w.token("acme", "other")
	secrets = append(secrets, made, other)
	w.call("POST", "/aiproxy/channels", `{"name":"up","adaptor":{"adaptor":"openai","provider":"compatible"},"base_url":"`+up.URL+`","keys":["`+first+`"],"models":["m"]}`).want(201)
	w.call("PATCH", "/aiproxy/channels/up", `{"keys":["`+first+`","`+second+`"]}`).want(200)
	w.call("PATCH", "/aiproxy/channels/up", `{"keys":["`+refused+`",7]}`).want(400)
	w.call("PATCH", "/aiproxy/channels/up", `{"keys":["`+refused+`"],"weight":"`+refused[:3]+`"}`).want(400)
	w.call("POST", "/aiproxy/channels", `{"name":"bad","adaptor":{"adaptor":"openai","colour":1},"keys":["`+refused+`"],"models":["m"]}`).want(400)
	w.call("POST", "/aiproxy/channels", `{"name":"bad","adaptor":"openai","keys":["`+refused+`"`).want(400)
	w.call("POST", "/aiproxy/groups/beta/tokens", `{"name":"mine","key":"`+refused+`"}`).want(400)
	w.call("POST", "/aiproxy/channels/up/test", "").want(200)
	w.ask(made, "m")
	w.ask(canaryDeclared, "echo").want(200)
	w.call("PATCH", "/aiproxy/tokens/"+id, `{"status":"disabled"}`).want(200)
	w.ask(made, "m").want(401)
	for _, path := range []string{"groups", "groups/acme/tokens", "groups/beta/tokens", "tokens/" + id, "channels", "channels/up",
		"channels/keyed", "models", "audit", "openapi.json", "tokens/config:acme:ci"} {
		w.call("GET", "/aiproxy/"+path, "").want(200)
	}
	w.call("DELETE", "/aiproxy/channels/up", "").want(204)
	w.call("DELETE", "/aiproxy/groups/beta", "").want(204)
	w.call("GET", "/aiproxy/audit", "").want(200)

	places := map[string]string{"the answers": w.seen.String(), "the log": w.file("log")}
	for _, file := range []string{"aiproxy.db", "aiproxy.db-wal"} {
		places[file] = w.file(file)
	}
	for place, text := range places {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				at := strings.Index(text, secret)
				t.Errorf("%s holds %s: …%.200q", place, secret, text[max(0, at-100):])
			}
		}
	}
	if !strings.Contains(places["the log"], "/aiproxy/channels") || !strings.Contains(places["aiproxy.db"]+places["aiproxy.db-wal"], "beta") {
		t.Error("the test looks in the wrong places")
	}
}

// TestAdminAudit: each change has a row that says how it was before and after.
func TestAdminAudit(t *testing.T) {
	w := newWorld(t, "")
	id, _ := w.group("beta")
	w.call("PATCH", "/aiproxy/tokens/"+id, `{"status":"disabled"}`).want(200)
	w.call("POST", "/aiproxy/channels", `{"name":"c","adaptor":"openai","keys":["0123456789-0123456789-abcd"],"models":["m"]}`).want(201)
	w.call("PATCH", "/aiproxy/channels/c", `{"keys":["0123456789-0123456789-efgh"]}`).want(200)
	w.call("POST", "/aiproxy/models", `{"name":"m/n"}`).want(201)
	w.call("DELETE", "/aiproxy/models/m/n", "").want(204)
	w.call("DELETE", "/aiproxy/groups/beta", "").want(204)
	// What is refused leaves no row.
	w.call("POST", "/aiproxy/groups", `{"name":"acme"}`).want(409)
	w.call("PATCH", "/aiproxy/channels/c", `{"weight":-1}`).want(400)
	w.call("PATCH", "/aiproxy/channels/c", `{}`, `If-Match: "1"`).want(412)
	w.call("DELETE", "/aiproxy/groups/beta", "").want(404)

	type row struct {
		Actor, Action, Kind, Name string
		Before, After             map[string]any
	}
	var list struct{ Items []row }
	if err := json.Unmarshal(w.call("GET", "/aiproxy/audit", "").want(200).body, &list); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(list.Items)
	group := map[string]any{"name": "beta", "status": "enabled", "sets": []any{"default"}, "balance": nil}
	token := func(status, id string) map[string]any {
		return map[string]any{"id": id, "group": "beta", "name": "t", "status": status, "models": []any{}, "subnets": []any{}, "expires_at": nil}
	}
	channel := func(hint string) map[string]any {
		return map[string]any{"name": "c", "adaptor": map[string]any{"adaptor": "openai"}, "base_url": "", "models": []any{"m"},
			"keys": []any{map[string]any{"position": 1.0, "hint": hint}}, "map": map[string]any{}, "protocols": []any{},
			"priority": 0.0, "weight": 1.0, "sets": []any{"default"}, "status": "enabled"}
	}
	model := map[string]any{"name": "m/n", "status": "enabled", "display_name": "", "owned_by": "", "context_tokens": 0.0,
		"max_output_tokens": 0.0, "price": nil, "rpm": nil, "tpm": nil, "fallback": nil}
	want := []row{
		{"admin", "create", "group", "beta", nil, group},
		{"admin", "create", "token", id, nil, token("enabled", id)},
		{"admin", "change", "token", id, token("enabled", id), token("disabled", id)},
		{"admin", "create", "channel", "c", nil, channel("…abcd")},
		{"admin", "change", "channel", "c", channel("…abcd"), channel("…efgh")},
		{"admin", "create", "model", "m/n", nil, model},
		{"admin", "delete", "model", "m/n", model, nil},
		{"admin", "delete", "group", "beta", group, nil},
	}
	if diff := cmp.Diff(want, list.Items); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}
