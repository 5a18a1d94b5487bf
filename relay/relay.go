// Package relay takes one call to its end: it makes the attempts of the plan,
// pumps the answer from upstream to client, and says what became of it.
//
// It knows no Caddy, no tenant and no provider: root hands it a plan, a codec
// and a ResponseWriter.
package relay

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/routing"
)

// Relay holds the limits that calls run under. It is used by all calls at
// once.
type Relay struct {
	// Attempts is the most that one call makes, at least 1.
	Attempts int
	// FirstToken is the longest wait for a stream's first content, Idle the
	// longest silence of an upstream after it and inside other answers, Total
	// the longest time of a call.
	FirstToken, Idle, Total time.Duration
	// Event and Answer are the most bytes of a stream's event and of an answer
	// that is read whole.
	Event, Answer int64
	// Budget is the bytes of all bodies in memory.
	Budget *Budget
}

// Call is one call as root hands it over, authenticated and resolved.
type Call struct {
	Request *protocol.Request
	// Body is what the request's bytes are in; nil where nobody shares them. It
	// is released as soon as no further attempt can need them.
	Body  *Body
	Codec protocol.Codec
	// Header is the client's, whole; Query its query without a credential.
	Header http.Header
	Query  url.Values
	// RequestID goes into error bodies.
	RequestID string
	Plan      *routing.Plan
	// Ping is how long a stream may be silent before a ping; zero or less:
	// never. PingBeforeContent commits the status 200 with the first of them.
	Ping              time.Duration
	PingBeforeContent bool
	// HideChannel leaves the header Aiproxy-Channel out.
	HideChannel bool
}

// The headers of our own.
const (
	headerChannel  = "Aiproxy-Channel"
	headerAttempts = "Aiproxy-Attempts"
)

// exchange is the state of one call. One goroutine runs it; the watch's timer
// writes pings under the watch's lock.
type exchange struct {
	*Relay
	call      *Call
	client    context.Context
	w         http.ResponseWriter
	begun     time.Time
	committed bool
	// upstream is the status of the attempt's answer; 0 where none came.
	upstream int
	out      Outcome
	key      string // of the attempt under way
}

// Do makes attempts until one is answered or none is left, and answers the
// client. Nothing leaves, not even a header, before the first content or the
// final error. ctx is the client's: when it ends, so does the attempt.
func (r *Relay) Do(ctx context.Context, w http.ResponseWriter, call *Call) Outcome {
	x := &exchange{Relay: r, call: call, client: ctx, w: w, begun: time.Now()}
	x.run()
	x.out.Duration = time.Since(x.begun)
	return x.out
}

func (x *exchange) run() {
	var last *fault
	for n := 0; n < max(x.Attempts, 1); n++ {
		now := time.Now()
		a, ok := x.call.Plan.Next(now)
		if !ok {
			if last == nil {
				last = resting(x.call.Plan.Resting())
			}
			break
		}
		f := x.attempt(a)
		if f != nil && f.rest > 0 {
			a.Key.Rest.Set(time.Now(), f.rest)
		}
		if f != nil && x.client.Err() != nil {
			x.gone()
			f = nil
		}
		x.note(a, f, now)
		if f == nil {
			return
		}
		x.call.Plan.Failed(a, f.verdict)
		// What an upstream said tells the client more than that another one
		// could not be reached.
		if last == nil || f.status != 0 || last.status == 0 {
			last = f
		}
		if f.final {
			break
		}
	}
	x.fail(last)
}

// resting is the fault of a call whose every key is at rest.
func resting(left time.Duration) *fault {
	return &fault{reason: "all keys rest", err: &protocol.Error{
		Kind:       protocol.KindRateLimited,
		Message:    "every channel of this model is rate limited upstream at the moment",
		RetryAfter: max(left, time.Second),
	}}
}

// attempt makes one attempt. nil: the client has its answer (or has left, or
// its stream was broken off after content); else nothing of this attempt has
// reached it.
func (x *exchange) attempt(a routing.Attempt) *fault {
	req := x.call.Request
	x.key = a.Key.Value
	x.out.Channel, x.out.UpstreamModel = a.Channel, a.Channel.Upstream(req.Model)
	x.out.UpstreamRequestID, x.upstream = "", 0
	body, edits := x.call.Codec.RequestEdits(req, x.out.UpstreamModel, a.Channel.Adaptor.StreamUsage())

	ctx, watch := x.watch()
	defer watch.stop()
	var p *pump
	if req.Stream {
		p = x.pump(watch, edits)
	}
	send := &adaptors.Call{
		Call:          req.Call,
		BaseURL:       a.Channel.BaseURL,
		Key:           a.Key.Value,
		UpstreamModel: x.out.UpstreamModel,
		Stream:        req.Stream,
		Header:        adaptors.OutgoingHeader(x.call.Header),
		Query:         x.call.Query,
		Body:          body,
	}
	if x.call.Body != nil && x.call.Body.Reused() {
		send.Lease = x.call.Body
	}
	resp, err := a.Channel.Adaptor.Send(ctx, a.Channel.Transport, send)
	if err != nil {
		if refusal := (*protocol.Error)(nil); errors.As(err, &refusal) {
			// The adaptor has found fault with the call itself.
			return &fault{err: refusal, final: true, reason: refusal.Message}
		}
		return broken(ctx, err)
	}
	defer resp.Body.Close()
	x.upstream = resp.StatusCode
	x.out.UpstreamRequestID = adaptors.UpstreamRequestID(resp.Header)
	if err := adaptors.Decode(resp); err != nil {
		return failed(err.Error())
	}
	answer := &heard{ReadCloser: resp.Body, watch: watch}
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		watch.silence(min(cmp.Or(x.Idle, refusalTime), refusalTime), errIdle)
		return x.refusal(resp, answer)
	case req.Stream:
		return p.stream(ctx, resp, answer)
	default:
		answer.counts = true
		watch.silence(x.Idle, errIdle)
		return x.answer(ctx, watch, resp, answer, edits)
	}
}

// note records an attempt.
func (x *exchange) note(a routing.Attempt, f *fault, began time.Time) {
	t := Tried{Channel: a.Channel.Name, Key: a.Key.Position, Status: x.upstream, Duration: time.Since(began)}
	switch {
	case f != nil:
		t.Reason = f.reason
	case x.out.Result == ClientGone:
		t.Reason = "client left"
	default:
		t.Reason = x.out.Error
	}
	x.out.Attempts = append(x.out.Attempts, t)
}

// gone records that the client left.
func (x *exchange) gone() {
	x.out.Result, x.out.Status, x.out.Error = ClientGone, 499, ""
}

// announce sets the headers that every answer of an upstream carries.
func (x *exchange) announce(h http.Header) {
	if !x.call.HideChannel && x.out.Channel != nil {
		h[headerChannel] = []string{x.out.Channel.Name}
	}
	// The attempt under way is noted when it is over.
	h[headerAttempts] = []string{strconv.Itoa(len(x.out.Attempts) + 1)}
}
