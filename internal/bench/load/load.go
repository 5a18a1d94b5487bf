// Package load is the bench's generator: clients on bare connections that
// send one prepared request again and again and check every byte of every
// answer. It spends as little of the machine as it can, and it knows no
// subject but an address.
package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-aiproxy/aiproxy/internal/bench/script"
)

// Plan is one run of the generator. At least one of Requests, PerConn and
// Duration must bound it.
type Plan struct {
	// Addr is the subject's host and port.
	Addr string
	// Key is the bearer credential to send.
	Key      string
	Exchange *script.Exchange
	// Conns is the number of clients, each with a connection of its own that
	// it keeps, and with one request in flight.
	Conns int
	// Requests ends the run after so many, over all clients. 0: no bound.
	Requests int
	// PerConn ends each client after so many. 0: no bound.
	PerConn int
	// Duration is how long new requests are begun; those in flight are
	// finished, and every client makes one at least. 0: no bound.
	Duration time.Duration
	// Ramp spreads the clients' starts.
	Ramp time.Duration
	// Patience is how long the run may take in all; the default is Duration
	// and Ramp and one minute.
	Patience time.Duration
}

// Run carries the plan out. The first answer that is not right to the byte
// ends it with an error, and so does a connection that breaks.
func Run(ctx context.Context, p Plan) (*Result, error) {
	if p.Conns < 1 || (p.Requests == 0 && p.PerConn == 0 && p.Duration == 0) {
		return nil, errors.New("the plan has no clients or no end")
	}
	if p.Patience == 0 {
		p.Patience = p.Duration + p.Ramp + time.Minute
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.Patience, fmt.Errorf("not finished after %v", p.Patience))
	defer cancel()

	run := &run{plan: p, wanted: p.Exchange.Wanted(), request: Request(p.Addr, p.Key, p.Exchange)}
	clients := make([]*client, p.Conns)
	var wg sync.WaitGroup
	var once sync.Once
	var first error
	start := time.Now()
	if p.Duration > 0 {
		run.until = start.Add(p.Duration + p.Ramp)
	}
	for i := range clients {
		c := &client{run: run}
		clients[i] = c
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := c.work(ctx, p.Ramp*time.Duration(i)/time.Duration(p.Conns)); err != nil {
				once.Do(func() { first = fmt.Errorf("%s: client %d: %w", p.Exchange.Name, i, err) })
				cancel()
			}
		}()
	}
	wg.Wait()
	elapsed := time.Since(start)
	if first != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
			return nil, fmt.Errorf("%w (%w)", first, cause)
		}
		return nil, first
	}
	return merge(clients, elapsed), nil
}

// run is what the clients of a Run share.
type run struct {
	plan    Plan
	wanted  script.Wanted
	request []byte
	until   time.Time
	begun   atomic.Int64
}

// next claims one more request for a client that has done so many.
func (r *run) next(done int) bool {
	if r.plan.PerConn > 0 && done >= r.plan.PerConn {
		return false
	}
	if done > 0 && !r.until.IsZero() && !time.Now().Before(r.until) {
		return false
	}
	return r.plan.Requests == 0 || r.begun.Add(1) <= int64(r.plan.Requests)
}

// Request returns the whole request as the openai client would send it.
func Request(addr, key string, x *script.Exchange) []byte {
	accept := "application/json"
	if x.Streamed() {
		accept = "text/event-stream"
	}
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
		"Accept: %s\r\nUser-Agent: OpenAI/JS 7.57.0\r\nX-Stainless-Lang: js\r\nX-Stainless-Package-Version: 7.57.0\r\n"+
		"X-Stainless-Os: Linux\r\nX-Stainless-Arch: x64\r\nX-Stainless-Runtime: node\r\nX-Stainless-Runtime-Version: v22.19.0\r\n"+
		"X-Stainless-Retry-Count: 0\r\nContent-Length: %d\r\n\r\n", script.Path, addr, key, accept, len(x.Body))
	return append([]byte(head), x.Body...)
}

func dial(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	return d.DialContext(ctx, "tcp", addr)
}
