package protocol

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

// MaxModel is the length of the longest model name, in bytes.
const MaxModel = 512

// Invalid returns the error of a body that splice refused; it names the member
// that has no single meaning, or the byte at which the JSON is wrong.
func Invalid(err error) *Error {
	e := &Error{Kind: KindInvalid, Message: err.Error()}
	var member *splice.MemberError
	if errors.As(err, &member) {
		e.Param = member.Name
	}
	return e
}

// InvalidMember returns the error of a member that is not as it must be.
func InvalidMember(param, expected string, value []byte) *Error {
	if value == nil {
		return &Error{Kind: KindInvalid, Param: param, Message: fmt.Sprintf("%q is missing: expected %s", param, expected)}
	}
	const most = 64
	shown := string(value[:min(len(value), most)])
	if len(value) > most {
		shown = strings.ToValidUTF8(shown, "") + "..."
	}
	return &Error{Kind: KindInvalid, Param: param, Message: fmt.Sprintf("%q is %s: expected %s", param, shown, expected)}
}

// MemberModel returns the model that value, a member of a body, names. It must
// be there, a string, not empty, at most MaxModel bytes long and without control
// characters.
func MemberModel(param string, value []byte) (string, *Error) {
	const expected = "a model's name"
	// six bytes write one where all letters are escaped
	if len(value) == 0 || value[0] != '"' || len(value) > 2+6*MaxModel {
		return "", InvalidMember(param, expected, value)
	}
	model, err := splice.Text(value)
	if err != nil {
		return "", &Error{Kind: KindInvalid, Param: param, Message: fmt.Sprintf("%q is no valid string: %v", param, err)}
	}
	if model == "" || len(model) > MaxModel || strings.ContainsFunc(model, unicode.IsControl) {
		return "", InvalidMember(param, expected, value)
	}
	return model, nil
}

// MemberBool returns the boolean that value, a member of a body, is. Absent and
// null are false.
func MemberBool(param string, value []byte) (bool, *Error) {
	switch string(value) {
	case "", "null", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, InvalidMember(param, "a boolean", value)
}

// Null says whether a member is absent or null.
func Null(value []byte) bool { return len(value) == 0 || string(value) == "null" }

// Void says whether a member holds nothing: absent, null, or an empty string,
// array or object.
func Void(value []byte) bool {
	if len(value) < 2 {
		return len(value) == 0
	}
	switch value[0] {
	case '"':
		return len(value) == 2
	case '[', '{':
		return len(bytes.TrimLeft(value[1:len(value)-1], " \t\r\n")) == 0
	}
	return string(value) == "null"
}

// Same says whether value is a JSON string that reads text.
func Same(value []byte, text string) bool {
	if len(value) == len(text)+2 && value[0] == '"' && string(value[1:len(value)-1]) == text {
		return true
	}
	if len(value) < 2 || value[0] != '"' {
		return false
	}
	s, err := splice.Text(value)
	return err == nil && s == text
}

// Restores says whether value is the upstream's name of a model whose name was
// changed, so that the client's belongs in its place.
func (e Edits) Restores(value []byte) bool {
	return value != nil && e.Mapped() && Same(value, e.UpstreamModel)
}
