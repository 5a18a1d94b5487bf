// Package sse cuts an event stream into its events without copying or
// changing a byte. It knows the framing of the WHATWG HTML standard (section
// 9.2, "Server-sent events") and that of a JSON array sent bit by bit, and no
// protocol's events.
package sse

import (
	"errors"
	"io"
	"sync"
)

// DefaultMax is the limit of one event, in bytes, where a Reader is given none.
const DefaultMax = 32 << 20

const (
	// small is the buffer of a stream at rest. There are thousands of them, and
	// their events come one at a time.
	small = 512
	// burst is what the buffer of a stream grows to whose events come faster
	// than they are read, so that many are read at once.
	burst = 16 << 10
	// calm is how many short reads in a row show that the burst is over.
	calm = 2
	// keep is the largest buffer that stays while nothing big is in it.
	keep = 64 << 10
	// maxEmptyReads is how often a stream may return neither bytes nor error.
	maxEmptyReads = 100
)

// ErrTooLong is an event longer than the Reader's limit, ErrNoRoom one that
// Room had no memory for.
var (
	ErrTooLong = errors.New("event is longer than the limit")
	ErrNoRoom  = errors.New("no memory for the event")
)

// bursts are the buffers of streams that are fast, used again.
var bursts = sync.Pool{New: func() any { return new([burst]byte) }}

// Reader reads the events of a stream, by one goroutine at a time. Its buffer
// starts at 512 bytes, grows with the event and with the pace of the stream, and
// shrinks again after a large event.
type Reader struct {
	// Room, if set, is asked for the bytes that the buffer needs beyond 64 KiB
	// before it grows, and gets them back as a negative number.
	Room func(n int) bool

	src io.Reader
	max int
	cut cutter

	// buf[start:end] is read and not yet returned, buf[start:next] the next
	// event where it is known to be whole; next is 0 where it is not.
	buf              []byte
	pooled           *[burst]byte // that buf is; nil: buf is its own
	rest             []byte       // the buffer at rest, once there was one
	taken            int          // bytes that Room has given
	start, end, next int
	// ended says that the source ended in good order.
	ended bool
	// full says that the last read filled the buffer: more may be waiting.
	full bool
	// short counts the last reads that would have fit a small buffer.
	short int

	// err is what ends the stream once the whole events are returned: an error
	// of the source, or of the framing.
	err error
}

// cutter finds where events end. It is shown the same bytes again and again,
// with more behind them, and remembers how far it has looked.
type cutter interface {
	// cut returns the length of the event that b starts with, 0 where it is
	// not whole yet.
	cut(b []byte) (int, error)
	// last says, at the end of the stream, whether it ended in good order. b is
	// what is left and holds no whole event: if not empty, it goes as one.
	last(b []byte) error
}

// NewReader returns a Reader of an event stream. An event longer than max
// bytes is ErrTooLong; 0 stands for DefaultMax.
//
// An event reaches to the blank line that ends it. A blank line that ends no
// event is one by itself. All bytes of the stream come exactly once, in order;
// where a line ends in CR LF and the CR was the last byte to arrive, the event
// is not kept waiting for the LF: that comes before the next one.
func NewReader(r io.Reader, max int) *Reader {
	return newReader(r, max, &lines{atStart: true})
}

// NewArrayReader returns a Reader whose events are the elements of a JSON
// array of objects: each comes with the bytes that precede it (bracket, comma,
// white space), as soon as its closing brace is here; the closing bracket
// comes as the last event. White space behind that is one more, at the end of
// the stream. Any other text is ErrArray.
func NewArrayReader(r io.Reader, max int) *Reader {
	return newReader(r, max, &array{})
}

func newReader(r io.Reader, max int, c cutter) *Reader {
	if max <= 0 {
		max = DefaultMax
	}
	return &Reader{src: r, max: max, cut: c}
}

