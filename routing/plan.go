package routing

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// Call is what a plan is made for.
type Call struct {
	Model     string
	Sets      []string
	Protocol  protocol.Protocol
	Operation protocol.Operation
}

// Attempt is one try: a channel, and the key to use.
type Attempt struct {
	Channel *Channel
	Key     *Key
}

// Verdict is what an attempt that failed means for the rest of the plan.
type Verdict uint8

// The verdicts.
const (
	// ChannelFailed: the channel is not asked again for this call.
	ChannelFailed Verdict = iota
	// KeyFailed: this key is not used again for this call, another key of the
	// channel may be.
	KeyFailed
)

// Plan is the order of attempts of one call. It is used by one goroutine.
type Plan struct {
	candidates []candidate
	rest       time.Duration
}

type candidate struct {
	channel *Channel
	done    bool
	tried   uint64 // a bit for each key, of which there are at most MaxKeys
}

// MaxKeys is the most keys that a channel may have.
const MaxKeys = 64

// Plan returns the plan of a call, or an error of KindModelNotFound (no channel
// that the caller sees serves the model), KindOverloaded (all that do are
// inactive) or KindNotBuilt (none speaks the protocol or has the operation).
func (c *Catalogue) Plan(call Call) (*Plan, *protocol.Error) {
	all := c.candidates(call.Model)
	p := &Plan{candidates: make([]candidate, 0, len(all))}
	seen, active := 0, 0
	var speaks *Channel
	for _, ch := range all {
		if !ch.seenBy(call.Sets) {
			continue
		}
		seen++
		if ch.Inactive != "" {
			continue
		}
		active++
		if !ch.speaks(call.Protocol, call.Operation) {
			speaks = ch
			continue
		}
		p.candidates = append(p.candidates, candidate{channel: ch})
	}
	switch {
	case len(p.candidates) > 0:
		return p, nil
	case seen == 0:
		return nil, NotFound(call.Model)
	case active == 0:
		return nil, &protocol.Error{
			Kind:    protocol.KindOverloaded,
			Message: fmt.Sprintf("no channel that serves the model %q is active", call.Model),
		}
	default:
		return nil, unspoken(call, speaks)
	}
}

// NotFound is the error of a model that the caller cannot name.
func NotFound(model string) *protocol.Error {
	return &protocol.Error{
		Kind:    protocol.KindModelNotFound,
		Message: fmt.Sprintf("the model %q does not exist or you do not have access to it", model),
		Param:   "model",
	}
}

// unspoken says which pair of protocols or which operation is missing.
func unspoken(call Call, ch *Channel) *protocol.Error {
	e := &protocol.Error{Kind: protocol.KindNotBuilt}
	for _, p := range ch.Protocols {
		if p != call.Protocol && ch.Adaptor.Serves(p, call.Operation) {
			e.Message = fmt.Sprintf("the model %q is served in the protocol %s; translating %s to %s is not built yet",
				call.Model, p, call.Protocol, p)
			return e
		}
	}
	e.Message = fmt.Sprintf("no channel of the model %q has the operation %s in the protocol %s",
		call.Model, call.Operation, call.Protocol)
	return e
}

// Next returns the next attempt: out of the highest tier that has a channel
// left, one by weight, with the key whose turn it is. Keys that rest are passed
// over. false: none is left.
func (p *Plan) Next(now time.Time) (Attempt, bool) {
	p.rest = 0
	for i := 0; i < len(p.candidates); {
		tier := p.candidates[i].channel.Priority
		end, total := i, 0
		for ; end < len(p.candidates) && p.candidates[end].channel.Priority == tier; end++ {
			if p.ready(&p.candidates[end], now) {
				total += p.candidates[end].channel.Weight
			}
		}
		if total == 0 {
			i = end
			continue
		}
		// Where another call's answer has just put the last key to rest, the
		// tier is weighed again; a rest is never lifted, so this ends.
		if a, ok := p.pick(p.candidates[i:end], total, now); ok {
			return a, true
		}
	}
	return Attempt{}, false
}

// pick takes one of the tier's ready candidates; total is their weight.
func (p *Plan) pick(tier []candidate, total int, now time.Time) (Attempt, bool) {
	n := rand.IntN(total)
	for i := range tier {
		c := &tier[i]
		if !p.ready(c, now) {
			continue
		}
		if n -= c.channel.Weight; n >= 0 {
			continue
		}
		keys := len(c.channel.Keys)
		start := int((c.channel.turn.Add(1) - 1) % uint32(keys))
		for k := range keys {
			at := (start + k) % keys
			if c.usable(at, now) {
				c.tried |= 1 << at
				return Attempt{Channel: c.channel, Key: &c.channel.Keys[at]}, true
			}
		}
	}
	return Attempt{}, false
}

func (c *candidate) usable(key int, now time.Time) bool {
	return c.tried&(1<<key) == 0 && c.channel.Keys[key].Rest.Left(now) <= 0
}

// ready says whether the candidate has a key to use now, and notes the
// shortest rest of those that have not.
func (p *Plan) ready(c *candidate, now time.Time) bool {
	if c.done {
		return false
	}
	for k := range c.channel.Keys {
		if c.usable(k, now) {
			return true
		}
		if c.tried&(1<<k) == 0 {
			if left := c.channel.Keys[k].Rest.Left(now); p.rest == 0 || left < p.rest {
				p.rest = left
			}
		}
	}
	return false
}

// Failed tells the plan what became of its last attempt.
func (p *Plan) Failed(a Attempt, v Verdict) {
	if v != ChannelFailed {
		return
	}
	for i := range p.candidates {
		if p.candidates[i].channel == a.Channel {
			p.candidates[i].done = true
		}
	}
}

// Resting returns, after Next found nothing, how long the soonest of the keys
// still rests that were passed over for resting; 0 where none was.
func (p *Plan) Resting() time.Duration { return p.rest }
