package aiproxy

import (
	"context"
	"net"
	"sync"
	"syscall"
	"time"
)

// dialer reaches the upstreams of channels that set no transport.
var dialer = net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}

// dialUpstream connects to an upstream.
func dialUpstream(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return lend(conn), nil
}

// lent is how much a lendingConn reads at once.
const lent = 16 << 10

var lentBuffers = sync.Pool{New: func() any { return new([lent]byte) }}

// lendingConn is a connection that holds no buffer while it waits: it borrows a
// large one when there is something to read. So the buffers that net/http keeps
// for each connection can be small, of which 2,000 streams at rest have 2,000,
// and a fast stream still takes few reads.
//
// It is read by one goroutine at a time, as net/http does.
type lendingConn struct {
	net.Conn
	raw syscall.RawConn
	// ready is readReady as a value, made once.
	ready func(fd uintptr) bool
	// buffer is the one borrowed, ahead what is in it and not handed on yet.
	buffer *[lent]byte
	ahead  []byte
	// err is what the last read met.
	err error
}

// Read hands on what has been read ahead, or reads as much as there is.
func (c *lendingConn) Read(p []byte) (int, error) {
	if len(c.ahead) == 0 {
		// An empty read asks nothing, a large one needs no help.
		if len(p) == 0 || len(p) >= lent {
			return c.Conn.Read(p)
		}
		if err := c.raw.Read(c.ready); err != nil {
			return 0, err
		}
		if c.err != nil {
			return 0, c.err
		}
	}
	n := copy(p, c.ahead)
	c.ahead = c.ahead[n:]
	if len(c.ahead) == 0 {
		c.giveBack()
	}
	return n, nil
}

func (c *lendingConn) giveBack() {
	lentBuffers.Put(c.buffer)
	c.buffer, c.ahead = nil, nil
}
