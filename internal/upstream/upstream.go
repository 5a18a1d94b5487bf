// Package upstream holds the providers' APIs as tests need them: servers on
// loopback that are as strict as the vendors, say what a test scripts, and
// keep what they were sent. What a vendor refuses, they refuse with the
// vendor's own error body; what a gateway must never send to a vendor at all
// (a client's credential, cookies, addresses, its own headers), they note as a
// violation.
//
// It is imported by tests alone, uses nothing but the standard library, and
// knows nothing of the gateway: no package of this module may enter it.
package upstream

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Vendor is whose API a server speaks.
type Vendor uint8

// The vendors.
const (
	// OpenAI serves /v1/chat/completions, /v1/responses and /v1/embeddings.
	OpenAI Vendor = iota
	// Anthropic serves /v1/messages and /v1/messages/count_tokens.
	Anthropic
	// Gemini serves generateContent, streamGenerateContent, countTokens,
	// embedContent and batchEmbedContents under /v1beta/models/.
	Gemini
)

var vendors = [...]struct {
	name string
	api  api
}{
	OpenAI:    {"openai", openAI{}},
	Anthropic: {"anthropic", anthropic{}},
	Gemini:    {"gemini", gemini{}},
}

// String returns the vendor's name as it stands in a Caddyfile.
func (v Vendor) String() string { return vendors[v].name }

// Server is one vendor's API. Its methods may be called at any time, also
// while it answers.
type Server struct {
	// Vendor is whose API it is.
	Vendor Vendor
	// URL is the base URL as the vendor documents it, version included:
	// http://127.0.0.1:40123/v1.
	URL string
	// Key is the only API key that is taken.
	Key string

	api  api
	http *http.Server

	mu         sync.Mutex
	changed    *sync.Cond
	models     []string
	script     []Reply
	rules      []rule
	otherwise  Reply
	requests   []*Request
	violations []string
	forbidden  []string
}

// rule is a reply to every request whose body holds a text.
type rule struct {
	text  string
	reply Reply
}

// New starts a server that ends with the test. The test fails if the server
// noted a violation that nobody took.
func New(t testing.TB, v Vendor) *Server {
	t.Helper()
	s, err := Start(v)
	if err != nil {
		t.Fatalf("starting upstream: %v", err)
	}
	t.Cleanup(func() {
		s.Close()
		for _, violation := range s.TakeViolations() {
			t.Errorf("upstream %s: %s", v, violation)
		}
	})
	return s
}

// Start starts a server on a free port of the loopback address.
func Start(v Vendor) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	api := vendors[v].api
	s := &Server{
		Vendor:    v,
		URL:       "http://" + listener.Addr().String() + api.base(),
		Key:       "upstream-key-of-" + v.String(),
		api:       api,
		models:    slices.Clone(api.models()),
		otherwise: Text("Hello from " + v.String() + "."),
	}
	s.changed = sync.NewCond(&s.mu)
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.http.Serve(listener) }()
	return s, nil
}

// Close ends the server and every answer in flight.
func (s *Server) Close() { _ = s.http.Close() }

// Script adds replies, given to the next requests that are not refused, in
// this order. After them come On's rules, then what Otherwise set.
func (s *Server) Script(replies ...Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, replies...)
}

// On sets the reply to every request whose body holds text: clients that know
// nothing of this package choose their reply by what they say. Of several
// rules the first that holds counts.
func (s *Server) On(text string, reply Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, rule{text, reply})
}

// Otherwise sets the reply to requests that no script and no rule answers.
func (s *Server) Otherwise(reply Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.otherwise = reply
}

// AddModels makes models known; requests for any other are refused.
func (s *Server) AddModels(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.models = append(s.models, names...)
}

// Forbid makes it a violation that one of the texts (a client's key, say)
// arrives in a URL or a header.
func (s *Server) Forbid(texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forbidden = append(s.forbidden, texts...)
}

// TakeViolations returns what arrived and never should have, and forgets it.
func (s *Server) TakeViolations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.violations
	s.violations = nil
	return taken
}

func (s *Server) knows(model string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.models, model)
}

// reply returns the reply to a request with this body, and takes it off the
// script where it stood there and take is set.
func (s *Server) reply(body []byte, take bool) Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.script) > 0 {
		reply := s.script[0]
		if take {
			s.script = s.script[1:]
		}
		return reply
	}
	for _, r := range s.rules {
		if strings.Contains(string(body), r.text) {
			return r.reply
		}
	}
	return s.otherwise
}
