package chat

import (
	"bytes"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

// usageNames are the members of usage: OpenAI's, then those by which others
// say how much of the input was cached: DeepSeek and Moonshot.
var usageNames = splice.NewNames("prompt_tokens", "completion_tokens", "total_tokens",
	"prompt_tokens_details", "completion_tokens_details",
	"prompt_cache_hit_tokens", "cached_tokens")

const (
	usagePrompt = iota
	usageCompletion
	usageTotal
	usagePromptDetails
	usageCompletionDetails
	usageCacheHit
	usageCached
)

// OpenRouter says cache_write_tokens, where the model's vendor sells them.
var promptNames = splice.NewNames("cached_tokens", "cache_write_tokens", "audio_tokens", "image_tokens")

var completionNames = splice.NewNames("reasoning_tokens", "audio_tokens", "image_tokens")

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
	u.Input, input = protocol.Count(v.Value(usagePrompt))
	u.Output, output = protocol.Count(v.Value(usageCompletion))
	for _, name := range [...]int{usageCached, usageCacheHit} {
		if n, ok := protocol.Count(v.Value(name)); ok {
			u.CachedInput = n
		}
	}
	protocol.Counts(v, usagePromptDetails, promptNames, &u.CachedInput, &u.CacheWrite, &u.InputAudio, &u.InputImage)
	protocol.Counts(v, usageCompletionDetails, completionNames, &u.Reasoning, &u.OutputAudio, &u.OutputImage)
	switch total, ok := protocol.Count(v.Value(usageTotal)); {
	case !ok:
	case input && output:
		u.Total(total)
	case !input && !output:
		// some vendors' embeddings say no more (Voyage)
		u.Input, input = total, true
	}
	return u, input, output
}

var answerUsage = splice.NewNames("usage")

// Usage reads the usage of an answer. One of 0 tokens says nothing.
func (Codec) Usage(op protocol.Operation, body []byte) (protocol.Usage, bool) {
	if op != protocol.Generate && op != protocol.Embed {
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

var keyUsage = []byte(`"usage"`)

var (
	streamUsage = splice.NewNames("usage", "choices")
	choiceUsage = splice.NewNames("usage")
)

// note takes the usage of an event that is not ordinary. It may be in the
// event, or in a choice of it (Moonshot). It is the last one where the choices
// are finished or there are none, which is the event of usage alone.
func (r *reader) note(data []byte) {
	if !bytes.Contains(data, keyUsage) {
		return
	}
	o, err := splice.Scan(data, streamUsage, 0)
	if err != nil {
		return
	}
	final := r.progress.Done() || protocol.Void(o.Value(1))
	if u, input, output := readUsage(o, 0); input || output {
		r.said.Note(u, input, output, final)
		return
	}
	if protocol.Void(o.Value(1)) {
		return
	}
	// an error here is a choice that is none, and says nothing
	_ = o.Elements(1, choiceUsage, 0, func(c splice.Object) bool {
		if u, input, output := readUsage(c, 0); input || output {
			r.said.Note(u, input, output, final)
		}
		return true
	})
}

// Usage returns what the stream has said so far of its usage. Its output is
// final where it came with the finish or after it.
func (r *reader) Usage() (protocol.Usage, bool, bool) { return r.said.Usage() }
