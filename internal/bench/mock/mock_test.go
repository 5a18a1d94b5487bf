package mock

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/caddy-aiproxy/aiproxy/internal/bench/script"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves a mock for the time of a test and returns its address.
func start(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var server Server
	done := make(chan error, 1)
	go func() { done <- server.Serve(ln) }()
	t.Cleanup(func() {
		ln.Close()
		server.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

func post(t *testing.T, addr, path, key string, body io.Reader) (*http.Response, string) {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequest(http.MethodPost, "http://"+addr+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

var stamps = regexp.MustCompile(`"content":"\d{19}"`)

// A client of the standard library gets every exchange as it is written.
func TestAnswers(t *testing.T) {
	addr := start(t)
	for _, name := range []string{script.Call1K, script.Call100K, script.Call1M, script.Stream, script.StreamEdit, script.SlowInstant} {
		x, err := script.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		before := time.Now().UnixNano()
		resp, got := post(t, addr, script.Path, script.UpstreamKey, bytes.NewReader(x.Body))
		want := string(x.Wanted().Data)
		if x.Stamped {
			found := stamps.FindAllString(got, -1)
			if len(found) != x.Chunks {
				t.Errorf("%s: %d stamps", name, len(found))
			}
			for _, s := range found {
				if s < fmt.Sprintf(`"content":"%d"`, before) {
					t.Errorf("%s: stamp %s is of before the request", name, s)
				}
			}
			got = stamps.ReplaceAllString(got, `"content":"`+strings.Repeat("0", script.StampDigits)+`"`)
		}
		if resp.StatusCode != 200 || got != want {
			t.Errorf("%s: status %d, %d bytes, want %d", name, resp.StatusCode, len(got), len(want))
		}
		kind := "application/json"
		if x.Streamed() {
			kind = "text/event-stream; charset=utf-8"
		}
		if resp.Header.Get("Content-Type") != kind {
			t.Errorf("%s: content type %q", name, resp.Header.Get("Content-Type"))
		}
	}
}

// A gateway may ask for usage on its client's behalf, and then gets it.
func TestUsageAskedOnTheWay(t *testing.T) {
	x, err := script.Lookup(script.StreamEdit)
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Replace(string(x.Body), `,"stream":true`, `,"stream":true,"stream_options":{"include_usage":true}`, 1)
	_, got := post(t, start(t), script.Path, script.UpstreamKey, strings.NewReader(body))
	if strings.Count(got, `"usage":null`) != x.Chunks+2 || strings.Count(got, `"usage":{`) != 1 {
		t.Errorf("%d nulls, %d usages", strings.Count(got, `"usage":null`), strings.Count(got, `"usage":{`))
	}
}

func TestRefusals(t *testing.T) {
	addr := start(t)
	x, err := script.Lookup(script.Call1K)
	if err != nil {
		t.Fatal(err)
	}
	wrong := bytes.Clone(x.Body)
	wrong[900] ^= 1
	for _, c := range []struct {
		name, path, key string
		body            []byte
		status          int
		says            string
	}{
		{"the client's key", script.Path, script.ClientKey, x.Body, 401, "the key is not the channel's"},
		{"no key", script.Path, "", x.Body, 401, "the key is not the channel's"},
		{"another path", "/v1/models", script.UpstreamKey, x.Body, 404, "request line"},
		{"a wrong byte", script.Path, script.UpstreamKey, wrong, 400, "is not the 1024 bytes"},
		{"a byte short", script.Path, script.UpstreamKey, x.Body[:1023], 400, "body of 1023 bytes"},
		{"no tag", script.Path, script.UpstreamKey, []byte(`{}`), 400, "no known tag"},
	} {
		resp, got := post(t, addr, c.path, c.key, bytes.NewReader(c.body))
		if resp.StatusCode != c.status || !strings.Contains(got, c.says) {
			t.Errorf("%s: status %d, %s", c.name, resp.StatusCode, got)
		}
		if strings.Contains(got, script.ClientKey) {
			t.Errorf("%s: the answer shows the key", c.name)
		}
	}
}

// Chunked request bodies are read as well as counted ones.
func TestChunkedRequest(t *testing.T) {
	x, err := script.Lookup(script.Call100K)
	if err != nil {
		t.Fatal(err)
	}
	resp, got := post(t, start(t), script.Path, script.UpstreamKey, io.MultiReader(bytes.NewReader(x.Body)))
	if resp.StatusCode != 200 || got != string(x.Answer) {
		t.Errorf("status %d, %d bytes", resp.StatusCode, len(got))
	}
}

// Each event leaves with a write of its own, the content ones paced.
func TestFrames(t *testing.T) {
	x, err := script.Lookup(script.Slow)
	if err != nil {
		t.Fatal(err)
	}
	pieces := frame(x, true)
	if len(pieces) != x.Chunks+4 {
		t.Fatalf("%d writes", len(pieces))
	}
	paused := 0
	for i, p := range pieces {
		if p.pause > 0 {
			paused++
		}
		if (p.stamp >= 0) != (i >= 1 && i <= x.Chunks) {
			t.Errorf("write %d: stamp at %d", i, p.stamp)
		}
		if p.stamp >= 0 && string(p.bytes[p.stamp-1:p.stamp+script.StampDigits+1]) != `"`+strings.Repeat("0", script.StampDigits)+`"` {
			t.Errorf("write %d: the stamp's place is wrong", i)
		}
	}
	if paused != x.Chunks-1 {
		t.Errorf("%d pauses between %d chunks", paused, x.Chunks)
	}
}

// Closing ends connections that wait for a request.
func TestClose(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var server Server
	done := make(chan error, 1)
	go func() { done <- server.Serve(ln) }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("POST ")); err != nil {
		t.Fatal(err)
	}
	ln.Close()
	server.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes of a closed server", n)
	}
}
