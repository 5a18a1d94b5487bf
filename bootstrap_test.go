package aiproxy

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddytls"
)

// printed returns what f writes to standard output.
func printed(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out := os.Stdout
	os.Stdout = w
	defer func() { os.Stdout = out }()
	f()
	w.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// arguments returns what a shell makes of the line that begins with curl.
func arguments(t *testing.T, text string) []string {
	t.Helper()
	_, line, ok := strings.Cut(text, "\ncurl ")
	if !ok {
		t.Fatalf("no curl line in %q", text)
	}
	line, _, _ = strings.Cut(line, "\n")
	out, err := exec.Command("sh", "-c", "printf '%s\\n' "+line).Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// TestBootstrap prints a line that works, once.
func TestBootstrap(t *testing.T) {
	const app = `{"bootstrap": true, "channels": {
		"a": {"adaptor": {"adaptor": "openai"}, "models": ["needs-a-key"], "keys": ["k"]},
		"b": {"adaptor": {"adaptor": "echo"}, "models": ["it's \"quoted\"$HOME\\"], "priority": -1},
		"c": {"adaptor": {"adaptor": "echo"}, "models": ["off"], "status": "disabled", "priority": 9},
		"e": {"adaptor": {"adaptor": "echo"}, "models": ["unseen"], "sets": ["other"], "priority": 9},
		"d": {"adaptor": {"adaptor": "echo"}, "models": ["not-chat"], "protocols": ["gemini"], "priority": 9}
	}}`
	quoted := strings.Replace(app, `it's \"`, `it's-\"`, 1) // a name has no spaces
	g := newGate(t, quoted, "")
	text := printed(t, func() {
		if err := g.app.Start(); err != nil {
			t.Fatal(err)
		}
	})
	args := arguments(t, text)
	if len(args) != 7 || args[0] != "http://localhost/v1/chat/completions" {
		t.Fatalf("the arguments are %q", args)
	}
	var body struct{ Model string }
	if err := json.Unmarshal([]byte(args[6]), &body); err != nil || body.Model != `it's-"quoted"$HOME\` {
		t.Errorf("the body is %s, %v", args[6], err)
	}
	w := g.ask("POST", "/v1/chat/completions", args[6], args[2], args[4])
	if w.Code != 200 || !strings.Contains(w.Body.String(), "Hello!") {
		t.Errorf("the line is answered with %d %s", w.Code, w.Body)
	}
	if again := printed(t, func() {
		if err := g.app.bootstrap(t.Context(), g.app.current.Load().state); err != nil {
			t.Error(err)
		}
	}); again != "" {
		t.Errorf("printed again: %q", again)
	}
	// The key is nowhere but on the screen.
	key := strings.TrimPrefix(args[2], "Authorization: Bearer ")
	for _, suffix := range []string{"", "-wal"} {
		file, err := os.ReadFile(g.app.identity + suffix)
		if err != nil || strings.Contains(string(file), key) {
			t.Errorf("the store's file %q: %v, or it holds the key", suffix, err)
		}
	}
}

// TestNoBootstrap prints nothing unless it is told to.
func TestNoBootstrap(t *testing.T) {
	g := newGate(t, "", "")
	if text := printed(t, func() {
		if err := g.app.Start(); err != nil {
			t.Fatal(err)
		}
	}); text != "" {
		t.Errorf("printed %q", text)
	}
}

// TestBootstrapWithoutModel prints a line that says what to put in.
func TestBootstrapWithoutModel(t *testing.T) {
	g := newGate(t, `{"bootstrap": true}`, "")
	text := printed(t, func() {
		if err := g.app.Start(); err != nil {
			t.Fatal(err)
		}
	})
	if !strings.Contains(text, `{"model": "MODEL",`) {
		t.Errorf("printed %q", text)
	}
}

// TestSite is where the line calls.
func TestSite(t *testing.T) {
	for listen, want := range map[string]string{
		"":                       "http://localhost",
		":8080":                  "http://localhost:8080",
		":443":                   "https://localhost",
		":80":                    "http://localhost",
		"0.0.0.0:8080":           "http://localhost:8080",
		"[::]:8080":              "http://localhost:8080",
		"127.0.0.1:9000":         "http://127.0.0.1:9000",
		"tcp/127.0.0.1:9000":     "http://127.0.0.1:9000",
		"[::1]:9000":             "http://[::1]:9000",
		"ai.example.com:443":     "https://ai.example.com",
		"unix//run/a.sock":       "http://localhost",
		"unix//run/a.sock|0222":  "http://localhost",
		"fd/3":                   "http://localhost",
		"127.0.0.1:9000-9010":    "http://127.0.0.1:9000",
		"not an address: at all": "http://localhost",
	} {
		a := &App{}
		if listen != "" {
			a.server = &caddyhttp.Server{Listen: []string{listen}}
		}
		if got := a.site(); got != want {
			t.Errorf("%q: got %s, expected %s", listen, got, want)
		}
	}
}

// TestSiteOfAName: a site that has a name, or TLS, is called by it.
func TestSiteOfAName(t *testing.T) {
	hosts := func(names ...string) caddyhttp.RouteList {
		m := caddyhttp.MatchHost(names)
		return caddyhttp.RouteList{{}, {MatcherSets: caddyhttp.MatcherSets{{&m}}}}
	}
	for _, c := range []struct {
		server *caddyhttp.Server
		want   string
	}{
		{&caddyhttp.Server{Listen: []string{":443"}, Routes: hosts("ai.example.com", "b.example.com")}, "https://ai.example.com"},
		{&caddyhttp.Server{Listen: []string{":9080"}, Routes: hosts("127.0.0.1")}, "http://127.0.0.1:9080"},
		{&caddyhttp.Server{Listen: []string{":9080"}, Routes: hosts("*.example.com", "{env.SITE}")}, "http://localhost:9080"},
		{&caddyhttp.Server{Listen: []string{":9443"}, TLSConnPolicies: caddytls.ConnectionPolicies{{}}}, "https://localhost:9443"},
	} {
		a := &App{server: c.server}
		if got := a.site(); got != c.want {
			t.Errorf("got %s, expected %s", got, c.want)
		}
	}
}
