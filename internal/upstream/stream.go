package upstream

import (
	"bytes"
	"net/http"
)

// stream answers with events, until the end or the reply's fault.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, req *Request, op *operation, reply Reply) {
	if w.Header().Get("Content-Type") == "" {
		kind := "text/event-stream"
		if op != nil && op.array {
			kind = "application/json"
		}
		w.Header().Set("Content-Type", kind+"; charset=utf-8")
	}
	w.Header().Set("Cache-Control", "no-cache")
	coded := newEncoder(w, reply.Encoding)
	w.WriteHeader(http.StatusOK)
	flush := func() {
		coded.flush()
		_ = http.NewResponseController(w).Flush()
	}
	flush()

	events := s.events(op, reply)
	faulty, strikes := strike(events, reply)
	for i, e := range events[:strikes] {
		if i > 0 && !sleep(r, req, reply.Gap) {
			return
		}
		if reply.Split == 0 {
			coded.write(e.bytes)
			flush()
		} else {
			for piece := range bytesIn(e.bytes, reply.Split) {
				coded.write(piece)
				flush()
			}
		}
		if r.Context().Err() != nil {
			req.left()
			return
		}
	}
	if !faulty {
		coded.close()
		return
	}
	switch reply.Fault {
	case FailEvent:
		coded.write(op.failure(s.failure(reply)))
		coded.close()
	case Cut:
		panic(http.ErrAbortHandler)
	case Stall:
		<-r.Context().Done()
		req.left()
	default:
		coded.close()
	}
}

// events are those of the reply, or those that the vendor sends for it.
func (s *Server) events(op *operation, reply Reply) []event {
	if reply.Events == nil {
		return op.events(reply)
	}
	events := make([]event, 0, len(reply.Events))
	for _, raw := range reply.Events {
		events = append(events, event{raw, true})
	}
	return events
}

// strike says whether a fault comes, and after how many events: at the latest
// after the last one of content.
func strike(events []event, reply Reply) (bool, int) {
	if reply.Fault == None {
		return false, len(events)
	}
	seen, last := 0, 0
	for i, e := range events {
		if !e.content {
			continue
		}
		if seen == reply.After {
			return true, i
		}
		seen++
		last = i + 1
	}
	return true, last
}

// failure is the error of a FailEvent.
func (s *Server) failure(reply Reply) refusal {
	e := s.api.errorOf(http.StatusServiceUnavailable)
	if reply.Message != "" {
		e.message = reply.Message
	}
	return e
}

// bytesIn yields a slice in pieces of n bytes.
func bytesIn(all []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for rest := bytes.Clone(all); len(rest) > 0; {
			size := min(n, len(rest))
			if !yield(rest[:size]) {
				return
			}
			rest = rest[size:]
		}
	}
}
