package load

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/caddy-aiproxy/aiproxy/internal/bench/wire"
)

// client is one connection's worth of load.
type client struct {
	run   *run
	check check
	done  int

	latency, firstToken []time.Duration
	// reconnects counts the connections that the server closed in due form.
	reconnects int
}

func (c *client) work(ctx context.Context, delay time.Duration) error {
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	c.check.wanted = c.run.wanted
	for {
		again, err := c.connect(ctx)
		if err != nil || !again {
			return err
		}
		c.reconnects++
	}
}

// connect sends requests on one connection until there are no more, or until
// the server has announced its end; then again is true.
func (c *client) connect(ctx context.Context) (again bool, err error) {
	conn, err := dial(ctx, c.run.plan.Addr)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	// Closing the connection ends a read that nothing else would; a deadline
	// for each request would cost more than the request's own bookkeeping.
	defer context.AfterFunc(ctx, func() { conn.Close() })()

	in := wire.NewReader(conn, wire.MaxHead)
	take := c.check.take
	for c.run.next(c.done) {
		last, err := c.exchange(conn, in, take)
		if err != nil {
			return false, fmt.Errorf("request %d: %w", c.done+1, err)
		}
		c.done++
		if last {
			return true, nil
		}
	}
	return false, nil
}

var (
	okStart     = []byte("HTTP/1.1 200 ")
	eventStream = []byte("text/event-stream")
)

// exchange sends the request and checks the answer; last says that the
// server closes the connection with it.
func (c *client) exchange(conn net.Conn, in *wire.Reader, take func([]byte) error) (last bool, err error) {
	start := time.Now()
	c.check.begin()
	if _, err := conn.Write(c.run.request); err != nil {
		// A server that refuses early has said why before it closed.
		if head, e := in.Head(); e == nil {
			return false, refusal(head, in)
		}
		return false, err
	}
	head, err := in.Head()
	if err != nil {
		return false, fmt.Errorf("reading the head: %w", err)
	}
	if !bytes.HasPrefix(head.Start, okStart) {
		return false, refusal(head, in)
	}
	kind, _ := head.Field("Content-Type")
	if bytes.HasPrefix(kind, eventStream) != c.run.wanted.Streamed {
		return false, fmt.Errorf("content type %q", kind)
	}
	if err := in.Body(head, take); err != nil {
		return false, fmt.Errorf("reading the body: %w", err)
	}
	if err := c.check.end(); err != nil {
		return false, err
	}
	if n := in.Buffered(); n > 0 {
		return false, fmt.Errorf("%d bytes came after the answer", n)
	}
	c.latency = append(c.latency, time.Since(start))
	if c.run.wanted.Streamed {
		c.firstToken = append(c.firstToken, c.check.first.Sub(start))
	}
	return head.Close, nil
}

// refusal makes an error of an answer that is not a 200.
func refusal(head wire.Head, in *wire.Reader) error {
	start := string(head.Start)
	var body []byte
	err := in.Body(head, func(p []byte) error {
		body = append(body, p...)
		if len(body) >= 1024 {
			return io.ErrShortBuffer
		}
		return nil
	})
	if err != nil && err != io.ErrShortBuffer {
		return fmt.Errorf("%s: %.1024s (%w)", start, body, err)
	}
	return fmt.Errorf("%s: %.1024s", start, body)
}
