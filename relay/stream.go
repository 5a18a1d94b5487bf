package relay

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/sse"
	"github.com/caddy-aiproxy/aiproxy/routing"
)

// drain is how long the upstream may take to end its body after the stream's
// last event, so that its connection can be used again.
const drain = 50 * time.Millisecond

// maxPending is how much is gathered into one write where events come faster
// than they are sent.
const maxPending = 32 << 10

// pump is one attempt's stream on its way to the client.
type pump struct {
	*exchange
	watch  *watch
	header http.Header // the upstream's
	events protocol.Stream
	// pending is what goes with the next write: the events held before the
	// first content, or those that came together.
	pending []byte
	content bool
}

// stream pumps a streamed answer. See attempt for what it returns.
func (x *exchange) stream(ctx context.Context, w *watch, resp *http.Response, edits protocol.Edits) *fault {
	if f := streamable(resp, x.call.Request.Array); f != nil {
		return f
	}
	array := x.call.Request.Array
	p := &pump{exchange: x, watch: w, header: resp.Header, events: x.call.Codec.Stream(edits, array)}
	reader := sse.NewReader(resp.Body, int(x.Event))
	if array {
		reader = sse.NewArrayReader(resp.Body, int(x.Event))
	}
	if x.call.PingBeforeContent && x.call.Ping > 0 {
		w.pings(p.ping)
	}
	for {
		raw, err := reader.Next()
		if err != nil {
			return p.ended(ctx, err)
		}
		out, class := p.events.Event(raw)
		switch class {
		case protocol.Held:
			if !p.content {
				p.pending = append(p.pending, out...)
				if int64(len(p.pending)) > x.Event {
					return broken(ctx, sse.ErrTooLong)
				}
				continue
			}
		case protocol.Content:
			if !p.content {
				p.begin(resp.Body)
			}
		case protocol.Failure:
			if !p.content {
				return told(p.events.Failure())
			}
			p.last(out)
			x.out.Result, x.out.Error = Errored, p.events.Failure().Message
			return nil
		case protocol.Terminal:
			if p.last(out) {
				x.out.Result = OK
				p.drain(reader)
			}
			return nil
		}
		if !p.pass(out, reader.Buffered()) {
			return nil
		}
	}
}

// streamable says what is wrong with an answer that should be a stream.
func streamable(resp *http.Response, array bool) *fault {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if (kind == "application/json") == array && kind != "text/html" {
		return nil
	}
	return &fault{status: resp.StatusCode, reason: "answered a stream with " + kind, err: &protocol.Error{
		Kind:    protocol.KindUpstream,
		Message: "upstream answered a stream with the content type " + kind,
	}}
}

// told makes the fault of an error that the upstream sent inside its stream
// before any content.
func told(e *protocol.Error) *fault {
	f := &fault{status: http.StatusOK, err: e, rest: e.RetryAfter, reason: "error event: " + e.Message}
	switch e.Kind {
	case protocol.KindInvalid, protocol.KindTooLarge:
		f.final = true
	case protocol.KindRateLimited:
		f.verdict = routing.KeyFailed
		f.rest = max(f.rest, unspecified)
	case protocol.KindUnauthenticated, protocol.KindForbidden:
		// These words are about the operator's account.
		f.verdict = routing.KeyFailed
		f.reason = "error event: refused the channel's credential"
		f.err = &protocol.Error{Kind: protocol.KindUpstream, Message: "upstream refused the channel's credential"}
	}
	return f
}

// begin is called at the first content: from here on the answer is this
// attempt's, and silence has a shorter limit.
func (p *pump) begin(body io.ReadCloser) {
	p.content = true
	p.out.FirstToken = time.Since(p.begun)
	body.(*heard).counts = true
	p.watch.silence(p.Idle, errIdle)
	if p.call.Ping > 0 {
		p.watch.pings(p.ping)
	}
}

// pass sends an event, or gathers it where the next one is here already.
// false: the client is gone.
func (p *pump) pass(out []byte, more bool) bool {
	if more && len(p.pending)+len(out) < maxPending {
		p.pending = append(p.pending, out...)
		return true
	}
	if len(p.pending) > 0 {
		p.pending = append(p.pending, out...)
		out = p.pending
	}
	ok := p.deliver(out)
	if cap(p.pending) > maxPending {
		p.pending = nil
	} else {
		p.pending = p.pending[:0]
	}
	return ok
}

// last sends what is the stream's end.
func (p *pump) last(out []byte) bool {
	p.out.Status = http.StatusOK
	return p.deliver(append(p.pending, out...))
}

// deliver writes and flushes. false: the client is gone, and it is recorded.
func (p *pump) deliver(out []byte) bool {
	if len(out) == 0 {
		return true
	}
	p.watch.writing.Lock()
	p.commit(p.header)
	err := p.write(out)
	p.watch.writing.Unlock()
	if err != nil {
		p.gone()
		return false
	}
	p.watch.sent()
	return true
}

// ping keeps a silent stream alive. The watch calls it under writing.
func (p *pump) ping() {
	if p.content || p.call.PingBeforeContent {
		p.commit(p.header)
		p.write(p.events.Ping())
	}
}

// commit sends the headers, once.
func (x *exchange) commit(upstream http.Header) {
	if x.committed {
		return
	}
	x.committed = true
	h := x.w.Header()
	adaptors.AnswerHeader(upstream, h)
	x.announce(h)
	if x.call.Request.Array {
		h["Content-Type"] = []string{"application/json; charset=UTF-8"}
	} else if len(h["Content-Type"]) == 0 {
		h["Content-Type"] = []string{"text/event-stream"}
	}
	h["Cache-Control"] = []string{"no-cache"}
	// nginx and its like buffer an answer unless they are told not to.
	h["X-Accel-Buffering"] = []string{"no"}
	x.w.WriteHeader(http.StatusOK)
}

func (x *exchange) write(out []byte) error {
	if _, err := x.w.Write(out); err != nil {
		return err
	}
	return x.flush.Flush()
}

// ended deals with a body that ended or broke before a last event.
func (p *pump) ended(ctx context.Context, err error) *fault {
	if err == io.EOF {
		if out, ok := p.events.End(); ok {
			if p.last(out) {
				p.out.Result = OK
			}
			return nil
		}
		err = io.ErrUnexpectedEOF
	}
	f := broken(ctx, err)
	if errors.Is(err, sse.ErrTooLong) {
		f.reason, f.err.Message = "event over the limit", "upstream: an event over the limit"
	}
	if !p.content {
		return f
	}
	if p.client.Err() != nil {
		p.gone()
		return nil
	}
	p.last(p.events.Break(f.err))
	if p.out.Result == "" {
		p.out.Result, p.out.Error = Errored, f.err.Message
	}
	return nil
}

// drain reads the rest of a body whose stream is over.
func (p *pump) drain(reader *sse.Reader) {
	p.watch.silence(drain, errIdle)
	for n := 0; n < 4; n++ {
		if _, err := reader.Next(); err != nil {
			return
		}
	}
}
