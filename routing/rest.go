package routing

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"
)

// MaxRest bounds what an upstream's Retry-After can ask for, so that a wrong
// header does not take a channel out for days.
const MaxRest = time.Hour

// Rest is the time until which a key is left alone, because its upstream said
// so. It is shared by all catalogues that hold the key.
type Rest struct{ until atomic.Int64 }

// Set lets the key rest until then, at most MaxRest from now. A rest is never
// shortened by a later and shorter one.
func (r *Rest) Set(now time.Time, d time.Duration) {
	until := now.Add(min(d, MaxRest)).UnixNano()
	for {
		old := r.until.Load()
		if until <= old || r.until.CompareAndSwap(old, until) {
			return
		}
	}
}

// Left returns how long the key still rests; zero or less: not at all.
func (r *Rest) Left(now time.Time) time.Duration {
	until := r.until.Load()
	if until == 0 {
		return 0
	}
	return time.Duration(until - now.UnixNano())
}

// Health remembers the rests of all keys across reloads. It holds one small
// entry for each key that a channel ever had, which only operators add to, and
// keeps no key itself.
type Health struct {
	mu    sync.Mutex
	rests map[[32]byte]*Rest
}

// NewHealth returns an empty Health.
func NewHealth() *Health { return &Health{rests: make(map[[32]byte]*Rest)} }

// Rest returns the rest of a channel's key, the same for each call with the
// same channel and key.
func (h *Health) Rest(channel, key string) *Rest {
	id := sha256.Sum256([]byte(channel + "\x00" + key))
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rests[id]
	if r == nil {
		r = new(Rest)
		h.rests[id] = r
	}
	return r
}

// Recall gives the keys of a channel the rests that are remembered of them. It
// is called before the channel is in a catalogue.
func (h *Health) Recall(c *Channel) {
	for i := range c.Keys {
		c.Keys[i].Rest = h.Rest(c.Name, c.Keys[i].Value)
	}
}
