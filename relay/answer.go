package relay

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
)

const (
	// maxRefusal bounds the error body of an upstream that is read and relayed,
	// refusalTime how long that may take: the next channel is waiting.
	maxRefusal  = 1 << 20
	refusalTime = 10 * time.Second
	// maxPiece is how much of an answer the client has to take within idle.
	maxPiece = 256 << 10
)

// refusal reads an upstream's answer with an error status.
func (x *exchange) refusal(resp *http.Response, r *heard) *fault {
	body, err := x.Budget.ReadBody(r, resp.ContentLength, maxRefusal)
	if err != nil {
		return refused(resp, nil, time.Now())
	}
	// Error bodies are small and live to the end of the call, so they go
	// uncounted from here on.
	defer body.Release()
	text := masked(body.Bytes, x.key)
	if body.Reused() {
		text = bytes.Clone(text)
	}
	return refused(resp, text, time.Now())
}

// answer reads an answer that is not streamed whole, and sends it.
func (x *exchange) answer(ctx context.Context, w *watch, resp *http.Response, r *heard, edits protocol.Edits) *fault {
	if mediaType(resp.Header) == "text/html" {
		return failed("answered with a web page")
	}
	body, err := x.Budget.ReadBody(r, resp.ContentLength, x.Answer)
	if err != nil {
		return broken(ctx, err)
	}
	defer body.Release()
	if len(body.Bytes) == 0 {
		return failed("answered with nothing")
	}
	out := x.call.Codec.AnswerEdits(x.call.Request.Operation, body.Bytes, edits)

	h := x.w.Header()
	adaptors.AnswerHeader(resp.Header, h)
	x.announce(h)
	h["Content-Length"] = []string{strconv.Itoa(len(out))}
	x.out.FirstToken = time.Since(x.begun)
	if err := x.send(w, resp.StatusCode, out); err != nil {
		x.gone()
		return nil
	}
	x.out.Result, x.out.Status = OK, resp.StatusCode
	return nil
}

// send writes a whole answer, in pieces that the watch sees.
func (x *exchange) send(w *watch, status int, body []byte) error {
	w.sending()
	x.w.WriteHeader(status)
	for {
		n := min(len(body), maxPiece)
		_, err := x.w.Write(body[:n])
		w.sent()
		body = body[n:]
		if err != nil || len(body) == 0 {
			return err
		}
		w.sending()
	}
}

// fail tells the client the last fault: the upstream's own words where they
// are for it, else ours.
func (x *exchange) fail(f *fault) {
	_, w := x.watch()
	defer w.stop()
	w.silence(x.Idle, errIdle)

	x.out.Result, x.out.Error = Errored, f.err.Message
	if x.committed {
		x.out.Status = http.StatusOK
		w.sending()
		err := x.write(x.call.Codec.Stream(protocol.Edits{}, x.call.Request.Array).Break(f.err))
		w.sent()
		if err != nil {
			x.gone()
		}
		return
	}
	h := x.w.Header()
	if n := len(x.out.Attempts); n > 0 {
		if !x.call.HideChannel {
			h[headerChannel] = []string{x.out.Channel.Name}
		}
		h[headerAttempts] = []string{strconv.Itoa(n)}
		h["X-Should-Retry"] = []string{"false"}
	}
	body, status := f.body, f.status
	h["Content-Type"] = []string{"application/json"}
	if body == nil {
		body = x.call.Codec.ErrorBody(f.err, x.call.RequestID)
		status = x.call.Codec.Status(f.err.Kind)
	} else if strings.HasPrefix(f.contentType, "application/json") {
		h["Content-Type"] = []string{f.contentType}
	}
	if f.err.RetryAfter > 0 {
		h["Retry-After"] = []string{RetryAfterSeconds(f.err.RetryAfter)}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.out.Status = status
	if err := x.send(w, status, body); err != nil {
		x.gone()
	}
}

// RetryAfterSeconds writes a Retry-After header's value: whole seconds, rounded
// up, at least 1.
func RetryAfterSeconds(d time.Duration) string {
	return strconv.FormatInt(max(int64((d+time.Second-1)/time.Second), 1), 10)
}
