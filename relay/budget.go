package relay

import (
	"io"
	"sync/atomic"
)

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

// Body is bytes read whole, which hold a part of a budget until Release.
type Body struct {
	Bytes  []byte
	budget *Budget
	taken  int64
}

// Release gives the body's bytes back to the budget. The bytes are not to be
// used afterwards.
func (b *Body) Release() {
	if b.taken > 0 {
		b.budget.Give(b.taken)
		b.taken = 0
	}
}

// BodyError says why a body was not read to its end.
type BodyError uint8

// The reasons why ReadBody gives up, besides the reader's own errors.
const (
	// TooLarge: the body is longer than the limit.
	TooLarge BodyError = iota + 1
	// NoMemory: the budget for all bodies is spent.
	NoMemory
)

// Error returns the reason.
func (e BodyError) Error() string {
	if e == TooLarge {
		return "body too large"
	}
	return "no memory left for bodies"
}

// firstRead is what is taken for a body of unknown or doubtful length.
const firstRead = 16 << 10

// ReadBody reads r to its end, at most limit bytes. length is what was
// announced (-1: nothing); a body is believed up to what it has sent twice
// over. The error is a BodyError or the reader's.
func (b *Budget) ReadBody(r io.Reader, length, limit int64) (*Body, error) {
	if length > limit {
		return nil, TooLarge
	}
	body := &Body{budget: b}
	size := int64(firstRead)
	if length >= 0 {
		// One byte more, so that the end is seen without growing.
		size = min(length+1, 4*firstRead)
	}
	if !body.grow(size) {
		return nil, NoMemory
	}
	for {
		n, err := r.Read(body.Bytes[len(body.Bytes):cap(body.Bytes)])
		body.Bytes = body.Bytes[:len(body.Bytes)+n]
		switch {
		case int64(len(body.Bytes)) > limit:
			body.Release()
			return nil, TooLarge
		case err == io.EOF:
			return body, nil
		case err != nil:
			body.Release()
			return nil, err
		}
		if len(body.Bytes) == cap(body.Bytes) {
			size := 2 * int64(cap(body.Bytes))
			if length >= int64(len(body.Bytes)) {
				size = min(size, length+1)
			}
			// One byte over the limit shows that the body is too large.
			if !body.grow(max(min(size, limit+1), int64(len(body.Bytes))+1)) {
				body.Release()
				return nil, NoMemory
			}
		}
	}
}

// grow makes room for size bytes in all.
func (b *Body) grow(size int64) bool {
	if !b.budget.Take(size - b.taken) {
		return false
	}
	b.taken = size
	bytes := make([]byte, len(b.Bytes), size)
	copy(bytes, b.Bytes)
	b.Bytes = bytes
	return true
}
