package protocol

import (
	"math"
	"strconv"

	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

// MaxCount is the highest number that is taken for one of tokens.
const MaxCount = 1 << 40

// Count returns the number of tokens that a member is: a non-negative integer
// up to MaxCount, also where it is written as 12.0 or 1e3. false: it is none.
func Count(value []byte) (int64, bool) {
	// no number that anybody writes is longer
	if len(value) == 0 || len(value) > 24 {
		return 0, false
	}
	var n int64
	for _, c := range value {
		if c < '0' || c > '9' {
			return countFloat(value)
		}
		if n = 10*n + int64(c-'0'); n > MaxCount {
			return 0, false
		}
	}
	return n, true
}

func countFloat(value []byte) (int64, bool) {
	if c := value[0]; c != '-' && (c < '0' || c > '9') {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil || f < 0 || f > MaxCount || f != math.Trunc(f) {
		return 0, false
	}
	return int64(f), true
}

// Counts reads the members of the object that the i-th member of o is, in the
// order of their names. What is no number leaves its count as it is.
func Counts(o splice.Object, i int, names *splice.Names, counts ...*int64) {
	if Null(o.Value(i)) {
		return
	}
	parts, err := o.Sub(i, names, 0)
	if err != nil {
		return
	}
	for n, count := range counts {
		if value, ok := Count(parts.Value(n)); ok && count != nil {
			*count = value
		}
	}
}

// Total brings in what an upstream counts beside its output, though the
// protocol has it inside: by the sum of all, xAI adds its reasoning, and Google,
// in its copy of OpenAI's API, its thoughts, which it names nowhere else.
func (u *Usage) Total(total int64) {
	switch rest := total - u.Input - u.Output; {
	case rest <= 0:
	case rest == u.Reasoning:
		u.Output += rest
	case u.Reasoning == 0:
		u.Output += rest
		u.Reasoning = rest
	}
}

// Said is what a stream has said of its usage so far: see StreamMeter. The zero
// value is nothing.
type Said struct {
	usage Usage
	// input and output say that there were numbers, final that those of output
	// are the last.
	input, output, final bool
}

// Note takes newer numbers of the input, of the output, or of both. final says
// that no more output follows. An input of 0 is no number: some upstreams
// begin with it.
func (s *Said) Note(u Usage, input, output, final bool) {
	if input && u.Input > 0 {
		s.input = true
		s.usage.Input, s.usage.CachedInput = u.Input, u.CachedInput
		s.usage.CacheWrite, s.usage.CacheWrite1h = u.CacheWrite, u.CacheWrite1h
		s.usage.InputAudio, s.usage.InputImage = u.InputAudio, u.InputImage
	}
	if output {
		s.output, s.final = true, final
		s.usage.Output, s.usage.Reasoning = u.Output, u.Reasoning
		s.usage.OutputAudio, s.usage.OutputImage = u.OutputAudio, u.OutputImage
	}
}

// Done says that the stream ended well: what was said last is final.
func (s *Said) Done() { s.final = true }

// Usage is what StreamMeter's Usage returns.
func (s *Said) Usage() (u Usage, input, output bool) {
	return s.usage, s.input, s.output && s.final
}
