package relay

import (
	"io"
	"sync"
	"sync/atomic"
)

// Body is bytes read whole. It holds a part of a budget until it is released.
// Large buffers are used again, once nobody reads them any more.
type Body struct {
	Bytes  []byte
	budget *Budget
	taken  int64
	// buffer is the whole of a buffer that is to be used again; nil: it is not.
	buffer *buffer
	// holders are the owner and the transports that may still read the bytes.
	holders  atomic.Int32
	released bool
}

// Release ends the owner's use: the bytes go back to the budget and are not to
// be used by it afterwards. Releasing twice does nothing.
func (b *Body) Release() {
	if b.released {
		return
	}
	b.released = true
	b.budget.Give(b.taken)
	b.taken = 0
	b.Leave()
}

// Reused says whether the bytes will be used again after the last holder has
// left, so that whoever reads them has to hold them.
func (b *Body) Reused() bool { return b.buffer != nil }

// Hold keeps the bytes as they are until Leave is called. Only a body that is
// not released yet can be held.
func (b *Body) Hold() { b.holders.Add(1) }

// Leave ends one Hold.
func (b *Body) Leave() {
	if b.holders.Add(-1) == 0 && b.buffer != nil {
		b.buffer.put()
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

const (
	// firstRead is what is taken for a body of unknown length at first.
	firstRead = 16 << 10
	// trust is how many times over what it has sent a body is believed when it
	// announces more. Small bodies, up to smallest, are believed at once.
	trust = 16
)

// ReadBody reads r to its end, at most limit bytes. length is what was
// announced (-1: nothing). The error is a BodyError or the reader's.
func (b *Budget) ReadBody(r io.Reader, length, limit int64) (*Body, error) {
	if length > limit {
		return nil, TooLarge
	}
	body := &Body{budget: b}
	body.holders.Store(1)
	size := int64(firstRead)
	if length >= 0 {
		// One byte more, so that the end is seen without growing.
		size = min(length+1, smallest)
	}
	if !body.grow(size) {
		body.Release()
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
		if len(body.Bytes) == cap(body.Bytes) && !body.grow(body.next(length, limit)) {
			body.Release()
			return nil, NoMemory
		}
	}
}

// next returns the size to grow to.
func (b *Body) next(length, limit int64) int64 {
	have := int64(len(b.Bytes))
	size := 2 * have
	if length >= have {
		size = min(trust*have, length+1)
	}
	// One byte over the limit shows that the body is too large.
	return max(min(size, limit+1), have+1)
}

// grow makes room for size bytes in all.
func (b *Body) grow(size int64) bool {
	if !b.budget.Take(size - b.taken) {
		return false
	}
	b.taken = size
	old := b.buffer
	next, reused := newBuffer(size)
	b.Bytes, b.buffer = append(next[:0:size], b.Bytes...), reused
	if old != nil {
		old.put()
	}
	return true
}

// Sizes of the buffers that are used again: powers of two.
const (
	smallest = 64 << 10
	classes  = 7 // up to 4 MiB
)

// buffers are what is used again, by size.
var buffers [classes]sync.Pool

// buffer is one that is used again.
type buffer struct {
	bytes []byte
	class int
}

func (b *buffer) put() { buffers[b.class].Put(b) }

// newBuffer returns size bytes, out of a buffer that is used again where there
// are such of that size.
func newBuffer(size int64) ([]byte, *buffer) {
	class := 0
	for class < classes && smallest<<class < size {
		class++
	}
	if size < smallest || class == classes {
		return make([]byte, size), nil
	}
	b, _ := buffers[class].Get().(*buffer)
	if b == nil {
		b = &buffer{bytes: make([]byte, smallest<<class), class: class}
	}
	return b.bytes, b
}
