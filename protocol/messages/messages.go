// Package messages is the codec of Anthropic's Messages API.
package messages

import "github.com/caddy-aiproxy/aiproxy/protocol"

// Codec implements protocol.Codec. Its zero value is ready.
type Codec struct{}

var (
	_ protocol.Codec  = Codec{}
	_ protocol.Stream = (*reader)(nil)
)

// Status returns the HTTP status of an error of this kind.
func (Codec) Status(kind protocol.Kind) int { return kind.In(protocol.Messages).Status }

// ErrorBody returns the body of an error answer.
func (Codec) ErrorBody(e *protocol.Error, requestID string) []byte {
	return protocol.ErrorBody(protocol.Messages, e, requestID)
}
