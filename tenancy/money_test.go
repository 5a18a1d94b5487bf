package tenancy

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

func TestParseMoney(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Money
		out  string
	}{
		{"0", 0, "0"},
		{"1", USD, "1"},
		{"1.25", 1_250_000_000, "1.25"},
		{"0.000000001", 1, "0.000000001"},
		{"007.10", 7_100_000_000, "7.1"},
		{"9223372036.854775807", math.MaxInt64, "9223372036.854775807"},
	} {
		got, err := ParseMoney(tt.in)
		if err != nil || got != tt.want || got.String() != tt.out {
			t.Errorf("%q: %d, %q, %v", tt.in, got, got, err)
		}
	}
	for _, in := range []string{"", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "1.0000000001", " 1", "1 ", "0x1", "٣",
		"9223372036.854775808", "99999999999", "NaN"} {
		if got, err := ParseMoney(in); err == nil || !strings.Contains(err.Error(), "expected a decimal in USD") {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	if got := Money(math.MinInt64).String(); got != "-9223372036.854775808" {
		t.Error(got)
	}
	if got := Money(-1_500_000_000).String(); got != "-1.5" {
		t.Error(got)
	}
}

func TestMoneyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Money(rapid.Int64Range(0, math.MaxInt64).Draw(t, "amount"))
		text, _ := m.MarshalText()
		var back Money
		if err := back.UnmarshalText(text); err != nil || back != m {
			t.Fatalf("%s came back as %v, %v", text, back, err)
		}
	})
}

func TestParsePrice(t *testing.T) {
	p, err := ParsePrice(map[string]string{"input": "3", "output": "15", "cache_write": "3.75"})
	if err != nil || *p != (Price{Input: 3 * USD, Output: 15 * USD, CachedInput: 3 * USD, CacheWrite: 3_750_000_000, CacheWrite1h: 3_750_000_000}) {
		t.Fatalf("%+v, %v", p, err)
	}
	if got, want := string(p.JSON()), `{"input":"3","cached_input":"3","cache_write":"3.75","cache_write_1h":"3.75","output":"15"}`; got != want {
		t.Error(got)
	}
	for want, fields := range map[string]map[string]string{
		"output: required":                {"input": "1"},
		"input: required":                 {"output": "1"},
		`input: "-1": expected a decimal`: {"input": "-1", "output": "1"},
		`"inptu": expected input`:         {"input": "1", "output": "1", "inptu": "1"},
	} {
		if _, err := ParsePrice(fields); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", fields, err, want)
		}
	}
}

func TestCost(t *testing.T) {
	price := &Price{Input: 3 * USD, CachedInput: 300_000_000, CacheWrite: 3_750_000_000, CacheWrite1h: 6 * USD, Output: 15 * USD}
	for _, tt := range []struct {
		name  string
		usage protocol.Usage
		want  Money
	}{
		{"nothing", protocol.Usage{}, 0},
		{"one token in", protocol.Usage{Input: 1}, 3000},
		{"each part at its price", protocol.Usage{Input: 1000, CachedInput: 600, CacheWrite: 300, CacheWrite1h: 100, Output: 10, Reasoning: 9},
			100*3000 + 600*300 + 200*3750 + 100*6000 + 10*15000},
		{"parts larger than the whole", protocol.Usage{Input: 10, CachedInput: 20, CacheWrite: 5}, 10 * 300},
		{"nonsense", protocol.Usage{Input: -5, CachedInput: -1, Output: -3}, 0},
	} {
		if got, err := price.Cost(tt.usage); got != tt.want || err != nil {
			t.Errorf("%s: %d, %v, want %d", tt.name, got, err, tt.want)
		}
	}
	// Rounded once, half up: 0.5 becomes 1, 0.499999 becomes 0, two halves are one.
	for want, p := range map[Money]Price{1: {Input: 500_000}, 0: {Input: 499_999}, 2: {Input: 1_500_000}} {
		if got, _ := p.Cost(protocol.Usage{Input: 1}); got != want {
			t.Errorf("%+v: %d, want %d", p, got, want)
		}
	}
	if got, _ := (&Price{Input: 500_000, Output: 500_000}).Cost(protocol.Usage{Input: 1, Output: 1}); got != 1 {
		t.Errorf("two halves: %d", got)
	}
	for _, p := range []Price{{Input: math.MaxInt64, Output: math.MaxInt64}, {Input: math.MaxInt64}} {
		if got, err := p.Cost(protocol.Usage{Input: math.MaxInt64, Output: math.MaxInt64}); err != ErrOverflow {
			t.Errorf("%d, %v", got, err)
		}
	}
	if got, err := (&Price{Input: math.MaxInt64}).Cost(protocol.Usage{Input: million}); got != math.MaxInt64 || err != nil {
		t.Errorf("at the edge: %d, %v", got, err)
	}
}

// TestCostIsExact compares with arithmetic that has no limits.
func TestCostIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tokens := rapid.Int64Range(0, 1<<40)
		amount := rapid.Map(rapid.Int64Range(0, 1000*int64(USD)), func(n int64) Money { return Money(n) })
		p := Price{amount.Draw(t, "input"), amount.Draw(t, "cached"), amount.Draw(t, "write"), amount.Draw(t, "write 1h"), amount.Draw(t, "output")}
		u := protocol.Usage{Input: tokens.Draw(t, "in"), Output: tokens.Draw(t, "out")}
		u.CachedInput = rapid.Int64Range(0, u.Input).Draw(t, "cached in")
		u.CacheWrite = rapid.Int64Range(0, u.Input-u.CachedInput).Draw(t, "written")
		u.CacheWrite1h = rapid.Int64Range(0, u.CacheWrite).Draw(t, "written 1h")
		sum := new(big.Int)
		add := func(n int64, m Money) { sum.Add(sum, new(big.Int).Mul(big.NewInt(n), big.NewInt(int64(m)))) }
		add(u.Input-u.CachedInput-u.CacheWrite, p.Input)
		add(u.CachedInput, p.CachedInput)
		add(u.CacheWrite-u.CacheWrite1h, p.CacheWrite)
		add(u.CacheWrite1h, p.CacheWrite1h)
		add(u.Output, p.Output)
		sum.Add(sum, big.NewInt(million/2)).Div(sum, big.NewInt(million))
		got, err := p.Cost(u)
		if fits := sum.IsInt64(); fits != (err == nil) || fits && sum.Int64() != int64(got) {
			t.Fatalf("%v, %v, want %v", got, err, sum)
		}
	})
}
