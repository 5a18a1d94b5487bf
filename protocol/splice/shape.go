package splice

import (
	"bytes"
	"unicode/utf8"
)

// Shape says where the text is in a JSON value, for those who count it. A shape
// is for a string, an object, or an array of either, whose elements it is for
// each: many members may be any of the three. What no shape says is passed over.
//
// Unlike Scan, what goes by a shape refuses nothing: of a text that breaks off
// or is no JSON it gives what comes before.
type Shape struct {
	// Text says that a string is text.
	Text bool
	// JSON says that an object or array is text as a whole, where it is not
	// empty: a schema, the arguments of a call.
	JSON bool
	// Item says that the value counts as one; of an array each element does.
	Item bool
	// Once says that of the members of one object with this very shape the
	// first that holds text is taken: they are names of the same thing.
	Once bool
	// Last says that nothing behind the value is text: there the walk ends.
	Last bool
	// Members are the shapes of an object's members.
	Members map[string]*Shape
	// Types are the shapes that go before this one, of objects with a member
	// "type" of that value.
	Types map[string]*Shape
}

// Texts calls text with each piece of text in body, in order, unescaped; JSON
// comes without white space. A piece is valid during the call. It returns the
// number of items.
func (s *Shape) Texts(body []byte, text func(piece []byte)) (items int) {
	w := walker{b: body, text: text}
	w.value(space(body, 0), s, 0)
	return w.items
}

// Append appends all text in the value that b starts with to dst, as it is
// written, escapes included. See Unescape.
func (s *Shape) Append(dst, b []byte) []byte {
	w := walker{b: b, dst: dst}
	w.value(space(b, 0), s, 0)
	return w.dst
}

// Unescape appends to dst what s, the inside of a JSON string, reads. Nothing
// is an error: lone surrogates become U+FFFD, and what is no escape stays.
func Unescape(dst, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			return append(dst, s...)
		}
		dst, s = append(dst, s[:i]...), s[i:]
		if r, n := unescape(s); n > 0 {
			dst, s = utf8.AppendRune(dst, r), s[n:]
		} else {
			dst, s = append(dst, '\\'), s[1:]
		}
	}
}

// maxShape limits how deep a shape is followed. No protocol's text is deeper.
const maxShape = 32

// stop is returned in the place of an end where the walk is over.
const stop = -1

// walker goes through one text.
type walker struct {
	b []byte
	// text is nil where pieces are appended to dst as they are; else dst is
	// what pieces are unescaped in.
	text  func(piece []byte)
	dst   []byte
	items int
	// pieces is how many there were.
	pieces int
}

// value walks the value that starts at i and returns where it ends.
func (w *walker) value(i int, s *Shape, depth int) int {
	if i >= len(w.b) {
		return stop
	}
	if s != nil && depth < maxShape {
		c := w.b[i]
		if s.Item && (c == '{' || c == '"') {
			w.items++
		}
		switch {
		case c == '"' && s.Text:
			return w.string(i)
		case (c == '{' || c == '[') && s.JSON:
			return w.whole(i)
		case c == '{' && (s.Members != nil || s.Types != nil):
			return w.object(i, s, depth)
		case c == '[':
			return w.array(i, s, depth)
		}
	}
	end, err := valueEnd(w.b, i, MaxDepth)
	if err != nil {
		return stop
	}
	return end
}

func (w *walker) array(i int, s *Shape, depth int) int {
	b := w.b
	i = space(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = w.value(i, s, depth+1); i == stop {
			return stop
		}
		switch i = space(b, i); {
		case i < len(b) && b[i] == ',':
			i = space(b, i+1)
		case i < len(b) && b[i] == ']':
			return i + 1
		default:
			return stop
		}
	}
}

func (w *walker) object(i int, s *Shape, depth int) int {
	if s.Types != nil {
		if t, ok := s.Types[string(w.kind(i))]; ok {
			s = t
		}
	}
	b := w.b
	var taken *Shape
	for i = space(b, i+1); ; i = space(b, i+1) {
		name, at := w.name(i)
		if at == stop {
			if i < len(b) && b[i] == '}' {
				return i + 1
			}
			return stop
		}
		member := s.Members[string(name)]
		if member != nil && member == taken {
			member = nil
		}
		before := w.pieces
		i = w.value(at, member, depth+1)
		switch {
		case i == stop || member != nil && member.Last:
			return stop
		case member != nil && member.Once && w.pieces > before:
			taken = member
		}
		if i = space(b, i); i == len(b) || b[i] != ',' {
			if i < len(b) && b[i] == '}' {
				return i + 1
			}
			return stop
		}
	}
}

// name returns the name of the member that starts at i, and where its value does.
func (w *walker) name(i int) ([]byte, int) {
	if i >= len(w.b) || w.b[i] != '"' {
		return nil, stop
	}
	end := stringEnd(w.b, i)
	if end == 0 {
		return nil, stop
	}
	colon := space(w.b, end)
	if colon == len(w.b) || w.b[colon] != ':' {
		return nil, stop
	}
	return w.b[i+1 : end-1], space(w.b, colon+1)
}

// kind returns the member "type" of the object that starts at i.
func (w *walker) kind(i int) []byte {
	for i = space(w.b, i+1); ; i = space(w.b, i+1) {
		name, at := w.name(i)
		if at == stop {
			return nil
		}
		end, err := valueEnd(w.b, at, MaxDepth)
		if err != nil {
			return nil
		}
		if string(name) == "type" && w.b[at] == '"' {
			return w.b[at+1 : end-1]
		}
		if i = space(w.b, end); i == len(w.b) || w.b[i] != ',' {
			return nil
		}
	}
}

// string gives the string that starts at i.
func (w *walker) string(i int) int {
	end := stringEnd(w.b, i)
	inner := w.b[i+1:]
	if end == 0 {
		end = stop
	} else {
		inner = w.b[i+1 : end-1]
	}
	if len(inner) == 0 {
		return end
	}
	w.pieces++
	switch {
	case w.text == nil:
		w.dst = append(w.dst, inner...)
	case bytes.IndexByte(inner, '\\') < 0:
		w.text(inner)
	default:
		w.dst = Unescape(w.dst[:0], inner)
		w.text(w.dst)
	}
	return end
}

// whole gives the object or array that starts at i.
func (w *walker) whole(i int) int {
	end, err := valueEnd(w.b, i, MaxDepth)
	value := w.b[i:]
	if err != nil {
		end = stop
	} else {
		value = w.b[i:end]
	}
	if len(value) > 1 && space(value, 1) == len(value)-1 {
		return end
	}
	w.pieces++
	if w.text == nil {
		w.dst = append(w.dst, value...)
		return end
	}
	w.dst = compact(w.dst[:0], value)
	w.text(w.dst)
	return end
}

// compact appends JSON to dst without white space and with its strings unescaped.
func compact(dst, b []byte) []byte {
	for i := space(b, 0); i < len(b); i = space(b, i) {
		if b[i] != '"' {
			dst = append(dst, b[i])
			i++
			continue
		}
		end := stringEnd(b, i)
		if end == 0 {
			return Unescape(dst, b[i:])
		}
		dst = Unescape(dst, b[i:end])
		i = end
	}
	return dst
}
