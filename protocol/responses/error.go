package responses

import (
	"strconv"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

var failedNames = splice.NewNames("error")

// readFailure reads the error of a failed response, of an error event, or of
// one that wraps the error as other APIs do.
func readFailure(o splice.Object, data []byte) *protocol.Error {
	if !protocol.Null(o.Value(eventError)) {
		return protocol.ReadFailure(o, eventError)
	}
	if !protocol.Null(o.Value(eventResponse)) {
		if response, err := o.Sub(eventResponse, failedNames, 0); err == nil {
			return protocol.ReadFailure(response, 0)
		}
	}
	return protocol.ParseFailure(data)
}

// errorEvent returns the data of the event that ends a broken stream.
func errorEvent(e *protocol.Error, sequence int64) []byte {
	code := e.Code
	if code == "" {
		code = e.Kind.In(protocol.Responses).Code
	}
	b := append([]byte(nil), `{"type":"error","code":`...)
	b = protocol.AppendTextOrNull(b, code)
	b = append(b, `,"message":`...)
	b = protocol.AppendText(b, e.Message)
	b = append(b, `,"param":`...)
	b = protocol.AppendTextOrNull(b, e.Param)
	b = append(b, `,"sequence_number":`...)
	b = strconv.AppendInt(b, sequence, 10)
	return append(b, '}')
}
