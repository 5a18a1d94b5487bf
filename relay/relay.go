// Package relay takes one call to its end: it makes the attempts of the plan,
// pumps the answer from upstream to client, and says what became of it.
//
// It knows no Caddy, no tenant and no provider: root hands it a plan, a codec
// and a ResponseWriter.
package relay

import (
	"context"
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
	// Attempts is the most that one call makes.
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
	Codec   protocol.Codec
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
	flush     *http.ResponseController
	begun     time.Time
	committed bool
	out       Outcome
}

// Do makes attempts until one is answered or none is left, and answers the
// client. Nothing leaves, not even a header, before the first content or the
// final error. ctx is the client's: when it ends, so does the attempt.
func (r *Relay) Do(ctx context.Context, w http.ResponseWriter, call *Call) Outcome {
	x := &exchange{Relay: r, call: call, client: ctx, w: w, flush: http.NewResponseController(w), begun: time.Now()}
	x.run()
	x.out.Duration = time.Since(x.begun)
	return x.out
}

func (x *exchange) run() {
	var last *fault
	for n := 0; n < x.Attempts; n++ {
		now := time.Now()
		a, ok := x.call.Plan.Next(now)
		if !ok {
			if last == nil {
				last = resting(x.call.Plan.Resting())
			}
			break
		}
		f := x.attempt(a)
		x.note(a, f, now)
		if f == nil {
			return
		}
		if x.client.Err() != nil {
			x.gone()
			return
		}
		if f.rest > 0 {
			a.Key.Rest.Set(time.Now(), f.rest)
		}
		x.call.Plan.Failed(a, f.verdict)
		last = f
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
	x.out.Channel, x.out.UpstreamModel = a.Channel, a.Channel.Upstream(req.Model)
	body, edits := x.call.Codec.RequestEdits(req, x.out.UpstreamModel, a.Channel.Adaptor.StreamUsage())

	ctx, watch := x.watch()
	defer watch.stop()
	resp, err := a.Channel.Adaptor.Send(ctx, a.Channel.Transport, &adaptors.Call{
		Call:          req.Call,
		BaseURL:       a.Channel.BaseURL,
		Key:           a.Key.Value,
		UpstreamModel: x.out.UpstreamModel,
		Stream:        req.Stream,
		Header:        adaptors.OutgoingHeader(x.call.Header),
		Query:         x.call.Query,
		Body:          body,
	})
	if err != nil {
		return broken(ctx, err)
	}
	defer resp.Body.Close()
	x.out.UpstreamRequestID = adaptors.UpstreamRequestID(resp.Header)
	if err := adaptors.Decode(resp); err != nil {
		return broken(ctx, err)
	}
	resp.Body = &heard{ReadCloser: resp.Body, watch: watch}
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		watch.silence(x.Idle, errIdle)
		return x.refusal(resp)
	case req.Stream:
		return x.stream(ctx, watch, resp, edits)
	default:
		watch.silence(x.Idle, errIdle)
		return x.answer(ctx, resp, edits)
	}
}

// note records an attempt.
func (x *exchange) note(a routing.Attempt, f *fault, began time.Time) {
	t := Tried{Channel: a.Channel.Name, Key: a.Key.Position, Duration: time.Since(began)}
	switch {
	case f != nil:
		t.Status, t.Reason = f.status, f.reason
	case x.out.Result == OK:
		t.Status = x.out.Status
	default:
		t.Status, t.Reason = x.out.Status, x.out.Error
	}
	x.out.Attempts = append(x.out.Attempts, t)
}

// gone records that the client left.
func (x *exchange) gone() {
	x.out.Result, x.out.Status = ClientGone, 499
}

// announce sets the headers that every answer of an upstream carries.
func (x *exchange) announce(h http.Header) {
	if !x.call.HideChannel && x.out.Channel != nil {
		h[headerChannel] = []string{x.out.Channel.Name}
	}
	// The attempt under way is noted when it is over.
	h[headerAttempts] = []string{strconv.Itoa(len(x.out.Attempts) + 1)}
}

// fail tells the client the last fault: the upstream's own words where they
// are for it, else ours.
func (x *exchange) fail(f *fault) {
	x.out.Result, x.out.Error = Errored, f.err.Message
	if x.committed {
		x.out.Status = http.StatusOK
		x.write(x.call.Codec.Stream(protocol.Edits{}, x.call.Request.Array).Break(f.err))
		return
	}
	h := x.w.Header()
	if len(x.out.Attempts) > 0 {
		if !x.call.HideChannel {
			h[headerChannel] = []string{x.out.Channel.Name}
		}
		h[headerAttempts] = []string{strconv.Itoa(len(x.out.Attempts))}
		h["X-Should-Retry"] = []string{"false"}
	}
	body, status := f.body, f.status
	h["Content-Type"] = []string{"application/json"}
	if body == nil {
		body = x.call.Codec.ErrorBody(f.err, x.call.RequestID)
		status = x.call.Codec.Status(f.err.Kind)
	} else if f.contentType != "" {
		h["Content-Type"] = []string{f.contentType}
	}
	if f.err.RetryAfter > 0 {
		h["Retry-After"] = []string{RetryAfterSeconds(f.err.RetryAfter)}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.out.Status = status
	x.w.WriteHeader(status)
	x.w.Write(body)
}

// RetryAfterSeconds writes a Retry-After header's value: whole seconds, rounded
// up, at least 1.
func RetryAfterSeconds(d time.Duration) string {
	return strconv.FormatInt(max(int64((d+time.Second-1)/time.Second), 1), 10)
}
