package upstream

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Request is what arrived: its bytes as they were sent.
type Request struct {
	Method string
	// Path is the path without the base URL's, unescaped: /chat/completions.
	Path string
	// Query is the query; RawURI the whole target as it was sent.
	Query  url.Values
	RawURI string
	Header http.Header
	// Length is the Content-Length that was announced, -1 where there was none.
	Length int64
	Body   []byte
	// Time is when the whole request was here.
	Time time.Time
	// Refused says why the vendor refuses it; empty where it does not.
	Refused string

	version string // the base URL's last segment as it was called
	gone    chan struct{}
	goneAt  time.Time
	done    chan struct{}
}

// Gone waits until the client has left before its answer was complete, and
// says when that was seen. It returns false when the answer was completed, or
// after limit.
func (r *Request) Gone(limit time.Duration) (time.Time, bool) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-r.gone:
		return r.goneAt, true
	case <-r.done:
		select {
		case <-r.gone:
			return r.goneAt, true
		default:
			return time.Time{}, false
		}
	case <-timer.C:
		return time.Time{}, false
	}
}

func (r *Request) left() {
	r.goneAt = time.Now()
	close(r.gone)
}

// Requests returns all requests that arrived so far.
func (s *Server) Requests() []*Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Request(nil), s.requests...)
}

// Find returns the last request whose body holds text, nil if there is none.
func (s *Server) Find(text string) *Request {
	requests := s.Requests()
	for i := len(requests) - 1; i >= 0; i-- {
		if strings.Contains(string(requests[i].Body), text) {
			return requests[i]
		}
	}
	return nil
}

// Wait waits until n requests have arrived and returns them all; nil after
// limit.
func (s *Server) Wait(n int, limit time.Duration) []*Request {
	late := false
	timer := time.AfterFunc(limit, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		late = true
		s.changed.Broadcast()
	})
	defer timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.requests) < n && !late {
		s.changed.Wait()
	}
	if len(s.requests) < n {
		return nil
	}
	return append([]*Request(nil), s.requests...)
}

// receive reads a request, at the speed that the coming reply wants.
func (s *Server) receive(r *http.Request, how Reply) *Request {
	base := s.api.base()
	path, version := r.URL.Path, strings.TrimPrefix(base, "/")
	if rest, ok := strings.CutPrefix(path, base+"/"); ok {
		path = "/" + rest
	} else if strings.HasPrefix(path, "/v1/") && s.Vendor == Gemini {
		path, version = strings.TrimPrefix(path, "/v1"), "v1"
	}
	req := &Request{
		Method: r.Method, Path: path, Query: r.URL.Query(), RawURI: r.RequestURI,
		Header: r.Header.Clone(), Length: r.ContentLength, version: version,
		gone: make(chan struct{}), done: make(chan struct{}),
	}
	if !how.Early {
		req.Body = readBody(r.Body, how.SlowRead)
	}
	req.Time = time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, req)
	s.violations = append(s.violations, violations(s.Vendor, req, s.forbidden)...)
	s.changed.Broadcast()
	return req
}

// readBody reads a body whole, with a pause after each 16 KiB. A body that
// breaks off is what there is of it: the checks see that it is no JSON.
func readBody(body io.Reader, pause time.Duration) []byte {
	if pause == 0 {
		all, _ := io.ReadAll(body)
		return all
	}
	var all []byte
	piece := make([]byte, 16<<10)
	for {
		n, err := io.ReadFull(body, piece)
		all = append(all, piece[:n]...)
		if err != nil {
			return all
		}
		time.Sleep(pause)
	}
}
