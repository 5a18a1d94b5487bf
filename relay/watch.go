package relay

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long the client may take for a write once a limit is
// reached: the last words of a stream are worth waiting for, a client that
// reads nothing is not.
const patience = time.Second

// watch holds an attempt to its time limits and sends the pings of a silent
// stream. It costs one timer that looks, when it fires, at how long the
// silence has really been: nothing is reset per event.
type watch struct {
	x      *exchange
	cancel context.CancelCauseFunc

	// Moments are in nanoseconds since began.
	began time.Time
	heard atomic.Int64 // when the upstream was last heard of
	wrote atomic.Int64 // when the client was last written to
	write atomic.Int64 // when the write under way began; 0: there is none

	// writing is held by the pump while it has an event in hand, and by a
	// ping: so neither comes between the other's bytes. mu may be taken under
	// it, not the other way round.
	writing sync.Mutex

	mu      sync.Mutex // guards what follows
	timer   *time.Timer
	limit   time.Duration // the silence that is too long; 0: any is fine
	cause   error
	ping    func() // under writing; nil: no pings
	reached bool   // a limit is, and the attempt is cancelled
	over    bool
}

// watch starts the watch of an attempt and returns the context to make it in.
func (x *exchange) watch() (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(x.client)
	w := &watch{x: x, cancel: cancel, began: time.Now()}
	if x.call.Request.Stream {
		w.limit, w.cause = x.FirstToken, errFirstToken
	}
	w.mu.Lock()
	w.timer = time.AfterFunc(w.next(0), w.fire)
	w.mu.Unlock()
	return ctx, w
}

func (w *watch) now() int64 { return int64(time.Since(w.began)) }

// silence sets how long the upstream may be silent from now on.
func (w *watch) silence(limit time.Duration, cause error) {
	now := w.now()
	w.heard.Store(now)
	w.mu.Lock()
	w.limit, w.cause = limit, cause
	w.rearm(now)
	w.mu.Unlock()
}

// pings starts the pings of a stream.
func (w *watch) pings(ping func()) {
	now := w.now()
	w.wrote.Store(now)
	w.mu.Lock()
	w.ping = ping
	w.rearm(now)
	w.mu.Unlock()
}

// sending notes that a write to the client begins, pinged that a ping's is over.
func (w *watch) sending() { w.write.Store(max(w.now(), 1)) }
func (w *watch) pinged()  { w.write.Store(0) }

// passing is sending for what has been heard just now. It saves a look at the
// clock, of which a stream has so many that they show.
func (w *watch) passing() { w.write.Store(max(w.heard.Load(), 1)) }

// sent notes that the write of an answer is over. The time that the client
// took for it is no silence of the upstream's.
func (w *watch) sent() {
	now := w.now()
	w.write.Store(0)
	w.wrote.Store(now)
	w.heard.Store(now)
}

// stop ends the watch and the attempt. Once it has returned, nothing of the
// watch touches the client: its connection may serve the next request. A ping
// that is being written is waited for, and the limits still hold for it.
func (w *watch) stop() {
	w.writing.Lock()
	w.mu.Lock()
	w.over = true
	w.timer.Stop()
	w.mu.Unlock()
	w.writing.Unlock()
	w.cancel(nil)
}

// stopped says whether the watch is over.
func (w *watch) stopped() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.over
}

func (w *watch) rearm(now int64) {
	if !w.over {
		w.timer.Reset(w.next(now))
	}
}

// next is how long until the next of the limits can be reached.
func (w *watch) next(now int64) time.Duration {
	if w.reached {
		return patience
	}
	d := w.x.Total - w.total(now)
	if w.limit > 0 {
		d = min(d, w.limit-w.silent(now))
	}
	if w.ping != nil {
		d = min(d, w.x.call.Ping-time.Duration(now-w.wrote.Load()))
	}
	return max(d, time.Millisecond)
}

// total is how long the call has taken, silent how long the upstream has said
// nothing.
func (w *watch) total(now int64) time.Duration {
	return w.began.Sub(w.x.begun) + time.Duration(now)
}

func (w *watch) silent(now int64) time.Duration { return time.Duration(now - w.heard.Load()) }

// fire looks which limit is reached.
func (w *watch) fire() {
	w.mu.Lock()
	if w.over {
		w.mu.Unlock()
		return
	}
	now := w.now()
	switch {
	case w.reached:
	case w.total(now) >= w.x.Total:
		w.reached = true
		w.cancel(errTotal)
	case w.limit > 0 && w.silent(now) >= w.limit:
		w.reached = true
		w.cancel(w.cause)
	}
	var ping func()
	if w.reached {
		w.cut(now)
	} else if w.ping != nil && time.Duration(now-w.wrote.Load()) >= w.x.call.Ping {
		ping = w.ping
		w.wrote.Store(now)
	}
	// The timer runs on while a ping is written: the client may not take it.
	w.rearm(now)
	w.mu.Unlock()

	// Where the lock is taken, an event is on its way: no ping is needed.
	if ping != nil && w.writing.TryLock() {
		defer w.writing.Unlock()
		if !w.stopped() {
			ping()
		}
	}
}

// cut ends a write that the client does not take. It is called under mu and
// before the watch is over, because a deadline set later would hit the next
// request of the client's connection.
func (w *watch) cut(now int64) {
	if began := w.write.Load(); began > 0 && time.Duration(now-began) >= patience {
		http.NewResponseController(w.x.w).SetWriteDeadline(time.Now())
	}
}

// heard tells the watch of every read that brought something.
type heard struct {
	io.ReadCloser
	watch *watch
	// counts is false while first_token runs, which no byte prolongs.
	counts bool
}

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	if n > 0 && h.counts {
		h.watch.heard.Store(h.watch.now())
	}
	return n, err
}
