package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-aiproxy/aiproxy/internal/upstream"
)

// tight is a gateway with small limits, and an upstream of each vendor.
func tight(t *testing.T, site string) (*gateway, map[upstream.Vendor]*upstream.Server) {
	t.Helper()
	var app strings.Builder
	all := map[upstream.Vendor]*upstream.Server{}
	for _, c := range cast {
		u := upstream.New(t, c.vendor)
		all[c.vendor] = u
		app.WriteString(channel(c.vendor.String(), u, "models "+c.models))
	}
	app.WriteString("group acme\n" + token("acme", "ci", clientKey) +
		block("limits", "body 64KiB", "event 32KiB", "answer 48KiB", "upload 300ms") + block("retry", "first_token 2s", "total 3s"))
	return start(t, config{App: app.String(), Site: site}), all
}

// member puts a member in front of a shape's request.
func (s shape) member(member string) string {
	body := strings.NewReplacer("MODEL", s.model, "PROMPT", "hi", "STREAM", "").Replace(s.body)
	return "{" + member + "," + body[1:]
}

func TestBadRequests(t *testing.T) {
	g, all := tight(t, "")
	for _, s := range shapes {
		ok := strings.NewReplacer("MODEL", s.model, "PROMPT", "hi", "STREAM", "").Replace(s.body)
		path := strings.Replace(s.path, "MODEL", s.model, 1)
		inBody := s.vendor != upstream.Gemini
		for _, c := range []struct {
			name, body string
			status     int
			skip       bool
		}{
			{"no JSON", `hello`, 400, false},
			{"half of it", ok[:len(ok)-3], 400, false},
			{"nothing", ``, 400, false},
			{"an array", `[` + ok + `]`, 400, false},
			{"a string", `"` + s.model + `"`, 400, false},
			{"trailing bytes", ok + `{}`, 400, false},
			{"wrong type of model", strings.Replace(ok, `"`+s.model+`"`, `7`, 1), 400, !inBody},
			{"null for model", strings.Replace(ok, `"`+s.model+`"`, `null`, 1), 400, !inBody},
			{"empty model", strings.Replace(ok, s.model, ``, 1), 400, !inBody},
			{"missing model", strings.Replace(ok, `"model":"`+s.model+`",`, ``, 1), 400, !inBody},
			{"wrong type of stream", s.member(`"stream":"yes"`), 400, !inBody},
			{"model twice", s.member(`"model":"gpt-5"`), 400, !inBody},
			{"model twice, escaped", s.member(`"mod\u0065l":"gpt-5"`), 400, !inBody},
			{"model twice, in another case", s.member(`"Model":"gpt-5"`), 400, !inBody},
			{"stream twice", s.member(`"stream":false,"stream":false`), 400, !inBody},
			{"invalid UTF-8 in model", strings.Replace(ok, s.model, s.model+"\xff", 1), 400, !inBody},
			{"deep nesting", s.member(`"deep":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000)), 400, false},
			{"over the limit", s.member(`"long":"` + strings.Repeat("x", 70<<10) + `"`), 413, false},
		} {
			if c.skip {
				continue
			}
			for _, v := range versions {
				headers := append([]string{"Authorization", "Bearer " + clientKey}, s.headers...)
				got := send(t, g.dial(t, v), http.MethodPost, g.base(v)+path, []byte(c.body), headers...)
				if got.status != c.status {
					t.Errorf("%s, %s, over %s: got %d %s, want %d", s.name, c.name, v, got.status, got.body, c.status)
				}
				s.refusal(t, got)
			}
		}
	}
	for v, u := range all {
		for _, r := range u.Requests() {
			t.Errorf("%s got %q", v, r.Body[:min(len(r.Body), 200)])
		}
	}
}

func TestBadPaths(t *testing.T) {
	s := stage.open(t)
	good := `{"model":"gpt-5","messages":[{"role":"user","content":"hi"}]}`
	for _, c := range []struct {
		protocol, method, path, body string
		status                       int
		words, allow                 string
	}{
		{"chat", "POST", "/v1/nowhere", good, 404, "/v1/nowhere", ""},
		{"messages", "POST", "/v1/nowhere", good, 404, "/v1/nowhere", ""},
		{"gemini", "POST", "/v1beta/nowhere", good, 404, "/v1beta/nowhere", ""},
		{"gemini", "POST", "/v1beta/models/gemini-2.5-flash:nowhere", good, 404, "nowhere", ""},
		{"chat", "GET", "/v1/chat/completions", "", 405, "GET", "POST"},
		{"chat", "PUT", "/v1/responses", good, 405, "PUT", "POST"},
		{"messages", "GET", "/v1/messages", "", 405, "GET", "POST"},
		{"gemini", "GET", "/v1beta/models/gemini-2.5-flash:generateContent", "", 405, "GET", "POST"},
		{"chat", "DELETE", "/v1/models", "", 405, "DELETE", "GET, HEAD"},
		{"chat", "POST", "/v1/audio/speech", good, 501, "not built", ""},
		{"chat", "POST", "/v1/chat/completions", strings.Replace(good, "gpt-5", "no-such-model", 1), 404, "no-such-model", ""},
		{"chat", "POST", "/v1/chat/completions", strings.Replace(good, "gpt-5", "claude-sonnet-4-5", 1), 501, "chat", ""},
		{"responses", "POST", "/v1/responses", `{"model":"gemini-2.5-flash","input":"hi"}`, 501, "responses", ""},
		{"messages", "POST", "/v1/messages", `{"model":"gpt-5","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}`, 501, "messages", ""},
		{"gemini", "POST", "/v1beta/models/gpt-5:generateContent", `{"contents":[{"parts":[{"text":"hi"}]}]}`, 501, "gemini", ""},
		{"chat", "POST", "/v1/embeddings", `{"model":"claude-sonnet-4-5","input":"hi"}`, 501, "embed", ""},
	} {
		headers := []string{"Authorization", "Bearer " + clientKey}
		if c.protocol == "messages" {
			headers = append(headers, "Anthropic-Version", "2023-06-01")
		}
		var body []byte
		if c.body != "" {
			body = []byte(c.body)
		}
		got := send(t, s.gateway.dial(t, h1), c.method, s.gateway.Plain+c.path, body, headers...)
		_, message := refusalIn(t, c.protocol, got)
		if got.status != c.status || !strings.Contains(message, c.words) || got.header.Get("Allow") != c.allow {
			t.Errorf("%s %s %s: got %d %s (Allow %q), want %d", c.method, c.path, c.body, got.status, got.body, got.header.Get("Allow"), c.status)
		}
	}
	if got := send(t, s.gateway.dial(t, h1), "GET", s.gateway.Plain+"/elsewhere", nil); got.status != 200 || len(got.body) != 0 {
		t.Errorf("a path that is not ours: got %d %s", got.status, got.body)
	}
}

// TestBadUpstreams: whatever an upstream does, a client gets an error of its
// protocol, and the gateway goes on.
func TestBadUpstreams(t *testing.T) {
	g, all := tight(t, "")
	other := upstream.New(t, upstream.OpenAI)
	long := strings.Repeat("long ", 20<<10)
	for _, c := range []struct {
		name     string
		reply    upstream.Reply
		status   int
		streamed bool
	}{
		{"garbled gzip", upstream.Reply{Encoding: upstream.Garbled}, 502, false},
		{"garbled gzip", upstream.Reply{Encoding: upstream.Garbled}, 502, true},
		{"redirect", upstream.Redirect(other.URL + "/elsewhere"), 502, false},
		{"redirect", upstream.Redirect(other.URL + "/elsewhere"), 502, true},
		{"header bomb", upstream.HeaderBomb(2 << 20), 502, false},
		{"answer over the limit", upstream.Text(long), 502, false},
		{"compressed answer over the limit", upstream.Reply{Text: long, Encoding: "gzip"}, 502, false},
		{"event over the limit", upstream.Reply{Text: long, Chunks: 1}, 502, true},
		{"silence", upstream.Reply{Delay: time.Minute}, 504, false},
		{"silence", upstream.Reply{Fault: upstream.Stall}, 504, true},
		{"500", upstream.Fail(500), 500, false},
		{"503", upstream.Fail(503), 503, true},
		{"the account's key is wrong", upstream.Fail(401), 502, false},
	} {
		for _, u := range all {
			u.Otherwise(c.reply)
		}
		var wg sync.WaitGroup
		answers := make([]answer, len(shapes))
		for i, s := range shapes {
			client := g.dial(t, h1)
			wg.Go(func() { answers[i] = s.call(t, g.Plain, client, s.model, "hi", c.streamed) })
		}
		wg.Wait()
		for i, s := range shapes {
			got := answers[i]
			if got.status != c.status {
				t.Errorf("%s, %s, streamed=%v: got %d %s, want %d", s.name, c.name, c.streamed, got.status, got.body[:min(len(got.body), 300)], c.status)
			}
			s.refusal(t, got)
		}
	}
	if n := len(other.Requests()); n != 0 {
		t.Errorf("redirects were followed %d times", n)
	}
	for _, s := range shapes {
		for _, coding := range []string{"gzip", "br"} {
			all[s.vendor].Otherwise(upstream.Reply{Text: "well again", Encoding: coding, Chunks: 2})
			for _, streamed := range []bool{false, true} {
				got := s.call(t, g.Plain, g.dial(t, h1), s.model, "hi", streamed)
				if got.status != 200 || !bytes.Contains(got.body, []byte("again")) && !bytes.Contains(got.body, []byte("well")) || got.header.Get("Content-Encoding") != "" {
					t.Errorf("%s in %s, streamed=%v: got %d %s", s.name, coding, streamed, got.status, got.body)
				}
			}
		}
	}
}

// TestStalledUpload: a body that does not arrive is 408.
func TestStalledUpload(t *testing.T) {
	g, _ := tight(t, "")
	for _, s := range shapes {
		conn := stalled(t, g, s, 1000)
		answer := make([]byte, 4096)
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := conn.Read(answer)
		if err != nil || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 408")) {
			t.Errorf("%s: got %q, %v", s.name, answer[:n], err)
		}
	}
}

// stalled begins an upload of length bytes and sends half of it.
func stalled(t *testing.T, g *gateway, s shape, length int) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.Plain, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	body := []byte(`{"a":"` + strings.Repeat("x", length/2))
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s",
		strings.Replace(s.path, "MODEL", s.model, 1), clientKey, length, body)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestManyStalledUploads opens 2,000 uploads at once: each is answered, and
// memory stays bounded by what was sent.
func TestManyStalledUploads(t *testing.T) {
	g, _ := tight(t, "")
	const uploads, length = 2000, 60 << 10
	before := g.memory(t)
	answers := make([]string, uploads)
	var wg sync.WaitGroup
	for i := range uploads {
		conn := stalled(t, g, shapes[0], length)
		wg.Go(func() {
			answer := make([]byte, 4096)
			_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
			n, _ := conn.Read(answer)
			answers[i] = string(answer[:min(n, 12)])
		})
	}
	peak := g.memory(t)
	wg.Wait()
	for i, a := range answers {
		if a != "HTTP/1.1 408" && a != "HTTP/1.1 503" {
			t.Fatalf("upload %d got %q", i, a)
		}
	}
	// Bodies are held as announced; the race detector multiplies what is kept.
	grown := peak - before
	t.Logf("%d uploads of %d bytes: the gateway grew by %d KiB", uploads, length, grown>>10)
	if limit := int64(uploads) * length * 8; grown > limit {
		t.Errorf("the gateway grew by %d bytes, more than %d", grown, limit)
	}
	if got := shapes[0].call(t, g.Plain, g.dial(t, h1), "gpt-5", "hi", false); got.status != 200 {
		t.Errorf("afterwards: got %d %s", got.status, got.body)
	}
}

// memory is the resident memory of the gateway, in bytes.
func (g *gateway) memory(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	fields := strings.Fields(rest)
	kib, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// TestClientHeaderBomb: the server refuses it before the gateway sees it.
func TestClientHeaderBomb(t *testing.T) {
	s := stage.open(t)
	got := send(t, s.gateway.dial(t, h1), "POST", s.gateway.Plain+"/v1/chat/completions", []byte(`{}`), "X-Bomb", strings.Repeat("b", 2<<20))
	if got.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %d %s", got.status, got.body)
	}
}
