package pattern

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"gpt-5", "gpt-5", true},
		{"gpt-5", "gpt-5-mini", false},
		{"gpt-5", "GPT-5", false},
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "org/model:free", true},
		{"gpt-*", "gpt-5", true},
		{"gpt-*", "gpt-", true},
		{"gpt-*", "gpt", false},
		{"gpt-*", "my-gpt-5", false},
		{"*-mini", "gpt-5-mini", true},
		{"*-mini", "gpt-5-mini-high", false},
		{"*claude*", "anthropic/claude-sonnet", true},
		{"a*b*c", "abc", true},
		{"a*b*c", "a-b-b-c-c", true},
		{"a*b*c", "a-c-b", false},
		{"a*a", "a", false}, // a character is not used twice
		{"a*a", "aa", true},
		{"a**b", "ab", true},
		{"*aab*aab*", "aab", false},
		{"*ab*b", "abb", true},
		{"*ab*b", "ab", false},
		{"größe-*", "größe-1", true},
		{"a.c", "abc", false},
		{"[a-z]?", "a", false},
	} {
		if got := Match(test.pattern, test.name); got != test.want {
			t.Errorf("Match(%q, %q) is %v", test.pattern, test.name, got)
		}
	}
}

func TestAny(t *testing.T) {
	patterns := []string{"gpt-*", "o3"}
	for name, want := range map[string]bool{"gpt-5": true, "o3": true, "o3-mini": false, "": false} {
		if got := Any(patterns, name); got != want {
			t.Errorf("Any(%q) is %v", name, got)
		}
	}
	if Any(nil, "gpt-5") {
		t.Error("a name matches none of no patterns")
	}
}

func TestIsLiteral(t *testing.T) {
	for pattern, want := range map[string]bool{"gpt-5": true, "": true, "*": false, "gpt-*": false, "a*b": false} {
		if got := IsLiteral(pattern); got != want {
			t.Errorf("IsLiteral(%q) is %v", pattern, got)
		}
	}
}

func TestValid(t *testing.T) {
	for _, test := range []struct{ pattern, want string }{
		{pattern: "gpt-5"},
		{pattern: "*"},
		{pattern: "org/model:free@2026"},
		{pattern: "größe"},
		{pattern: strings.Repeat("a", MaxLength)},
		{"", "is empty"},
		{strings.Repeat("a", MaxLength+1), "257 bytes, at most 256"},
		{"a\xff", "not UTF-8"},
		{"a b", `holds the character ' '`},
		{"a\x00", `holds the character '\x00'`},
		{"a\u00a0", "holds the character"},
	} {
		err := Valid(test.pattern)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("Valid(%q): %v, not %q", test.pattern, err, test.want)
		}
	}
}

// slow is the same matcher as a regular expression.
func slow(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return regexp.MustCompile(`(?s)\A` + strings.Join(parts, ".*") + `\z`).MatchString(name)
}

func TestAgainstRegexp(t *testing.T) {
	// Few letters, so that much matches by chance.
	pattern := rapid.StringOfN(rapid.SampledFrom([]rune("ab*")), 0, 10, -1)
	name := rapid.StringOfN(rapid.SampledFrom([]rune("ab")), 0, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		p, n := pattern.Draw(t, "pattern"), name.Draw(t, "name")
		if got, want := Match(p, n), slow(p, n); got != want {
			t.Fatalf("Match(%q, %q) is %v, the regular expression says %v", p, n, got, want)
		}
	})
}

func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{{"gpt-*", "gpt-5"}, {"*a*b*", "ab"}, {"a*a", "a"}, {"", ""}, {"**", "\n"}, {"ä*", "ä"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		got := Match(pattern, name)
		if Valid(pattern) != nil || strings.ToValidUTF8(name, "") != name {
			return // the regular expression reads runes, Match bytes
		}
		if want := slow(pattern, name); got != want {
			t.Errorf("Match(%q, %q) is %v, the regular expression says %v", pattern, name, got, want)
		}
	})
}

func TestMatchAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Match("*a*b*c*", "xaxbxcx") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkMatchHostile grows linearly with the name, not with its square.
func BenchmarkMatchHostile(b *testing.B) {
	for _, n := range []int{1 << 10, 1 << 14} {
		name := strings.Repeat("a", n)
		pattern := strings.Repeat("*aaaaaaaaab", 20)
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				Match(pattern, name)
			}
		})
	}
}

func BenchmarkMatch(b *testing.B) {
	for b.Loop() {
		Match("gpt-*-mini", "gpt-5-mini")
	}
}
