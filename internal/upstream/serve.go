package upstream

import (
	"net/http"
	"time"
)

// api is what differs between the vendors.
type api interface {
	// base is the path of the base URL.
	base() string
	// models are the models that exist.
	models() []string
	// authenticate refuses a request without the right key.
	authenticate(r *Request, key string) *refusal
	// understand finds out what a request asks for, and refuses what the
	// vendor refuses. anyBody leaves the body's members unchecked.
	understand(s *Server, r *Request, anyBody bool) (*operation, *refusal)
	// errorOf is the vendor's error of a status that a test scripted.
	errorOf(status int) refusal
	// errorBody is the body of an error answer.
	errorBody(e refusal) []byte
	// requestID is the header that names a request, with its value.
	requestID() (name, value string)
}

// refusal is an error as a vendor words it.
type refusal struct {
	status                     int
	kind, code, param, message string
}

// operation is a request that was understood: what it would be answered.
type operation struct {
	// stream and array say how the answer leaves.
	stream, array bool
	// body is the answer where it is not streamed, events where it is.
	body   func(Reply) []byte
	events func(Reply) []event
	// failure is an error event.
	failure func(refusal) []byte
}

// event is one event's bytes; content says that a reader sees something of it.
type event struct {
	bytes   []byte
	content bool
}

// ServeHTTP answers as the vendor does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	how := s.reply(nil, false)
	req := s.receive(r, how)
	defer close(req.done)
	name, value := s.api.requestID()
	w.Header().Set(name, value)

	op, refused := s.judge(req, how.Early || s.reply(req.Body, false).AnyBody)
	if refused != nil {
		req.Refused = refused.message
		s.write(w, r, req, Reply{}, refused.status, s.api.errorBody(*refused))
		return
	}
	reply := s.reply(req.Body, true).saying()
	for name, values := range reply.Header {
		w.Header()[name] = values
	}
	if !sleep(r, req, reply.Delay) {
		return
	}
	switch {
	case reply.Body != nil:
		s.write(w, r, req, reply, max(reply.Status, http.StatusOK), reply.Body)
	case reply.Status > http.StatusOK:
		e := s.api.errorOf(reply.Status)
		if reply.Message != "" {
			e.message = reply.Message
		}
		s.write(w, r, req, reply, reply.Status, s.api.errorBody(e))
	case op != nil && op.stream || reply.Events != nil:
		s.stream(w, r, req, op, reply)
	case op != nil:
		s.write(w, r, req, reply, http.StatusOK, op.body(reply))
	}
}

// judge refuses what the vendor refuses.
func (s *Server) judge(req *Request, anyBody bool) (*operation, *refusal) {
	if refused := s.api.authenticate(req, s.Key); refused != nil {
		return nil, refused
	}
	return s.api.understand(s, req, anyBody)
}

// write answers with a whole body.
func (s *Server) write(w http.ResponseWriter, r *http.Request, req *Request, reply Reply, status int, body []byte) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	coded := newEncoder(w, reply.Encoding)
	w.WriteHeader(status)
	coded.write(body)
	coded.close()
	if r.Context().Err() != nil {
		req.left()
	}
}

// sleep waits; false where the client left meanwhile.
func sleep(r *http.Request, req *Request, pause time.Duration) bool {
	if pause <= 0 {
		return true
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		req.left()
		return false
	}
}
