// Package splice finds the few members of a JSON object that the gateway acts
// on, in one pass, and edits them in place: every other byte stays as it came.
// It knows JSON and no protocol.
package splice

// Names are the members that a scan looks for. It is built once and shared.
type Names struct{ names []string }

// NewNames returns the names, in the order in which Object.Value counts them.
func NewNames(names ...string) *Names { return &Names{names: names} }

// Span is a part of a body: body[Start:End].
type Span struct{ Start, End int }

// Object is what one scan found in a JSON object.
type Object struct {
	// Body is the whole text; all spans count from its start.
	Body []byte
	// Values has a span for each name of Names; End is 0 where it is absent.
	Values []Span
}

// Edit puts Text in the place of a span.
type Edit struct {
	Span
	Text string
}

// Scan finds the named members of the JSON object that body is.
func Scan(body []byte, names *Names, maxDepth int) (Object, error) { panic("splice") }

// Value returns the bytes of the i-th name's value, nil where it is absent.
func (o Object) Value(i int) []byte { panic("splice") }

// Sub scans the object that the i-th name's value is.
func (o Object) Sub(i int, names *Names, maxDepth int) (Object, error) { panic("splice") }

// Elements scans the objects of the array that the i-th name's value is, in
// order, and calls yield for each until it returns false.
func (o Object) Elements(i int, names *Names, maxDepth int, yield func(Object) bool) error {
	panic("splice")
}

// Set replaces the value of the i-th name, which must be there.
func (o Object) Set(i int, text string) Edit { panic("splice") }

// Add appends a member after the last one. key and text are JSON.
func (o Object) Add(key, text string) Edit { panic("splice") }

// Cut takes the member of the i-th name out, with the comma that goes with it.
func (o Object) Cut(i int) Edit { panic("splice") }

// Apply returns a copy of body with the edits, which may come in any order and
// do not overlap.
func Apply(body []byte, edits ...Edit) []byte { panic("splice") }

// Text decodes a JSON string.
func Text(value []byte) (string, error) { panic("splice") }

// Quote encodes s as a JSON string.
func Quote(s string) string { panic("splice") }
