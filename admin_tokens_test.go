package aiproxy

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAdminTokens(t *testing.T) {
	w := newWorld(t, "")
	w.call("POST", "/aiproxy/groups", `{"name":"beta"}`).want(201)
	made := w.call("POST", "/aiproxy/groups/beta/tokens", `{"name":"one","models":["echo"],"subnets":["127.0.0.1"],"expires_at":"2099-01-31"}`).want(201)
	id, key := made.text("id"), made.text("key")
	if !strings.HasPrefix(key, "sk-") || made.header.Get("Location") != "/aiproxy/tokens/"+id {
		t.Errorf("made: %s, Location %s", made.body, made.header.Get("Location"))
	}
	if got := made.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control: %q", got)
	}

	got := w.call("GET", "/aiproxy/tokens/"+id, "").want(200).doc()
	delete(got, "created_at")
	delete(got, "updated_at")
	want := map[string]any{
		"id": id, "group": "beta", "name": "one", "status": "enabled", "models": []any{"echo"}, "subnets": []any{"127.0.0.1"},
		"expires_at": "2099-01-31T00:00:00Z", "last_used_at": nil, "source": "store",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("GET (-want +got):\n%s", diff)
	}

	w.ask(key, "echo").want(200)
	used, err := time.Parse(time.RFC3339, w.call("GET", "/aiproxy/tokens/"+id, "").want(200).text("last_used_at"))
	if err != nil || time.Since(used) > time.Hour {
		t.Errorf("last_used_at: %v, %v", used, err)
	}

	changed := w.call("PATCH", "/aiproxy/tokens/"+id, `{"name":"two","expires_at":null,"models":null}`).want(200)
	if doc := changed.doc(); doc["name"] != "two" || doc["expires_at"] != nil || len(doc["models"].([]any)) != 0 || len(doc["subnets"].([]any)) != 1 {
		t.Errorf("PATCH: %s", changed.body)
	}
	w.ask(key, "vendor/fixed:free").want(200)
	w.call("PATCH", "/aiproxy/tokens/"+id, string(changed.body)).want(200)
}

func TestAdminTokensRevoked(t *testing.T) {
	w := newWorld(t, "")
	id, key := w.group("beta")
	revoke := []struct {
		name             string
		path, body, back string
	}{
		{"token disabled", "/aiproxy/tokens/" + id, `{"status":"disabled"}`, `{"status":"enabled"}`},
		{"token expired", "/aiproxy/tokens/" + id, `{"expires_at":"2001-01-01"}`, `{"expires_at":null}`},
		{"group disabled", "/aiproxy/groups/beta", `{"status":"disabled"}`, `{"status":"enabled"}`},
	}
	for _, r := range revoke {
		w.ask(key, "echo").want(200)
		w.call("PATCH", r.path, r.body).want(200)
		if got := w.ask(key, "echo"); got.status != http.StatusUnauthorized {
			t.Errorf("%s: the token is served with %d", r.name, got.status)
		}
		w.call("PATCH", r.path, r.back).want(200)
	}
	w.ask(key, "echo").want(200)
	w.call("PATCH", "/aiproxy/tokens/"+id, `{"subnets":["192.0.2.0/24"]}`).want(200)
	w.ask(key, "echo").want(403)
	w.call("PATCH", "/aiproxy/tokens/"+id, `{"subnets":null,"models":["other*"]}`).want(200)
	w.ask(key, "echo").want(403)
	w.call("PATCH", "/aiproxy/groups/beta", `{"sets":["elsewhere"]}`).want(200)
	w.ask(key, "echo").want(404)

	w.call("DELETE", "/aiproxy/tokens/"+id, "").want(204)
	w.ask(key, "echo").want(401)
	w.call("GET", "/aiproxy/tokens/"+id, "").want(404)

	// Tokens go with their group, and do not come back with a new one.
	id, key = w.token("beta", "t2")
	w.call("DELETE", "/aiproxy/groups/beta", "").want(204)
	w.ask(key, "echo").want(401)
	w.call("GET", "/aiproxy/tokens/"+id, "").want(404)
	w.call("GET", "/aiproxy/groups/beta/tokens", "").want(404).says("beta")
	w.call("POST", "/aiproxy/groups", `{"name":"beta"}`).want(201)
	w.ask(key, "echo").want(401)
}

func TestAdminTokensOfDeclaredGroup(t *testing.T) {
	w := newWorld(t, "")
	declared := w.call("GET", "/aiproxy/tokens/config:acme:ci", "").want(200)
	if doc := declared.doc(); doc["source"] != "config" || doc["key"] != nil || doc["last_used_at"] != nil {
		t.Errorf("declared: %s", declared.body)
	}
	w.ask(canaryDeclared, "echo").want(200)
	if w.call("GET", "/aiproxy/tokens/config:acme:ci", "").want(200).text("last_used_at") == "" {
		t.Error("a declared token's use is not shown")
	}
	_, key := w.token("acme", "two")
	w.ask(key, "echo").want(200)
	if got := w.call("GET", "/aiproxy/groups/acme/tokens", "").items("name"); !cmp.Equal(got, []string{"ci", "two"}) {
		t.Errorf("the group has %v", got)
	}
	w.call("DELETE", "/aiproxy/tokens/config:acme:ci", "").want(409).says("config")
}

func TestAdminTokenErrors(t *testing.T) {
	w := newWorld(t, "")
	id, _ := w.group("beta")
	for _, test := range []struct {
		method, path, body string
		status             int
		says               []string
	}{
		{"POST", "groups/beta/tokens", `{"name":"t"}`, 409, []string{"beta", `"t"`}},
		{"POST", "groups/acme/tokens", `{"name":"ci"}`, 409, []string{"config"}},
		{"POST", "groups/none/tokens", `{"name":"x"}`, 404, []string{"none"}},
		{"GET", "groups/none/tokens", ``, 404, []string{"none"}},
		{"POST", "groups/beta/tokens", `{"name":"x","key":"sk-of-my-own-0123456789"}`, 400, []string{"key", "cannot be given"}},
		{"POST", "groups/beta/tokens", `{"name":"x","id":"tok_mine"}`, 400, []string{"id", "cannot be changed"}},
		{"POST", "groups/beta/tokens", `{"name":"x","group":"acme"}`, 400, []string{"group", "beta"}},
		{"POST", "groups/beta/tokens", `{"name":"x","subnets":["10.0.0.0/99"]}`, 400, []string{"subnets", "10.0.0.0/99"}},
		{"POST", "groups/beta/tokens", `{"name":"x","models":[""]}`, 400, []string{"models"}},
		{"POST", "groups/beta/tokens", `{"name":"x","expires_at":"soon"}`, 400, []string{"expires_at", "soon"}},
		{"POST", "groups/beta/tokens", `{"name":"x","expires_at":5}`, 400, []string{"expires_at", "expected a string, got number"}},
		{"PATCH", "tokens/" + id, `{"group":"acme"}`, 400, []string{"group", "cannot be changed"}},
		{"PATCH", "tokens/" + id, `{"key":"sk-other"}`, 400, []string{"key"}},
		{"PATCH", "tokens/tok_none", `{}`, 404, []string{"tok_none"}},
		{"DELETE", "tokens/tok_none", ``, 404, []string{"tok_none"}},
	} {
		w.call(test.method, "/aiproxy/"+test.path, test.body).want(test.status).says(test.says...)
	}
	// The key of one that was refused is nowhere.
	other, _ := w.token("acme", "two")
	w.call("PATCH", "/aiproxy/tokens/"+other, `{"name":"ci"}`).want(409).says("config")
}
