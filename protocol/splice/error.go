package splice

import (
	"errors"
	"fmt"
)

// SyntaxError is a text that is no JSON object.
type SyntaxError struct {
	// Offset is where, in bytes from the start of the body.
	Offset int
	// Message says what is wrong there.
	Message string
}

// Error says what is wrong and where.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Message)
}

// DepthError is an object that is nested too deeply.
type DepthError struct {
	// Offset is the bracket that is one too many, in bytes from the start of
	// the body.
	Offset int
	// Limit is the number of levels allowed.
	Limit int
}

// Error says what the limit is and where it was reached.
func (e *DepthError) Error() string {
	return fmt.Sprintf("JSON at byte %d is nested more than %d levels deep", e.Offset, e.Limit)
}

// MemberError is a member that is looked for and has no single meaning, or not
// the shape that it must have.
type MemberError struct {
	// Name is the name that was looked for, with the path to it below the
	// object that was asked: "model", "requests[2].model".
	Name string
	// Offset is where the key (or the value, where that is wrong) starts, in
	// bytes from the start of the body; 0 where the member is missing.
	Offset int
	// Reason is the rest of a sentence that starts with the name.
	Reason string
}

// Error says which member is wrong, how and where.
func (e *MemberError) Error() string {
	return fmt.Sprintf("%q %s (at byte %d)", e.Name, e.Reason, e.Offset)
}

// under puts the path of the scanned object before the name of a MemberError.
func under(err error, path string) error {
	var m *MemberError
	if errors.As(err, &m) {
		return &MemberError{path + "." + m.Name, m.Offset, m.Reason}
	}
	return err
}

// expected is the error of a byte that is not what it has to be.
func expected(b []byte, i int, what string) error {
	if i >= len(b) {
		return &SyntaxError{i, "unexpected end, expected " + what}
	}
	if c := b[i]; c < ' ' || c > '~' {
		return &SyntaxError{i, fmt.Sprintf("found byte 0x%02x, expected %s", c, what)}
	}
	return &SyntaxError{i, fmt.Sprintf("found %q, expected %s", b[i], what)}
}
