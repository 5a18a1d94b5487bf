package relay

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// watch holds an attempt to its time limits and sends the pings of a silent
// stream. It costs one timer that looks, when it fires, at how long the
// silence has really been: nothing is reset per event.
type watch struct {
	x      *exchange
	cancel context.CancelCauseFunc
	began  time.Time
	// heard is when the upstream was last heard of, in nanoseconds since began.
	heard atomic.Int64

	// writing is held by whoever writes to the client.
	writing sync.Mutex

	mu    sync.Mutex // guards what follows
	timer *time.Timer
	limit time.Duration // the silence that is too long; 0: any is fine
	cause error
	ping  func() // under writing; nil: no pings
	wrote time.Time
	over  bool
}

// watch starts the watch of an attempt and returns the context to make it in.
func (x *exchange) watch() (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(x.client)
	w := &watch{x: x, cancel: cancel, began: time.Now()}
	if x.call.Request.Stream {
		w.limit, w.cause = x.FirstToken, errFirstToken
	}
	w.mu.Lock()
	w.timer = time.AfterFunc(w.next(w.began), w.fire)
	w.mu.Unlock()
	return ctx, w
}

// silence sets how long the upstream may be silent from now on.
func (w *watch) silence(limit time.Duration, cause error) {
	w.heard.Store(int64(time.Since(w.began)))
	w.mu.Lock()
	w.limit, w.cause = limit, cause
	w.rearm()
	w.mu.Unlock()
}

// pings starts the pings of a stream.
func (w *watch) pings(ping func()) {
	w.mu.Lock()
	w.ping, w.wrote = ping, time.Now()
	w.rearm()
	w.mu.Unlock()
}

// sent notes that the client has just been written to.
func (w *watch) sent() {
	w.mu.Lock()
	w.wrote = time.Now()
	w.mu.Unlock()
}

// stop ends the watch and the attempt. No ping is written after it returns.
func (w *watch) stop() {
	w.mu.Lock()
	w.over = true
	w.timer.Stop()
	w.mu.Unlock()
	w.cancel(nil)
	w.writing.Lock()   // waits for a ping that is being written
	w.writing.Unlock() //nolint:staticcheck // nothing is to be done under it
}

// stopped says whether the watch is over.
func (w *watch) stopped() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.over
}

func (w *watch) rearm() {
	if !w.over {
		w.timer.Reset(w.next(time.Now()))
	}
}

// next is how long until the next of the limits can be reached.
func (w *watch) next(now time.Time) time.Duration {
	d := w.x.Total - now.Sub(w.x.begun)
	if w.limit > 0 {
		d = min(d, w.limit-w.silent(now))
	}
	if w.ping != nil {
		d = min(d, w.x.call.Ping-now.Sub(w.wrote))
	}
	return max(d, time.Millisecond)
}

func (w *watch) silent(now time.Time) time.Duration {
	return now.Sub(w.began) - time.Duration(w.heard.Load())
}

// fire looks which limit is reached.
func (w *watch) fire() {
	now := time.Now()
	w.mu.Lock()
	if w.over {
		w.mu.Unlock()
		return
	}
	var cause error
	switch {
	case now.Sub(w.x.begun) >= w.x.Total:
		cause = errTotal
	case w.limit > 0 && w.silent(now) >= w.limit:
		cause = w.cause
	}
	ping := w.ping
	if now.Sub(w.wrote) < w.x.call.Ping {
		ping = nil
	}
	if cause == nil && ping == nil {
		w.rearm()
	}
	w.mu.Unlock()

	switch {
	case cause != nil:
		w.cancel(cause)
		// A client that takes nothing holds the pump in its write: cut it.
		if w.writing.TryLock() {
			w.writing.Unlock()
		} else {
			w.x.flush.SetWriteDeadline(now)
		}
	case ping != nil:
		// Where the lock is taken, an event is on its way: no ping is needed.
		if w.writing.TryLock() {
			if !w.stopped() {
				ping()
			}
			w.writing.Unlock()
		}
		w.mu.Lock()
		w.wrote = time.Now()
		w.rearm()
		w.mu.Unlock()
	}
}

// heard tells the watch of every read that brought something, once the first
// content is there.
type heard struct {
	io.ReadCloser
	watch *watch
	// counts is false while first_token runs, which no byte prolongs.
	counts bool
}

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	if n > 0 && h.counts {
		h.watch.heard.Store(int64(time.Since(h.watch.began)))
	}
	return n, err
}
