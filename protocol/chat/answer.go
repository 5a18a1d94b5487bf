package chat

import (
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

var answerNames = splice.NewNames("model")

// AnswerEdits puts the client's model back where the answer names the one that
// was asked for in its place. An answer that is no JSON object, or names its
// model twice, stays as it is.
func (Codec) AnswerEdits(_ protocol.Operation, body []byte, edits protocol.Edits) []byte {
	if !edits.Mapped() {
		return body
	}
	o, err := splice.Scan(body, answerNames, 0)
	if err != nil || !edits.Restores(o.Value(0)) {
		return body
	}
	return splice.Apply(body, o.Set(0, splice.Quote(edits.ClientModel)))
}
