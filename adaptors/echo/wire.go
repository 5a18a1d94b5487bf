package echo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// wire reads and writes one protocol. It has no state.
type wire interface {
	// read reads a Generate call.
	read(call *adaptors.Call) (*question, *fault)
	// other answers the protocol's other operations, as a JSON document.
	other(call *adaptors.Call) (any, *fault)
	// whole is the answer that is not streamed.
	whole(an *answer) any

	// streamType is the Content-Type of a stream.
	streamType(an *answer) string
	// head is what a stream says before content.
	head(an *answer) []byte
	// piece is the i-th chunk of content.
	piece(an *answer, i int) []byte
	// tail is what follows the last chunk.
	tail(an *answer) []byte
	// faultEvent ends a stream, after i chunks, with an error.
	faultEvent(an *answer, i int, f *fault) []byte

	// fault is the body of an error answer.
	fault(f *fault) any
}

// wires are the four protocols, by number.
var wires = [...]wire{
	protocol.Chat:      chat{},
	protocol.Responses: responses{},
	protocol.Messages:  messages{},
	protocol.Gemini:    gemini{},
}

// question is what echo makes of a request, in whatever protocol.
type question struct {
	// model is what the answer calls the model.
	model string
	// stream says that the answer is to be streamed; array, that the stream is
	// a JSON array (Gemini).
	stream, array bool
	// usage asks for usage in the stream (Chat).
	usage bool
	// text is what the user said last.
	text string
	// input is the number of the prompt's tokens.
	input int
	// limit is the most tokens that the answer may have; 0 for no limit.
	limit int
	// tool is the function that has to be called; empty where none has.
	tool string
	// settings are members of the request that the answer repeats (Responses).
	settings *responsesSettings
}

// answer is what echo says.
type answer struct {
	*question
	// id is the part of the answer's names that is its own.
	id string
	// created is the time of the answer.
	created time.Time
	// text is the whole of it, and pieces its parts where it is streamed. Of a
	// call of a tool they are the arguments.
	text   string
	pieces []string
	// output is the number of its tokens.
	output int
	// cut says that the limit ended it.
	cut bool
}

// nothing is the answer to a request without a text.
const nothing = "There is no text in the request to repeat."

// answer thinks of the answer.
func (a *Adaptor) answer(q *question) *answer {
	an := &answer{question: q, id: a.id(), created: a.now()}
	if q.tool != "" {
		an.text = "{}"
		an.pieces = []string{an.text}
		an.output = count(q.tool) + count(an.text)
		return an
	}
	text := q.text
	if text == "" {
		text = nothing
	}
	an.text, an.output, an.cut = limit(text, q.limit)
	if q.stream {
		an.pieces = split(an.text, a.Chunks)
	}
	return an
}

// fault is an error that echo answers with.
type fault struct {
	status     int
	message    string
	param      string
	retryAfter time.Duration
}

// invalid is the fault of a request that is wrong in the member param.
func invalid(param, format string, args ...any) *fault {
	return &fault{status: http.StatusBadRequest, message: fmt.Sprintf(format, args...), param: param}
}

// overloaded is the fault that `fail event` shows.
func overloaded(p protocol.Protocol) *fault {
	f := &fault{status: http.StatusServiceUnavailable, message: "echo is set to fail with an error event."}
	if p == protocol.Messages {
		f.status = 529
	}
	return f
}

// decode reads a request's body.
func decode(body []byte, v any) *fault {
	err := json.Unmarshal(body, v)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return invalid(wrong.Field, "%s: expected another type than %s.", wrong.Field, wrong.Value)
	default:
		return invalid("", "The body is not JSON: %v.", err)
	}
}

// encode writes JSON as the vendors do, without escaping HTML.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		// All that is encoded here is made of strings, numbers, and JSON that
		// has been read.
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// event writes one event of a stream; of no name where name is empty.
func event(name string, v any) []byte {
	var b bytes.Buffer
	if name != "" {
		b.WriteString("event: ")
		b.WriteString(name)
		b.WriteByte('\n')
	}
	b.WriteString("data: ")
	b.Write(encode(v))
	b.WriteString("\n\n")
	return b.Bytes()
}

// randomID returns 24 hex digits. They name an answer and protect nothing.
func randomID() string {
	return fmt.Sprintf("%016x%08x", rand.Uint64(), rand.Uint32())
}
