package aiproxy

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/google/go-cmp/cmp"
)

func TestMatchRoute(t *testing.T) {
	routes := adminRoutes()
	for _, test := range []struct {
		method, path, pattern, allow string
		params                       map[string]string
	}{
		{"GET", "groups", "groups", "GET, HEAD, POST, OPTIONS", map[string]string{}},
		{"HEAD", "groups", "groups", "GET, HEAD, POST, OPTIONS", map[string]string{}},
		{"PUT", "groups", "", "GET, HEAD, POST, OPTIONS", nil},
		{"GET", "groups/", "", "", nil},
		{"GET", "", "", "", nil},
		{"GET", "nothing", "", "", nil},
		{"GET", "groups/a", "groups/{group}", "DELETE, GET, HEAD, PATCH, OPTIONS", map[string]string{"group": "a"}},
		{"GET", "groups/a/tokens", "groups/{group}/tokens", "GET, HEAD, POST, OPTIONS", map[string]string{"group": "a"}},
		{"GET", "groups/a/tokens/b", "", "", nil},
		{"GET", "groups//tokens", "", "", nil},
		{"GET", "tokens/config:acme:ci", "tokens/{id}", "DELETE, GET, HEAD, PATCH, OPTIONS", map[string]string{"id": "config:acme:ci"}},
		{"DELETE", "channels/a", "channels/{name}", "DELETE, GET, HEAD, PATCH, OPTIONS", map[string]string{"name": "a"}},
		{"POST", "channels/a/test", "channels/{name}/test", "POST, OPTIONS", map[string]string{"name": "a"}},
		{"GET", "channels/a/test", "", "POST, OPTIONS", nil},
		{"GET", "models/a/b:c/d", "models/{model...}", "DELETE, GET, HEAD, PATCH, OPTIONS", map[string]string{"model": "a/b:c/d"}},
		{"GET", "models/a%2Fb%3f", "models/{model...}", "DELETE, GET, HEAD, PATCH, OPTIONS", map[string]string{"model": "a/b?"}},
		{"GET", "models/", "", "", nil},
		{"GET", "groups/%zz", "", "", nil},
	} {
		route, params, allow := matchRoute(routes, test.method, test.path)
		pattern := ""
		if route != nil {
			pattern = route.pattern
		}
		if pattern != test.pattern || allow != test.allow || !cmp.Equal(params, test.params) {
			t.Errorf("%s %s: got %q %v, allow %q", test.method, test.path, pattern, params, allow)
		}
	}
}

func TestAdminPaths(t *testing.T) {
	w := newWorld(t, "")
	w.call("GET", "/aiproxy/nothing", "").want(404).says("/aiproxy/nothing", "openapi.json")
	got := w.call("PUT", "/aiproxy/groups/x", `{}`).want(405).says("PUT", "PATCH")
	if allow := got.header.Get("Allow"); allow != "DELETE, GET, HEAD, PATCH, OPTIONS" {
		t.Errorf("Allow: %q", allow)
	}
	if got := w.call("OPTIONS", "/aiproxy/audit", "").want(204); got.header.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("OPTIONS: %v", got.header)
	}
	if got := w.call("HEAD", "/aiproxy/groups", "").want(200); len(got.body) != 0 || got.header.Get("Content-Length") == "0" {
		t.Errorf("HEAD: %q, %v", got.body, got.header)
	}
	for _, path := range []string{"groups/x/credits", "health", "logs", "logs/1", "usage", "ledger"} {
		w.call("GET", "/aiproxy/"+path, "").want(501).says("/aiproxy/"+path, "not built yet")
	}
	w.call("POST", "/aiproxy/ledger/verify", "").want(501)
	w.call("POST", "/aiproxy/groups/x/credits", "{}").want(501)
}

func TestAdminBodies(t *testing.T) {
	w := newWorld(t, "")
	w.call("POST", "/aiproxy/groups", `{"name":"a"}`, "Content-Type: text/plain").want(415).says("text/plain", "application/json")
	w.call("POST", "/aiproxy/groups", `{"name":"a"}`, "Content-Type: application/merge-patch+json").want(415)
	w.call("POST", "/aiproxy/groups", `{"name":"a"}`, "Content-Type: application/json; charset=utf-8").want(201)
	w.call("PATCH", "/aiproxy/groups/a", `{}`, "Content-Type: application/x-www-form-urlencoded").want(415).says("merge-patch")
	w.call("PATCH", "/aiproxy/groups/a", `{}`, "Content-Type: application/merge-patch+json").want(200)
	w.call("POST", "/aiproxy/groups", "").want(415)
	w.call("POST", "/aiproxy/groups", `{"name":"`+strings.Repeat("x", adminBody)+`"}`).want(413).says("1048576")
}

