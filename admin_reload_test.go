package aiproxy

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// startStream begins a streamed call and returns what follows its first word.
func (w *world) startStream(key, model, first string) (rest func() string) {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodPost, w.site+"/v1/chat/completions",
		strings.NewReader(`{"model":"`+model+`","stream":true,"messages":[{"role":"user","content":"x"}]}`))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { resp.Body.Close() })
	body := bufio.NewReader(resp.Body)
	line, err := body.ReadString('\n')
	if err != nil || resp.StatusCode != 200 || !strings.Contains(line, first) {
		w.t.Fatalf("the stream begins with %d %q, %v", resp.StatusCode, line, err)
	}
	return func() string {
		text, err := io.ReadAll(body)
		if err != nil {
			w.t.Errorf("the stream breaks: %v", err)
		}
		return string(text)
	}
}

// eventually waits for what happens behind an answer.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come", what)
		}
	}
}

// TestAdminReplacedChannel: a stream goes on in a channel that is replaced, and
// in one that is deleted; the guest is cleaned up after it.
func TestAdminReplacedChannel(t *testing.T) {
	w := newWorld(t, "")
	_, key := w.group("beta")
	for _, end := range []struct {
		name string
		do   func()
		next int
	}{
		{"replaced", func() {
			w.call("PATCH", "/aiproxy/channels/w", `{"adaptor":{"name":"new"}}`).want(200)
		}, 200},
		{"deleted", func() { w.call("DELETE", "/aiproxy/channels/w", "").want(204) }, 404},
	} {
		w.call("POST", "/aiproxy/channels", `{"name":"w","adaptor":{"adaptor":"witness","name":"old"},"models":["w"]}`)
		w.call("PATCH", "/aiproxy/channels/w", `{"adaptor":{"name":"old"}}`).want(200)
		rest := w.startStream(key, "w", "old")
		end.do()
		if got := w.ask(key, "w").want(end.next); end.next == 200 && !strings.Contains(string(got.body), `"content":"new"`) {
			t.Errorf("%s: the next call is answered with %s", end.name, got.body)
		}
		before := cleanups.Load()
		release()
		if got := rest(); !strings.Contains(got, " whole") || !strings.Contains(got, "[DONE]") || strings.Contains(got, "cleaned") {
			t.Errorf("%s: the stream ends with %q", end.name, got)
		}
		eventually(t, "the guest's cleanup", func() bool { return cleanups.Load() == before+1 })
	}
}

// TestAdminReload: a reload loses nothing that was made at run time, and a
// failed one changes nothing; the admin API serves the config that runs.
func TestAdminReload(t *testing.T) {
	w := newWorld(t, "")
	_, key := w.group("beta")
	w.call("POST", "/aiproxy/channels", `{"name":"made","adaptor":{"adaptor":"witness","name":"made"},"models":["made"]}`).want(201)
	w.call("POST", "/aiproxy/models", `{"name":"made","owned_by":"me"}`).want(201)
	rest := w.startStream(key, "made", "made")
	all := func() map[string][]string {
		lists := map[string][]string{}
		for _, path := range []string{"groups", "groups/beta/tokens", "channels", "models", "audit"} {
			lists[path] = w.call("GET", "/aiproxy/"+path, "").items("name")
		}
		return lists
	}
	before := all()
	if err := w.load(`{"channels":{"bad":{"adaptor":{"adaptor":"nonesuch"},"models":["x"]}}}`); err == nil {
		t.Fatal("a bad config loads")
	}
	if diff := cmp.Diff(before, all()); diff != "" {
		t.Errorf("after a failed reload (-before +after):\n%s", diff)
	}
	w.call("PATCH", "/aiproxy/models/made", `{"owned_by":"you"}`).want(200)
	w.ask(key, "made").want(200)

	if err := w.load(`{"groups":{"gamma":{}}}`); err != nil {
		t.Fatal(err)
	}
	if got := w.call("GET", "/aiproxy/groups", "").items("name"); !cmp.Equal(got, []string{"beta", "gamma"}) {
		t.Errorf("groups after the reload: %v", got)
	}
	if got := w.call("GET", "/aiproxy/channels", "").items("name"); !cmp.Equal(got, []string{"made"}) {
		t.Errorf("channels after the reload: %v", got)
	}
	w.ask(key, "made").want(200)
	w.call("DELETE", "/aiproxy/channels/made", "").want(204)
	w.ask(key, "made").want(404)
	release()
	if got := rest(); !strings.Contains(got, "[DONE]") {
		t.Errorf("the stream ends with %q", got)
	}

	// The same after a new start.
	if err := w.run(nil); err != nil {
		t.Fatal(err)
	}
	if err := w.load(""); err != nil {
		t.Fatal(err)
	}
	w.ask(key, "echo").want(200)
	if got := w.call("GET", "/aiproxy/models/made", "").want(200); got.text("owned_by") != "you" {
		t.Errorf("the model is %s", got.body)
	}
}

// TestAdminDuringReloads: changes and reloads get along; none is lost and none
// waits for the other for ever.
func TestAdminDuringReloads(t *testing.T) {
	w := newWorld(t, "")
	done := make(chan struct{})
	var changing sync.WaitGroup
	var made []string
	changing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			name := "ch" + string(rune('a'+i%26)) + string(rune('a'+i/26%26))
			req, _ := http.NewRequest("POST", w.admin+"/aiproxy/channels", strings.NewReader(`{"name":"`+name+`","adaptor":"echo","models":["m"]}`))
			req.Header.Set("Content-Type", "application/json")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				continue // the admin endpoint is being replaced
			}
			resp.Body.Close()
			if resp.StatusCode == 201 {
				made = append(made, name)
			}
		}
	})
	for range 5 {
		if err := w.load(declaredWithBootstrap); err != nil {
			t.Error(err)
		}
	}
	close(done)
	changing.Wait()
	have := map[string]bool{}
	for _, name := range w.call("GET", "/aiproxy/channels?limit=1000", "").items("name") {
		have[name] = true
	}
	if len(made) == 0 {
		t.Error("nothing was made between the reloads")
	}
	for _, name := range made {
		if !have[name] {
			t.Errorf("channel %s is lost", name)
		}
	}
}

// declaredWithBootstrap takes the lock of changes when it is opened.
const declaredWithBootstrap = `{"bootstrap": true, "groups": {"acme": {}}}`