// Next returns the bytes of the next whole event, the blank line that ends it
// included. They are valid until the next call. After the last event it
// returns io.EOF, or io.ErrUnexpectedEOF where the body ended inside an event.
//
// A body may end without the blank line, as some providers' do: whole lines at
// its end are an event. Other errors are ErrTooLong, ErrArray (wrapped) and
// those of the source; the bytes of an event cut short are dropped. An error
// stays.
func (r *Reader) Next() ([]byte, error) {
	for !r.find() {
		if r.err != nil {
			return nil, r.err
		}
		r.fill()
	}
	event := r.buf[r.start:r.next:r.next]
	r.start, r.next = r.next, 0
	return event, nil
}

// Buffered says whether the next event is already here, so that Next would
// not read from the stream. It says so too of the error that ends the stream.
func (r *Reader) Buffered() bool { return r.find() || r.err != nil }

// Ended says whether the source ended in good order, also where that was
// inside an event.
func (r *Reader) Ended() bool { return r.ended }

// Release lets go of the buffer. Neither the Reader nor an event that it
// returned is to be used afterwards.
func (r *Reader) Release() {
	r.start, r.end, r.next = 0, 0, 0
	r.move(nil, nil)
	r.resize(0)
	r.err = io.EOF
}

// find says whether the next event is whole, and sees the errors that the
// bytes at hand make certain.
func (r *Reader) find() bool {
	if r.next > 0 {
		return true
	}
	b := r.buf[r.start:r.end]
	n, err := r.cut.cut(b)
	if err == nil && (n > r.max || n == 0 && len(b) > r.max) {
		err = ErrTooLong
	}
	if err == nil && n == 0 && r.err == io.EOF {
		n, err = len(b), r.cut.last(b)
	}
	if err != nil {
		r.err, r.end = err, r.start
		return false
	}
	if n > 0 {
		r.next = r.start + n
	}
	return n > 0
}

// fill reads once from the source.
func (r *Reader) fill() {
	if !r.makeRoom() {
		r.err, r.end = ErrNoRoom, r.start
		return
	}
	for range maxEmptyReads {
		n, err := r.src.Read(r.buf[r.end:])
		r.end += n
		r.full = r.end == len(r.buf)
		if n >= small {
			r.short = 0
		} else {
			r.short++
		}
		r.err, r.ended = err, err == io.EOF
		if n > 0 || err != nil {
			return
		}
	}
	r.err = io.ErrNoProgress
}

// makeRoom sees to it that the buffer has room behind what is in it. false:
// there is no memory for that.
func (r *Reader) makeRoom() bool {
	held, room := r.end-r.start, len(r.buf)-r.end
	switch {
	case r.full && held < small && len(r.buf) < burst:
		fast := bursts.Get().(*[burst]byte)
		r.move(fast[:], fast)
	case held < small && (len(r.buf) > keep || len(r.buf) > small && r.short >= calm):
		// after a large event or a burst: a stream at rest holds little memory
		r.move(r.atRest(), nil)
		r.resize(0)
	case r.start > 0 && room < small/4:
		r.move(r.buf, r.pooled)
	case room == 0:
		if len(r.buf) < small {
			r.buf = r.atRest()
			break
		}
		size := min(2*len(r.buf), max(r.max+1, small))
		if !r.resize(size) {
			return false
		}
		r.move(make([]byte, size), nil)
	}
	return true
}

// atRest returns the small buffer.
func (r *Reader) atRest() []byte {
	if r.rest == nil {
		r.rest = make([]byte, small)
	}
	return r.rest
}

// resize asks for what a buffer of size bytes takes beyond keep, or gives back
// what it does not.
func (r *Reader) resize(size int) bool {
	want := max(size-keep, 0)
	if r.Room == nil || want == r.taken {
		return true
	}
	if !r.Room(want - r.taken) {
		return false
	}
	r.taken = want
	return true
}

// move brings what is in the buffer to the start of buf, the buffer from now
// on, which is pooled or its own.
func (r *Reader) move(buf []byte, pooled *[burst]byte) {
	r.end = copy(buf, r.buf[r.start:r.end])
	if r.pooled != nil && r.pooled != pooled {
		bursts.Put(r.pooled)
	}
	r.start, r.buf, r.pooled = 0, buf, pooled
}
