package splice

import "bytes"

// Key is a member's name as it stands in a text, for a Glance.
type Key struct{ quoted []byte }

// NewKey returns the key of a name. It is built once and shared.
func NewKey(name string) Key { return Key{[]byte(Quote(name))} }

// In says whether the name, in its quotes, stands anywhere in the text: as a
// member's name on any level, or as a string. A string that merely holds the
// name does not count, since the quotes inside of strings are escaped. A name
// spelled with escapes is not found.
//
// It costs a fraction of a scan. It can tell that a text holds nothing special;
// that it does, only a scan can.
func (k Key) In(text []byte) bool { return bytes.Contains(text, k.quoted) }

// Always says whether value, a number or a literal, follows the name wherever
// it stands in the text; so too where the name stands nowhere. What was said
// of In holds for it.
func (k Key) Always(text []byte, value string) bool {
	for {
		i := bytes.Index(text, k.quoted)
		if i < 0 {
			return true
		}
		i = space(text, i+len(k.quoted))
		if i == len(text) || text[i] != ':' {
			return false
		}
		i = space(text, i+1)
		if len(text)-i <= len(value) || string(text[i:i+len(value)]) != value {
			return false
		}
		text = text[i+len(value):]
		if c := text[0]; c != ',' && c != '}' && c != ']' && space(text, 0) == 0 {
			return false
		}
	}
}
