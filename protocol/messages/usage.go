package messages

import (
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

var usageNames = splice.NewNames("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
	"cache_creation", "output_tokens")

const (
	usageInput = iota
	usageCacheRead
	usageCacheWrite
	usageCacheCreation
	usageOutput
)

var creationNames = splice.NewNames("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")

// counts are the numbers of one answer as the API counts: each beside the others.
type counts struct{ fresh, read, write, write1h, output int64 }

// take takes the numbers of the usage that the i-th member of o is, in the
// place of those that it repeats, and says whether there were any of input and
// of output. Where all of its input is 0 it says nothing of it, since some
// upstreams end so what they began with true numbers.
func (c *counts) take(o splice.Object, i int) (input, output bool) {
	if protocol.Null(o.Value(i)) {
		return false, false
	}
	v, err := o.Sub(i, usageNames, 0)
	if err != nil {
		return false, false
	}
	if n, ok := protocol.Count(v.Value(usageOutput)); ok {
		c.output, output = n, true
	}
	next := *c
	var most int64
	for name, count := range [...]*int64{&next.fresh, &next.read, &next.write} {
		if n, ok := protocol.Count(v.Value(name)); ok {
			*count = n
			most = max(most, n)
		}
	}
	var fiveMinutes, hour int64
	protocol.Counts(v, usageCacheCreation, creationNames, &fiveMinutes, &hour)
	if sum := fiveMinutes + hour; sum > 0 {
		next.write1h = hour
		// one who gives the parts alone means their sum
		next.write = max(next.write, sum)
		most = max(most, sum)
	}
	if most == 0 {
		return false, output
	}
	*c = next
	return true, output
}

// usage counts as all protocols do here: the whole with its parts inside.
func (c *counts) usage() protocol.Usage {
	return protocol.Usage{
		Input:       c.fresh + c.read + c.write,
		CachedInput: c.read,
		CacheWrite:  c.write, CacheWrite1h: min(c.write1h, c.write),
		Output: c.output,
	}
}

var answerUsage = splice.NewNames("usage")

// Usage reads the usage of a message. The answer to a question for the number
// of tokens has none: it costs nothing. Usage of 0 tokens says nothing.
func (Codec) Usage(op protocol.Operation, body []byte) (protocol.Usage, bool) {
	if op != protocol.Generate {
		return protocol.Usage{}, false
	}
	o, err := splice.Scan(body, answerUsage, 0)
	if err != nil {
		return protocol.Usage{}, false
	}
	var c counts
	c.take(o, 0)
	u := c.usage()
	return u, u.Input > 0 || u.Output > 0
}

// begin takes the usage of the message that begins. Its output has only begun
// too, and is no number.
func (r *reader) begin(o splice.Object) {
	if protocol.Null(o.Value(eventMessage)) {
		return
	}
	if message, err := o.Sub(eventMessage, answerUsage, 0); err == nil {
		r.note(message, 0, false)
	}
}

// note takes the usage that the i-th member of o is. counted says that its
// output is a number; it is the last one where the reason of the stop has come.
func (r *reader) note(o splice.Object, i int, counted bool) {
	input, output := r.counts.take(o, i)
	r.said.Note(r.counts.usage(), input, output && counted, r.stopped)
}

// Usage returns what the stream has said so far of its usage: the input as it
// begins, the output with the reason of the stop.
func (r *reader) Usage() (protocol.Usage, bool, bool) { return r.said.Usage() }
