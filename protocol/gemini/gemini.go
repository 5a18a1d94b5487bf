// Package gemini is the codec of Google's Gemini API: generateContent, its
// stream as events or as a JSON array, countTokens, embedContent and
// batchEmbedContents.
package gemini

import "github.com/caddy-aiproxy/aiproxy/protocol"

// Codec implements protocol.Codec. Its zero value is ready.
type Codec struct{}

var (
	_ protocol.Codec  = Codec{}
	_ protocol.Stream = (*reader)(nil)
)

// Status returns the HTTP status of an error of this kind.
func (Codec) Status(kind protocol.Kind) int { return kind.In(protocol.Gemini).Status }

// ErrorBody returns the body of an error answer. The protocol has no place for
// the request's id.
func (Codec) ErrorBody(e *protocol.Error, requestID string) []byte {
	return protocol.ErrorBody(protocol.Gemini, e, requestID)
}
