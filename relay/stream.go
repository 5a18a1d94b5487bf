package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
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

// bursts are buffers of maxPending for pumps whose events come together; one is
// held from the first of them to the write, so a stream at rest has none.
var bursts = sync.Pool{New: func() any { return new([maxPending]byte) }}

// pump is one attempt's stream on its way to the client. From the upstream's
// headers on, all of it is under watch.writing, which a ping takes too.
type pump struct {
	*exchange
	watch  *watch
	body   *heard
	header http.Header // the upstream's; nil until they are here
	events protocol.Stream
	// pending is what goes with the next write: the events held before the
	// first content, or those that came together.
	pending []byte
	burst   *[maxPending]byte // that pending is in, if it is in one
	content bool
	// taken is what pending has of the budget.
	taken int64
	// finished: the last words are said, no ping may follow.
	finished bool
}

// pump makes the pump of an attempt before it is made, because pings may begin
// while the upstream still keeps its headers back.
func (x *exchange) pump(w *watch, edits protocol.Edits) *pump {
	p := &pump{exchange: x, watch: w, events: x.call.Codec.Stream(edits, x.call.Request.Array)}
	if x.call.PingBeforeContent && x.call.Ping > 0 {
		w.pings(p.ping)
	}
	return p
}

// stream pumps a streamed answer. See attempt for what it returns.
func (p *pump) stream(ctx context.Context, resp *http.Response, body *heard) *fault {
	array := p.call.Request.Array
	if f := streamable(resp, array); f != nil {
		return f
	}
	p.receive(resp.Header, body)
	reader := sse.NewReader(body, int(p.Event))
	if array {
		reader = sse.NewArrayReader(body, int(p.Event))
	}
	reader.Room = p.room
	defer func() {
		reader.Release()
		p.Budget.Give(p.taken)
	}()
	for {
		raw, err := reader.Next()
		if err != nil {
			return p.ended(ctx, err, reader.Ended())
		}
		over, f := p.take(ctx, raw, reader)
		if over {
			if p.out.Result == OK {
				p.drain(reader)
			}
			return f
		}
		if !reader.Buffered() {
			// Under load the other streams have their turn here, and the next
			// read finds more: fewer reads, writes and flushes for the same
			// events. A machine that is idle comes back at once.
			for range turns {
				runtime.Gosched()
			}
		}
	}
}

// receive notes the upstream's headers and body.
func (p *pump) receive(header http.Header, body *heard) {
	p.watch.writing.Lock()
	defer p.watch.writing.Unlock()
	p.header, p.body = header, body
}

// take deals with one event. over: the stream has ended or has to, with the
// fault that attempt returns.
func (p *pump) take(ctx context.Context, raw []byte, reader *sse.Reader) (over bool, f *fault) {
	p.watch.writing.Lock()
	defer p.watch.writing.Unlock()
	out, class := p.events.Event(raw)
	switch class {
	case protocol.Held:
		if !p.content {
			p.pending = append(p.pending, out...)
			if int64(len(p.pending)) > p.Event {
				return true, broken(ctx, sse.ErrTooLong)
			}
			if more := int64(cap(p.pending)) - heldFree - p.taken; more > 0 {
				if !p.Budget.Take(more) {
					return true, broken(ctx, NoMemory)
				}
				p.taken += more
			}
			return false, nil
		}
	case protocol.Content:
		if !p.content {
			p.begin()
		}
	case protocol.Failure:
		if !p.content {
			return true, told(p.events.Failure(), p.key)
		}
		if p.last(masked(out, p.key)) {
			p.out.Result, p.out.Error = Errored, p.events.Failure().Message
		}
		return true, nil
	case protocol.Terminal:
		if p.last(out) {
			p.out.Result = OK
		}
		return true, nil
	}
	return !p.pass(out, reader.Buffered()), nil
}

// room takes what an event needs out of the budget, or gives it back.
func (p *pump) room(n int) bool {
	if n < 0 {
		p.Budget.Give(int64(-n))
		return true
	}
	return p.Budget.Take(int64(n))
}

