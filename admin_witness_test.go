package aiproxy

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/routing"
	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.RegisterModule(new(witness))
}

// witness is an adaptor that tells when it is cleaned up. Its streams say one
// word and the rest when they are let go.
type witness struct {
	// Name is said in answers.
	Name string `json:"name,omitempty"`

	err     error
	cleaned atomic.Bool
}

// cleanups counts the witnesses that were cleaned up.
var cleanups atomic.Int64

// letGo ends the streams that have begun: closing it, and making another.
var letGo struct {
	sync.Mutex
	now chan struct{}
}

func init() { letGo.now = make(chan struct{}) }

// release lets the streams of witnesses end.
func release() {
	letGo.Lock()
	defer letGo.Unlock()
	close(letGo.now)
	letGo.now = make(chan struct{})
}

func (*witness) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "aiproxy.adaptors.witness", New: func() caddy.Module { return new(witness) }}
}

func (a *witness) Cleanup() error {
	a.cleaned.Store(true)
	cleanups.Add(1)
	return nil
}

func (*witness) DefaultBaseURL() string         { return "" }
func (*witness) Protocols() []protocol.Protocol { return []protocol.Protocol{protocol.Chat} }
func (*witness) StreamUsage() bool              { return true }
func (*witness) NeedsKey() bool                 { return false }
func (*witness) Serves(p protocol.Protocol, op protocol.Operation) bool {
	return p == protocol.Chat && op == protocol.Generate
}

func (a *witness) Send(_ context.Context, _ http.RoundTripper, call *adaptors.Call) (*http.Response, error) {
	if a.err != nil {
		return nil, a.err
	}
	resp := &http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"text/event-stream"}}}
	if !call.Stream {
		resp.Header.Set("Content-Type", "application/json")
		resp.Body = io.NopCloser(strings.NewReader(`{"object":"chat.completion","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"` + a.Name + `"}}]}`))
		return resp, nil
	}
	letGo.Lock()
	now := letGo.now
	letGo.Unlock()
	read, write := io.Pipe()
	resp.Body = read
	go func() {
		io.WriteString(write, chunk(a.Name, "null"))
		<-now
		if a.cleaned.Load() {
			io.WriteString(write, chunk(" but cleaned up", "null"))
		}
		io.WriteString(write, chunk(" whole", `"stop"`)+"data: [DONE]\n\n")
		write.Close()
	}()
	return resp, nil
}

func chunk(text, finish string) string {
	return `data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"` + text + `"},"finish_reason":` + finish + "}]}\n\n"
}

// newWitness is a channel whose calls fail with the error.
func newWitness(err error) *routing.Channel {
	return &routing.Channel{Name: "witness", Adaptor: &witness{err: err}}
}

func probeCall() *adaptors.Call {
	return &adaptors.Call{Call: protocol.Call{Protocol: protocol.Chat, Operation: protocol.Generate}, Header: make(http.Header)}
}