func TestAdminPages(t *testing.T) {
	w := newWorld(t, "")
	for _, name := range []string{"b", "a", "zz", "c"} {
		w.call("POST", "/aiproxy/groups", `{"name":"`+name+`"}`).want(201)
	}
	for _, limit := range []string{"1", "2", "3", "4", "5", "6", "1000", ""} {
		var all []string
		for after := ""; ; {
			page := w.call("GET", "/aiproxy/groups?limit="+limit+"&after="+after, "")
			names := page.items("name")
			if len(names) == 0 {
				t.Fatalf("limit %s: an empty page after %q", limit, after)
			}
			all = append(all, names...)
			if after = page.text("next"); after == "" {
				break
			}
		}
		if diff := cmp.Diff([]string{"a", "acme", "b", "c", "zz"}, all); diff != "" {
			t.Errorf("limit %s (-want +got):\n%s", limit, diff)
		}
	}
	for _, limit := range []string{"0", "-1", "1001", "x", "1.5"} {
		w.call("GET", "/aiproxy/groups?limit="+limit, "").want(400).says("limit", "1000")
		w.call("GET", "/aiproxy/audit?limit="+limit, "").want(400).says("limit")
	}
	w.call("GET", "/aiproxy/groups?after=a", "").want(400).says("after")
	w.call("GET", "/aiproxy/audit?after=a", "").want(400).says("after")

	var ids []string
	for after := ""; ; {
		page := w.call("GET", "/aiproxy/audit?limit=3&after="+after, "")
		ids = append(ids, page.items("name")...)
		if after = page.text("next"); after == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"c", "zz", "a", "b"}, ids); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func TestAdminWithoutApp(t *testing.T) {
	w := newWorld(t, "")
	w.call("GET", "/aiproxy/groups", "").want(200)
	if err := w.run(nil); err != nil {
		t.Fatal(err)
	}
	w.call("GET", "/aiproxy/groups", "").want(503).says("no aiproxy app is configured")
	w.call("GET", "/aiproxy/nothing", "").want(404)
}

// TestOpenAPI walks the document and the table of routes, each against the
// other.
func TestOpenAPI(t *testing.T) {
	w := newWorld(t, "")
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Schemas map[string]json.RawMessage }
	}
	text := w.call("GET", "/aiproxy/openapi.json", "").want(200).body
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("openapi: %q", doc.OpenAPI)
	}
	var documented, served []string
	param := regexp.MustCompile(`\{(\w+)\}`)
	ids := map[string]bool{}
	for path, item := range doc.Paths {
		for method, raw := range item {
			if method == "parameters" {
				continue
			}
			documented = append(documented, strings.ToUpper(method)+" "+path)
			at := strings.TrimPrefix(param.ReplaceAllString(path, "x"), adminPrefix)
			if route, _, _ := matchRoute(adminRoutes(), strings.ToUpper(method), at); route == nil {
				t.Errorf("%s %s is documented and not served", method, path)
			}
			var op struct {
				OperationID string
				Responses   map[string]json.RawMessage
			}
			if err := json.Unmarshal(raw, &op); err != nil || len(op.Responses) == 0 || op.OperationID == "" || ids[op.OperationID] {
				t.Errorf("%s %s: %s, %v", method, path, raw, err)
			}
			ids[op.OperationID] = true
		}
		var params []struct{ Name string }
		json.Unmarshal(item["parameters"], &params)
		if len(params) != len(param.FindAllString(path, -1)) {
			t.Errorf("%s: parameters %v", path, params)
		}
	}
	for _, r := range adminRoutes() {
		served = append(served, r.method+" "+adminPrefix+strings.ReplaceAll(r.pattern, "...}", "}"))
		if r.summary == "" || r.serve == nil {
			t.Errorf("%s %s has no summary or nothing that serves it", r.method, r.pattern)
		}
	}
	slices.Sort(documented)
	slices.Sort(served)
	if diff := cmp.Diff(served, documented); diff != "" {
		t.Errorf("(-served +documented):\n%s", diff)
	}
	for _, ref := range regexp.MustCompile(`#/components/schemas/(\w+)`).FindAllStringSubmatch(string(text), -1) {
		if doc.Components.Schemas[ref[1]] == nil {
			t.Errorf("there is no schema %s", ref[1])
		}
	}
	for _, name := range []string{"Group", "Token", "Channel", "Model", "Change", "Error"} {
		if doc.Components.Schemas[name] == nil {
			t.Errorf("there is no schema %s", name)
		}
	}
}

// TestOpenAPIAnswers: what the API answers has the members of the schemas, and
// no others.
func TestOpenAPIAnswers(t *testing.T) {
	w := newWorld(t, "")
	id, _ := w.group("beta")
	w.call("POST", "/aiproxy/channels", `{"name":"c","adaptor":"echo","models":["c"]}`).want(201)
	doc := openAPI(adminRoutes())
	schemas := doc["components"].(object)["schemas"].(object)
	for path, schema := range map[string]string{
		"groups/acme": "Group", "groups/beta": "Group", "tokens/" + id: "Token", "tokens/config:acme:ci": "Token",
		"channels/c": "Channel", "channels/keyed": "Channel", "models/echo": "Model", "models/c": "Model",
	} {
		properties := schemas[schema].(object)["properties"].(object)
		for member := range w.call("GET", "/aiproxy/"+path, "").want(200).doc() {
			if properties[member] == nil {
				t.Errorf("%s: the schema %s has no %s", path, schema, member)
			}
		}
	}
}

func TestAdminModule(t *testing.T) {
	info, err := caddy.GetModule("admin.api.aiproxy")
	if err != nil {
		t.Fatal(err)
	}
	api := info.New().(*AdminAPI)
	if err := api.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	routes := api.Routes()
	if len(routes) != 1 || routes[0].Pattern != adminPrefix {
		t.Errorf("routes: %v", routes)
	}
	http.NewServeMux().Handle(routes[0].Pattern, http.NotFoundHandler())
}
