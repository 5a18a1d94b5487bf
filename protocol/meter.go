package protocol

// Meter reads out of requests and answers what they consume. Every Codec is
// one.
type Meter interface {
	// Usage returns what an answer that is not streamed says it consumed; false
	// where it says nothing, which is what 0 tokens mean too. It never fails: a
	// number that is none (see Count) is left out.
	Usage(op Operation, body []byte) (Usage, bool)

	// Prompt calls text with each piece of a request's text: system prompts,
	// messages, tools' names, descriptions and schemas, tool calls and results.
	// Pieces are unescaped and valid during the call. It returns the number of
	// messages and tools, which cost some tokens each. Media are passed over. A
	// body that is no JSON gives what is found.
	Prompt(op Operation, body []byte, text func(piece []byte)) (items int)

	// AnswerText calls text likewise with each piece of the text of an answer
	// that is not streamed: text, reasoning, tool calls' names and arguments.
	AnswerText(op Operation, body []byte, text func(piece []byte))
}

// StreamMeter reads out of the events of one streamed answer what it consumes.
// Every Stream is one.
type StreamMeter interface {
	// Usage returns what the stream has said so far of what it consumed, and
	// whether anything final was said of input and of output. Numbers of an
	// output that has only begun (Anthropic's message_start) are not said. What
	// was said of an output that goes on is in u, and output is false until a
	// number has come with the finish or behind it, or the stream ended well.
	Usage() (u Usage, input, output bool)

	// Text appends to dst the text that an event brings to the client (text,
	// reasoning, tool calls' names and arguments) as its JSON strings hold it,
	// escapes included. raw is what Event was called with last. It is called for
	// every event of content, so it is fast: it leaves dst as it is where it
	// finds nothing, and it need not find what no SDK shows.
	Text(dst, raw []byte) []byte
}
