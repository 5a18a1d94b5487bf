// Package echo is the adaptor without an upstream: it answers by itself, in
// all four protocols, by repeating the last thing the user said. A newcomer
// without a provider's key sees a real answer from it, and docs and tests use
// it to see delays, streams and failures.
//
// Its answers have the shapes, ids and token counts of the real ones, so that
// official clients take them. It answers in text, unless the request forces a
// call of a function: then it calls that function (of several, the first) with
// no arguments. It has one answer only (`n` above 1 is refused), honours the
// request's limit of output tokens, and does nothing else of what a request
// may ask.
package echo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.RegisterModule(new(Adaptor))
}

// maxChunks is the most chunks that one answer is cut into.
const maxChunks = 1000

// Adaptor answers by repeating the user's last text. It needs neither
// base_url nor key, and uses no network.
type Adaptor struct {
	// How long an answer takes to begin, and how long a stream pauses between
	// two chunks. What comes before content (a stream's headers and first
	// events) is not delayed. Default: 0.
	Delay caddy.Duration `json:"delay,omitempty"`

	// How many chunks the text of a streamed answer is cut into, at most one a
	// character. Default: 0, which is one a word. At most 1000.
	Chunks int `json:"chunks,omitempty"`

	// How each call fails, to see what the gateway makes of it. Default: it
	// does not.
	Fail *Fail `json:"fail,omitempty"`

	// Tests hold still what changes from one answer to the next.
	now func() time.Time
	id  func() string
}

// CaddyModule returns the module's name.
func (*Adaptor) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "aiproxy.adaptors.echo",
		New: func() caddy.Module { return new(Adaptor) },
	}
}

// Provision sets the clock and the source of ids.
func (a *Adaptor) Provision(caddy.Context) error {
	a.now, a.id = time.Now, randomID
	return nil
}

// Validate checks the settings' ranges.
func (a *Adaptor) Validate() error {
	if a.Delay < 0 {
		return fmt.Errorf("delay: %s is below zero", time.Duration(a.Delay))
	}
	if a.Chunks < 0 || a.Chunks > maxChunks {
		return fmt.Errorf("chunks: %d is not between 0 and %d", a.Chunks, maxChunks)
	}
	return a.Fail.validate()
}

// DefaultBaseURL is empty: there is no upstream.
func (*Adaptor) DefaultBaseURL() string { return "" }

var protocols = []protocol.Protocol{protocol.Chat, protocol.Responses, protocol.Messages, protocol.Gemini}

// Protocols returns all four.
func (*Adaptor) Protocols() []protocol.Protocol { return protocols }

// Serves says which operations each protocol has.
func (*Adaptor) Serves(p protocol.Protocol, op protocol.Operation) bool {
	switch op {
	case protocol.Generate:
		return wires[p] != nil
	case protocol.CountTokens:
		return p == protocol.Messages || p == protocol.Gemini
	case protocol.Embed:
		return p == protocol.Chat || p == protocol.Gemini
	case protocol.BatchEmbed:
		return p == protocol.Gemini
	default:
		return false
	}
}

// StreamUsage says that echo takes stream_options.include_usage.
func (*Adaptor) StreamUsage() bool { return true }

// NeedsKey says that echo answers without a key.
func (*Adaptor) NeedsKey() bool { return false }

// Send answers the call. The transport is not used.
func (a *Adaptor) Send(ctx context.Context, _ http.RoundTripper, call *adaptors.Call) (*http.Response, error) {
	w := wires[call.Protocol]
	if w == nil || !a.Serves(call.Protocol, call.Operation) {
		return nil, fmt.Errorf("%w: echo has no %s in protocol %s", adaptors.ErrNotSent, call.Operation, call.Protocol)
	}
	switch a.Fail.mode() {
	case failBefore:
		return nil, fmt.Errorf("%w: echo is set to fail before each call", adaptors.ErrNotSent)
	case failStatus:
		return a.refuse(call, &fault{
			status:     a.Fail.Status,
			message:    fmt.Sprintf("echo is set to answer %d.", a.Fail.Status),
			retryAfter: time.Duration(a.Fail.RetryAfter),
		}), nil
	}

	if call.Operation == protocol.Generate {
		q, f := w.read(call)
		if f != nil {
			return a.refuse(call, f), nil
		}
		an := a.answer(q)
		if q.stream {
			return a.respond(call, http.StatusOK, w.streamType(an), -1, a.stream(ctx, w, an, overloaded(call.Protocol))), nil
		}
		return a.whole(ctx, call, w.whole(an))
	}

	v, f := w.other(call)
	if f != nil {
		return a.refuse(call, f), nil
	}
	return a.whole(ctx, call, v)
}

// whole answers with one JSON document, after the delay.
func (a *Adaptor) whole(ctx context.Context, call *adaptors.Call, v any) (*http.Response, error) {
	if err := pause(ctx, nil, time.Duration(a.Delay)); err != nil {
		return nil, err
	}
	body := encode(v)
	switch a.Fail.mode() {
	case failEvent:
		return a.refuse(call, overloaded(call.Protocol)), nil
	case failStall:
		<-ctx.Done()
		return nil, ctx.Err()
	case failStream:
		cut := &broken{rest: body[:len(body)/2]}
		return a.respond(call, http.StatusOK, "application/json", int64(len(body)), cut), nil
	}
	return a.respond(call, http.StatusOK, "application/json", int64(len(body)), bodyOf(body)), nil
}

// refuse answers with an error in the call's protocol.
func (a *Adaptor) refuse(call *adaptors.Call, f *fault) *http.Response {
	body := encode(wires[call.Protocol].fault(f))
	resp := a.respond(call, f.status, "application/json", int64(len(body)), bodyOf(body))
	if f.retryAfter > 0 {
		seconds := (f.retryAfter + time.Second - 1) / time.Second
		resp.Header["Retry-After"] = []string{fmt.Sprint(int64(seconds))}
	}
	return resp
}

// respond makes the HTTP answer.
func (a *Adaptor) respond(call *adaptors.Call, status int, contentType string, length int64, body io.ReadCloser) *http.Response {
	id := "X-Request-Id"
	if call.Protocol == protocol.Messages {
		id = "Request-Id"
	}
	return &http.Response{
		Status:     strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status))),
		StatusCode: status,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header: http.Header{
			"Content-Type": {contentType},
			id:             {"req_" + a.id()},
		},
		ContentLength: length,
		Body:          body,
	}
}

// Interface guards
var (
	_ adaptors.Adaptor  = (*Adaptor)(nil)
	_ caddy.Provisioner = (*Adaptor)(nil)
	_ caddy.Validator   = (*Adaptor)(nil)
)
