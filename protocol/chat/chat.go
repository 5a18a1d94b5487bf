// Package chat is the codec of OpenAI's Chat Completions API and of the
// embeddings that go with it, which hundreds of other vendors have copied.
// It knows the protocol as it is spoken; the quirks of one vendor belong to
// its adaptor.
package chat

import "github.com/caddy-aiproxy/aiproxy/protocol"

// Codec implements protocol.Codec. Its zero value is ready.
type Codec struct{}

var (
	_ protocol.Codec  = Codec{}
	_ protocol.Stream = (*reader)(nil)
)

// Status returns the HTTP status of an error of this kind.
func (Codec) Status(kind protocol.Kind) int { return kind.In(protocol.Chat).Status }

// ErrorBody returns the body of an error answer. The protocol has no place for
// the request's id.
func (Codec) ErrorBody(e *protocol.Error, requestID string) []byte {
	return protocol.ErrorBody(protocol.Chat, e, requestID)
}
