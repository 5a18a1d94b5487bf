package messages

import (
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

// readFailure reads the error of an error event, wrapped or plain.
func readFailure(o splice.Object, data []byte) *protocol.Error {
	if !protocol.Null(o.Value(eventError)) {
		return protocol.ReadFailure(o, eventError)
	}
	return protocol.ParseFailure(data)
}
