package aiproxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// all makes n calls at once and counts the statuses of their answers.
func (w *world) all(n int, request func(i int) (method, path, body, match string)) map[int]int {
	w.t.Helper()
	var mu sync.Mutex
	var calls sync.WaitGroup
	statuses := map[int]int{}
	begin := make(chan struct{})
	for i := range n {
		method, path, body, match := request(i)
		calls.Go(func() {
			<-begin
			req, err := http.NewRequest(method, w.admin+path, strings.NewReader(body))
			if err != nil {
				w.t.Error(err)
				return
			}
			req.Header.Set("Content-Type", "application/json")
			if match != "" {
				req.Header.Set("If-Match", match)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				w.t.Error(err)
				return
			}
			resp.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			statuses[resp.StatusCode]++
		})
	}
	close(begin)
	calls.Wait()
	return statuses
}

// TestAdminIfMatchRace: of many changes of one revision exactly one is made,
// round after round.
func TestAdminIfMatchRace(t *testing.T) {
	w := newWorld(t, "")
	id, _ := w.group("beta")
	w.call("POST", "/aiproxy/channels", `{"name":"c","adaptor":"echo","models":["m"]}`).want(201)
	w.call("POST", "/aiproxy/models", `{"name":"m/n"}`).want(201)
	for path, body := range map[string]string{
		"/aiproxy/groups/beta":  `{"sets":["s%d"]}`,
		"/aiproxy/tokens/" + id: `{"name":"n%d"}`,
		"/aiproxy/channels/c":   `{"priority":%d}`,
		"/aiproxy/models/m/n":   `{"context_tokens":%d}`,
	} {
		for range 3 {
			etag := w.call("GET", path, "").want(200).header.Get("ETag")
			got := w.all(100, func(i int) (string, string, string, string) { return "PATCH", path, fmt.Sprintf(body, i+1), etag })
			if got[200] != 1 || got[412] != 99 {
				t.Errorf("%s: %v", path, got)
			}
		}
	}
}

// TestAdminPatchRace: changes without If-Match lose nothing of each other.
func TestAdminPatchRace(t *testing.T) {
	w := newWorld(t, "")
	w.call("POST", "/aiproxy/channels", `{"name":"c","adaptor":"echo","models":["m"]}`).want(201)
	got := w.all(100, func(i int) (string, string, string, string) {
		return "PATCH", "/aiproxy/channels/c", fmt.Sprintf(`{"map":{"alias%d":"real"}}`, i), ""
	})
	if got[200] != 100 {
		t.Errorf("statuses: %v", got)
	}
	var doc channelMap
	if err := json.Unmarshal(w.call("GET", "/aiproxy/channels/c", "").want(200).body, &doc); err != nil || len(doc.Map) != 100 {
		t.Errorf("%d of 100 changes are there, %v", len(doc.Map), err)
	}
	_, key := w.group("beta")
	for i := range 100 {
		w.ask(key, fmt.Sprintf("alias%d", i)).want(200)
	}
}

type channelMap struct{ Map map[string]string }

// TestAdminCreateRace: one of many wins, and the others are told.
func TestAdminCreateRace(t *testing.T) {
	w := newWorld(t, "")
	w.group("beta")
	for path, body := range map[string]string{
		"groups": `{"name":"x"}`, "groups/beta/tokens": `{"name":"x"}`,
		"channels": `{"name":"x","adaptor":"echo","models":["x"]}`, "models": `{"name":"x"}`,
	} {
		got := w.all(50, func(int) (string, string, string, string) { return "POST", "/aiproxy/" + path, body, "" })
		if got[201] != 1 || got[409] != 49 {
			t.Errorf("%s: %v", path, got)
		}
	}
	for _, path := range []string{"groups/x", "channels/x", "models/x"} {
		got := w.all(50, func(int) (string, string, string, string) { return "DELETE", "/aiproxy/" + path, "", "" })
		if got[204] != 1 || got[404] != 49 {
			t.Errorf("DELETE %s: %v", path, got)
		}
	}
}

func TestAdminIfMatch(t *testing.T) {
	w := newWorld(t, "")
	w.group("beta")
	etag := w.call("GET", "/aiproxy/groups/beta", "").header.Get("ETag")
	for _, match := range []string{`"0"`, `"x"`, "W/" + etag, strings.Trim(etag, `"`), `"1000", "2000"`} {
		got := w.call("PATCH", "/aiproxy/groups/beta", `{}`, "If-Match: "+match).want(412)
		got.says(etag)
		w.call("DELETE", "/aiproxy/groups/beta", "", "If-Match: "+match).want(412)
	}
	w.call("PATCH", "/aiproxy/groups/beta", `{}`, `If-Match: "0", `+etag).want(200)
	w.call("PATCH", "/aiproxy/groups/beta", `{}`, "If-Match: *").want(200)
	w.call("PATCH", "/aiproxy/groups/none", `{}`, "If-Match: *").want(404)
	w.call("DELETE", "/aiproxy/groups/beta", "", "If-Match: "+etag).want(412)
	w.call("DELETE", "/aiproxy/groups/beta", "").want(204)

	// Declared ones have an ETag of their content.
	declared := w.call("GET", "/aiproxy/groups/acme", "").want(200).header.Get("ETag")
	if again := w.call("GET", "/aiproxy/groups/acme", "").header.Get("ETag"); declared == "" || again != declared {
		t.Errorf("ETags %q, %q", declared, again)
	}
	if err := w.load(`{"groups":{"acme":{"sets":["other"]}}}`); err != nil {
		t.Fatal(err)
	}
	if changed := w.call("GET", "/aiproxy/groups/acme", "").header.Get("ETag"); changed == declared {
		t.Error("another content has the same ETag")
	}
}
