package gemini

import (
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

// reader reads one streamed answer of either form.
type reader struct {
	framing
	// names is nil where no event is to be edited.
	names *names
	// content says that content has come: from then on an event is content
	// unless it is something special.
	content bool
	// blocked says that the prompt was refused, which is an end too.
	blocked  bool
	progress protocol.Progress
	failure  *protocol.Error
	newest   newest
	said     protocol.Said
	// edited and out are used again for each event that is edited.
	edited, out []byte
}

// framing is what differs between the two forms of a stream.
type framing interface {
	// read returns an event's JSON, empty where it has none, and notes what
	// the framing has to know of it; data only returns it.
	read(raw []byte) []byte
	data(raw []byte) []byte
	// replace appends the event to dst with data in the place of its own.
	replace(dst, raw, data []byte) []byte
	// failed returns the upstream's error event as the last one of the stream.
	failed(raw []byte) []byte
	// last returns an error as the last event of the stream.
	last(e *protocol.Error) []byte
	// closing says whether an event ends the stream.
	closing(raw []byte) bool
	// ping returns what may stand between two events.
	ping() []byte
}

// Stream returns the reader of one streamed answer.
func (Codec) Stream(edits protocol.Edits, array bool) protocol.Stream {
	r := &reader{framing: &events{}}
	if array {
		r.framing = &elements{}
	}
	if edits.Mapped() {
		r.names = newNames(edits)
	}
	return r
}

// ordinary finds nothing in an event that is but more of the first candidate.
var ordinary = splice.NewGlance("finishReason", "", "blockReason", "", "error", "", "index", "0")

var eventNames = splice.NewNames("candidates", "promptFeedback", "error")

const (
	eventCandidates = iota
	eventFeedback
	eventError
)

// Event looks at one event. What it returns is valid until the next call.
func (r *reader) Event(raw []byte) ([]byte, protocol.Class) {
	data := r.read(raw)
	if r.closing(raw) {
		return r.end(raw)
	}
	if len(data) == 0 {
		return raw, protocol.Held
	}
	if r.content && data[0] == '{' && ordinary.Ordinary(data) {
		r.progress.First()
		r.note(data)
		return r.restore(raw, data), protocol.Content
	}
	o, err := splice.Scan(data, eventNames, 0)
	if err != nil {
		r.content = true
		return raw, protocol.Content
	}
	if !protocol.Null(o.Value(eventError)) {
		r.note(data)
		r.failure = protocol.ReadFailure(o, eventError)
		return r.failed(raw), protocol.Failure
	}
	class := r.candidates(o)
	if r.isBlocked(o) {
		r.blocked, class = true, protocol.Content
	}
	r.note(data)
	if class == protocol.Content || r.content {
		r.content, class = true, protocol.Content
	}
	return r.restore(raw, data), class
}

// end is the end of an array: one before its answer is finished is a failure,
// which must not look like an end.
func (r *reader) end(raw []byte) ([]byte, protocol.Class) {
	if r.done() {
		return raw, protocol.Terminal
	}
	r.failure = &protocol.Error{Kind: protocol.KindUpstream, Message: "upstream ended its answer before it was finished"}
	return r.last(r.failure), protocol.Failure
}

func (r *reader) done() bool { return r.blocked || r.progress.Done() }

var versionNames = splice.NewNames("modelVersion")

// restore puts the client's model back.
func (r *reader) restore(raw, data []byte) []byte {
	if r.names == nil {
		return raw
	}
	o, err := splice.Scan(data, versionNames, 0)
	if err != nil {
		return raw
	}
	name := r.names.restored(o.Value(0))
	if name == "" {
		return raw
	}
	r.edited = splice.Append(r.edited[:0], data, o.Set(0, name))
	r.out = r.replace(r.out[:0], raw, r.edited)
	return r.out
}

// Failure returns the upstream's error, or what was wrong with its end.
func (r *reader) Failure() *protocol.Error { return r.failure }

// End says whether a stream of events is whole: it has no last word, so a
// reason for the finish of each candidate, or for blocking the prompt, is it.
func (r *reader) End() ([]byte, bool) {
	if _, ok := r.framing.(*events); !ok {
		return nil, false
	}
	return nil, r.done()
}

// Break ends the stream with an error.
func (r *reader) Break(e *protocol.Error) []byte { return r.last(e) }

// Ping returns white space.
func (r *reader) Ping() []byte { return r.ping() }

var candidateNames = splice.NewNames("index", "content", "finishReason")

// candidates notes which candidates an event brings or finishes.
func (r *reader) candidates(o splice.Object) protocol.Class {
	if protocol.Void(o.Value(eventCandidates)) {
		return protocol.Held
	}
	class := protocol.Held
	err := o.Elements(eventCandidates, candidateNames, 0, func(c splice.Object) bool {
		finished := !protocol.Void(c.Value(2))
		r.progress.Choice(c.Value(0), finished)
		if finished || hasParts(c) {
			class = protocol.Content
		}
		return true
	})
	if err != nil {
		return protocol.Content
	}
	return class
}

var contentNames = splice.NewNames("parts")

var partNames = splice.NewNames("text", "thoughtSignature", "functionCall")

// hasParts says whether a candidate's content has a part that is more than
// empty text.
func hasParts(c splice.Object) bool {
	if protocol.Void(c.Value(1)) {
		return false
	}
	content, err := c.Sub(1, contentNames, 0)
	if err != nil {
		return true
	}
	if protocol.Void(content.Value(0)) {
		return false
	}
	found := false
	err = content.Elements(0, partNames, 0, func(part splice.Object) bool {
		text := part.Value(0)
		found = text == nil || !protocol.Void(text) || !protocol.Void(part.Value(1)) || !protocol.Void(part.Value(2))
		return !found
	})
	return found || err != nil
}

var feedbackNames = splice.NewNames("blockReason")

// isBlocked says whether the prompt was refused.
func (r *reader) isBlocked(o splice.Object) bool {
	if protocol.Void(o.Value(eventFeedback)) {
		return false
	}
	feedback, err := o.Sub(eventFeedback, feedbackNames, 0)
	return err == nil && !protocol.Void(feedback.Value(0))
}
