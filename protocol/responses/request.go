package responses

import (
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

var requestNames = splice.NewNames("model", "stream")

const (
	model = iota
	stream
)

// Read scans a request for its model and whether it is to be streamed.
func (Codec) Read(call protocol.Call, body []byte) (*protocol.Request, *protocol.Error) {
	o, err := splice.Scan(body, requestNames, 0)
	if err != nil {
		return nil, protocol.Invalid(err)
	}
	req := &protocol.Request{Call: call, Body: body, Fields: &o}
	var e *protocol.Error
	if req.Model, e = protocol.MemberModel("model", o.Value(model)); e != nil {
		return nil, e
	}
	if req.Stream, e = protocol.MemberBool("stream", o.Value(stream)); e != nil {
		return nil, e
	}
	return req, nil
}

// RequestEdits puts the upstream's model in the place of the client's. Streams
// always end with usage: it need not be asked for.
func (Codec) RequestEdits(req *protocol.Request, upstreamModel string, _ bool) ([]byte, protocol.Edits) {
	edits := protocol.Edits{ClientModel: req.Model, UpstreamModel: upstreamModel}
	if !edits.Mapped() {
		return req.Body, edits
	}
	o := req.Fields.(*splice.Object)
	return splice.Apply(req.Body, o.Set(model, splice.Quote(upstreamModel))), edits
}
