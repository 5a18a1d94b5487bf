//go:build unix

package aiproxy

import (
	"io"
	"net"
	"os"
	"syscall"
)

// lend makes a connection one that borrows its buffer, where it can be.
func lend(conn net.Conn) net.Conn {
	sys, ok := conn.(syscall.Conn)
	if !ok {
		return conn
	}
	raw, err := sys.SyscallConn()
	if err != nil {
		return conn
	}
	c := &lendingConn{Conn: conn, raw: raw}
	c.ready = c.readReady
	return c
}

// readReady reads what the kernel has. false: nothing yet, it is to be called
// again when there is.
func (c *lendingConn) readReady(fd uintptr) bool {
	c.buffer = lentBuffers.Get().(*[lent]byte)
	var n int
	var err error
	for {
		if n, err = syscall.Read(int(fd), c.buffer[:]); err != syscall.EINTR {
			break
		}
	}
	c.err = nil
	switch {
	case err == syscall.EAGAIN:
		c.giveBack()
		return false
	case err != nil:
		c.err = &net.OpError{Op: "read", Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError("read", err)}
	case n == 0:
		c.err = io.EOF
	default:
		c.ahead = c.buffer[:n]
		return true
	}
	c.giveBack()
	return true
}
