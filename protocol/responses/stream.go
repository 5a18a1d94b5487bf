package responses

import (
	"bytes"
	"math"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
	"github.com/caddy-aiproxy/aiproxy/protocol/sse"
)

// ping is a comment line without a blank line behind it, for the reasons that
// package chat has: the clients are the same.
const ping = ": ping\n"

// reader reads one streamed answer.
type reader struct {
	edits protocol.Edits
	// next is the sequence number that an event of our own would have.
	next    int64
	tail    sse.Tail
	failure *protocol.Error
	said    protocol.Said
	// edited and out are used again for each event that is edited.
	edited, out []byte
}

// Stream returns the reader of one streamed answer; the protocol has no arrays.
func (Codec) Stream(edits protocol.Edits, _ bool) protocol.Stream { return &reader{edits: edits} }

// Event looks at one event. What it returns is valid until the next call.
//
// An event's type is in its data, and its name repeats it. Where both are
// spelled as OpenAI spells them, the start of the event says all there is to
// know of most types.
func (r *reader) Event(raw []byte) ([]byte, protocol.Class) {
	r.tail.After(raw)
	r.count(raw)
	if kind := glance(raw); kind != nil {
		rule, ok := rules[string(kind)]
		if !ok {
			return raw, protocol.Content
		}
		if rule.look == nil && rule.class != protocol.Failure && (!rule.response || !r.edits.Mapped()) {
			if rule.class == protocol.Terminal {
				r.last(raw)
			}
			return raw, rule.class
		}
	}
	return r.look(raw)
}

// glance returns the type of an event that starts "event: T\ndata: {"type":"T"",
// nil where it does not.
func glance(raw []byte) []byte {
	const name, data = "event: ", `data: {"type":"`
	if len(raw) < len(name) || string(raw[:len(name)]) != name {
		return nil
	}
	raw = raw[len(name):]
	end := bytes.IndexByte(raw, '\n')
	if end < 0 {
		return nil
	}
	kind, rest := bytes.TrimSuffix(raw[:end], []byte("\r")), raw[end+1:]
	n := len(data)
	if len(rest) < n+len(kind)+1 || string(rest[:n]) != data ||
		!bytes.Equal(rest[n:n+len(kind)], kind) || rest[n+len(kind)] != '"' {
		return nil
	}
	return kind
}

var keySequence = []byte(`"sequence_number":`)

// count reads an event's sequence number, wherever it stands first: a number
// that is too high does no harm.
func (r *reader) count(raw []byte) {
	i := bytes.Index(raw, keySequence)
	if i < 0 {
		return
	}
	var n int64
	found := false
	for _, c := range bytes.TrimLeft(raw[i+len(keySequence):], " ") {
		if c < '0' || c > '9' || n > math.MaxInt64/100 {
			break
		}
		n, found = 10*n+int64(c-'0'), true
	}
	if found {
		r.next = max(r.next, n+1)
	}
}

var eventNames = splice.NewNames("type", "response", "item", "part", "error")

const (
	eventType = iota
	eventResponse
	eventItem
	eventPart
	eventError
)

// look scans an event.
func (r *reader) look(raw []byte) ([]byte, protocol.Class) {
	data := bytes.TrimSpace(sse.Data(raw))
	if len(data) == 0 {
		return raw, protocol.Held
	}
	name := sse.Name(raw)
	o, err := splice.Scan(data, eventNames, 0)
	if err != nil {
		if string(name) == "error" {
			r.failure = &protocol.Error{Kind: protocol.KindUpstream, Message: string(data)}
			return raw, protocol.Failure
		}
		return raw, protocol.Content
	}
	kind := name
	switch value := o.Value(eventType); {
	case len(value) > 1:
		kind = value[1 : len(value)-1]
	case !protocol.Null(o.Value(eventError)):
		// other APIs' errors have no type, whatever the event is called
		kind = []byte("error")
	}
	rule, ok := rules[string(kind)]
	switch {
	case ok:
	case string(name) == "error":
		rule = rules["error"]
	default:
		return raw, protocol.Content
	}
	if rule.class == protocol.Failure {
		r.failure = readFailure(o, data)
	}
	if rule.response && rule.class != protocol.Held {
		r.note(o)
	}
	class := rule.class
	if rule.look != nil && rule.look(o) {
		class = protocol.Content
	}
	if rule.response && r.edits.Mapped() {
		return r.restore(raw, o), class
	}
	return raw, class
}

var responseNames = splice.NewNames("model")

// restore puts the client's model back into an event's response.
func (r *reader) restore(raw []byte, o splice.Object) []byte {
	response, err := o.Sub(eventResponse, responseNames, 0)
	if err != nil || !r.edits.Restores(response.Value(0)) {
		return raw
	}
	r.edited = splice.Append(r.edited[:0], o.Body, response.Set(0, splice.Quote(r.edits.ClientModel)))
	r.out = sse.Replace(r.out[:0], raw, r.edited)
	return r.out
}

// Failure returns the upstream's error.
func (r *reader) Failure() *protocol.Error { return r.failure }

// End says that the stream is broken: a response ends with an event, which
// holds all of it and which nobody else can write.
func (r *reader) End() ([]byte, bool) { return nil, false }

// Break ends the stream with an error.
func (r *reader) Break(e *protocol.Error) []byte {
	return r.tail.Append(nil, "error", errorEvent(e, r.next))
}

// Ping returns a comment. There is none where half of a line's end is still to
// come: the other half would be a blank line behind the comment.
func (r *reader) Ping() []byte {
	if r.tail.Half() {
		return nil
	}
	return []byte(ping)
}
