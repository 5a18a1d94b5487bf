package aiproxy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAdminModels(t *testing.T) {
	w := newWorld(t, "")
	_, key := w.group("beta")
	if diff := cmp.Diff([]string{"echo", "gpt-5", "vendor/fixed:free"}, w.call("GET", "/aiproxy/models", "").items("name")); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	implicit := w.call("GET", "/aiproxy/models/vendor/fixed:free", "").want(200)
	if doc := implicit.doc(); doc["implicit"] != true || doc["source"] != "config" {
		t.Errorf("implicit: %s", implicit.body)
	}
	w.call("PATCH", "/aiproxy/models/vendor/fixed:free", `{"status":"disabled"}`).want(409).says("channel", "POST /aiproxy/models")
	w.call("DELETE", "/aiproxy/models/vendor/fixed:free", ``).want(409)
	w.ask(key, "vendor/fixed:free").want(200)

	// Described, it can be disabled.
	made := w.call("POST", "/aiproxy/models", `{"name":"vendor/fixed:free","display_name":"Free","status":"disabled","context_tokens":1000}`).want(201)
	if got := made.header.Get("Location"); got != "/aiproxy/models/vendor/fixed:free" {
		t.Errorf("Location: %q", got)
	}
	w.ask(key, "vendor/fixed:free").want(404)
	changed := w.call("PATCH", made.header.Get("Location"), `{"status":"enabled","owned_by":"vendor"}`).want(200)
	if doc := changed.doc(); doc["display_name"] != "Free" || doc["context_tokens"] != 1000.0 || doc["owned_by"] != "vendor" || doc["implicit"] != nil {
		t.Errorf("PATCH: %s", changed.body)
	}
	w.ask(key, "vendor/fixed:free").want(200)
	w.call("PATCH", made.header.Get("Location"), string(changed.body)).want(200)
	listed := w.request("GET", w.site+"/v1/models", "", "Authorization: Bearer "+key).want(200)
	if !strings.Contains(string(listed.body), `"owned_by":"vendor"`) {
		t.Errorf("clients see %s", listed.body)
	}
	w.call("DELETE", made.header.Get("Location"), "").want(204)
	if got := w.call("GET", made.header.Get("Location"), "").want(200).doc()["implicit"]; got != true {
		t.Error("a model that a channel lists is gone with its description")
	}

	w.call("POST", "/aiproxy/models", `{"name":"solo"}`).want(201)
	w.call("DELETE", "/aiproxy/models/solo", "").want(204)
	w.call("GET", "/aiproxy/models/solo", "").want(404).says("solo")
}

// TestAdminModelPaths: whatever the name, the Location leads back.
func TestAdminModelPaths(t *testing.T) {
	w := newWorld(t, "")
	for _, name := range []string{"a/b/c", "a:b:c", "a b", "a%2Fb", "a?b#c", "a//b", "a/../b", "/a", "a/", "modèle", "models/x", "x;y=1"} {
		body := `{"name":"` + name + `"}`
		made := w.call("POST", "/aiproxy/models", body)
		if made.status == 400 {
			t.Logf("%q is no name", name)
			continue
		}
		made.want(201)
		if got := w.call("GET", made.header.Get("Location"), "").want(200).text("name"); got != name {
			t.Errorf("%q: Location %q leads to %q", name, made.header.Get("Location"), got)
		}
		w.call("DELETE", made.header.Get("Location"), "").want(204)
	}
}

func TestAdminModelErrors(t *testing.T) {
	w := newWorld(t, "")
	for _, test := range []struct {
		method, path, body string
		status             int
		says               []string
	}{
		{"POST", "", `{"name":"echo"}`, 409, []string{"echo", "config"}},
		{"PATCH", "/echo", `{"status":"disabled"}`, 409, []string{"echo", "config"}},
		{"POST", "", `{}`, 400, []string{"name"}},
		{"POST", "", `{"name":"gpt-*"}`, 400, []string{"gpt-*"}},
		{"POST", "", `{"name":".."}`, 400, []string{"name"}},
		{"POST", "", `{"name":"m","status":"off"}`, 400, []string{"status"}},
		{"POST", "", `{"name":"m","context_tokens":-1}`, 400, []string{"negative"}},
		{"POST", "", `{"name":"m","context_tokens":1e30}`, 400, []string{"context_tokens"}},
		{"POST", "", `{"name":"m","price":{"input":"1"}}`, 501, []string{"price"}},
		{"POST", "", `{"name":"m","rpm":0}`, 501, []string{"rpm"}},
		{"POST", "", `{"name":"m","tpm":1}`, 501, []string{"tpm"}},
		{"POST", "", `{"name":"m","fallback":[]}`, 501, []string{"fallback"}},
		{"DELETE", "/none", ``, 404, []string{"none"}},
	} {
		w.call(test.method, "/aiproxy/models"+test.path, test.body).want(test.status).says(test.says...)
	}
}
