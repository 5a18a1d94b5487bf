package load

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/caddy-aiproxy/aiproxy/internal/bench/script"
)

// check holds an answer against what is wanted while it comes in. Of stamps
// it takes the time instead of comparing it.
type check struct {
	wanted script.Wanted
	off    int
	stamp  int // index of the next stamp
	digits [script.StampDigits]byte
	first  time.Time
	lag    []time.Duration
}

func (c *check) begin() { c.off, c.stamp, c.first = 0, 0, time.Time{} }

// take compares the next bytes of the answer.
func (c *check) take(p []byte) error {
	var now time.Time
	for len(p) > 0 {
		// Up to the next stamp, or through it.
		end, stamped := len(c.wanted.Data), false
		if c.stamp < len(c.wanted.Stamps) {
			end = c.wanted.Stamps[c.stamp]
			if c.off >= end {
				end, stamped = end+script.StampDigits, true
			}
		}
		n := min(len(p), end-c.off)
		if n <= 0 {
			return fmt.Errorf("the answer is longer than its %d bytes: %.60q", len(c.wanted.Data), p)
		}
		if stamped {
			copy(c.digits[script.StampDigits-(end-c.off):], p[:n])
			if c.off+n == end {
				if now.IsZero() {
					now = time.Now()
				}
				if err := c.late(now); err != nil {
					return err
				}
			}
		} else if !bytes.Equal(p[:n], c.wanted.Data[c.off:c.off+n]) {
			return c.differs(p[:n])
		}
		c.off += n
		p = p[n:]
	}
	if c.first.IsZero() && c.off >= c.wanted.First {
		c.first = time.Now()
	}
	return nil
}

func (c *check) late(now time.Time) error {
	sent, err := strconv.ParseInt(string(c.digits[:]), 10, 64)
	if err != nil {
		return fmt.Errorf("stamp %d: %w", c.stamp, err)
	}
	lag := time.Duration(now.UnixNano() - sent)
	// Both ends read one machine's clock; a step of it would show here.
	if lag < -time.Second || lag > time.Minute {
		return fmt.Errorf("stamp %d: %v late", c.stamp, lag)
	}
	c.lag = append(c.lag, max(lag, 0))
	c.stamp++
	return nil
}

func (c *check) differs(got []byte) error {
	want := c.wanted.Data[c.off:]
	i := 0
	for got[i] == want[i] {
		i++
	}
	return fmt.Errorf("byte %d of the answer differs: got %.60q, want %.60q", c.off+i, got[i:], want[i:])
}

// end says whether the answer is complete.
func (c *check) end() error {
	if c.off != len(c.wanted.Data) {
		return fmt.Errorf("the answer ends after %d of %d bytes", c.off, len(c.wanted.Data))
	}
	return nil
}
