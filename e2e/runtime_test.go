package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/caddy-aiproxy/aiproxy/internal/upstream"
)

// TestTokensMadeAtRunTime: what the admin API makes works at once, survives a
// reload and a restart, and is refused within a second of being disabled.
func TestTokensMadeAtRunTime(t *testing.T) {
	u := upstream.New(t, upstream.OpenAI)
	dir := t.TempDir()
	c := config{App: channel("openai", u, "models gpt-5") + "group acme\n" + token("acme", "ci", clientKey)}
	g, err := launch(dir, c)
	if err != nil {
		t.Fatal(err)
	}
	var made struct{ ID, Key string }
	g.call(t, http.MethodPost, "/aiproxy/groups", `{"name":"later"}`, http.StatusCreated)
	body := g.call(t, http.MethodPost, "/aiproxy/groups/later/tokens", `{"name":"one"}`, http.StatusCreated)
	if err := json.Unmarshal(body, &made); err != nil || !strings.HasPrefix(made.Key, "sk-") {
		t.Fatalf("got %s, %v", body, err)
	}
	call := func() int {
		return send(t, g.dial(t, h1), http.MethodPost, g.Plain+"/v1/chat/completions",
			[]byte(`{"model":"gpt-5","messages":[{"role":"user","content":"hi"}]}`), "Authorization", "Bearer "+made.Key).status
	}
	if status := call(); status != 200 {
		t.Errorf("at once: %d", status)
	}
	c.App = strings.Replace(c.App, "models gpt-5", "models gpt-5 gpt-5-mini", 1)
	g.reload(t, c)
	if status := call(); status != 200 {
		t.Errorf("after a reload: %d", status)
	}
	if err := g.stop(); err != nil {
		t.Error(err)
	}
	if g, err = launch(dir, c); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.stop(); err != nil {
			t.Error(err)
		}
		if strings.Contains(g.out.text(), made.Key) {
			t.Error("the output holds the key")
		}
	}()
	if status := call(); status != 200 {
		t.Errorf("after a restart: %d", status)
	}
	g.call(t, http.MethodPatch, "/aiproxy/tokens/"+made.ID, `{"status":"disabled"}`, http.StatusOK)
	since := time.Now()
	for call() == 200 {
		if time.Since(since) > 5*time.Second {
			t.Fatal("a disabled token is served")
		}
	}
	t.Logf("refused after %s", time.Since(since))
}

// TestReloadBreaksNoStream: a stream that is under way goes on to its end,
// over each version of HTTP, while the configuration is replaced.
func TestReloadBreaksNoStream(t *testing.T) {
	u := upstream.New(t, upstream.OpenAI)
	c := config{App: channel("openai", u, "models gpt-5") + "group acme\n" + token("acme", "ci", clientKey)}
	g := start(t, c)
	text := strings.Repeat("word ", 20)
	for i, v := range versions {
		t.Run(string(v), func(t *testing.T) {
			u.Otherwise(upstream.Reply{Text: text, Chunks: 10, Gap: 100 * time.Millisecond})
			reloaded := false
			client := chatDialect.connect(t, g.base(v), clientKey, g.dial(t, v), 0)
			got, err := client.speak(limit(t), turn{model: "gpt-5", prompt: "hi"}, true, func(string) {
				if !reloaded {
					reloaded = true
					again := c
					again.App = strings.Replace(c.App, "models gpt-5", fmt.Sprintf("models gpt-5 reload-%d", i), 1)
					g.reload(t, again)
				}
			})
			if err != nil || got.text != text || !reloaded {
				t.Errorf("got %+v, %v", got, err)
			}
			models := send(t, g.dial(t, v), http.MethodGet, g.base(v)+"/v1/models", nil, "Authorization", "Bearer "+clientKey)
			if !strings.Contains(string(models.body), fmt.Sprintf("reload-%d", i)) {
				t.Errorf("after the reload: %d %s", models.status, models.body)
			}
		})
	}
}

// TestFailedReloadChangesNothing: a configuration that cannot be loaded leaves
// the running one as it is.
func TestFailedReloadChangesNothing(t *testing.T) {
	u := upstream.New(t, upstream.OpenAI)
	c := config{App: channel("openai", u, "models gpt-5") + "group acme\n" + token("acme", "ci", clientKey)}
	g := start(t, c)
	bad := c
	bad.App = strings.Replace(c.App, "key "+clientKey, "key {env.AIPROXY_E2E_NOT_SET}", 1)
	for _, app := range []string{bad.App, c.App + "nonsense\n"} {
		file := config{App: app}.Caddyfile(g, g.ports[0], g.ports[1], g.ports[2])
		body := g.call(t, http.MethodPost, "/load", file, http.StatusBadRequest)
		if !strings.Contains(string(body), "token") && !strings.Contains(string(body), "nonsense") {
			t.Errorf("the error does not say what is wrong: %s", body)
		}
		if got := shapes[0].call(t, g.Plain, g.dial(t, h1), "gpt-5", "hi", false); got.status != 200 {
			t.Errorf("afterwards: %d %s", got.status, got.body)
		}
		g.call(t, http.MethodGet, "/aiproxy/groups", "", http.StatusOK)
	}
}

// TestBootstrapPrintsALineThatWorks pastes it into a shell.
func TestBootstrapPrintsALineThatWorks(t *testing.T) {
	g := start(t, config{App: "bootstrap\n" + block("channel echo", "adaptor echo", "models echo"), PlainOnly: true})
	line, whole := "", false
	for since := time.Now(); !whole; {
		_, line, _ = strings.Cut(g.out.text(), "\ncurl ")
		line, _, whole = strings.Cut(line, "\n")
		if time.Since(since) > 5*time.Second {
			t.Fatalf("no line in %s", g.out.tail())
		}
	}
	out, err := exec.CommandContext(limit(t), "sh", "-c", "curl -sS --fail "+line).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Hello!") || !json.Valid(out) {
		t.Errorf("curl %s: %v\n%s", line, err, out)
	}
}

// TestEchoSpeaksToEveryClient: a newcomer without any provider gets answers in
// all four protocols.
func TestEchoSpeaksToEveryClient(t *testing.T) {
	g := start(t, config{App: block("channel echo", "adaptor echo", "models echo", "protocols chat responses messages gemini") +
		"group acme\n" + token("acme", "ci", clientKey)})
	for _, d := range dialects {
		for _, streamed := range []bool{false, true} {
			got, err := d.connect(t, g.Plain, clientKey, g.dial(t, h1), 0).speak(limit(t), turn{model: "echo", prompt: "Say it again: " + hello}, streamed, func(string) {})
			if err != nil || !strings.Contains(got.text, hello) || got.input == 0 || got.output == 0 {
				t.Errorf("%s, streamed=%v: got %+v, %v", d.name, streamed, got, err)
			}
		}
	}
}

// TestStopsWithOpenConnections: clients that keep their connections do not
// keep the gateway from ending.
func TestStopsWithOpenConnections(t *testing.T) {
	u := upstream.New(t, upstream.OpenAI)
	g, err := launch(t.TempDir(), config{App: channel("openai", u, "models gpt-5") + "group acme\n" + token("acme", "ci", clientKey)})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range versions {
		if got := shapes[0].call(t, g.base(v), g.dial(t, v), "gpt-5", "hi", true); got.status != 200 {
			t.Errorf("%s: %d %s", v, got.status, got.body)
		}
	}
	since := time.Now()
	if err := g.stop(); err != nil {
		t.Error(err)
	}
	t.Logf("stopped after %s", time.Since(since))
}
