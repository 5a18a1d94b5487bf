package splice

import (
	"bytes"
	"encoding/json"
	"strings"
)

// member is a member of an object as encoding/json reads it.
type member struct{ Key, Value string }

// members reads a body with encoding/json, in order and with all duplicates;
// false where it is no object.
func members(body []byte) ([]member, bool) {
	if !json.Valid(body) {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	list := []member{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, false
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, false
		}
		list = append(list, member{key.(string), string(value)})
	}
	return list, true
}

// meant returns the members that a decoder that ignores letter case takes for
// the name.
func meant(list []member, name string) []member {
	var found []member
	for _, m := range list {
		if strings.EqualFold(m.Key, name) {
			found = append(found, m)
		}
	}
	return found
}

// keyAt decodes the key at an offset of a valid body; raw is its spelling.
func keyAt(body []byte, offset int) (key, raw string, ok bool) {
	d := json.NewDecoder(bytes.NewReader(body[offset:]))
	var value json.RawMessage
	if d.Decode(&value) != nil || json.Unmarshal(value, &key) != nil {
		return "", "", false
	}
	return key, string(value), true
}

// levels counts how deeply a valid text is nested.
func levels(text []byte) int {
	d := json.NewDecoder(bytes.NewReader(text))
	level, most := 0, 0
	for {
		token, err := d.Token()
		if err != nil {
			return most
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			level++
			most = max(most, level)
		case json.Delim('}'), json.Delim(']'):
			level--
		}
	}
}
