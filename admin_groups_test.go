package aiproxy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAdminGroups(t *testing.T) {
	w := newWorld(t, "")
	made := w.call("POST", "/aiproxy/groups", `{"name":"beta","sets":["default","eu"]}`).want(201)
	if got := made.header.Get("Location"); got != "/aiproxy/groups/beta" {
		t.Errorf("Location: %q", got)
	}
	doc := made.doc()
	for _, stamp := range []string{"created_at", "updated_at"} {
		if doc[stamp] == nil {
			t.Errorf("%s is missing", stamp)
		}
		delete(doc, stamp)
	}
	want := map[string]any{"name": "beta", "status": "enabled", "sets": []any{"default", "eu"}, "balance": nil, "source": "store"}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}

	got := w.call("GET", "/aiproxy/groups/beta", "").want(200)
	if got.header.Get("ETag") != made.header.Get("ETag") || string(got.body) != string(made.body) {
		t.Errorf("GET answers %s %s, POST answered %s %s", got.header.Get("ETag"), got.body, made.header.Get("ETag"), made.body)
	}
	changed := w.call("PATCH", "/aiproxy/groups/beta", `{"status":"disabled"}`, "Content-Type: application/merge-patch+json").want(200)
	if changed.text("status") != "disabled" || len(changed.doc()["sets"].([]any)) != 2 {
		t.Errorf("PATCH lost a field: %s", changed.body)
	}
	if changed.header.Get("ETag") == made.header.Get("ETag") {
		t.Error("a change keeps the ETag")
	}
	// A null gives back the default; what GET shows can be sent back.
	if got := w.call("PATCH", "/aiproxy/groups/beta", `{"sets":null,"status":null}`).want(200); got.text("status") != "enabled" || len(got.doc()["sets"].([]any)) != 1 {
		t.Errorf("null: %s", got.body)
	}
	w.call("PATCH", "/aiproxy/groups/beta", string(got.body)).want(200)
	w.call("DELETE", "/aiproxy/groups/beta", "").want(204)
	w.call("GET", "/aiproxy/groups/beta", "").want(404).says("beta")
	w.call("DELETE", "/aiproxy/groups/beta", "").want(404)
}

func TestAdminGroupErrors(t *testing.T) {
	w := newWorld(t, "")
	w.group("beta")
	for _, test := range []struct {
		method, path, body string
		status             int
		says               []string
	}{
		{"POST", "", `{"name":"beta"}`, 409, []string{"beta", "already exists"}},
		{"POST", "", `{"name":"acme"}`, 409, []string{"acme", "config"}},
		{"POST", "", `{}`, 400, []string{"name"}},
		{"POST", "", `{"name":"a b"}`, 400, []string{"name", "a b"}},
		{"POST", "", `{"name":"."}`, 400, []string{"name"}},
		{"POST", "", `{"name":7}`, 400, []string{"name", "expected a string, got number"}},
		{"POST", "", `{"name":"x","sets":"eu"}`, 400, []string{"sets", "expected a list, got string"}},
		{"POST", "", `{"name":"x","sets":[1]}`, 400, []string{"sets", "expected a string"}},
		{"POST", "", `{"name":"x","status":"on"}`, 400, []string{"status", "enabled"}},
		{"POST", "", `{"name":"x","Status":"disabled"}`, 400, []string{`"Status"`, "no such field"}},
		{"POST", "", `{"name":"x","colour":1}`, 400, []string{`"colour"`, "name, status, sets, balance"}},
		{"POST", "", `{"name":"x","balance":"10"}`, 501, []string{"balance", "not built yet"}},
		{"POST", "", `{"name":"x","name":"y"}`, 400, []string{"name", "twice"}},
		{"POST", "", `{"name":"x"} {}`, 400, []string{"goes on"}},
		{"POST", "", `{"name":"x"`, 400, []string{"ends too early"}},
		{"POST", "", `["x"]`, 400, []string{"not a JSON object"}},
		{"POST", "", `null`, 400, []string{"not a JSON object"}},
		{"PATCH", "/beta", `{"name":"gamma"}`, 400, []string{"name", "cannot be changed"}},
		{"PATCH", "/beta", `{"name":null}`, 400, []string{"name", "cannot be changed"}},
		{"PATCH", "/beta", `{"balance":"1"}`, 501, []string{"balance"}},
		{"PATCH", "/none", `{}`, 404, []string{"none"}},
		{"PATCH", "/acme", `{"status":"disabled"}`, 409, []string{"acme", "config"}},
		{"DELETE", "/acme", "", 409, []string{"acme", "config"}},
	} {
		w.call(test.method, "/aiproxy/groups"+test.path, test.body).want(test.status).says(test.says...)
	}
	if got := w.call("GET", "/aiproxy/groups", "").items("name"); !cmp.Equal(got, []string{"acme", "beta"}) {
		t.Errorf("after refusals there are %v", got)
	}
}

func TestAdminShadowed(t *testing.T) {
	w := newWorld(t, "")
	w.group("beta")
	w.call("POST", "/aiproxy/channels", `{"name":"late","adaptor":"echo","models":["late"]}`).want(201)
	w.call("POST", "/aiproxy/models", `{"name":"m"}`).want(201)
	if err := w.load(`{"groups":{"beta":{"status":"disabled"}},"tokens":[{"group":"beta","name":"t","key":"` + canaryDeclared + `"}],
		"channels":{"late":{"adaptor":{"adaptor":"echo"},"models":["later"]}},"models":{"m":{}}}`); err != nil {
		t.Fatal(err)
	}
	for path, key := range map[string]string{"groups": "beta", "channels": "late", "groups/beta/tokens": "t", "models": "m"} {
		list := w.call("GET", "/aiproxy/"+path, "").want(200)
		seen := map[string]int{}
		for i, name := range list.items("name") {
			if name == key {
				seen[list.items("source")[i]+" "+list.items("shadowed")[i]]++
			}
		}
		if diff := cmp.Diff(map[string]int{"config <nil>": 1, "store true": 1}, seen); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	if got := w.call("GET", "/aiproxy/groups/beta", "").want(200); got.text("source") != "config" || got.text("status") != "disabled" {
		t.Errorf("the stored group wins: %s", got.body)
	}
	// Page by page, none of a pair is lost.
	var all []string
	for after := ""; ; {
		page := w.call("GET", "/aiproxy/groups?limit=1&after="+after, "")
		all = append(all, page.items("source")...)
		if after = page.text("next"); after == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"store", "config"}, all); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}
