package relay

import "sync/atomic"

// Budget is the bytes that all bodies in memory may take together. Whoever
// reads a body takes what it needs as the bytes come, so that a client which
// announces much and sends little takes little.
type Budget struct {
	limit int64
	taken atomic.Int64
}

// NewBudget returns a budget of limit bytes.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit} }

// Take takes n bytes and says whether they were there.
func (b *Budget) Take(n int64) bool {
	for {
		// Never above the limit, not even for a moment: a large body that does
		// not fit must not keep out a small one that does.
		taken := b.taken.Load()
		if n > b.limit-taken {
			return false
		}
		if b.taken.CompareAndSwap(taken, taken+n) {
			return true
		}
	}
}

// Give gives n bytes back.
func (b *Budget) Give(n int64) { b.taken.Add(-n) }

// Taken returns the bytes that are taken at the moment.
func (b *Budget) Taken() int64 { return b.taken.Load() }
