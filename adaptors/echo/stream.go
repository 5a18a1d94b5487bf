package echo

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// stream is the body of a streamed answer. It makes each chunk when it is read
// and has no goroutine. One Read returns bytes of one chunk at most.
type stream struct {
	ctx   context.Context
	wire  wire
	an    *answer
	delay time.Duration
	fail  *Fail
	fault *fault // what the mode `event` says

	next int // the piece to write; -1 before the head
	rest []byte
	err  error

	closed chan struct{}
	once   sync.Once
}

func (a *Adaptor) stream(ctx context.Context, w wire, an *answer, f *fault) *stream {
	return &stream{
		ctx: ctx, wire: w, an: an, delay: time.Duration(a.Delay), fail: a.Fail, fault: f,
		next: -1, closed: make(chan struct{}),
	}
}

// Read returns what has been said, or waits for the next chunk. It ends at
// once when the call is cancelled or the body closed.
func (s *stream) Read(p []byte) (int, error) {
	if s.err == nil {
		// What has been made and not read is of no use to who has left.
		if s.err = pause(s.ctx, s.closed, 0); s.err != nil {
			s.rest = nil
		}
	}
	for len(s.rest) == 0 && s.err == nil {
		s.rest, s.err = s.advance()
	}
	if len(s.rest) > 0 {
		n := copy(p, s.rest)
		s.rest = s.rest[n:]
		return n, nil
	}
	return 0, s.err
}

// advance makes the next chunk. An error ends the stream.
func (s *stream) advance() ([]byte, error) {
	i, n := s.next, len(s.an.pieces)
	s.next++
	if i < 0 {
		return s.wire.head(s.an), nil
	}
	half := (n + 1) / 2
	if i < n {
		if err := pause(s.ctx, s.closed, s.delay); err != nil {
			return nil, err
		}
	}
	switch mode := s.fail.mode(); {
	case mode == failEvent && (i == 0 && !s.fail.AfterContent || i == half):
		return s.wire.faultEvent(s.an, i, s.fault), io.EOF
	case mode == failStream && i == half:
		return nil, io.ErrUnexpectedEOF
	case mode == failStall && i == half:
		return nil, pause(s.ctx, s.closed, forever)
	}
	if i < n {
		return s.wire.piece(s.an, i), nil
	}
	return s.wire.tail(s.an), io.EOF
}

// Close ends the stream, and a Read that waits.
func (s *stream) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// forever is a pause without an end of its own.
const forever = time.Duration(1<<63 - 1)

// pause waits, and says why it ended early where it did.
func pause(ctx context.Context, closed <-chan struct{}, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-closed:
		return http.ErrBodyReadAfterClose
	default:
	}
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-closed:
		return http.ErrBodyReadAfterClose
	case <-timer.C:
		return nil
	}
}

// bodyOf is the body of a whole answer.
func bodyOf(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

// broken is a body that breaks off.
type broken struct{ rest []byte }

func (b *broken) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *broken) Close() error { return nil }
