package relay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// codec is a protocol of one letter an event: `data: cHello` or {"e":"cHello"}.
//
//	h held    c content    d content that finishes    t terminal
//	f failure, as fKIND:message    x taken out    u usage, as uINPUT/OUTPUT
//
// An answer that is not streamed says uINPUT/OUTPUT somewhere in quotes. All of
// a request is text, and so is what stands behind the letters of content.
//
// What it keeps is guarded by nothing, so that the race detector sees who uses
// a stream at the same time.
type codec struct{}

func (codec) Read(protocol.Call, []byte) (*protocol.Request, *protocol.Error) {
	panic("relay reads no request")
}

func (codec) RequestEdits(req *protocol.Request, upstreamModel string, usage bool) ([]byte, protocol.Edits) {
	e := protocol.Edits{ClientModel: req.Model, UpstreamModel: upstreamModel, Usage: usage}
	return bytes.ReplaceAll(req.Body, []byte(req.Model), []byte(upstreamModel)), e
}

func (codec) AnswerEdits(_ protocol.Operation, body []byte, e protocol.Edits) []byte {
	if !e.Mapped() {
		return body
	}
	return bytes.ReplaceAll(body, []byte(e.UpstreamModel), []byte(e.ClientModel))
}

func (codec) Status(kind protocol.Kind) int { return kind.In(protocol.Chat).Status }

func (codec) ErrorBody(e *protocol.Error, id string) []byte {
	body, err := json.Marshal(map[string]string{"kind": e.Kind.String(), "message": e.Message, "id": id})
	if err != nil {
		panic(err)
	}
	return body
}

func (codec) Stream(_ protocol.Edits, array bool) protocol.Stream { return &events{array: array} }

func (codec) Usage(_ protocol.Operation, body []byte) (protocol.Usage, bool) {
	_, rest, found := strings.Cut(string(body), `"u`)
	if !found {
		return protocol.Usage{}, false
	}
	rest, _, _ = strings.Cut(rest, `"`)
	return usageOf(rest)
}

func (codec) Prompt(_ protocol.Operation, body []byte, text func([]byte)) int {
	text(body)
	return 1
}

func (codec) AnswerText(_ protocol.Operation, body []byte, text func([]byte)) { text(body) }

// usageOf reads INPUT/OUTPUT.
func usageOf(text string) (protocol.Usage, bool) {
	var u protocol.Usage
	n, err := fmt.Sscanf(text, "%d/%d", &u.Input, &u.Output)
	return u, n == 2 && err == nil
}

type events struct {
	array    bool
	used     int
	finished bool
	failure  *protocol.Error
	usage    protocol.Usage
	counted  bool
}

var kinds = map[string]protocol.Kind{
	"invalid": protocol.KindInvalid, "large": protocol.KindTooLarge, "rate": protocol.KindRateLimited,
	"overloaded": protocol.KindOverloaded, "upstream": protocol.KindUpstream,
	"credential": protocol.KindUnauthenticated, "forbidden": protocol.KindForbidden,
}

func (s *events) Event(raw []byte) ([]byte, protocol.Class) {
	s.used++
	text := string(raw)
	if s.array {
		if strings.HasPrefix(text, "]") || strings.HasSuffix(text, "\n]") {
			return raw, protocol.Terminal
		}
		_, text, _ = strings.Cut(text, `"e":"`)
		text = strings.TrimSuffix(text, `"}`)
	} else {
		text = strings.TrimSpace(strings.TrimPrefix(text, "data: "))
	}
	if text == "" {
		return raw, protocol.Held
	}
	switch text[0] {
	case 'c':
		return raw, protocol.Content
	case 'd':
		s.finished = true
		return raw, protocol.Content
	case 't':
		return raw, protocol.Terminal
	case 'f':
		kind, message, _ := strings.Cut(text[1:], ":")
		s.failure = &protocol.Error{Kind: kinds[kind], Message: message}
		return raw, protocol.Failure
	case 'u':
		s.usage, s.counted = usageOf(text[1:])
		return raw, protocol.Content
	case 'x':
		return nil, protocol.Held
	}
	return raw, protocol.Held
}

func (s *events) Usage() (protocol.Usage, bool, bool) { return s.usage, s.counted, s.counted }

func (s *events) Text(dst, raw []byte) []byte {
	text := strings.TrimSpace(strings.TrimPrefix(string(raw), "data: "))
	if text == "" || text[0] != 'c' && text[0] != 'd' {
		return dst
	}
	return append(dst, text[1:]...)
}

func (s *events) Failure() *protocol.Error { return s.failure }

func (s *events) End() ([]byte, bool) {
	s.used++
	if !s.finished {
		return nil, false
	}
	return []byte("data: tEND\n\n"), true
}

func (s *events) Break(e *protocol.Error) []byte {
	s.used++
	return []byte(breakOf(e.Kind, e.Message))
}

// breakOf is what ends a stream that broke.
func breakOf(kind protocol.Kind, message string) string {
	return "data: !" + kind.String() + ":" + message + "\n\n"
}

const pinged = ": ping\n\n"

func (s *events) Ping() []byte {
	s.used++
	return []byte(pinged)
}
