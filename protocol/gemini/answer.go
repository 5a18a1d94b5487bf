package gemini

import (
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

// answerNames are where an answer names its model: generateContent under
// modelVersion, the others, if at all, under model.
var answerNames = splice.NewNames("modelVersion", "model")

// AnswerEdits puts the client's model back where the answer names the one that
// was asked for in its place. An answer that is no JSON object, or names its
// model twice, stays as it is.
func (Codec) AnswerEdits(op protocol.Operation, body []byte, edits protocol.Edits) []byte {
	if !edits.Mapped() {
		return body
	}
	o, err := splice.Scan(body, answerNames, 0)
	if err != nil {
		return body
	}
	i := 0
	if op != protocol.Generate {
		i = 1
	}
	edit, ok := restore(edits, o, i)
	if !ok {
		return body
	}
	return splice.Apply(body, edit)
}

// restore returns the edit that puts the client's model back, with models/
// before it where the upstream's has that.
func restore(edits protocol.Edits, o splice.Object, i int) (splice.Edit, bool) {
	if edit, ok := edits.Restore(o, i); ok {
		return edit, true
	}
	edits.ClientModel, edits.UpstreamModel = resource(edits.ClientModel), resource(edits.UpstreamModel)
	return edits.Restore(o, i)
}
