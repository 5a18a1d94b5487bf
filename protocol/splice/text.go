package splice

import (
	"bytes"
	"encoding/json"
	"unicode/utf16"
	"unicode/utf8"
)

// Text decodes a JSON string, quotes included. Where decoders differ it takes
// no side: invalid UTF-8 and lone surrogates are errors. Errors are of type
// *SyntaxError and count from the start of value.
func Text(value []byte) (string, error) {
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return "", &SyntaxError{0, "not a string"}
	}
	inner := value[1 : len(value)-1]
	simple := true
	for _, c := range inner {
		if c < ' ' || c >= 0x80 || c == '"' || c == '\\' {
			simple = false
			break
		}
	}
	if simple {
		return string(inner), nil
	}
	text, err := decode(make([]byte, 0, len(inner)), inner, 1, true)
	if err != nil {
		return "", err
	}
	return string(text), nil
}

// escapes are the characters that a backslash and one letter stand for.
var escapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/',
	'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// decode appends the text of s, the inside of a JSON string, to dst. offset is
// where s starts, for errors. Where it is not strict, lone surrogates become
// U+FFFD, and invalid UTF-8 and control characters stay as they are.
func decode(dst, s []byte, offset int, strict bool) ([]byte, error) {
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '\\':
			r, n := unescape(s[i:])
			if n == 0 {
				return nil, &SyntaxError{offset + i, "invalid escape"}
			}
			if r == utf8.RuneError && strict && n == 6 && !isFFFD(s[i:]) {
				return nil, &SyntaxError{offset + i, "lone surrogate"}
			}
			dst = utf8.AppendRune(dst, r)
			i += n
		case c == '"':
			return nil, &SyntaxError{offset + i, "string ends early"}
		case c < ' ' && strict:
			return nil, &SyntaxError{offset + i, "control character in a string"}
		case c < utf8.RuneSelf || !strict:
			dst = append(dst, c)
			i++
		default:
			r, n := utf8.DecodeRune(s[i:])
			if r == utf8.RuneError && n == 1 {
				return nil, &SyntaxError{offset + i, "invalid UTF-8"}
			}
			dst = append(dst, s[i:i+n]...)
			i += n
		}
	}
	return dst, nil
}

// unescape returns the character that the escape at the start of s stands for
// and the escape's length: 0 where it is none. A surrogate that is no half of
// a pair is U+FFFD of length 6.
func unescape(s []byte) (rune, int) {
	if len(s) < 2 {
		return 0, 0
	}
	if s[1] != 'u' {
		if c := escapes[s[1]]; c != 0 {
			return rune(c), 2
		}
		return 0, 0
	}
	r := hex4(s)
	if r < 0 {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
			if pair := utf16.DecodeRune(r, hex4(s[6:])); pair != utf8.RuneError {
				return pair, 12
			}
		}
		return utf8.RuneError, 6
	}
	return r, 6
}

// isFFFD says whether the escape at the start of s is U+FFFD itself.
func isFFFD(s []byte) bool { return hex4(s) == utf8.RuneError }

// hex4 returns the number of the escape \uXXXX at the start of s, -1 where its
// digits are none.
func hex4(s []byte) rune {
	if len(s) < 6 {
		return -1
	}
	var r rune
	for _, c := range s[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// Quote encodes s as a JSON string, as json.Marshal does but without escaping
// <, > and &. Invalid UTF-8 becomes U+FFFD.
func Quote(s string) string {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x80 || c == '"' || c == '\\' {
			return quoteSlow(s)
		}
	}
	return `"` + s + `"`
}

func quoteSlow(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	// a string always encodes
	_ = e.Encode(s)
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}
