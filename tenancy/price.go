package tenancy

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// Price is what a model costs: each field for a million tokens.
type Price struct {
	// Input is the price of fresh input.
	Input Money `json:"input"`
	// CachedInput is that of input read from a cache.
	CachedInput Money `json:"cached_input"`
	// CacheWrite is that of input written to a cache, CacheWrite1h that of
	// input written to one that keeps it for an hour.
	CacheWrite   Money `json:"cache_write"`
	CacheWrite1h Money `json:"cache_write_1h"`
	// Output is the price of output, reasoning included.
	Output Money `json:"output"`
}

// priceFields are the fields by the names of the config, in the order in which
// one stands for the next where that is absent.
var priceFields = []struct {
	name     string
	of       func(*Price) *Money
	fallback string
}{
	{"input", func(p *Price) *Money { return &p.Input }, ""},
	{"output", func(p *Price) *Money { return &p.Output }, ""},
	{"cached_input", func(p *Price) *Money { return &p.CachedInput }, "input"},
	{"cache_write", func(p *Price) *Money { return &p.CacheWrite }, "input"},
	{"cache_write_1h", func(p *Price) *Money { return &p.CacheWrite1h }, "cache_write"},
}

// ParsePrice reads a price out of the config's decimals in USD per million
// tokens. input and output are required; cached_input and cache_write are the
// input's where they are absent, cache_write_1h is cache_write's.
func ParsePrice(fields map[string]string) (*Price, error) {
	p := new(Price)
	known := make(map[string]*Money, len(priceFields))
	for _, f := range priceFields {
		amount := f.of(p)
		known[f.name] = amount
		s, ok := fields[f.name]
		switch {
		case ok:
			var err error
			if *amount, err = ParseMoney(s); err != nil {
				return nil, fmt.Errorf("%s: %w", f.name, err)
			}
		case f.fallback == "":
			return nil, fmt.Errorf("%s: required", f.name)
		default:
			*amount = *known[f.fallback]
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if known[name] == nil {
			return nil, fmt.Errorf("%q: expected input, output, cached_input, cache_write or cache_write_1h", name)
		}
	}
	return p, nil
}

// JSON writes the price as a log row keeps it.
func (p *Price) JSON() json.RawMessage {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // five amounts always marshal
	}
	return b
}

// ErrOverflow is a cost that no amount can hold.
var ErrOverflow = errors.New("the cost is beyond what an amount can hold")

// Cost returns what a call costs. It is rounded once, half up, here and nowhere
// else. A part that is larger than what contains it counts as all of that.
func (p *Price) Cost(u protocol.Usage) (Money, error) {
	cached := clamp(u.CachedInput, u.Input)
	write := clamp(u.CacheWrite, u.Input-cached)
	hour := clamp(u.CacheWrite1h, write)
	var hi, lo uint64
	for _, part := range [...]struct {
		tokens int64
		price  Money
	}{
		{u.Input - cached - write, p.Input},
		{cached, p.CachedInput},
		{write - hour, p.CacheWrite},
		{hour, p.CacheWrite1h},
		{u.Output, p.Output},
	} {
		if part.tokens <= 0 {
			continue
		}
		h, l := bits.Mul64(uint64(part.tokens), uint64(part.price))
		var carry uint64
		lo, carry = bits.Add64(lo, l, 0)
		hi, carry = bits.Add64(hi, h, carry)
		if carry != 0 {
			return 0, ErrOverflow
		}
	}
	lo, carry := bits.Add64(lo, million/2, 0)
	hi += carry
	if hi >= million {
		return 0, ErrOverflow
	}
	cost, _ := bits.Div64(hi, lo, million)
	if cost > math.MaxInt64 {
		return 0, ErrOverflow
	}
	return Money(cost), nil
}

const million = 1_000_000

// clamp returns n within 0 and limit.
func clamp(n, limit int64) int64 { return max(min(n, limit), 0) }
