package sse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// ErrArray is a stream that should be a JSON array of objects and is not.
var ErrArray = errors.New("stream is not a JSON array of objects")

// maxDepth limits the nesting of an array's elements.
const maxDepth = 512

// state is what comes next in an array.
type state uint8

const (
	wantOpen state = iota
	wantFirst
	wantComma
	wantElement
	inElement
	inString
	closed
)

var wanted = [...]string{
	wantOpen:    "'['",
	wantFirst:   "'{' or ']'",
	wantComma:   "',' or ']'",
	wantElement: "'{'",
	closed:      "nothing after the array",
}

// array cuts the text of a JSON array behind each of its elements. Inside of
// them it looks at brackets and strings alone.
type array struct {
	state state
	// pos is how far the event has been looked at, gone how many bytes of the
	// stream came before it.
	pos, gone int
	// quote is where the string starts that pos is in.
	quote int
	// open has a bit for each open bracket of the element: 1 is a brace.
	open  [maxDepth / 64]uint64
	depth int
}

func (a *array) cut(b []byte) (int, error) {
	for a.pos < len(b) {
		if a.state == inString {
			a.skipString(b)
			continue
		}
		c := b[a.pos]
		if a.state == inElement {
			done, err := a.inside(c)
			if err != nil {
				return 0, err
			}
			a.pos++
			if done {
				a.state = wantComma
				return a.event(), nil
			}
			continue
		}
		a.pos++
		switch {
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
		case c == '[' && a.state == wantOpen:
			a.state = wantFirst
		case c == ',' && a.state == wantComma:
			a.state = wantElement
		case c == '{' && (a.state == wantFirst || a.state == wantElement):
			a.state, a.depth, a.open[0] = inElement, 1, 1
		case c == ']' && (a.state == wantFirst || a.state == wantComma):
			a.state = closed
			return a.event(), nil
		default:
			return 0, a.fault(a.pos-1, fmt.Sprintf("found %q, expected %s", c, wanted[a.state]))
		}
	}
	return 0, nil
}

// event ends the event at pos and returns its length.
func (a *array) event() int {
	n := a.pos
	a.pos, a.gone = 0, a.gone+n
	return n
}

// inside looks at one byte of an element, outside of its strings. It says
// whether the byte ends the element.
func (a *array) inside(c byte) (bool, error) {
	switch c {
	case '"':
		a.state, a.quote = inString, a.pos
	case '{', '[':
		if a.depth == maxDepth {
			return false, a.fault(a.pos, fmt.Sprintf("nested more than %d levels deep", maxDepth))
		}
		// bit 5 tells '{' and '}' from '[' and ']'
		word, bit := &a.open[a.depth/64], uint(a.depth%64)
		*word = *word&^(1<<bit) | uint64(c>>5&1)<<bit
		a.depth++
	case '}', ']':
		a.depth--
		if a.open[a.depth/64]>>uint(a.depth%64)&1 != uint64(c>>5&1) {
			return false, a.fault(a.pos, fmt.Sprintf("%q closes a bracket of the other kind", c))
		}
		return a.depth == 0, nil
	}
	return false, nil
}

// skipString goes behind the string that pos is in, or to the end of b. A
// quote ends it unless an odd number of backslashes stands before it.
func (a *array) skipString(b []byte) {
	j := bytes.IndexByte(b[a.pos:], '"')
	if j < 0 {
		a.pos = len(b)
		return
	}
	at := a.pos + j
	k := at
	for k-1 > a.quote && b[k-1] == '\\' {
		k--
	}
	if (at-k)&1 == 0 {
		a.state = inElement
	}
	a.pos = at + 1
}

func (a *array) last([]byte) error {
	if a.state != closed {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (a *array) fault(pos int, what string) error {
	return fmt.Errorf("%w: byte %d: %s", ErrArray, a.gone+pos, what)
}