// mediaType returns the Content-Type without its parameters.
func mediaType(h http.Header) string {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// streamable says what is wrong with an answer that should be a stream.
func streamable(resp *http.Response, array bool) *fault {
	kind := mediaType(resp.Header)
	if (kind == "application/json") == array && kind != "text/html" {
		return nil
	}
	return failed(fmt.Sprintf("answered a stream with the content type %.64q", kind))
}

// turns is how often the others go first before a stream reads again. One took
// 6 % off the CPU of a fast stream among sixteen, two 10 %.
const turns = 2

// heldFree is how much a stream may hold back outside the budget.
const heldFree = 64 << 10

// maxReason is how many characters of an upstream's words go into a log.
const maxReason = 500

// told makes the fault of an error that the upstream sent inside its stream
// before any content.
func told(e *protocol.Error, key string) *fault {
	e.Message = string(masked([]byte(e.Message), key))
	f := &fault{err: e, rest: e.RetryAfter, reason: fmt.Sprintf("error event: %.*s", maxReason, e.Message)}
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
func (p *pump) begin() {
	p.content = true
	p.out.FirstToken = time.Since(p.begun)
	p.body.counts = true
	// A long stream need not keep a long prompt.
	if p.call.Body != nil {
		p.call.Request.Body = nil
		p.call.Body.Release()
	}
	p.watch.silence(p.Idle, errIdle)
	if p.call.Ping > 0 {
		p.watch.pings(p.ping)
	}
}

// pass sends an event, or gathers it where the next one is here already.
// false: the client is gone.
func (p *pump) pass(out []byte, more bool) bool {
	if more && len(p.pending)+len(out) < maxPending {
		if p.burst == nil && len(p.pending)+len(out) > cap(p.pending) {
			p.burst = bursts.Get().(*[maxPending]byte)
			p.pending = append(p.burst[:0], p.pending...)
		}
		p.pending = append(p.pending, out...)
		return true
	}
	if len(p.pending)+len(out) == 0 {
		return true
	}
	p.watch.passing()
	return p.deliver(out)
}

// sweep lets go of what was pending.
func (p *pump) sweep() {
	if p.burst != nil {
		bursts.Put(p.burst)
		p.burst = nil
	}
	p.pending = nil
}

// last sends what is the stream's end.
func (p *pump) last(out []byte) bool {
	p.finished = true
	p.out.Status = http.StatusOK
	if len(p.pending)+len(out) == 0 {
		return true
	}
	p.watch.sending()
	return p.deliver(out)
}

// deliver writes and flushes what is pending and out, of which the watch was
// told. false: the client is gone, and it is recorded.
func (p *pump) deliver(out []byte) bool {
	p.commit(p.header)
	p.header = nil
	err := p.write(p.pending, out)
	p.sweep()
	p.watch.sent()
	if err != nil {
		p.gone()
		return false
	}
	return true
}

// ping keeps a silent stream alive. The watch calls it under writing. A ping
// fits between the events that the codec has seen, so there is none while
// some of them are not sent.
func (p *pump) ping() {
	if p.finished || p.content && len(p.pending) > 0 {
		return
	}
	out := p.events.Ping()
	if len(out) == 0 {
		return
	}
	p.watch.sending()
	p.commit(p.header)
	p.write(out)
	p.watch.pinged()
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

// write sends the pieces and flushes.
func (x *exchange) write(pieces ...[]byte) error {
	for _, piece := range pieces {
		if len(piece) == 0 {
			continue
		}
		if _, err := x.w.Write(piece); err != nil {
			return err
		}
	}
	// A writer that cannot flush sends when it likes, which is no reason to
	// send nothing.
	if err := http.NewResponseController(x.w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// ended deals with a body that ended or broke before a last event. inOrder says
// that the body itself did not break, be it inside an event: where all had been
// said before that, a last line without its end spoils nothing.
func (p *pump) ended(ctx context.Context, err error, inOrder bool) *fault {
	p.watch.writing.Lock()
	defer p.watch.writing.Unlock()
	if err == io.EOF || inOrder && err == io.ErrUnexpectedEOF {
		if out, ok := p.events.End(); ok {
			if p.last(out) {
				p.out.Result = OK
			}
			return nil
		}
		err = io.ErrUnexpectedEOF
	}
	f := broken(ctx, err)
	if !p.content {
		return f
	}
	if p.client.Err() != nil {
		p.gone()
		return nil
	}
	if p.last(p.events.Break(f.err)) {
		p.out.Result, p.out.Error = Errored, f.err.Message
	}
	return nil
}

// drain reads the rest of a body whose stream is over, for as long as drain in
// all, whatever comes.
func (p *pump) drain(reader *sse.Reader) {
	p.body.counts = false
	p.watch.silence(drain, errIdle)
	for range 4 {
		if _, err := reader.Next(); err != nil {
			return
		}
	}
}
