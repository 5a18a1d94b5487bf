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
	name := newNames(edits).restored(o.Value(i))
	if name == "" {
		return body
	}
	return splice.Apply(body, o.Set(i, name))
}

// names puts the client's name of a model back into answers, with models/
// before it where the upstream's has that.
type names struct {
	bare, full   protocol.Edits
	client, path string
}

func newNames(edits protocol.Edits) *names {
	n := &names{bare: edits, full: edits, client: splice.Quote(edits.ClientModel)}
	n.full.ClientModel, n.full.UpstreamModel = resource(edits.ClientModel), resource(edits.UpstreamModel)
	n.path = splice.Quote(n.full.ClientModel)
	return n
}

// restored returns the JSON that belongs in the place of value, empty where
// value stays.
func (n *names) restored(value []byte) string {
	switch {
	case n.bare.Restores(value):
		return n.client
	case n.full.Restores(value):
		return n.path
	}
	return ""
}
