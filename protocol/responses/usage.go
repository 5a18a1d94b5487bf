package responses

import (
	"bytes"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
	"github.com/caddy-aiproxy/aiproxy/protocol/sse"
)

var usageNames = splice.NewNames("input_tokens", "output_tokens", "total_tokens",
	"input_tokens_details", "output_tokens_details")

const (
	usageInput = iota
	usageOutput
	usageTotal
	usageInputDetails
	usageOutputDetails
)

var inputNames = splice.NewNames("cached_tokens", "cache_write_tokens", "audio_tokens", "image_tokens")

var outputNames = splice.NewNames("reasoning_tokens", "audio_tokens", "image_tokens")

// readUsage reads the usage that the i-th member of o is, and says whether it
// has numbers of input and of output.
func readUsage(o splice.Object, i int) (u protocol.Usage, input, output bool) {
	if protocol.Null(o.Value(i)) {
		return u, false, false
	}
	v, err := o.Sub(i, usageNames, 0)
	if err != nil {
		return u, false, false
	}
	u.Input, input = protocol.Count(v.Value(usageInput))
	u.Output, output = protocol.Count(v.Value(usageOutput))
	protocol.Counts(v, usageInputDetails, inputNames, &u.CachedInput, &u.CacheWrite, &u.InputAudio, &u.InputImage)
	protocol.Counts(v, usageOutputDetails, outputNames, &u.Reasoning, &u.OutputAudio, &u.OutputImage)
	if total, ok := protocol.Count(v.Value(usageTotal)); ok && input && output {
		u.Total(total)
	}
	return u, input, output
}

var answerUsage = splice.NewNames("usage")

// Usage reads the usage of a response. One that is not finished (a background
// one has just begun) has none. Usage of 0 tokens says nothing.
func (Codec) Usage(op protocol.Operation, body []byte) (protocol.Usage, bool) {
	if op != protocol.Generate {
		return protocol.Usage{}, false
	}
	o, err := splice.Scan(body, answerUsage, 0)
	if err != nil {
		return protocol.Usage{}, false
	}
	u, _, _ := readUsage(o, 0)
	if u.Input == 0 && u.Output == 0 {
		return protocol.Usage{}, false
	}
	return u, true
}

// last takes the usage of an event of which nothing else is asked.
func (r *reader) last(raw []byte) {
	if o, err := splice.Scan(bytes.TrimSpace(sse.Data(raw)), eventNames, 0); err == nil {
		r.note(o)
	}
}

// note takes the usage of the response that the last event carries.
func (r *reader) note(o splice.Object) {
	if protocol.Null(o.Value(eventResponse)) {
		return
	}
	response, err := o.Sub(eventResponse, answerUsage, 0)
	if err != nil {
		return
	}
	if u, input, output := readUsage(response, 0); input || output {
		r.said.Note(u, input, output, true)
	}
}

// Usage returns what the stream has said of its usage: all of it with its last
// event, and nothing before.
func (r *reader) Usage() (protocol.Usage, bool, bool) { return r.said.Usage() }
