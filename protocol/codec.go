package protocol

// Codec is what the relay needs of one protocol. Its four implementations have
// no state and may be used by all requests at once.
type Codec interface {
	Meter

	// Read scans a request's body for the members that the gateway acts on.
	// call is what the path said; its Protocol is the codec's own.
	// Errors are of KindInvalid and name the member.
	Read(call Call, body []byte) (*Request, *Error)

	// RequestEdits returns the body for an upstream that knows the model as
	// upstreamModel: req's body itself where nothing is to be changed, else a
	// copy with the declared edits alone. usage says that the upstream takes
	// the protocol's request for usage in streams (Chat: stream_options).
	// The second value says what was put in, for AnswerEdits.
	RequestEdits(req *Request, upstreamModel string, usage bool) ([]byte, Edits)

	// AnswerEdits returns the body of an answer that is not streamed with the
	// declared edits: body itself where nothing is to be changed.
	AnswerEdits(op Operation, body []byte, edits Edits) []byte

	// Stream returns the reader of one streamed answer. array says that it is
	// a JSON array (Gemini). It is used by one goroutine at a time.
	Stream(edits Edits, array bool) Stream

	// Status returns the HTTP status of an error of this kind.
	Status(kind Kind) int

	// ErrorBody returns the body of an error answer.
	ErrorBody(e *Error, requestID string) []byte
}

// Request is a request's body and what one scan found in it.
type Request struct {
	Call
	// Body is the client's body, never changed.
	Body []byte
	// Model is the model that the client asked for: from the path or the body.
	Model string
	// Stream says whether the answer is to be streamed.
	Stream bool
	// Fields are where the codec's own edits go; only the codec that made the
	// request reads them.
	Fields any
}

// Edits is what a request's body or route was changed by, and so what has to
// be undone in its answer.
type Edits struct {
	// ClientModel and UpstreamModel differ where the channel maps the name.
	// The answer's model is put back only where it equals UpstreamModel.
	ClientModel, UpstreamModel string
	// Usage says that we asked for usage in the stream and the client did not:
	// the usage-only event is taken out, and `"usage":null` is cut.
	Usage bool
}

// Mapped says whether the model's name was changed.
func (e Edits) Mapped() bool { return e.ClientModel != e.UpstreamModel }

// Class says what an event of a stream means to the relay.
type Class uint8

// The classes of events.
const (
	// Held is an event that comes before content and says nothing by itself:
	// it leaves together with the first event of content.
	Held Class = iota
	// Content is text, reasoning, a tool call, a refusal, a finish, usage after
	// them: whatever a client would show or act upon.
	Content
	// Terminal is the event that ends a good stream. Nothing follows it.
	Terminal
	// Failure is the upstream's own error event. Nothing follows it.
	Failure
)

// Stream reads the events of one streamed answer, in order, and knows what to
// say in its protocol when the stream breaks or falls silent.
type Stream interface {
	StreamMeter

	// Event looks at one whole event (its bytes from the first line to the
	// blank line that ends it, or one element of an array with what precedes
	// it). out is what goes to the client: raw itself, an edited copy, or nil
	// where the event is taken out. out is valid until the next call of Event
	// or as long as raw is, whichever is shorter: who holds it back copies it.
	// raw is not written to.
	Event(raw []byte) (out []byte, class Class)

	// Failure returns what the upstream's error event said, after Event
	// returned Failure.
	Failure() *Error

	// End is called when the upstream's body ended in good order without a
	// Terminal event. It returns what completes the stream and true where the
	// protocol's last words have all been said (a finish was seen); else false:
	// the stream is broken.
	End() (out []byte, ok bool)

	// Break returns the bytes that end the client's stream with an error, well
	// formed after what Event returned so far. No success terminator is in it.
	Break(e *Error) []byte

	// Ping returns the bytes that keep a silent stream alive: they may be sent
	// between any two events, and official clients pass over them. nil: not
	// here, try again behind the next event.
	Ping() []byte
}
