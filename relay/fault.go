package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/sse"
	"github.com/caddy-aiproxy/aiproxy/routing"
)

// fault is why an attempt failed, and what follows from it.
type fault struct {
	// err is told to the client in its protocol, unless body is relayed.
	err *protocol.Error
	// status, body and contentType are the upstream's error answer, relayed as
	// it is where body is not nil.
	status      int
	body        []byte
	contentType string
	// final: the client gets it at once, no other channel is asked.
	final   bool
	verdict routing.Verdict
	// rest is how long the key is left alone.
	rest   time.Duration
	reason string
}

// action is what an upstream's status means.
type action struct {
	final   bool
	verdict routing.Verdict
	// ours: the upstream's words are about the operator's account and not for
	// the client, who gets our own.
	ours bool
	kind protocol.Kind
}

// actions of the statuses from 300 on. Others: unknownClient and unknownServer.
var actions = map[int]action{
	http.StatusBadRequest:            {final: true},
	http.StatusUnauthorized:          {ours: true, verdict: routing.KeyFailed, kind: protocol.KindUpstream},
	http.StatusPaymentRequired:       {ours: true, verdict: routing.KeyFailed, kind: protocol.KindUpstream},
	http.StatusForbidden:             {ours: true, verdict: routing.KeyFailed, kind: protocol.KindUpstream},
	http.StatusNotFound:              {},
	http.StatusRequestTimeout:        {},
	http.StatusConflict:              {},
	http.StatusTooEarly:              {},
	http.StatusTooManyRequests:       {verdict: routing.KeyFailed},
	http.StatusRequestEntityTooLarge: {final: true},
}

// unspecified is the rest of a key whose upstream answered 429 without saying
// for how long.
const unspecified = time.Second

func actionOf(status int) action {
	if a, ok := actions[status]; ok {
		return a
	}
	switch {
	case status < 400 || status > 599:
		// A redirect is followed by nobody: it would carry the key elsewhere.
		return action{ours: true, kind: protocol.KindUpstream}
	case status < 500:
		return action{final: true}
	default:
		return action{}
	}
}

// refused makes the fault of an answer with an error status. body is nil where
// it could not be read.
func refused(resp *http.Response, body []byte, now time.Time) *fault {
	a := actionOf(resp.StatusCode)
	if resp.StatusCode == http.StatusBadRequest && bytes.Contains(body, badKey) {
		a = actionOf(http.StatusUnauthorized)
	}
	f := &fault{
		status:      resp.StatusCode,
		contentType: resp.Header.Get("Content-Type"),
		final:       a.final,
		verdict:     a.verdict,
		reason:      "status " + strconv.Itoa(resp.StatusCode),
	}
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == 529 {
		f.rest = retryAfter(resp.Header, now)
	}
	if resp.StatusCode == http.StatusTooManyRequests && f.rest <= 0 {
		f.rest = unspecified
	}
	kind := a.kind
	if !a.ours {
		kind = kindOf(resp.StatusCode)
		if looksLikeJSON(body) {
			f.body = body
		}
	}
	f.err = &protocol.Error{Kind: kind, Message: fmt.Sprintf("upstream answered with the status %d", resp.StatusCode), RetryAfter: f.rest}
	return f
}

// badKey is the reason (google.rpc.ErrorInfo) by which Google says, with the
// status 400, that a key is wrong: the channel's, not the client's.
var badKey = []byte(`"API_KEY_INVALID"`)

// shortestKey is the shortest key that is looked for in an upstream's words.
const shortestKey = 8

// masked returns an upstream's error without the channel's key, which some
// quote. It returns text itself where the key is not in it.
func masked(text []byte, key string) []byte {
	if len(key) < shortestKey || !bytes.Contains(text, []byte(key)) {
		return text
	}
	return bytes.ReplaceAll(text, []byte(key), []byte("[key]"))
}

// kindOf is the kind of an upstream's error that comes without a usable body.
func kindOf(status int) protocol.Kind {
	switch {
	case status == http.StatusTooManyRequests:
		return protocol.KindRateLimited
	case status == http.StatusRequestEntityTooLarge:
		return protocol.KindTooLarge
	case status == http.StatusNotFound:
		return protocol.KindModelNotFound
	case status == http.StatusServiceUnavailable || status == 529:
		return protocol.KindOverloaded
	case status == http.StatusRequestTimeout || status == http.StatusGatewayTimeout:
		return protocol.KindUpstreamTimeout
	case status >= 400 && status < 500:
		return protocol.KindInvalid
	default:
		return protocol.KindUpstream
	}
}

// looksLikeJSON says whether an error's body is of the kind that API clients
// read; a web server's page is not.
func looksLikeJSON(body []byte) bool {
	s := strings.TrimLeft(string(body[:min(len(body), 64)]), " \t\r\n")
	return s != "" && (s[0] == '{' || s[0] == '[')
}

// maxRetryAfter bounds what is believed of an upstream's Retry-After, in
// seconds; a rest is shorter yet (routing.MaxRest).
const maxRetryAfter = 1e6

// retryAfter reads Retry-After, as seconds or as a date, and OpenAI's
// retry-after-ms. 0 where there is none or it makes no sense.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return time.Duration(min(ms, maxRetryAfter*1000) * float64(time.Millisecond))
	}
	v := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		if s > 0 {
			return time.Duration(min(s, maxRetryAfter) * float64(time.Second))
		}
		return 0
	}
	if t, err := http.ParseTime(v); err == nil {
		return min(max(t.Sub(now), 0), maxRetryAfter*time.Second)
	}
	return 0
}

// The causes with which an attempt is cancelled by the gateway.
var (
	errFirstToken = errors.New("no content in time")
	errIdle       = errors.New("silent for too long")
	errTotal      = errors.New("took too long in all")
)

// failed makes the fault of an upstream that did what it should not have done.
func failed(reason string) *fault {
	return &fault{reason: reason, err: &protocol.Error{Kind: protocol.KindUpstream, Message: "upstream: " + reason}}
}

// broken makes the fault of an attempt whose answer did not come or broke off.
// The upstream's address and key are not in what the client is told.
func broken(ctx context.Context, err error) *fault {
	cause := context.Cause(ctx)
	var garbled *adaptors.DecodeError
	var f *fault
	switch {
	case errors.Is(cause, errFirstToken), errors.Is(cause, errIdle):
		f = failed(cause.Error())
		f.err.Kind = protocol.KindUpstreamTimeout
	case errors.Is(cause, errTotal):
		f = failed(cause.Error())
		f.err.Kind, f.final = protocol.KindUpstreamTimeout, true
	case errors.Is(err, adaptors.ErrNotSent):
		f = failed("not reached")
	case errors.As(err, &garbled), errors.Is(err, sse.ErrArray):
		f = failed("sent a garbled body")
	case errors.Is(err, sse.ErrTooLong):
		f = failed("event over the limit")
	case errors.Is(err, TooLarge):
		f = failed("answer over the limit")
		f.final = true
	case errors.Is(err, NoMemory), errors.Is(err, sse.ErrNoRoom):
		f = failed("no memory left for its answer")
		f.err.Kind, f.final = protocol.KindOverloaded, true
	default:
		f = failed("connection broke")
	}
	return f
}
