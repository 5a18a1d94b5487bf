package relay

import (
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// client is a ResponseWriter that keeps what it is told and complains of what
// a real one would not forgive.
type client struct {
	header http.Header

	mu     sync.Mutex
	sent   http.Header // as it was when the status went
	status int
	body   string
	writes []string
	// flushed are the bytes of each flush, unflushed those behind the last.
	flushed   []string
	flushedAt []time.Time
	unflushed string
	faults    []string
	returned  bool

	writing atomic.Bool
	// onWrite is called with each write's number, from 1, before it is done.
	onWrite func(n int) error
	// stall makes writes wait for a deadline from this one on; 0: never.
	stall    int
	deadline chan struct{}
	expired  sync.Once
}

func newClient() *client { return &client{header: http.Header{}, deadline: make(chan struct{})} }

func (c *client) fault(what string) { c.faults = append(c.faults, what) }

func (c *client) Header() http.Header { return c.header }

func (c *client) WriteHeader(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status != 0 {
		c.fault("headers were sent twice")
		return
	}
	if c.returned {
		c.fault("headers were sent after the end")
	}
	c.status, c.sent = status, c.header.Clone()
}

func (c *client) Write(p []byte) (int, error) {
	if c.writing.Swap(true) {
		c.mu.Lock()
		c.fault("two writes at once")
		c.mu.Unlock()
	}
	defer c.writing.Store(false)
	c.mu.Lock()
	if c.status == 0 {
		c.fault("a write without headers")
	}
	if c.returned {
		c.fault("a write after the end")
	}
	n := len(c.writes) + 1
	c.mu.Unlock()
	if c.onWrite != nil {
		if err := c.onWrite(n); err != nil {
			return 0, err
		}
	}
	if c.stall > 0 && n >= c.stall {
		<-c.deadline
		return 0, os.ErrDeadlineExceeded
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes = append(c.writes, string(p))
	c.body += string(p)
	c.unflushed += string(p)
	return len(p), nil
}

func (c *client) FlushError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unflushed == "" {
		c.fault("a flush of nothing")
	}
	c.flushed, c.unflushed = append(c.flushed, c.unflushed), ""
	c.flushedAt = append(c.flushedAt, time.Now())
	if c.returned {
		c.fault("a flush after the end")
	}
	return nil
}

func (c *client) SetWriteDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.returned {
		c.fault("a deadline after the end")
	}
	if !at.After(time.Now()) {
		c.expired.Do(func() { close(c.deadline) })
	}
	return nil
}
