package aiproxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/caddy-aiproxy/aiproxy/tenancy"
)

// provenance is what every entity says of itself beside its fields. Requests
// may hold it, so that an answer can be sent back; it is passed over.
type provenance struct {
	Source    string     `json:"source,omitempty" api:"read" doc:"Where it comes from: config or store. What the config declares can be changed there only."`
	Shadowed  bool       `json:"shadowed,omitempty" api:"read" doc:"The config declares one of the same name, which is used instead."`
	CreatedAt *time.Time `json:"created_at,omitempty" api:"read" doc:"When it was made."`
	UpdatedAt *time.Time `json:"updated_at,omitempty" api:"read" doc:"When it was last changed."`
}

// stored is the provenance of a row.
func stored(created, updated time.Time, shadowed bool) provenance {
	p := provenance{Source: sourceStore, Shadowed: shadowed}
	if !created.IsZero() {
		p.CreatedAt, p.UpdatedAt = &created, &updated
	}
	return p
}

// maxAdminDepth bounds the nesting of bodies.
const maxAdminDepth = 32

// members are the members of a JSON object, by name.
type members map[string]json.RawMessage

// parseMembers takes a body apart. A name that is there twice, at any depth, is
// refused: one of the two values would be lost without a word.
func parseMembers(body []byte) (members, error) {
	bad := func(format string, args ...any) (members, error) {
		return nil, refuse(http.StatusBadRequest, format, args...)
	}
	if !utf8.Valid(body) {
		return bad("the body is not valid UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := walkJSON(decoder, "", 0); err != nil {
		return bad("the body is not as expected: %v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return bad("the body goes on behind its JSON value")
	}
	given := members{}
	if trimmed := bytes.TrimSpace(body); trimmed[0] != '{' {
		return bad("the body is not a JSON object")
	}
	if err := json.Unmarshal(body, &given); err != nil {
		return bad("the body is not a JSON object")
	}
	return given, nil
}

// walkJSON reads one value.
func walkJSON(d *json.Decoder, path string, depth int) error {
	token, err := d.Token()
	if err != nil {
		return syntax(err)
	}
	delim, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	if depth == maxAdminDepth {
		return fmt.Errorf("it is nested deeper than %d levels", maxAdminDepth)
	}
	seen := make(map[string]bool)
	for d.More() {
		inner := path
		if delim == '{' {
			token, err := d.Token()
			if err != nil {
				return syntax(err)
			}
			name := token.(string)
			inner = strings.TrimPrefix(path+"."+name, ".")
			if seen[name] {
				return fmt.Errorf("%q is there twice", inner)
			}
			seen[name] = true
		}
		if err := walkJSON(d, inner, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token() // the closing bracket
	return syntax(err)
}

func syntax(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the JSON ends too early")
	}
	return err
}

// docField is a member of an entity's document.
type docField struct {
	name, doc string
	typ       reflect.Type
	// readOnly members are passed over in requests.
	readOnly bool
}

// docFields lists the members of a document in the order of its struct.
func docFields(t reflect.Type) []docField {
	var fields []docField
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "" || name == "-" {
			continue
		}
		fields = append(fields, docField{name: name, doc: f.Tag.Get("doc"), typ: f.Type, readOnly: f.Tag.Get("api") == "read"})
	}
	return fields
}

// known drops the members that are read-only and refuses those that a document
// does not have. encoding/json alone would take `Name` for `name`.
func (m members) known(t reflect.Type) error {
	fields := docFields(t)
	var names []string
	for _, f := range fields {
		if f.readOnly {
			delete(m, f.name)
			continue
		}
		names = append(names, f.name)
	}
	var unknown []string
	for name := range m {
		if !slices.Contains(names, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return &tenancy.FieldError{Field: fmt.Sprintf("%.64q", slices.Min(unknown)), Message: "there is no such field; there are " + strings.Join(names, ", ")}
	}
	return nil
}

// decode reads the members into a document.
func (m members) decode(into any) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	err = json.Unmarshal(text, into)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return &tenancy.FieldError{Field: wrong.Field, Message: fmt.Sprintf("expected %s, got %s", expected(wrong.Type), wrong.Value)}
	}
	return err
}

// expected names a type as people who write JSON do.
func expected(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Pointer:
		return expected(t.Elem())
	default:
		return "a whole number"
	}
}

// merge applies a merge patch (RFC 7396). A null at the top is kept, so that a
// field can tell that it was emptied; it decodes as if it were absent.
func (m members) merge(patch members) members {
	out := members{}
	for name, value := range m {
		out[name] = value
	}
	for name, value := range patch {
		out[name] = mergeValue(out[name], value)
	}
	return out
}

func mergeValue(target, patch json.RawMessage) json.RawMessage {
	var changes members
	if json.Unmarshal(patch, &changes) != nil || changes == nil {
		return patch
	}
	var old members
	if json.Unmarshal(target, &old) != nil || old == nil {
		old = members{}
	}
	for name, value := range changes {
		if string(bytes.TrimSpace(value)) == "null" {
			delete(old, name)
			continue
		}
		old[name] = mergeValue(old[name], value)
	}
	merged, err := json.Marshal(old)
	if err != nil {
		return patch // raw JSON that was parsed always marshals
	}
	return merged
}
