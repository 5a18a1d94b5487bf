package aiproxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

// The keys that the tests plant. None may come out anywhere but where it is
// made.
const (
	canarySecret   = "canary-gateway-secret-0123456789abcdef"
	canaryDeclared = "sk-canary-declared-token-0123456789"
	canaryProvider = "sk-canary-provider-declared-abcd1111"
)

// world is a gateway inside the test's process, with its admin endpoint. Caddy
// has one configuration a process, so tests that make one run one by one.
type world struct {
	t           *testing.T
	dir         string
	admin, site string
	// seen is all that the admin API has answered, the making of tokens apart.
	seen bytes.Buffer
}

// declaredApp is what the config of a world declares unless it says otherwise.
const declaredApp = `{
	"channels": {
		"fixed": {"adaptor": {"adaptor": "echo"}, "models": ["echo", "vendor/fixed:free"]},
		"keyed": {"adaptor": {"adaptor": "openai"}, "keys": ["` + canaryProvider + `"], "models": ["gpt-5"],
			"transport": {"protocol": "http"}, "sets": ["other"]}
	},
	"models": {"echo": {"display_name": "Echo"}},
	"groups": {"acme": {"sets": ["default"]}},
	"tokens": [{"group": "acme", "name": "ci", "key": "` + canaryDeclared + `", "subnets": ["127.0.0.0/8", "::1"]}]
}`

// newWorld starts a gateway with this app; empty: with declaredApp.
func newWorld(t *testing.T, app string) *world {
	t.Helper()
	ports := freePorts(t, 2)
	w := &world{
		t: t, dir: t.TempDir(),
		admin: fmt.Sprintf("http://127.0.0.1:%d", ports[0]),
		site:  fmt.Sprintf("http://127.0.0.1:%d", ports[1]),
	}
	if err := w.load(app); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Stopping a config does not stop its admin endpoint; another one does.
		err := errors.Join(caddy.Load([]byte(`{"admin":{"disabled":true}}`), true), caddy.Stop())
		if err != nil {
			t.Error(err)
		}
	})
	return w
}

func freePorts(t *testing.T, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// load loads a config whose app is this one.
func (w *world) load(app string) error {
	w.t.Helper()
	if app == "" {
		app = declaredApp
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(app), &fields); err != nil {
		w.t.Fatal(err)
	}
	fields["store"] = map[string]any{"driver": "sqlite", "path": w.path("aiproxy.db")}
	fields["secret"] = canarySecret
	return w.run(map[string]any{
		"aiproxy": fields,
		"http": map[string]any{"servers": map[string]any{"site": map[string]any{
			"listen":          []string{strings.TrimPrefix(w.site, "http://")},
			"automatic_https": map[string]any{"disable": true},
			"routes":          []any{map[string]any{"handle": []any{map[string]any{"handler": "aiproxy"}}}},
		}}},
	})
}

// run loads a config with these apps.
func (w *world) run(apps map[string]any) error {
	if apps != nil {
		// Its cleaner outlives the test.
		apps["tls"] = map[string]any{"disable_storage_clean": true}
	}
	config, err := json.Marshal(map[string]any{
		"admin":   map[string]any{"listen": strings.TrimPrefix(w.admin, "http://"), "config": map[string]any{"persist": false}},
		"storage": map[string]any{"module": "file_system", "root": w.path("storage")},
		"logging": map[string]any{"logs": map[string]any{"default": map[string]any{
			"level": "DEBUG", "writer": map[string]any{"output": "file", "filename": w.path("log"), "mode": "0600", "roll": false},
		}}},
		"apps": apps,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return caddy.Load(config, true)
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// reply is an answer, read whole.
type reply struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   []byte
}

// call calls the admin API. Headers are given as "Name: value".
func (w *world) call(method, path, body string, headers ...string) *reply {
	w.t.Helper()
	r := w.request(method, w.admin+path, body, headers...)
	if !strings.Contains(string(r.body), `"key":`) {
		w.seen.Write(r.body)
	}
	return r
}

// ask makes a chat call with a token.
func (w *world) ask(key, model string) *reply {
	w.t.Helper()
	return w.request(http.MethodPost, w.site+"/v1/chat/completions",
		`{"model":"`+model+`","messages":[{"role":"user","content":"hello"}]}`, "Authorization: Bearer "+key)
}

func (w *world) request(method, url, body string, headers ...string) *reply {
	w.t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := w.do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return &reply{t: w.t, what: method + " " + strings.TrimPrefix(url, w.admin) + " " + body, status: resp.StatusCode, header: resp.Header, body: text}
}

// do makes a request. Right after a reload the kernel may still give a new
// connection to the old config's listener, which closes without accepting it:
// such a request is made again.
func (w *world) do(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultClient.Do(req)
	for range 10 {
		var op *net.OpError
		if err == nil || !(errors.As(err, &op) && op.Op == "dial") && !strings.HasPrefix(req.URL.String(), w.site) {
			break
		}
		if req.GetBody != nil {
			req.Body, _ = req.GetBody()
		}
		resp, err = http.DefaultClient.Do(req)
	}
	return resp, err
}

// want ends the test where the status is another.
func (r *reply) want(status int) *reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("%s: got %d %s, expected %d", r.what, r.status, r.body, status)
	}
	return r
}

// says tells whether the error holds all these words.
func (r *reply) says(words ...string) *reply {
	r.t.Helper()
	var body struct{ Error string }
	if err := json.Unmarshal(r.body, &body); err != nil || body.Error == "" {
		r.t.Fatalf("%s: %s is no error of Caddy's", r.what, r.body)
	}
	for _, word := range words {
		if !strings.Contains(body.Error, word) {
			r.t.Fatalf("%s: the error %q does not say %q", r.what, body.Error, word)
		}
	}
	return r
}

// doc returns the body as an object.
func (r *reply) doc() map[string]any {
	r.t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(r.body, &doc); err != nil {
		r.t.Fatalf("%s: %s: %v", r.what, r.body, err)
	}
	return doc
}

// text returns a member of the body, a string.
func (r *reply) text(member string) string {
	r.t.Helper()
	s, ok := r.doc()[member].(string)
	if !ok {
		r.t.Fatalf("%s: %s has no string %q", r.what, r.body, member)
	}
	return s
}

// items returns one member of each item of a list.
func (r *reply) items(member string) []string {
	r.t.Helper()
	var list struct {
		Items []map[string]any
	}
	if err := json.Unmarshal(r.want(200).body, &list); err != nil {
		r.t.Fatalf("%s: %s: %v", r.what, r.body, err)
	}
	found := []string{}
	for _, item := range list.Items {
		found = append(found, fmt.Sprint(item[member]))
	}
	return found
}

// group makes a group with a token, and returns the token's ID and key.
func (w *world) group(name string) (id, key string) {
	w.t.Helper()
	w.call("POST", "/aiproxy/groups", `{"name":"`+name+`"}`).want(201)
	return w.token(name, "t")
}

func (w *world) token(group, name string) (id, key string) {
	w.t.Helper()
	made := w.call("POST", "/aiproxy/groups/"+group+"/tokens", `{"name":"`+name+`"}`).want(201)
	return made.text("id"), made.text("key")
}

// file reads a file of the world's folder; empty where there is none.
func (w *world) file(name string) string {
	w.t.Helper()
	text, err := os.ReadFile(w.path(name))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	return string(text)
}
