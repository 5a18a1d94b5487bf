// Package mock is the bench's upstream: an OpenAI-like server on bare
// connections whose answers are built before the first request comes. It
// refuses what the gateway must not send: a body that is not the client's to
// the byte, and a key that is not the channel's.
package mock

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/caddy-aiproxy/aiproxy/internal/bench/script"
	"github.com/caddy-aiproxy/aiproxy/internal/bench/wire"
)

// maxIdle bounds the wait for the next request on a connection.
const maxIdle = 5 * time.Minute

const fields = "Content-Type: %s\r\nX-Request-Id: req_bench\r\nOpenai-Processing-Ms: 1\r\n"

// Server is the mock. The zero value is ready.
type Server struct {
	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
	wg     sync.WaitGroup
}

// Serve accepts connections on ln until Close, then returns nil.
func (s *Server) Serve(ln net.Listener) error {
	for {
		conn, err := ln.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		if !s.add(conn) {
			conn.Close()
			return nil
		}
		go func() {
			defer s.remove(conn)
			serve(conn)
		}()
	}
}

// Close ends every connection and waits for them. The listener is its
// owner's to close.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *Server) add(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.conns == nil {
		s.conns = map[net.Conn]struct{}{}
	}
	s.conns[conn] = struct{}{}
	s.wg.Add(1)
	return true
}

func (s *Server) remove(conn net.Conn) {
	conn.Close()
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
	s.wg.Done()
}

var (
	requestLine   = []byte("POST " + script.Path + " HTTP/1.1")
	authorization = []byte("Bearer " + script.UpstreamKey)
)

// serve answers requests until one is wrong or the peer leaves.
func serve(conn net.Conn) {
	in := wire.NewReader(conn, 64<<10)
	var body, scratch []byte
	take := func(p []byte) error {
		body = append(body, p...)
		return nil
	}
	for {
		// Deadlines cost a timer each, so one covers request and answer.
		conn.SetDeadline(time.Now().Add(maxIdle))
		head, err := in.Head()
		if err != nil {
			return
		}
		if !bytes.Equal(head.Start, requestLine) {
			refuse(conn, 404, fmt.Sprintf("mock: request line %.80q", head.Start))
			return
		}
		if key, _ := head.Field("Authorization"); !bytes.Equal(key, authorization) {
			refuse(conn, 401, "mock: the key is not the channel's")
			return
		}
		body = body[:0]
		if err := in.Body(head, take); err != nil {
			refuse(conn, 400, "mock: "+err.Error())
			return
		}
		x, err := script.Recognise(body)
		if err != nil {
			refuse(conn, 400, "mock: "+err.Error())
			return
		}
		usage, err := x.Check(body)
		if err != nil {
			refuse(conn, 400, "mock: "+err.Error())
			return
		}
		if scratch, err = write(conn, answers().of(x, usage), scratch); err != nil {
			return
		}
	}
}

// piece is what one write(2) sends.
type piece struct {
	bytes []byte
	stamp int
	pause time.Duration
}

func write(w io.Writer, pieces []piece, scratch []byte) ([]byte, error) {
	due := time.Now()
	for _, p := range pieces {
		if p.pause > 0 {
			due = due.Add(p.pause)
			time.Sleep(time.Until(due))
		}
		out := p.bytes
		if p.stamp >= 0 {
			scratch = append(scratch[:0], out...)
			script.PutStamp(scratch[p.stamp:], time.Now())
			out = scratch
		}
		if _, err := w.Write(out); err != nil {
			return scratch, err
		}
	}
	return scratch, nil
}

// refuse ends a wrong request with a 4xx that no retry would cure, in
// OpenAI's shape so that the reason reaches the generator.
func refuse(conn net.Conn, status int, why string) {
	body := fmt.Sprintf(`{"error":{"message":%q,"type":"invalid_request_error","param":null,"code":null}}`, why)
	fmt.Fprintf(conn, "HTTP/1.1 %d Refused\r\n"+fields+"Connection: close\r\nContent-Length: %d\r\n\r\n%s",
		status, "application/json", len(body), body)
	// Unread bytes at closing would reset the connection and lose the answer.
	conn.SetDeadline(time.Now().Add(time.Second))
	io.Copy(io.Discard, io.LimitReader(conn, 8<<20))
}
