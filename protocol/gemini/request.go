package gemini

import (
	"fmt"
	"strings"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

// Upstream reads a body as protobuf's JSON: a field is known by its JSON name
// and by the name in its definition, so that both are looked for.
var requestNames = splice.NewNames("model", "requests", "generateContentRequest", "generate_content_request")

const (
	requestModel = iota
	requestRequests
	requestInner
	requestInnerSnake
)

var modelName = splice.NewNames("model")

// place is where a body names the model of its path once more.
type place struct {
	splice.Span
	// bare says that it does so without models/.
	bare bool
}

// fields are where the edits of a request go.
type fields struct{ places []place }

// Read scans a request for the places in which it repeats the model of its
// path. Google's front end takes a model from each of them, so another one
// there, which nobody authorised, is refused.
func (Codec) Read(call protocol.Call, body []byte) (*protocol.Request, *protocol.Error) {
	o, err := splice.Scan(body, requestNames, 0)
	if err != nil {
		return nil, protocol.Invalid(err)
	}
	f := &fields{}
	if e := f.note(o, "model", call.Model); e != nil {
		return nil, e
	}
	switch call.Operation {
	case protocol.BatchEmbed:
		if e := f.noteRequests(o, call.Model); e != nil {
			return nil, e
		}
	case protocol.CountTokens:
		if e := f.noteInner(o, call.Model); e != nil {
			return nil, e
		}
	}
	return &protocol.Request{Call: call, Body: body, Model: call.Model, Stream: call.Stream, Fields: f}, nil
}

// noteRequests notes the model of each request of a batch.
func (f *fields) noteRequests(o splice.Object, model string) (refused *protocol.Error) {
	if protocol.Null(o.Value(requestRequests)) {
		return nil
	}
	n := 0
	err := o.Elements(requestRequests, modelName, 0, func(request splice.Object) bool {
		if request.Value(0) != nil {
			refused = f.note(request, fmt.Sprintf("requests[%d].model", n), model)
		}
		n++
		return refused == nil
	})
	if err != nil {
		return protocol.Invalid(err)
	}
	return refused
}

// noteInner notes the model of the request whose tokens are counted.
func (f *fields) noteInner(o splice.Object, model string) *protocol.Error {
	i := requestInner
	if o.Value(requestInnerSnake) != nil {
		if o.Value(requestInner) != nil {
			return &protocol.Error{Kind: protocol.KindInvalid, Param: "generateContentRequest",
				Message: `"generateContentRequest" is given twice, once as "generate_content_request"`}
		}
		i = requestInnerSnake
	}
	if protocol.Null(o.Value(i)) {
		return nil
	}
	inner, err := o.Sub(i, modelName, 0)
	if err != nil {
		return protocol.Invalid(err)
	}
	return f.note(inner, "generateContentRequest.model", model)
}

const prefix = "models/"

// note notes the model that the first member of o names. It must be the path's.
func (f *fields) note(o splice.Object, param, model string) *protocol.Error {
	if protocol.Null(o.Value(0)) {
		return nil
	}
	named, e := protocol.MemberModel(param, o.Value(0))
	if e != nil {
		return e
	}
	bare := named == model
	if rest, ok := strings.CutPrefix(named, prefix); !bare && (!ok || rest != model) {
		return &protocol.Error{Kind: protocol.KindInvalid, Param: param,
			Message: fmt.Sprintf("%q is %q: expected the model of the path, %q", param, named, prefix+model)}
	}
	f.places = append(f.places, place{o.Values[0], bare})
	return nil
}

// RequestEdits puts the upstream's model in all places that name the path's.
// Streams always come with usage: it need not be asked for.
func (Codec) RequestEdits(req *protocol.Request, upstreamModel string, _ bool) ([]byte, protocol.Edits) {
	edits := protocol.Edits{ClientModel: req.Model, UpstreamModel: upstreamModel}
	places := req.Fields.(*fields).places
	if !edits.Mapped() || len(places) == 0 {
		return req.Body, edits
	}
	bare, full := splice.Quote(upstreamModel), splice.Quote(resource(upstreamModel))
	list := make([]splice.Edit, len(places))
	for i, p := range places {
		text := full
		if p.bare {
			text = bare
		}
		list[i] = splice.Edit{Span: p.Span, Text: text}
	}
	return splice.Apply(req.Body, list...), edits
}

// resource returns a model's name with the collection that it is in.
func resource(model string) string {
	if strings.HasPrefix(model, "tunedModels/") {
		return model
	}
	return prefix + model
}
