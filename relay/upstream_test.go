package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// adaptor posts the body to the base URL, with the key as a header.
type adaptor struct{ usage bool }

func (adaptor) DefaultBaseURL() string         { return "" }
func (adaptor) Protocols() []protocol.Protocol { return []protocol.Protocol{protocol.Chat} }
func (adaptor) NeedsKey() bool                 { return true }
func (a adaptor) StreamUsage() bool            { return a.usage }

func (adaptor) Serves(protocol.Protocol, protocol.Operation) bool { return true }

func (adaptor) Send(ctx context.Context, transport http.RoundTripper, call *adaptors.Call) (*http.Response, error) {
	req, err := adaptors.NewRequest(ctx, call, "/", "")
	if err != nil {
		return nil, err
	}
	req.Header["Authorization"] = []string{call.Key}
	return transport.RoundTrip(req)
}

// step is one thing that a scripted body does.
type step struct {
	data string
	wait time.Duration // then goes on
	hang bool          // for ever
	err  error
}

func say(data string) step           { return step{data: data} }
func pause(d time.Duration) step     { return step{wait: d} }
func breaks(err error) step          { return step{err: err} }
func stream(events ...string) []step { return []step{say(sseOf(events...))} }

var hang = step{hang: true}

// sseOf writes events as the codec reads them.
func sseOf(events ...string) string {
	out := ""
	for _, e := range events {
		out += "data: " + e + "\n\n"
	}
	return out
}

// reply is a scripted answer.
type reply struct {
	// err is returned instead of an answer, after wait.
	err    error
	wait   time.Duration
	status int // 0: 200
	header http.Header
	// length is the Content-Length announced; 0: none.
	length int64
	body   []step
}

// head returns headers out of pairs.
func head(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// upstream is a transport that says what it is told to, in order.
type upstream struct {
	mu      sync.Mutex
	script  []reply
	asked   []asked
	bodies  []*body
	ctxs    []context.Context
	failure string
}

// asked is a request as it came.
type asked struct {
	key, body string
	header    http.Header
}

func (u *upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	u.asked = append(u.asked, asked{r.Header.Get("Authorization"), string(sent), r.Header})
	u.ctxs = append(u.ctxs, r.Context())
	if len(u.script) == 0 {
		u.failure = fmt.Sprintf("request %d is not in the script", len(u.asked))
		u.mu.Unlock()
		return nil, errors.New("script is over")
	}
	next := u.script[0]
	u.script = u.script[1:]
	u.mu.Unlock()

	if next.wait > 0 {
		select {
		case <-time.After(next.wait):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if next.err != nil {
		return nil, next.err
	}
	resp := &http.Response{StatusCode: next.status, Header: next.header.Clone(), ContentLength: -1, Request: r}
	if resp.StatusCode == 0 {
		resp.StatusCode = 200
	}
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	if next.length > 0 {
		resp.ContentLength = next.length
	}
	b := &body{ctx: r.Context(), steps: append([]step(nil), next.body...)}
	resp.Body = b
	u.mu.Lock()
	u.bodies = append(u.bodies, b)
	u.mu.Unlock()
	return resp, nil
}

// body plays its steps, and ends when the request's context does.
type body struct {
	ctx    context.Context
	steps  []step
	closed bool
	eof    bool
}

func (b *body) Read(p []byte) (int, error) {
	for len(b.steps) > 0 {
		if err := b.ctx.Err(); err != nil {
			return 0, err
		}
		s := &b.steps[0]
		switch {
		case s.err != nil:
			return 0, s.err
		case s.hang:
			<-b.ctx.Done()
		case s.wait > 0:
			select {
			case <-time.After(s.wait):
				b.steps = b.steps[1:]
			case <-b.ctx.Done():
			}
		case s.data == "":
			b.steps = b.steps[1:]
		default:
			n := copy(p, s.data)
			s.data = s.data[n:]
			return n, nil
		}
	}
	b.eof = true
	return 0, io.EOF
}

func (b *body) Close() error { b.closed = true; return nil }

// queryAdaptor sends the query as a header.
type queryAdaptor struct{ adaptor }

func (a queryAdaptor) Send(ctx context.Context, transport http.RoundTripper, call *adaptors.Call) (*http.Response, error) {
	call.Header.Set("Query", call.Query.Encode())
	return a.adaptor.Send(ctx, transport, call)
}
