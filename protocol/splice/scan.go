package splice

import (
	"bytes"
	"fmt"
)

// scan reads the object that starts at b[i] and returns where it ends. It
// looks at no byte behind b.
func (o *Object) scan(b []byte, i, limit int) (int, error) {
	i = space(b, i+1)
	o.last, o.empty = i, true
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	o.empty = false
	for {
		if i >= len(b) || b[i] != '"' {
			return 0, expected(b, i, "a member's name")
		}
		end := stringEnd(b, i)
		if end == 0 {
			return 0, &SyntaxError{i, "unterminated string"}
		}
		n, err := o.names.match(b, i, end)
		if err != nil {
			return 0, err
		}
		if n >= 0 && o.Values[n].End != 0 {
			return 0, &MemberError{o.names.names[n], i, "is given twice"}
		}
		if i = space(b, end); i >= len(b) || b[i] != ':' {
			return 0, expected(b, i, "':' after a member's name")
		}
		start := space(b, i+1)
		if i, err = valueEnd(b, start, limit); err != nil {
			return 0, err
		}
		if n >= 0 {
			o.Values[n] = Span{start, i}
		}
		o.last = i
		i = space(b, i)
		if i < len(b) && b[i] == ',' {
			i = space(b, i+1)
			continue
		}
		if i < len(b) && b[i] == '}' {
			return i + 1, nil
		}
		return 0, expected(b, i, "',' or '}' after a member")
	}
}

// space returns the first place from i on that is no white space.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// stringEnd returns the place behind the string that starts at b[i], 0 where
// it does not end. A quote ends it unless an odd number of backslashes stands
// before it; each backslash is counted for one quote only, so that the time is
// linear whatever the string holds.
func stringEnd(b []byte, i int) int {
	for at := i + 1; ; {
		j := bytes.IndexByte(b[at:], '"')
		if j < 0 {
			return 0
		}
		at += j
		k := at
		for b[k-1] == '\\' {
			k--
		}
		at++
		if (at-1-k)&1 == 0 {
			return at
		}
	}
}

// valueEnd returns the place behind the value that starts at b[i].
func valueEnd(b []byte, i, limit int) (int, error) {
	if i >= len(b) {
		return 0, expected(b, i, "a value")
	}
	switch c := b[i]; c {
	case '"':
		if end := stringEnd(b, i); end > 0 {
			return end, nil
		}
		return 0, &SyntaxError{i, "unterminated string"}
	case '{', '[':
		return nestedEnd(b, i, limit)
	case 't':
		return literalEnd(b, i, "true")
	case 'f':
		return literalEnd(b, i, "false")
	case 'n':
		return literalEnd(b, i, "null")
	}
	return numberEnd(b, i)
}

func literalEnd(b []byte, i int, word string) (int, error) {
	if end := i + len(word); end <= len(b) && string(b[i:end]) == word {
		return end, nil
	}
	return 0, &SyntaxError{i, "expected a value"}
}

// numberEnd returns the place behind the longest start of b[i:] that is a
// number of RFC 8259.
func numberEnd(b []byte, i int) (int, error) {
	start := i
	if b[i] == '-' {
		i++
	}
	switch first := i; {
	case i < len(b) && b[i] == '0':
		i++
	default:
		if i = digits(b, i); i == first {
			return 0, &SyntaxError{start, "expected a value"}
		}
	}
	if i < len(b) && b[i] == '.' {
		first := i + 1
		if i = digits(b, first); i == first {
			return 0, expected(b, i, "a digit")
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		first := i
		if i = digits(b, first); i == first {
			return 0, expected(b, i, "a digit")
		}
	}
	return i, nil
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// What a byte outside of strings means to nestedEnd. A byte that no JSON text
// has there is a fault: what starts a comment or another kind of string in the
// dialects of lenient decoders could hide a member from us.
const (
	foreign = iota
	plain
	quote
	opening
	closing
)

var class = [256]uint8{
	' ': plain, '\t': plain, '\n': plain, '\r': plain, ',': plain, ':': plain,
	'0': plain, '1': plain, '2': plain, '3': plain, '4': plain, '5': plain,
	'6': plain, '7': plain, '8': plain, '9': plain,
	'+': plain, '-': plain, '.': plain, 'E': plain,
	// the letters of true, false, null and the exponent
	't': plain, 'r': plain, 'u': plain, 'e': plain, 'f': plain, 'a': plain,
	'l': plain, 's': plain, 'n': plain,
	'"': quote,
	'{': opening, '[': opening,
	'}': closing, ']': closing,
}

// nestedEnd returns the place behind the object or array that starts at b[i],
// on level 2. Open brackets are kept as one bit each: 1 is a brace.
func nestedEnd(b []byte, i, limit int) (int, error) {
	var open [MaxDepth / 64]uint64
	start, level := i, 1
	for i < len(b) {
		c := b[i]
		switch class[c] {
		case plain:
			for i++; i < len(b) && class[b[i]] == plain; i++ {
			}
		case quote:
			end := stringEnd(b, i)
			if end == 0 {
				return 0, &SyntaxError{i, "unterminated string"}
			}
			i = end
		case opening:
			if level == limit {
				return 0, &DepthError{i, limit}
			}
			// '[' is 0x5b, '{' is 0x7b: bit 5 tells them apart, as it does ']' and '}'
			word, bit := &open[level/64], uint(level%64)
			*word = *word&^(1<<bit) | uint64(c>>5&1)<<bit
			level++
			i++
		case closing:
			level--
			if open[level/64]>>uint(level%64)&1 != uint64(c>>5&1) {
				return 0, &SyntaxError{i, fmt.Sprintf("%q closes a bracket of the other kind", c)}
			}
			i++
			if level == 1 {
				return i, nil
			}
		default:
			return 0, expected(b, i, "a value")
		}
	}
	return 0, &SyntaxError{start, fmt.Sprintf("%q is never closed", b[start])}
}
