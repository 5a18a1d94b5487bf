package gemini

import (
	"bytes"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

var usageNames = splice.NewNames("promptTokenCount", "toolUsePromptTokenCount", "cachedContentTokenCount",
	"candidatesTokenCount", "thoughtsTokenCount",
	"promptTokensDetails", "toolUsePromptTokensDetails", "candidatesTokensDetails")

const (
	usagePrompt = iota
	usageToolUse
	usageCached
	usageCandidates
	usageThoughts
	usagePromptDetails
	usageToolUseDetails
	usageCandidatesDetails
)

// readUsage reads the usage that the i-th member of o is, and says whether it
// has numbers of input and of output. What of the prompt came from a cache is
// inside of it; what tools brought, and thoughts, are beside the rest.
func readUsage(o splice.Object, i int) (u protocol.Usage, input, output bool) {
	if protocol.Null(o.Value(i)) {
		return u, false, false
	}
	v, err := o.Sub(i, usageNames, 0)
	if err != nil {
		return u, false, false
	}
	u.Input, input = protocol.Count(v.Value(usagePrompt))
	if n, ok := protocol.Count(v.Value(usageToolUse)); ok {
		u.Input, input = u.Input+n, true
	}
	u.CachedInput, _ = protocol.Count(v.Value(usageCached))
	u.Output, output = protocol.Count(v.Value(usageCandidates))
	if n, ok := protocol.Count(v.Value(usageThoughts)); ok {
		u.Reasoning = n
		u.Output, output = u.Output+n, true
	}
	modalities(v, usagePromptDetails, &u.InputAudio, &u.InputImage)
	modalities(v, usageToolUseDetails, &u.InputAudio, &u.InputImage)
	modalities(v, usageCandidatesDetails, &u.OutputAudio, &u.OutputImage)
	return u, input, output
}

var modalityNames = splice.NewNames("modality", "tokenCount")

// modalities adds up the details that the i-th member of o is, a list of
// modalities and their tokens. Those of text, video and documents are not told
// apart.
func modalities(o splice.Object, i int, audio, image *int64) {
	if protocol.Void(o.Value(i)) {
		return
	}
	// an error here is a list that is none, and says nothing
	_ = o.Elements(i, modalityNames, 0, func(m splice.Object) bool {
		n, _ := protocol.Count(m.Value(1))
		switch string(m.Value(0)) {
		case `"AUDIO"`:
			*audio += n
		case `"IMAGE"`:
			*image += n
		}
		return true
	})
}

var answerUsage = splice.NewNames("usageMetadata")

// Usage reads the usage of an answer. Embeddings seldom have it, counts of
// tokens never: they cost nothing. Usage of 0 tokens says nothing.
func (Codec) Usage(op protocol.Operation, body []byte) (protocol.Usage, bool) {
	if op == protocol.CountTokens {
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

// newest is the newest usage of a stream, unread: Google repeats it in every
// event, and only the last one counts.
type newest struct {
	// event is the end of the event that brought it, from its key on, made an
	// object again by a brace; empty where there is none, or it was read.
	event []byte
	// final says that it came with the finish or after it.
	final bool
}

// keyUsage is searched for by its end: the bytes that it starts with are
// everywhere, and a search stops at each.
const keyUsage = `"usageMetadata"`

var keyEnd = []byte(`Metadata"`)

// keepUsage is the longest end of an event that is kept, in bytes. It is about
// 400 bytes long, unless the content comes behind the usage.
const keepUsage = 1024

// find returns where the first key of usage is in data, -1 where there is none.
func find(data []byte) int {
	for from := 0; ; {
		i := bytes.Index(data[from:], keyEnd)
		if i < 0 {
			return -1
		}
		from += i + len(keyEnd)
		start := from - len(keyUsage)
		if start < 0 || string(data[start:from]) != keyUsage {
			continue
		}
		if from < len(data) && data[from] == ':' || colon(data[from:]) {
			return start
		}
	}
}

// colon says whether b starts with a colon, after white space.
func colon(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n")
	return len(b) > 0 && b[0] == ':'
}

// note keeps the usage of an event.
func (r *reader) note(data []byte) {
	i := find(data)
	if i < 0 {
		return
	}
	final := r.done()
	if rest := data[i:]; len(rest) < keepUsage {
		r.newest = newest{append(append(r.newest.event[:0], '{'), rest...), final}
		return
	}
	r.newest.event = r.newest.event[:0]
	r.take(data, final)
}

// readNewest reads the usage that is kept. A key that is none of the event's
// own (one of a function's arguments) leaves a text that is no object.
func (r *reader) readNewest() {
	event := r.newest.event
	for len(event) > 0 && !r.take(event, r.newest.final) {
		i := find(event[1+len(keyUsage):])
		if i < 0 {
			break
		}
		event = event[len(keyUsage)+i:]
		event[0] = '{'
	}
	r.newest.event = r.newest.event[:0]
}

// take reads the usage of an event, and says whether that is one.
func (r *reader) take(event []byte, final bool) bool {
	o, err := splice.Scan(event, answerUsage, 0)
	if err != nil {
		return false
	}
	if u, input, output := readUsage(o, 0); input || output {
		// it counts all: what it leaves out is none
		r.said = protocol.Said{}
		r.said.Note(u, input, output, final)
	}
	return true
}

// Usage returns what the stream has said so far of its usage: the newest that
// an event brought. Its output is final where it came with the finish of all
// candidates or after it.
func (r *reader) Usage() (protocol.Usage, bool, bool) {
	r.readNewest()
	return r.said.Usage()
}
