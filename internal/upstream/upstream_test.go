package upstream

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
)

// say is the smallest request of each API that is taken.
var say = map[Vendor]string{
	OpenAI:    `{"model":"gpt-5","messages":[{"role":"user","content":"hi"}]}`,
	Anthropic: `{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`,
	Gemini:    `{"contents":[{"parts":[{"text":"hi"}]}]}`,
}

var paths = map[Vendor]string{
	OpenAI:    "/chat/completions",
	Anthropic: "/messages",
	Gemini:    "/models/gemini-2.5-flash:generateContent",
}

// authorized sets the headers that the vendor wants.
func authorized(s *Server, r *http.Request) {
	r.Header.Set("Content-Type", "application/json")
	switch s.Vendor {
	case OpenAI:
		r.Header.Set("Authorization", "Bearer "+s.Key)
	case Anthropic:
		r.Header.Set("X-Api-Key", s.Key)
		r.Header.Set("Anthropic-Version", "2023-06-01")
	case Gemini:
		r.Header.Set("X-Goog-Api-Key", s.Key)
	}
}

// call posts a body and returns the answer with its whole body, and the error
// of reading it.
func call(t *testing.T, s *Server, path, body string, with ...func(*http.Request)) (*http.Response, []byte, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	authorized(s, r)
	for _, f := range with {
		f(r)
	}
	client := http.Client{
		Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true, MaxResponseHeaderBytes: 1 << 20},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	return answer, all, err
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func TestAnswersAndRecords(t *testing.T) {
	for v := range say {
		t.Run(v.String(), func(t *testing.T) {
			s := New(t, v)
			answer, body, err := call(t, s, paths[v], say[v])
			if err != nil || answer.StatusCode != 200 || !json.Valid(body) {
				t.Fatalf("status %v, error %v, body %s", answer.StatusCode, err, body)
			}
			if !bytes.Contains(body, []byte("Hello from "+v.String()+".")) {
				t.Errorf("body %s", body)
			}
			got := s.Wait(1, time.Second)
			if len(got) != 1 || string(got[0].Body) != say[v] || got[0].Path != paths[v] || got[0].Refused != "" {
				t.Errorf("recorded %+v", got)
			}
			if s.Find(`"hi"`) != got[0] || s.Find("nobody said this") != nil {
				t.Error("Find does not find")
			}
		})
	}
}

func TestScriptComesBeforeRulesBeforeOtherwise(t *testing.T) {
	s := New(t, OpenAI)
	s.Script(Text("first"), Fail(500))
	s.On("hi", Text("ruled"))
	s.Otherwise(Text("otherwise"))
	for i, want := range []string{"first", "server_error", "ruled"} {
		if _, body, _ := call(t, s, paths[OpenAI], say[OpenAI]); !bytes.Contains(body, []byte(want)) {
			t.Errorf("%d: got %s, want %q in it", i, body, want)
		}
	}
	other := strings.Replace(say[OpenAI], "hi", "ho", 1)
	if _, body, _ := call(t, s, paths[OpenAI], other); !bytes.Contains(body, []byte("otherwise")) {
		t.Errorf("got %s", body)
	}
}

func TestScriptedFailures(t *testing.T) {
	for _, c := range []struct {
		vendor Vendor
		reply  Reply
		status int
		want   string
	}{
		{OpenAI, RateLimited(7), 429, `"code": "rate_limit_exceeded"`},
		{OpenAI, Fail(500), 500, `"type": "server_error"`},
		{Anthropic, Fail(529), 529, `"type":"overloaded_error","message":"Overloaded"`},
		{Anthropic, Fail(500), 500, `"type":"api_error"`},
		{Gemini, Fail(429), 429, `"status":"RESOURCE_EXHAUSTED"`},
		{Gemini, Reply{Status: 500, Message: "told"}, 500, `"message":"told","status":"INTERNAL"`},
		{OpenAI, Redirect("http://127.0.0.1:1/x"), 302, "moved"},
		{OpenAI, Reply{Body: []byte("no json")}, 200, "no json"},
	} {
		s := New(t, c.vendor)
		s.Script(c.reply)
		answer, body, err := call(t, s, paths[c.vendor], say[c.vendor])
		if err != nil || answer.StatusCode != c.status || !bytes.Contains(body, []byte(c.want)) {
			t.Errorf("%s %d: got %d %s (%v), want %q", c.vendor, c.status, answer.StatusCode, body, err, c.want)
		}
	}
}

func TestViolations(t *testing.T) {
	s, err := Start(Anthropic)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Forbid("sk-client")
	_, _, err = call(t, s, "/messages?x=sk-client", say[Anthropic],
		header("Cookie", "a=b"), header("X-Forwarded-For", "10.0.0.1"), header("Aiproxy-Group", "acme"),
		header("Authorization", "Bearer x"), header("User-Agent", "sk-client"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`credential header "Authorization" of another vendor arrived`,
		`header "Aiproxy-Group" arrived`, `header "Cookie" arrived`,
		`header "User-Agent" holds a forbidden text`, `header "X-Forwarded-For" arrived`,
		"the URL holds a forbidden text",
	}
	if got := s.TakeViolations(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := s.TakeViolations(); got != nil {
		t.Errorf("violations were taken and are there again: %q", got)
	}
}

func TestEncodings(t *testing.T) {
	long := strings.Repeat("long text ", 20000) // more than one block of 64 KiB
	for coding, open := range map[string]func(io.Reader) (io.Reader, error){
		"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"br":   func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
	} {
		for _, body := range []string{say[OpenAI], strings.Replace(say[OpenAI], "{", `{"stream":true,`, 1)} {
			s := New(t, OpenAI)
			s.Script(Reply{Text: long, Encoding: coding, Chunks: 1})
			answer, coded, err := call(t, s, paths[OpenAI], body)
			if err != nil || answer.Header.Get("Content-Encoding") != coding {
				t.Fatalf("%s: %v %v", coding, answer, err)
			}
			reader, err := open(bytes.NewReader(coded))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := io.ReadAll(reader)
			if err != nil || !bytes.Contains(plain, []byte(long)) {
				t.Errorf("%s: decoded %d of %d bytes: %v", coding, len(plain), len(coded), err)
			}
		}
	}
	s := New(t, OpenAI)
	s.Script(Reply{Encoding: Garbled})
	answer, coded, _ := call(t, s, paths[OpenAI], say[OpenAI])
	if _, err := gzip.NewReader(bytes.NewReader(coded)); err == nil || answer.Header.Get("Content-Encoding") != "gzip" {
		t.Error("garbled gzip is gzip")
	}
}

func TestHeaderBombAndEarlyAnswer(t *testing.T) {
	s := New(t, OpenAI)
	s.Script(HeaderBomb(300<<10), Reply{Early: true, Status: 400}, Reply{SlowRead: time.Millisecond})
	answer, _, err := call(t, s, paths[OpenAI], say[OpenAI])
	if err != nil || len(answer.Header) < 300 {
		t.Fatalf("%v %v", answer, err)
	}
	if answer, _, err = call(t, s, paths[OpenAI], say[OpenAI]); err != nil || answer.StatusCode != 400 {
		t.Errorf("%v %v", answer, err)
	}
	if got := s.Requests()[1]; len(got.Body) != 0 {
		t.Errorf("an early answer read %q", got.Body)
	}
	big := strings.Replace(say[OpenAI], "hi", strings.Repeat("x", 100<<10), 1)
	if answer, _, err = call(t, s, paths[OpenAI], big); err != nil || answer.StatusCode != 200 || len(s.Requests()[2].Body) != len(big) {
		t.Errorf("%v %v", answer, err)
	}
}
