package upstream

import (
	"net/http"
	"strconv"
	"time"
)

// Reply is one scripted answer. Its zero value says a short text; streamed or
// not, in which API and with which event sequence, is up to the request.
type Reply struct {
	// Thinking, Text and Tools are what the model says, in this order.
	Thinking string
	Text     string
	Tools    []Tool
	// Chunks is into how many events a stream cuts Text (and Thinking).
	// Default: 4.
	Chunks int
	// Input and Output are the tokens of the usage. Default: 19 and 7.
	Input, Output int

	// Status, where it is not 0 and not 200, answers with the vendor's own
	// error of this status.
	Status int
	// Message replaces the message of that error, or of a FailEvent.
	Message string
	// Header is added to the answer's.
	Header http.Header
	// Body replaces the whole body, whatever the status.
	Body []byte
	// Events replaces the events of a stream: raw bytes, flushed one by one.
	Events [][]byte

	// Delay is how long nothing is answered, Gap the silence before each
	// event but the first.
	Delay, Gap time.Duration
	// Fault is what goes wrong with a stream, after After events of content.
	Fault Fault
	After int
	// Split flushes a stream in pieces of so many bytes instead of events.
	Split int
	// Encoding is the answer's Content-Encoding: gzip or br. Garbled says
	// gzip and sends what is none.
	Encoding string
	// Early answers without reading the request's body, SlowRead reads it with
	// a pause after each 16 KiB; both work through Script and Otherwise alone.
	Early    bool
	SlowRead time.Duration
	// AnyBody answers whatever the body is: for bodies odder than a vendor
	// takes. Keys and headers are checked all the same.
	AnyBody bool
}

// Tool is a tool call that the model makes.
type Tool struct {
	// ID is the call's id. Default: one in the vendor's form.
	ID string
	// Name is the function's, Arguments its JSON.
	Name, Arguments string
}

// Fault is what goes wrong in a stream.
type Fault uint8

// The faults.
const (
	// None: the stream ends well.
	None Fault = iota
	// FailEvent: the vendor's error event, then the end.
	FailEvent
	// Cut: the connection breaks.
	Cut
	// NoEnd: the body ends in good order, without the stream's last events.
	NoEnd
	// Stall: silence until the client leaves or the server closes.
	Stall
)

// Garbled is an Encoding that lies: a header of gzip over bytes that are none.
const Garbled = "garbled"

// Text is a reply that says text.
func Text(text string) Reply { return Reply{Text: text} }

// Call is a reply that calls one tool.
func Call(name, arguments string) Reply {
	return Reply{Tools: []Tool{{Name: name, Arguments: arguments}}}
}

// Fail is the vendor's own error of a status.
func Fail(status int) Reply { return Reply{Status: status} }

// RateLimited is the vendor's 429 with a Retry-After of so many seconds, and
// the headers that tell of the account's limits.
func RateLimited(seconds int) Reply {
	return Reply{Status: http.StatusTooManyRequests, Header: http.Header{
		"Retry-After":                            {strconv.Itoa(seconds)},
		"X-Ratelimit-Limit-Requests":             {"500"},
		"X-Ratelimit-Remaining-Requests":         {"0"},
		"Anthropic-Ratelimit-Requests-Remaining": {"0"},
		"Set-Cookie":                             {"__cf_bm=account; Path=/"},
	}}
}

// Redirect answers 302 to the URL.
func Redirect(to string) Reply {
	return Reply{Status: http.StatusFound, Header: http.Header{"Location": {to}}, Body: []byte("moved")}
}

// HeaderBomb answers with size bytes of headers.
func HeaderBomb(size int) Reply {
	header := http.Header{}
	for i := 0; i*1024 < size; i++ {
		header.Set("X-Bomb-"+strconv.Itoa(i), string(make1K()))
	}
	return Reply{Header: header}
}

func make1K() []byte {
	filler := make([]byte, 1024)
	for i := range filler {
		filler[i] = 'b'
	}
	return filler
}

func (r Reply) usage() (input, output int) {
	input, output = 19, 7
	if r.Input > 0 {
		input = r.Input
	}
	if r.Output > 0 {
		output = r.Output
	}
	return input, output
}

// pieces cuts a text as a stream sends it, never inside a character. An empty
// text has none.
func (r Reply) pieces(text string) []string {
	n := r.Chunks
	if n == 0 {
		n = 4
	}
	runes := []rune(text)
	n = min(n, len(runes))
	out := make([]string, 0, n)
	for i := range n {
		out = append(out, string(runes[i*len(runes)/n:(i+1)*len(runes)/n]))
	}
	return out
}

// saying is the reply with the text of a reply that says nothing else.
func (r Reply) saying() Reply {
	if r.Text == "" && r.Thinking == "" && len(r.Tools) == 0 {
		r.Text = "Hello."
	}
	return r
}
