package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/internal/upstream"
)

// answer is what a raw call got.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send makes a call without any SDK. headers are names and values in turn.
func send(t *testing.T, client *http.Client, method, url string, body []byte, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(limit(t), method, url, bytes.NewReader(body))
	if err != nil {
		t.Errorf("%s %s: %v", method, url, err)
		return answer{header: http.Header{}}
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := client.Do(r)
	if err != nil {
		// No end of the test: this is called by several goroutines of one, too.
		t.Errorf("%s %s: %v", method, url, err)
		return answer{header: http.Header{}}
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("reading the answer: %v", err)
	}
	return answer{resp.StatusCode, resp.Header, all}
}

// shape is how a protocol's raw calls look.
type shape struct {
	name   string
	vendor upstream.Vendor
	model  string
	// path is that of a call, stream what is put to it for a stream; model's
	// name stands for MODEL.
	path, stream string
	// body is a small request: MODEL and PROMPT stand for both; streaming is
	// the member that asks for a stream, for protocols that have it in the body.
	body, streaming string
	headers         []string
}

var shapes = []shape{
	{"chat", upstream.OpenAI, "gpt-5", "/v1/chat/completions", "/v1/chat/completions",
		`{"model":"MODEL",STREAM"messages":[{"role":"user","content":"PROMPT"}]}`, `"stream":true,"stream_options":{"include_usage":true},`, nil},
	{"responses", upstream.OpenAI, "gpt-5", "/v1/responses", "/v1/responses",
		`{"model":"MODEL",STREAM"input":"PROMPT"}`, `"stream":true,`, nil},
	{"messages", upstream.Anthropic, "claude-sonnet-4-5", "/v1/messages", "/v1/messages",
		`{"model":"MODEL","max_tokens":64,STREAM"messages":[{"role":"user","content":"PROMPT"}]}`, `"stream":true,`, []string{"Anthropic-Version", "2023-06-01"}},
	{"gemini", upstream.Gemini, "gemini-2.5-flash", "/v1beta/models/MODEL:generateContent", "/v1beta/models/MODEL:streamGenerateContent?alt=sse",
		`{"contents":[{"parts":[{"text":"PROMPT"}]}]}`, ``, nil},
	{"array", upstream.Gemini, "gemini-2.5-flash", "/v1/models/MODEL:generateContent", "/v1/models/MODEL:streamGenerateContent",
		`{"contents":[{"parts":[{"text":"PROMPT"}]}]}`, ``, nil},
}

// call makes the shape's call with a prompt.
func (s shape) call(t *testing.T, base string, client *http.Client, model, prompt string, streamed bool) answer {
	t.Helper()
	path, streaming := s.path, ""
	if streamed {
		path, streaming = s.stream, s.streaming
	}
	fill := strings.NewReplacer("MODEL", model, "PROMPT", prompt, "STREAM", streaming)
	return send(t, client, http.MethodPost, base+fill.Replace(path), []byte(fill.Replace(s.body)), append([]string{"Authorization", "Bearer " + clientKey}, s.headers...)...)
}

// refusal checks that a body is an error in the protocol's own shape, and
// returns its kind and message.
func (s shape) refusal(t *testing.T, a answer) (kind, message string) {
	t.Helper()
	return refusalIn(t, s.name, a)
}

// refusalIn is refusal by the protocol's name.
func refusalIn(t *testing.T, protocol string, a answer) (kind, message string) {
	t.Helper()
	var e struct {
		Type  string
		Error struct {
			Type, Message, Status string
			Code                  any
		}
	}
	body := a.body
	if protocol == "array" {
		body = bytes.TrimSuffix(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("[")), []byte("]"))
	}
	if err := json.Unmarshal(body, &e); err != nil || e.Error.Message == "" {
		t.Errorf("status %d with %q, which is no error of %s", a.status, a.body, protocol)
		return "", ""
	}
	kind = e.Error.Type
	switch protocol {
	case "messages":
		if e.Type != "error" {
			t.Errorf("%s: not Anthropic's shape", a.body)
		}
	case "gemini", "array":
		kind = e.Error.Status
		if e.Error.Code != float64(a.status) {
			t.Errorf("%s: the code is not the status %d", a.body, a.status)
		}
	}
	if kind == "" {
		t.Errorf("%s: no kind", a.body)
	}
	if !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		t.Errorf("an error of the content type %q", a.header.Get("Content-Type"))
	}
	return kind, e.Error.Message
}

// counter counts the calls that an SDK makes, and keeps the last answer's
// headers.
type counter struct {
	inner http.RoundTripper
	mu    sync.Mutex
	calls int
	last  http.Header
}

// RoundTrip makes the call.
func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.inner.RoundTrip(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if err == nil {
		c.last = resp.Header
	}
	return resp, err
}

func (c *counter) seen() (int, http.Header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls, c.last
}
