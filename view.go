package aiproxy

import (
	"sync/atomic"
	"time"

	"github.com/caddy-aiproxy/aiproxy/relay"
	"github.com/caddy-aiproxy/aiproxy/routing"
)

// view is what one request sees from beginning to end: a catalogue and the
// state behind it. It stays open, also when its config is gone or a newer view
// has taken its place, until the last request has left it.
type view struct {
	app       *App
	state     *state
	catalogue *routing.Catalogue
	relay     *relay.Relay
	bodyLimit int64
	upload    time.Duration
	guests    []*storedChannel
	holders   atomic.Int64
}

// hold lets one more request in. false: the view is closed already.
func (v *view) hold() bool {
	for {
		n := v.holders.Load()
		if n == 0 {
			return false
		}
		if v.holders.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// leave lets one out. The last one closes the view.
func (v *view) leave() {
	if v.holders.Add(-1) > 0 {
		return
	}
	for _, g := range v.guests {
		g.leave()
	}
	v.app.closed(states.release(v.state.identity))
}
