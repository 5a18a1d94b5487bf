package chat

import (
	"bytes"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
	"github.com/caddy-aiproxy/aiproxy/protocol/sse"
)

// ping is a comment line without a blank line behind it. openai-go before
// v3.43 takes any blank line for the end of an event, and fails on one without
// data; all versions of it, of npm openai and of Python's pass over the line.
const ping = ": ping\n"

const done = "[DONE]"

// reader reads one streamed answer.
type reader struct {
	edits protocol.Edits
	// client is the client's name of the model as JSON.
	client string
	// plain says that no event is to be edited.
	plain bool
	// content says that content has come: from then on an event is content
	// unless it is something special.
	content bool
	// head is how the data of the last ordinary event starts, up to its delta.
	// The events of one answer differ only behind it.
	head     []byte
	progress protocol.Progress
	tail     sse.Tail
	failure  *protocol.Error
	said     protocol.Said
	// edited and out are used again for each event that is edited.
	edited, out []byte
}

// Stream returns the reader of one streamed answer; the protocol has no arrays.
func (Codec) Stream(edits protocol.Edits, _ bool) protocol.Stream {
	return &reader{
		edits:  edits,
		client: splice.Quote(edits.ClientModel),
		plain:  !edits.Usage && !edits.Mapped(),
	}
}

// Event looks at one event. What it returns is valid until the next call.
func (r *reader) Event(raw []byte) ([]byte, protocol.Class) {
	r.tail.After(raw)
	if r.content {
		if data := sse.Line(raw); len(data) > 0 && data[0] == '{' && r.ordinary(data) {
			r.progress.First()
			return r.edit(raw, data), protocol.Content
		}
	}
	out, class := r.look(raw)
	if class == protocol.Content {
		r.content = true
	}
	return out, class
}

// ordinary finds nothing in an event that is but more of the first choice.
var ordinary = splice.NewGlance("error", "", "finish_reason", "null", "index", "0", "usage", "null")

// No name that is looked for can lie across its end.
var headEnd = []byte(`"delta":{`)

// ordinary says whether an event is but more of the first choice. Of an event
// that starts as the last one did, only the rest is looked at.
func (r *reader) ordinary(data []byte) bool {
	if len(r.head) > 0 && bytes.HasPrefix(data, r.head) {
		return ordinary.Ordinary(data[len(r.head):])
	}
	if !ordinary.Ordinary(data) {
		return false
	}
	if i := bytes.Index(data, headEnd); i > 0 {
		r.head = append(r.head[:0], data[:i+len(headEnd)]...)
	}
	return true
}

var eventNames = splice.NewNames("choices", "error")

const (
	eventChoices = iota
	eventError
)

// look scans an event.
func (r *reader) look(raw []byte) ([]byte, protocol.Class) {
	data := bytes.TrimSpace(sse.Data(raw))
	if len(data) == 0 {
		return raw, protocol.Held
	}
	if string(data) == done {
		r.said.Done()
		return raw, protocol.Terminal
	}
	named := string(sse.Name(raw)) == "error"
	o, err := splice.Scan(data, eventNames, 0)
	if err != nil {
		if named {
			r.failure = &protocol.Error{Kind: protocol.KindUpstream, Message: string(data)}
			return raw, protocol.Failure
		}
		return raw, protocol.Content
	}
	switch {
	case !protocol.Null(o.Value(eventError)):
		r.note(data)
		r.failure = protocol.ReadFailure(o, eventError)
		return raw, protocol.Failure
	case named:
		r.failure = protocol.ParseFailure(data)
		return raw, protocol.Failure
	}
	class := r.choices(o)
	r.note(data)
	if r.content {
		// what comes behind content goes out at once, usage above all
		class = protocol.Content
	}
	return r.edit(raw, data), class
}

var editNames = splice.NewNames("choices", "usage", "model")

const (
	editChoices = iota
	editUsage
	editModel
)

// edit takes out what the client did not ask for and puts its model back.
func (r *reader) edit(raw, data []byte) []byte {
	if r.plain {
		return raw
	}
	o, err := splice.Scan(data, editNames, 0)
	if err != nil {
		return raw
	}
	var list [2]splice.Edit
	n := 0
	if usage := o.Value(editUsage); r.edits.Usage && usage != nil {
		switch choices := o.Value(editChoices); {
		case string(usage) == "null":
			list[n] = o.Cut(editUsage)
			n++
		case len(choices) > 0 && choices[0] == '[' && protocol.Void(choices):
			return nil
		}
	}
	if r.edits.Restores(o.Value(editModel)) {
		list[n] = o.Set(editModel, r.client)
		n++
	}
	if n == 0 {
		return raw
	}
	r.edited = splice.Append(r.edited[:0], data, list[:n]...)
	r.out = sse.Replace(r.out[:0], raw, r.edited)
	return r.out
}

// Failure returns the upstream's error.
func (r *reader) Failure() *protocol.Error { return r.failure }

// End completes a stream that has finished all of its choices and lacks the
// last line.
func (r *reader) End() ([]byte, bool) {
	if !r.progress.Done() {
		return nil, false
	}
	r.said.Done()
	return r.tail.Append(nil, "", []byte(done)), true
}

// Break ends the stream with an error.
func (r *reader) Break(e *protocol.Error) []byte {
	return r.tail.Append(nil, "", protocol.ErrorBody(protocol.Chat, e, ""))
}

// Ping returns a comment. There is none where half of a line's end is still to
// come: the other half would be a blank line behind the comment.
func (r *reader) Ping() []byte {
	if r.tail.Half() {
		return nil
	}
	return []byte(ping)
}

var choiceNames = splice.NewNames("index", "delta", "finish_reason", "message", "text")

const (
	choiceIndex = iota
	choiceDelta
	choiceFinish
	choiceMessage
	choiceText
)

// deltaNames are the members of a delta that a client shows or acts on. Among
// them are those of vendors: reasoning (OpenRouter, vLLM), reasoning_content
// (DeepSeek) and images (OpenRouter).
var deltaNames = splice.NewNames("content", "reasoning", "reasoning_content", "reasoning_details",
	"tool_calls", "function_call", "refusal", "audio", "images", "annotations")

const deltas = 10

// choices notes which choices an event brings or finishes.
func (r *reader) choices(o splice.Object) protocol.Class {
	choices := o.Value(eventChoices)
	if protocol.Void(choices) {
		return protocol.Held
	}
	class := protocol.Held
	err := o.Elements(eventChoices, choiceNames, 0, func(c splice.Object) bool {
		finished := !protocol.Null(c.Value(choiceFinish))
		r.progress.Choice(c.Value(choiceIndex), finished)
		if finished || !protocol.Void(c.Value(choiceMessage)) || !protocol.Void(c.Value(choiceText)) || delta(c) {
			class = protocol.Content
		}
		return true
	})
	if err != nil {
		return protocol.Content
	}
	return class
}

// delta says whether a choice's delta holds content.
func delta(c splice.Object) bool {
	if protocol.Void(c.Value(choiceDelta)) {
		return false
	}
	d, err := c.Sub(choiceDelta, deltaNames, 0)
	if err != nil {
		return true
	}
	for i := range deltas {
		if !protocol.Void(d.Value(i)) {
			return true
		}
	}
	return false
}
