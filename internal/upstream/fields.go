package upstream

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// shape is a set of kinds of JSON values.
type shape uint8

const (
	aString shape = 1 << iota
	aNumber
	anInteger // a number without fraction and exponent; also aNumber
	aBool
	anArray
	anObject
	aNull
	anything shape = 1<<iota - 1
)

var shapeNames = []struct {
	shape shape
	name  string
}{
	{aString, "string"}, {anInteger, "integer"}, {aNumber, "number"}, {aBool, "boolean"},
	{anArray, "array"}, {anObject, "object"}, {aNull, "null"},
}

// String returns the name of the first kind of the set.
func (s shape) String() string {
	for _, n := range shapeNames {
		if s&n.shape != 0 {
			return n.name
		}
	}
	return "nothing"
}

// shapeOf returns the kind of a value.
func shapeOf(raw json.RawMessage) shape {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0:
		return 0
	case raw[0] == '"':
		return aString
	case raw[0] == '{':
		return anObject
	case raw[0] == '[':
		return anArray
	case raw[0] == 't', raw[0] == 'f':
		return aBool
	case raw[0] == 'n':
		return aNull
	case bytes.ContainsAny(raw, ".eE"):
		return aNumber
	default:
		return anInteger | aNumber
	}
}

// fields are the members that an object may and must have.
type fields struct {
	known    map[string]shape
	required []string
}

// fault is what is wrong with a member.
type fault struct {
	wrong     wrong
	name      string
	want, got shape
}

type wrong uint8

const (
	unknown wrong = iota + 1
	missing
	mistyped
)

// check returns the first fault of an object, in the order of the names: a
// missing member comes first, since it is what the vendors complain of first.
func (f fields) check(members map[string]json.RawMessage) *fault {
	for _, name := range f.required {
		if _, ok := members[name]; !ok {
			return &fault{wrong: missing, name: name}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		want, ok := f.known[name]
		if !ok {
			return &fault{wrong: unknown, name: name}
		}
		got := shapeOf(members[name])
		if !slices.Contains(f.required, name) {
			want |= aNull
		}
		if got&want == 0 {
			return &fault{wrong: mistyped, name: name, want: want, got: got}
		}
	}
	return nil
}

// among is the members of one shape, for the tables.
func among(s shape, names ...string) map[string]shape {
	m := make(map[string]shape, len(names))
	for _, name := range names {
		m[name] = s
	}
	return m
}

// union joins tables; the later ones win.
func union(tables ...map[string]shape) map[string]shape {
	all := map[string]shape{}
	for _, t := range tables {
		maps.Copy(all, t)
	}
	return all
}

// members reads a JSON object; nil where it is none.
func members(body []byte) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(body, &m) != nil {
		return nil
	}
	return m
}

// text returns the string that raw is; empty where it is none.
func text(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}

// quote writes a string as JSON, without escapes that it does not need.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)
	return string(bytes.TrimRight(b.Bytes(), "\n"))
}
