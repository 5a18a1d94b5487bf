package aiproxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// active returns the app of the config that runs.
func active(t *testing.T) *App {
	t.Helper()
	app, err := caddy.ActiveContext().AppIfConfigured("aiproxy")
	if err != nil {
		t.Fatal(err)
	}
	return app.(*App)
}

// users returns how many use the state of an identity; 0: it is closed.
func users(identity string) int {
	states.mu.Lock()
	defer states.mu.Unlock()
	if e := states.entries[identity]; e != nil {
		return e.users
	}
	return 0
}

// free fails unless the store of an app can be opened by somebody else.
func free(t *testing.T, a *App) {
	t.Helper()
	if n := users(a.identity); n != 0 {
		t.Errorf("the state of %s has %d users", a.identity, n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	db, err := a.driver.Open(ctx)
	if err != nil {
		t.Errorf("the store is not let go of: %v", err)
		return
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// apps is a config of w's whose app has these fields (JSON without braces).
func (w *world) apps(app string) map[string]any {
	return map[string]any{
		"aiproxy": jsonObject("{" + app + "}"),
		"http": map[string]any{"servers": map[string]any{"site": map[string]any{
			"listen":          []string{strings.TrimPrefix(w.site, "http://")},
			"automatic_https": map[string]any{"disable": true},
			"routes":          []any{map[string]any{"handle": []any{map[string]any{"handler": "aiproxy"}}}},
		}}},
	}
}

type jsonObject string

func (o jsonObject) MarshalJSON() ([]byte, error) { return []byte(o), nil }

func at(path string) string { return fmt.Sprintf(`"store": {"driver": "sqlite", "path": %q}`, path) }

const (
	sameSecret = `, "secret": "` + canarySecret + `"`
	ciOfAcme   = `, "groups": {"acme": {}}, "tokens": [{"group": "acme", "name": "ci", "key": "` + canaryDeclared + `"}]`
	oneEcho    = `, "channels": {"e": {"adaptor": {"adaptor": "echo"}, "models": ["echo"]}}`
)

// TestReloadSharesTheState, of which the last user closes the store.
func TestReloadSharesTheState(t *testing.T) {
	w := newWorld(t, "")
	first := active(t)
	s := first.current.Load().state
	for range 3 {
		if err := w.load(""); err != nil {
			t.Fatal(err)
		}
		now := active(t)
		if now == first || now.current.Load().state != s {
			t.Fatal("the reload has the same app, or another state")
		}
		if n := users(now.identity); n != 1 {
			t.Errorf("the state has %d users", n)
		}
		if len(s.apps) != 1 {
			t.Errorf("%d apps follow the state", len(s.apps))
		}
	}
	w.ask(canaryDeclared, "echo").want(200)
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	free(t, first)
}

// parts is an upstream that says its stream in parts, the next one when it is
// told to.
type parts struct {
	*httptest.Server
	next chan string
}

func newParts(t *testing.T) *parts {
	p := &parts{next: make(chan string)}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		for part := range p.next {
			io.WriteString(w, part)
			http.NewResponseController(w).Flush()
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *parts) channel() string {
	return `, "channels": {"s": {"adaptor": {"adaptor": "openai"}, "base_url": "` + p.URL + `/v1", "keys": ["k"], "models": ["s"]}}`
}

const (
	sseHead = ": odd\ndata:  {\"id\":\"1\", \"choices\":[{\"index\":0,\"delta\":{\"content\":\"one\"}}],\"x\":9007199254740993}\n\n"
	sseTail = "event: message\r\ndata: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"t\\u0077o\"},\"finish_reason\":\"stop\"}]}\r\n\r\n" +
		"data: {\"id\":\"1\",\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3}}\n\ndata: [DONE]\n\n"
)

// listen begins a stream and returns it after its first part.
func (w *world) listen(p *parts) (first string, rest io.ReadCloser) {
	w.t.Helper()
	r, err := http.NewRequest("POST", w.site+"/v1/chat/completions",
		strings.NewReader(`{"model":"s","stream":true,"stream_options":{"include_usage":true},"messages":[]}`))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+canaryDeclared)
	go func() { p.next <- sseHead }()
	resp, err := w.do(r)
	if err != nil || resp.StatusCode != 200 {
		w.t.Fatalf("got %v, %v", resp, err)
	}
	w.t.Cleanup(func() { resp.Body.Close() })
	read := make([]byte, len(sseHead))
	if _, err := io.ReadFull(resp.Body, read); err != nil {
		w.t.Fatal(err)
	}
	return string(read), resp.Body
}

// TestReloadUnderStream: a stream goes on to its end, byte for byte, while its
// channel, its token and its store are gone from the config.
func TestReloadUnderStream(t *testing.T) {
	for _, c := range []struct{ name, app string }{
		{"the same", ""},
		{"without the channel", sameSecret + ciOfAcme},
		{"without the token", sameSecret + oneEcho},
		{"to another store", "other"},
		{"without the app", "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newParts(t)
			w := newWorld(t, "{}")
			old := at(w.path("aiproxy.db")) + sameSecret + ciOfAcme + p.channel()
			if err := w.run(w.apps(old)); err != nil {
				t.Fatal(err)
			}
			before := active(t)
			first, rest := w.listen(p)

			var err error
			switch c.app {
			case "":
				err = w.run(w.apps(old))
			case "other":
				err = w.run(w.apps(at(w.path("other.db")) + ciOfAcme + oneEcho))
			case "none":
				err = w.run(nil)
			default:
				err = w.run(w.apps(at(w.path("aiproxy.db")) + c.app))
			}
			if err != nil {
				t.Fatal(err)
			}
			shared := c.app != "other" && c.app != "none"
			if n := users(before.identity); n != map[bool]int{true: 2, false: 1}[shared] {
				t.Errorf("under the stream the state has %d users", n)
			}
			p.next <- sseTail
			close(p.next)
			whole, err := io.ReadAll(rest)
			if got := first + string(whole); err != nil || got != sseHead+sseTail {
				t.Errorf("the stream is %q, %v", got, err)
			}
			want := map[bool]int{true: 1, false: 0}[shared]
			eventually(t, "the end of the old config", func() bool { return users(before.identity) == want })
			if !shared {
				free(t, before)
			}
			if c.app == "other" {
				w.ask(canaryDeclared, "echo").want(200)
				w.ask(canaryDeclared, "s").want(404)
			}
		})
	}
}

// TestFailedReload leaves what runs as it is, and nothing behind.
func TestFailedReload(t *testing.T) {
	w := newWorld(t, "")
	store := at(w.path("aiproxy.db"))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	before := active(t)
	w.ask(canaryDeclared, "echo").want(200)
	for _, c := range []struct{ name, app, want string }{
		{"a bad channel", store + sameSecret + `, "channels": {"c": {"adaptor": {"adaptor": "echo"}}}`, "models: at least one"},
		{"a bad limit", store + sameSecret + `, "limits": {"body": -1}`, "below 1"},
		{"a store that is a folder", at(w.dir) + sameSecret, "opening the store"},
		{"a store below a file", at(w.path("log/a.db")) + sameSecret, "store: finding the database"},
		{"another secret", store + `, "secret": "another-secret-0123456789-0123456789"`, "the secret is not the one"},
		{"the stored secret", store, "the secret is not the one"},
	} {
		goroutines := runtime.NumGoroutine()
		err := w.run(w.apps(c.app))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, expected %s", c.name, err, c.want)
		}
		if active(t) != before || users(before.identity) != 1 || len(states.entries) != 1 || len(before.current.Load().state.apps) != 1 {
			t.Errorf("%s: something else runs, or more", c.name)
		}
		w.ask(canaryDeclared, "echo").want(200)
		eventually(t, "the end of what "+c.name+" started", func() bool {
			http.DefaultClient.CloseIdleConnections()
			return runtime.NumGoroutine() <= goroutines+4
		})
	}
	// Another app that cannot start undoes ours, which did.
	for range 4 {
		apps := w.apps(store + sameSecret + oneEcho)
		apps["http"].(map[string]any)["servers"].(map[string]any)["taken"] = map[string]any{
			"listen": []string{taken.Addr().String()}, "automatic_https": map[string]any{"disable": true},
		}
		if err := w.run(apps); err == nil {
			t.Fatal("two servers listen on one address")
		}
		if active(t) != before || users(before.identity) != 1 {
			t.Errorf("a busy address: the state has %d users", users(before.identity))
		}
		w.ask(canaryDeclared, "echo").want(200)
	}
}
