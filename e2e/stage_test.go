package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-aiproxy/aiproxy/internal/upstream"
)

// stage is the one gateway, with an upstream of each vendor, that all tests
// share that need no configuration of their own. What an upstream answers is
// chosen by what the prompt says.
var stage theatre

type theatre struct {
	once sync.Once
	err  error
	dir  string
	// idle is how many goroutines the gateway had before the first call.
	idle      int
	gateway   *gateway
	upstreams map[upstream.Vendor]*upstream.Server
	// limited are upstreams that are always over their rate limit.
	limited map[upstream.Vendor]*upstream.Server
}

// What prompts say, to be answered by the rules below.
const (
	sayHello   = "say hello"
	callTool   = "what is the weather"
	toolResult = "18 degrees and light rain"
	fail400    = "fail with 400"
	fail404    = "fail with 404"
	fail503    = "fail with 503"
	stall      = "say something and fall silent"
	dawdle     = "think for a minute"
	breakOff   = "break off after some words"
)

// hello holds characters that need escapes, and more than one byte each.
const hello = "Hello, \"world\" \\ <b>& ünïcödé \U0001F600\nbye"

var rules = []struct {
	text  string
	reply upstream.Reply
}{
	{toolResult, upstream.Text("Take an umbrella.")},
	{callTool, upstream.Reply{Tools: []upstream.Tool{{Name: "weather", Arguments: `{"city":"Köln","days":2}`}}}},
	{sayHello, upstream.Reply{Text: hello, Input: 123, Output: 45, Chunks: 5}},
	{fail400, upstream.Reply{Status: http.StatusBadRequest, Message: "the upstream's own words"}},
	{fail404, upstream.Fail(http.StatusNotFound)},
	{fail503, upstream.Fail(http.StatusServiceUnavailable)},
	{stall, upstream.Reply{Text: "some words", Chunks: 5, Fault: upstream.Stall, After: 3}},
	{dawdle, upstream.Reply{Delay: time.Minute}},
	{breakOff, upstream.Reply{Text: "some words", Chunks: 5, Fault: upstream.Cut, After: 3}},
}

// open starts the stage when the first test needs it.
func (s *theatre) open(t *testing.T) *theatre {
	t.Helper()
	s.once.Do(func() { s.err = s.build() })
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s
}

func (s *theatre) build() (err error) {
	s.upstreams, s.limited = map[upstream.Vendor]*upstream.Server{}, map[upstream.Vendor]*upstream.Server{}
	var app strings.Builder
	for _, c := range cast {
		u, err := upstream.Start(c.vendor)
		if err != nil {
			return err
		}
		for _, r := range rules {
			u.On(r.text, r.reply)
		}
		limited, err := upstream.Start(c.vendor)
		if err != nil {
			return err
		}
		u.Forbid(clientKey)
		limited.Forbid(clientKey)
		limited.AddModels(c.limited)
		limited.Otherwise(upstream.RateLimited(1))
		s.upstreams[c.vendor], s.limited[c.vendor] = u, limited
		name := c.vendor.String()
		app.WriteString(channel(name, u, "models "+c.models, "map an/alias:of-"+name+" "+c.mapped) + channel(name+"-limited", limited, "models "+c.limited))
	}
	app.WriteString("group acme\n" + token("acme", "ci", clientKey))
	if s.dir, err = os.MkdirTemp("", "aiproxy-stage-"); err != nil {
		return err
	}
	if s.gateway, err = launch(s.dir, config{App: app.String()}); err != nil {
		return err
	}
	s.idle, err = s.gateway.goroutines()
	return err
}

// cast is the stage's channels: one for each vendor, and one whose upstream is
// always over its rate limit, which would make the first rest for all tests.
var cast = []struct {
	vendor                  upstream.Vendor
	models, mapped, limited string
}{
	{upstream.OpenAI, "gpt-5 text-embedding-3-small", "gpt-5", "gpt-limited"},
	{upstream.Anthropic, "claude-sonnet-4-5", "claude-sonnet-4-5", "claude-limited"},
	{upstream.Gemini, "gemini-2.5-flash gemini-embedding-001", "gemini-2.5-flash", "gemini-limited"},
}

// close ends the stage and says what went wrong on it.
func (s *theatre) close() error {
	if s.dir != "" {
		defer os.RemoveAll(s.dir)
	}
	var faults []error
	for _, all := range []map[upstream.Vendor]*upstream.Server{s.upstreams, s.limited} {
		for _, u := range all {
			u.Close()
			for _, v := range u.TakeViolations() {
				faults = append(faults, fmt.Errorf("upstream %s: %s", u.Vendor, v))
			}
		}
	}
	if s.gateway != nil {
		faults = append(faults, s.leaks(), s.gateway.stop())
	}
	return errors.Join(faults...)
}

// leaks says whether the gateway, with all clients and upstreams gone, has
// more goroutines than at first.
func (s *theatre) leaks() error {
	// Timers of HTTP/3 connections and the like may hold a few for a while.
	const spare = 10
	n := 0
	for range 100 {
		var err error
		if n, err = s.gateway.goroutines(); err != nil {
			return err
		}
		if n <= s.idle+spare {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("the gateway has %d goroutines, %d before the first call", n, s.idle)
}

// channel declares a channel to an upstream; settings are further lines.
func channel(name string, u *upstream.Server, settings ...string) string {
	lines := append([]string{"adaptor " + u.Vendor.String(), "base_url " + u.URL, "key " + u.Key}, settings...)
	return block("channel "+name, lines...)
}

// token declares a token; settings are further lines.
func token(group, name, key string, settings ...string) string {
	return block("token "+group+" "+name, append([]string{"key " + key}, settings...)...)
}

func block(head string, lines ...string) string {
	return head + " {\n" + indent(strings.Join(lines, "\n")) + "}\n"
}
