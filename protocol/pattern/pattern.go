// Package pattern matches the names of models with wildcards, the same way
// wherever models are listed: in tokens, channels and matchers.
package pattern

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLength is the greatest length of a pattern in bytes.
const MaxLength = 256

// Match says whether the name matches the pattern. A `*` stands for any run of
// characters, the empty one and `/` included; all others stand for themselves,
// in their case. It allocates nothing and takes time linear in the lengths.
func Match(pattern, name string) bool {
	star := strings.IndexByte(pattern, '*')
	if star < 0 {
		return pattern == name
	}
	// What stands before the first star and after the last one has its place;
	// each part between two stars may as well be found where it comes first.
	if !strings.HasPrefix(name, pattern[:star]) {
		return false
	}
	name, pattern = name[star:], pattern[star+1:]
	for {
		star = strings.IndexByte(pattern, '*')
		if star < 0 {
			return strings.HasSuffix(name, pattern)
		}
		at := strings.Index(name, pattern[:star])
		if at < 0 {
			return false
		}
		name, pattern = name[at+star:], pattern[star+1:]
	}
}

// Any says whether the name matches one of the patterns.
func Any(patterns []string, name string) bool {
	for _, p := range patterns {
		if Match(p, name) {
			return true
		}
	}
	return false
}

// IsLiteral says whether the pattern has no wildcard: it is a model's name.
func IsLiteral(pattern string) bool {
	return strings.IndexByte(pattern, '*') < 0
}

// Valid returns an error that says what is wrong with a pattern: it is empty,
// longer than MaxLength, not UTF-8, or holds white space or a control
// character.
func Valid(pattern string) error {
	switch {
	case pattern == "":
		return errors.New("a model's name is empty")
	case len(pattern) > MaxLength:
		return fmt.Errorf("the model's name %.32q… has %d bytes, at most %d are allowed", pattern, len(pattern), MaxLength)
	case !utf8.ValidString(pattern):
		return fmt.Errorf("the model's name %q is not UTF-8", pattern)
	}
	for _, r := range pattern {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return fmt.Errorf("the model's name %q holds the character %q", pattern, r)
		}
	}
	return nil
}
