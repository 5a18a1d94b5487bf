package chat

import (
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

var requestNames = splice.NewNames("model", "stream", "stream_options")

const (
	model = iota
	stream
	streamOptions
)

var optionNames = splice.NewNames("include_usage")

const includeUsage = 0

// fields are where the edits of a request go.
type fields struct {
	body splice.Object
	// options is the object stream_options, where hasOptions says it is one.
	options    splice.Object
	hasOptions bool
	// usage says that the client asked for usage itself.
	usage bool
}

// Read scans a request for its model, whether it is to be streamed, and
// whether the stream is to end with usage. Embeddings have but a model.
func (Codec) Read(call protocol.Call, body []byte) (*protocol.Request, *protocol.Error) {
	o, err := splice.Scan(body, requestNames, 0)
	if err != nil {
		return nil, protocol.Invalid(err)
	}
	f := &fields{body: o}
	req := &protocol.Request{Call: call, Body: body, Fields: f}
	var e *protocol.Error
	if req.Model, e = protocol.MemberModel("model", o.Value(model)); e != nil {
		return nil, e
	}
	if call.Operation != protocol.Generate {
		return req, nil
	}
	if req.Stream, e = protocol.MemberBool("stream", o.Value(stream)); e != nil {
		return nil, e
	}
	options := o.Value(streamOptions)
	if protocol.Null(options) {
		return req, nil
	}
	if options[0] != '{' {
		return nil, protocol.InvalidMember("stream_options", "an object", options)
	}
	if f.options, err = o.Sub(streamOptions, optionNames, 0); err != nil {
		return nil, protocol.Invalid(err)
	}
	f.hasOptions = true
	if f.usage, e = protocol.MemberBool("stream_options.include_usage", f.options.Value(includeUsage)); e != nil {
		return nil, e
	}
	return req, nil
}

// RequestEdits puts the upstream's model in the place of the client's and, in
// a stream of which the client did not ask for usage, asks for it: without
// usage nobody knows what the stream cost.
func (Codec) RequestEdits(req *protocol.Request, upstreamModel string, usage bool) ([]byte, protocol.Edits) {
	f := req.Fields.(*fields)
	edits := protocol.Edits{ClientModel: req.Model, UpstreamModel: upstreamModel}
	list := make([]splice.Edit, 0, 2)
	if edits.Mapped() {
		list = append(list, f.body.Set(model, splice.Quote(upstreamModel)))
	}
	if usage && req.Stream && !f.usage {
		edits.Usage = true
		list = append(list, f.askUsage())
	}
	if len(list) == 0 {
		return req.Body, edits
	}
	return splice.Apply(req.Body, list...), edits
}

// askUsage returns the edit that sets stream_options.include_usage.
func (f *fields) askUsage() splice.Edit {
	switch {
	case f.hasOptions && f.options.Value(includeUsage) != nil:
		return f.options.Set(includeUsage, "true")
	case f.hasOptions:
		return f.options.Add(`"include_usage"`, "true")
	case f.body.Value(streamOptions) != nil:
		return f.body.Set(streamOptions, `{"include_usage":true}`)
	}
	return f.body.Add(`"stream_options"`, `{"include_usage":true}`)
}
