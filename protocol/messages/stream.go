package messages

import (
	"bytes"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
	"github.com/caddy-aiproxy/aiproxy/protocol/sse"
)

// ping is the API's own event, spelled as it spells it.
const ping = "event: ping\ndata: {\"type\": \"ping\"}\n\n"

// reader reads one streamed answer.
type reader struct {
	edits protocol.Edits
	// content says that content has come: from then on a delta is content.
	content bool
	// stopped says that the reason of the stop has come.
	stopped bool
	tail    sse.Tail
	failure *protocol.Error
	counts  counts
	said    protocol.Said
	// edited and out are used again for each event that is edited.
	edited, out []byte
}

// Stream returns the reader of one streamed answer; the protocol has no arrays.
func (Codec) Stream(edits protocol.Edits, _ bool) protocol.Stream { return &reader{edits: edits} }

// Event looks at one event. What it returns is valid until the next call.
//
// An event's type is in its data, and its name repeats it. Clients go by the
// name; where it says that this is a delta, and content has come, there is
// nothing more to know.
func (r *reader) Event(raw []byte) ([]byte, protocol.Class) {
	r.tail.After(raw)
	if r.content && len(raw) > len(delta) && string(raw[:len(delta)]) == delta && raw[len(delta)] < ' ' {
		return raw, protocol.Content
	}
	out, class := r.look(raw)
	if class == protocol.Content {
		r.content = true
	}
	return out, class
}

const delta = "event: content_block_delta"

var eventNames = splice.NewNames("type", "message", "content_block", "delta", "error", "usage")

const (
	eventType = iota
	eventMessage
	eventBlock
	eventDelta
	eventError
	eventUsage
)

// look scans an event.
func (r *reader) look(raw []byte) ([]byte, protocol.Class) {
	data := bytes.TrimSpace(sse.Data(raw))
	if len(data) == 0 {
		return raw, protocol.Held
	}
	name := string(sse.Name(raw))
	o, err := splice.Scan(data, eventNames, 0)
	if err != nil {
		if name == "error" {
			r.failure = &protocol.Error{Kind: protocol.KindUpstream, Message: string(data)}
			return raw, protocol.Failure
		}
		return raw, protocol.Content
	}
	switch kind := o.Value(eventType); {
	case name == "error":
	case len(kind) > 1:
		name = string(kind[1 : len(kind)-1])
	case !protocol.Null(o.Value(eventError)):
		// other APIs' errors have no type, whatever the event is called
		name = "error"
	}
	rule, ok := rules[name]
	switch {
	case name == "error", !ok && !protocol.Null(o.Value(eventError)):
		r.failure = readFailure(o, data)
		return raw, protocol.Failure
	case !ok:
		return raw, protocol.Content
	}
	class := rule.class
	if rule.look != nil && rule.look(o) {
		class = protocol.Content
	}
	switch name {
	case "message_start":
		r.begin(o)
		raw = r.restore(raw, o)
	case "message_delta":
		r.stopped = r.stopped || class == protocol.Content
		r.note(o, eventUsage, true)
	case "message_stop":
		r.said.Done()
	}
	return raw, class
}

var messageNames = splice.NewNames("model")

// restore puts the client's model back into the message that begins.
func (r *reader) restore(raw []byte, o splice.Object) []byte {
	if !r.edits.Mapped() || protocol.Null(o.Value(eventMessage)) {
		return raw
	}
	message, err := o.Sub(eventMessage, messageNames, 0)
	if err != nil || !r.edits.Restores(message.Value(0)) {
		return raw
	}
	r.edited = splice.Append(r.edited[:0], o.Body, message.Set(0, splice.Quote(r.edits.ClientModel)))
	r.out = sse.Replace(r.out[:0], raw, r.edited)
	return r.out
}

// Failure returns the upstream's error.
func (r *reader) Failure() *protocol.Error { return r.failure }

// End completes a message that gave the reason of its stop and lacks the last
// event, in which nothing is said.
func (r *reader) End() ([]byte, bool) {
	if !r.stopped {
		return nil, false
	}
	return r.tail.Append(nil, "message_stop", []byte(`{"type":"message_stop"}`)), true
}

// Break ends the stream with an error.
func (r *reader) Break(e *protocol.Error) []byte {
	return r.tail.Append(nil, "error", protocol.ErrorBody(protocol.Messages, e, ""))
}

// Ping returns an event of the protocol's own.
func (r *reader) Ping() []byte { return []byte(ping) }
