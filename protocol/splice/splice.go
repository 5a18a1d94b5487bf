// Package splice finds the few members of a JSON object that the gateway acts
// on, in one pass, and edits them in place: every other byte stays as it came.
// It knows JSON and no protocol.
//
// A scan checks what the gateway relies on: the grammar of the object itself
// and of its scalars, and that strings end and brackets match below. It is no
// validator: a fault inside a nested value is the upstream's to refuse.
//
// A member that is looked for has one meaning or none. Given twice, spelled
// with escapes or in another letter case, it is a *MemberError, because a
// decoder elsewhere (Go's matches keys by Unicode case folding) might read
// another value than the one found here.
package splice

import (
	"bytes"
	"fmt"
)

// MaxNames is how many names one scan can look for.
const MaxNames = 12

// Limits of nesting; the object itself is level 1.
const (
	// DefaultDepth is the limit where a scan is given none.
	DefaultDepth = 512
	// MaxDepth is the highest limit; what is above it counts as it.
	MaxDepth = 1024
)

// Names are the members that a scan looks for. It is built once and shared.
type Names struct {
	names []string
	raw   [][]byte
	// longest is the length of the longest key that can still mean one of the
	// names: six bytes for each letter where all are written as \uXXXX.
	longest int
}

// NewNames returns the names, in the order in which Object.Value counts them.
// It panics where there are more than MaxNames, or one is not of plain ASCII
// letters, digits and signs.
func NewNames(names ...string) *Names {
	if len(names) > MaxNames {
		panic(fmt.Sprintf("splice: %d names, at most %d", len(names), MaxNames))
	}
	n := &Names{names: names}
	for _, name := range names {
		for i := range len(name) {
			if c := name[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
				panic(fmt.Sprintf("splice: name %q is not plain ASCII", name))
			}
		}
		n.raw = append(n.raw, []byte(name))
		n.longest = max(n.longest, 6*len(name))
	}
	return n
}

// Span is a part of a body: body[Start:End].
type Span struct{ Start, End int }

// Object is what one scan found in a JSON object. It is used by value; making
// one allocates nothing.
type Object struct {
	// Body is the whole text; all spans count from its start.
	Body []byte
	// Values has a span for each name of Names; End is 0 where it is absent.
	Values [MaxNames]Span

	names *Names
	// last is where a further member goes: behind the last value, or behind
	// the opening brace of an object that is empty.
	last  int
	empty bool
}

// bom is a byte order mark in UTF-8, which RFC 8259 forbids before a JSON text.
var bom = []byte("\xef\xbb\xbf")

// Scan finds the named members of the JSON object that body is. maxDepth
// limits the nesting: 0 stands for DefaultDepth. Errors are of type
// *SyntaxError, *DepthError or *MemberError.
func Scan(body []byte, names *Names, maxDepth int) (Object, error) {
	o := Object{Body: body, names: names}
	i := space(body, 0)
	switch {
	case i == len(body):
		return Object{}, &SyntaxError{i, "empty body, expected an object"}
	case bytes.HasPrefix(body, bom):
		return Object{}, &SyntaxError{0, "byte order mark before the object"}
	case body[i] != '{':
		return Object{}, expected(body, i, "an object")
	}
	i, err := o.scan(body, i, depthLimit(maxDepth))
	if err != nil {
		return Object{}, err
	}
	if i = space(body, i); i < len(body) {
		return Object{}, expected(body, i, "nothing after the object")
	}
	return o, nil
}

// Value returns the bytes of the i-th name's value, nil where it is absent.
func (o Object) Value(i int) []byte {
	s := o.Values[i]
	if s.End == 0 {
		return nil
	}
	return o.Body[s.Start:s.End:s.End]
}

// Sub scans the object that the i-th name's value is. The spans found count
// from the start of the whole body, the nesting from the value itself. A value
// that is absent or no object is a *MemberError; errors name members by their
// path ("stream_options.include_usage").
func (o Object) Sub(i int, names *Names, maxDepth int) (Object, error) {
	s, err := o.container(i, '{', "is not an object")
	if err != nil {
		return Object{}, err
	}
	sub := Object{Body: o.Body, names: names}
	if _, err := sub.scan(o.Body[:s.End], s.Start, depthLimit(maxDepth)); err != nil {
		return Object{}, under(err, o.names.names[i])
	}
	return sub, nil
}

// Elements scans the objects of the array that the i-th name's value is, in
// order, and calls yield for each until it returns false. A value that is
// absent or no array, and an element that is no object, are a *MemberError;
// errors name members by their path ("requests[2].model"). What comes behind
// an error has not been looked at, what comes before it has been yielded.
func (o Object) Elements(i int, names *Names, maxDepth int, yield func(Object) bool) error {
	s, err := o.container(i, '[', "is not an array")
	if err != nil {
		return err
	}
	name, limit := o.names.names[i], depthLimit(maxDepth)
	b := o.Body[:s.End]
	at := space(b, s.Start+1)
	if b[at] == ']' {
		return nil
	}
	for n := 0; ; n++ {
		if at == len(b) || b[at] != '{' {
			return &MemberError{fmt.Sprintf("%s[%d]", name, n), at, "is not an object"}
		}
		sub := Object{Body: o.Body, names: names}
		if at, err = sub.scan(b, at, limit); err != nil {
			return under(err, fmt.Sprintf("%s[%d]", name, n))
		}
		if !yield(sub) {
			return nil
		}
		switch at = space(b, at); {
		case at < len(b) && b[at] == ',':
			at = space(b, at+1)
		case at == len(b)-1 && b[at] == ']':
			return nil
		default:
			return expected(b, at, "',' or ']' after an element")
		}
	}
}

// container returns the span of the i-th value, which has to open with bracket.
func (o Object) container(i int, bracket byte, reason string) (Span, error) {
	s := o.Values[i]
	if s.End == 0 {
		return s, &MemberError{o.names.names[i], 0, "is missing"}
	}
	if o.Body[s.Start] != bracket {
		return s, &MemberError{o.names.names[i], s.Start, reason}
	}
	return s, nil
}

func depthLimit(n int) int {
	if n <= 0 {
		return DefaultDepth
	}
	return min(n, MaxDepth)
}
