package splice

import "bytes"

// match returns which name the key b[start:end] (with its quotes) is, -1 for
// none. A key that some decoder would take for a name but that is not spelled
// as the name is a *MemberError.
func (n *Names) match(b []byte, start, end int) (int, error) {
	key := b[start+1 : end-1]
	if len(key) > n.longest {
		return -1, nil
	}
	var all byte
	escaped := false
	for _, c := range key {
		all |= c
		escaped = escaped || c == '\\'
	}
	if !escaped && all < 0x80 {
		// only a key of the same length can be equal
		for i, name := range n.names {
			if len(key) != len(name) {
				continue
			}
			if string(key) == name {
				return i, nil
			}
			if bytes.EqualFold(key, n.raw[i]) {
				return 0, &MemberError{name, start, "is written in another letter case"}
			}
		}
		return -1, nil
	}
	reason := "is written in another letter case"
	if escaped {
		reason = "is written with escapes in its name"
		text, err := decode(nil, key, start+1, false)
		if err != nil {
			return 0, err
		}
		key = text
	}
	for i, raw := range n.raw {
		// invalid UTF-8 counts as U+FFFD here, as in Go's decoder
		if bytes.EqualFold(key, raw) {
			return 0, &MemberError{n.names[i], start, reason}
		}
	}
	return -1, nil
}
