package aiproxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// TestOldHandler: requests that enter a config after its cleanup are served by
// the one that follows, and refused when there is none.
func TestOldHandler(t *testing.T) {
	w := newWorld(t, "")
	old := active(t)
	h := &Handler{app: old}
	ask := func() *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/v1/models", nil)
		r.Header.Set("X-Api-Key", canaryDeclared)
		rec := httptest.NewRecorder()
		if err := h.ServeHTTP(rec, r, nil); err != nil {
			t.Error(err)
		}
		return rec
	}
	if rec := ask(); rec.Code != 403 { // it comes from no address
		t.Errorf("before: got %d %s", rec.Code, rec.Body)
	}
	for range 2 {
		if err := w.run(w.apps(at(w.path("other.db")) + ciOfAcme + oneEcho)); err != nil {
			t.Fatal(err)
		}
		if rec := ask(); rec.Code != 200 || !strings.Contains(rec.Body.String(), `"echo"`) {
			t.Errorf("after a reload: got %d %s", rec.Code, rec.Body)
		}
		if v, err := old.enter(); err != nil || v.app != active(t) {
			t.Errorf("entered %v, %v", v, err)
		} else {
			v.leave()
		}
	}
	for _, apps := range []map[string]any{nil, {"http": map[string]any{}}} {
		if err := w.run(apps); err != nil {
			t.Fatal(err)
		}
		if rec := ask(); rec.Code != 503 {
			t.Errorf("without an app: got %d %s", rec.Code, rec.Body)
		}
	}
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := old.enter(); !errors.Is(err, errClosed) {
		t.Errorf("after the end: %v", err)
	}
	if len(states.entries) != 0 {
		t.Errorf("%d states are open", len(states.entries))
	}
}

// TestFirstRequests come, many at once, before the app is started.
func TestFirstRequests(t *testing.T) {
	g := newGate(t, "", "")
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			if i%8 == 0 {
				if err := g.app.Start(); err != nil {
					t.Error(err)
				}
				return
			}
			v, err := g.app.enter()
			if err != nil {
				t.Error(err)
				return
			}
			v.leave()
		})
	}
	wg.Wait()
	if n := users(g.app.identity); n != 1 {
		t.Errorf("the state has %d users", n)
	}
}

// TestRequestsDuringReloads: none that is heard is refused or broken off,
// whichever config it meets.
func TestRequestsDuringReloads(t *testing.T) {
	w := newWorld(t, "")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	done := make(chan struct{})
	var wg sync.WaitGroup
	served := make([]atomic.Int64, 4)
	for i := range served {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				r, _ := http.NewRequest("POST", w.site+"/v1/messages", strings.NewReader(
					`{"model":"echo","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"a b c"}]}`))
				r.Header.Set("X-Api-Key", canaryDeclared)
				resp, err := client.Do(r)
				if err != nil {
					// The kernel had given the connection to the old config's
					// listener, which closed before it was accepted.
					continue
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), "event: message_stop") {
					t.Errorf("got %d %s, %v", resp.StatusCode, body, err)
					return
				}
				served[i].Add(1)
			}
		})
	}
	for i := range 10 {
		if err := w.load(""); err != nil {
			t.Fatal(err)
		}
		// A failed one in between is no different.
		if i%3 == 0 && w.run(w.apps(at(w.dir))) == nil {
			t.Error("a folder is a store")
		}
	}
	eventually(t, "an answer to everybody", func() bool {
		for i := range served {
			if served[i].Load() == 0 {
				return false
			}
		}
		return true
	})
	close(done)
	wg.Wait()
	app := active(t)
	eventually(t, "the end of the old configs", func() bool { return users(app.identity) == 1 })
}

// TestReloadsLeakNothing reloads fifty times.
func TestReloadsLeakNothing(t *testing.T) {
	if _, err := os.ReadDir("/proc/self/fd"); err != nil {
		t.Logf("files cannot be counted here: %v", err)
	}
	files := func() int {
		list, _ := os.ReadDir("/proc/self/fd")
		return len(list)
	}
	w := newWorld(t, "")
	settle := func() (goroutines, open int) {
		w.ask(canaryDeclared, "echo").want(200)
		http.DefaultClient.CloseIdleConnections()
		goroutines, open = runtime.NumGoroutine(), files()
		// Old servers let go of their connections in their own time.
		for still := 0; still < 20; {
			time.Sleep(5 * time.Millisecond)
			if g, o := runtime.NumGoroutine(), files(); g < goroutines || o < open {
				goroutines, open, still = min(g, goroutines), min(o, open), 0
			} else {
				still++
			}
		}
		return goroutines, open
	}
	for range 3 { // what is made once is made now
		if err := w.load(""); err != nil {
			t.Fatal(err)
		}
	}
	goroutines, open := settle()
	for range 50 {
		if err := w.load(""); err != nil {
			t.Fatal(err)
		}
	}
	var g, o int
	eventually(t, fmt.Sprintf("the state before, of %d goroutines and %d files,", goroutines, open), func() bool {
		g, o = settle()
		return g <= goroutines+5 && o <= open+5
	})
	t.Logf("goroutines: %d, then %d; files: %d, then %d", goroutines, g, open, o)
}
