package tenancy

import (
	"regexp"
	"strings"
	"testing"
)

func TestNewKey(t *testing.T) {
	form := regexp.MustCompile(`^sk-[0-9A-Za-z]{43}$`)
	seen := map[string]bool{}
	count := map[rune]int{}
	for range 2000 {
		key := NewKey()
		if !form.MatchString(key) || len(key) != KeyLength || seen[key] {
			t.Fatalf("the key %q is not as it should be", key)
		}
		seen[key] = true
		for _, r := range key[len(KeyPrefix):] {
			count[r]++
		}
	}
	// 86,000 letters, 1,387 of each on average; 250 are nearly seven standard
	// deviations, while a plain modulus would favour eight letters by a quarter.
	for _, r := range alphabet {
		if n := count[r]; n < 1137 || n > 1637 {
			t.Errorf("%q comes %d times", r, n)
		}
	}
}

func TestNewTokenID(t *testing.T) {
	form := regexp.MustCompile(`^tok_[0-9A-Za-z]{20}$`)
	if a, b := NewTokenID(), NewTokenID(); a == b || !form.MatchString(a) || !form.MatchString(b) {
		t.Errorf("IDs %q and %q", a, b)
	}
	if strings.Contains(DeclaredID("g", "n"), idPrefix) {
		t.Error("the ID of a declared token looks like a stored one's")
	}
}
