package responses

import (
	"bytes"
	"maps"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
	"github.com/caddy-aiproxy/aiproxy/protocol/sse"
)

type members = map[string]*splice.Shape

var (
	text     = &splice.Shape{Text: true}
	document = &splice.Shape{JSON: true}

	// content is a string or a list of parts: of messages, of reasoning, or of
	// what a tool put out. Images, audio and files are no text.
	content = &splice.Shape{Text: true, Members: members{
		"text": text, "refusal": text, "logs": text, "stdout": text, "stderr": text,
	}}

	tool = func() *splice.Shape {
		t := &splice.Shape{Item: true, Members: members{
			"name": text, "description": text, "parameters": document, "format": document,
			"server_description": text, "input_schema": document,
		}}
		// a namespace of tools
		t.Members["tools"] = t
		return t
	}()

	// written are the members of items that the model writes: messages,
	// reasoning, and calls of tools.
	written = members{
		"content": content, "summary": content,
		"name": text, "arguments": text, "input": text, "code": text, "queries": text,
		"action": document, "operation": document,
	}

	// given are those of all items, with what came of the calls. They are the
	// model's input, whether the client brought them or a tool of the upstream.
	given = with(written, members{"output": content, "outputs": content, "results": content, "tools": tool})

	request = &splice.Shape{Members: members{
		"instructions": text,
		"input":        {Text: true, Item: true, Members: given},
		"tools":        tool,
		"text":         {Members: members{"format": {Members: members{"name": text, "description": text, "schema": document}}}},
	}}

	answer = &splice.Shape{Members: members{"output": {Last: true, Members: written}}}
)

func with(m, more members) members {
	all := maps.Clone(m)
	maps.Copy(all, more)
	return all
}

// Prompt gives the texts of a request. Its items are those of its input, each
// message, call and result, and its tools. What it names by an id is not in it.
func (Codec) Prompt(_ protocol.Operation, body []byte, text func([]byte)) int {
	return request.Texts(body, text)
}

// AnswerText gives the texts of a response's output.
func (Codec) AnswerText(_ protocol.Operation, body []byte, text func([]byte)) {
	answer.Texts(body, text)
}

const (
	// Events whose type ends so bring more of a text, of whatever kind, but for
	// those of sound. The events that end it bring it once more.
	moreSuffix = ".delta"
	audioDelta = "response.audio.delta"
	// added is the event in which a call of a tool has its name.
	added = "response.output_item.added"
)

var (
	// endDelta is the end of `"delta":"`, which is searched for by it: the bytes
	// that it starts with are everywhere, and a search stops at each.
	endDelta = []byte(`lta":"`)
	textName = splice.NewNames("type", "delta", "item")
	// begun is an item as it begins: what else is in it comes in deltas.
	begun = &splice.Shape{Members: members{"name": text}}
)

// Text appends the delta of an event, or the name of a tool.
func (*reader) Text(dst, raw []byte) []byte {
	if kind := glance(raw); kind != nil {
		if !bringsText(kind) {
			return dst
		}
		if i := bytes.Index(raw, endDelta); i > 3 && string(raw[i-3:i]) == `"de` {
			return text.Append(dst, raw[i+len(endDelta)-1:])
		}
	}
	o, err := splice.Scan(bytes.TrimSpace(sse.Data(raw)), textName, 0)
	if err != nil {
		return dst
	}
	kind := o.Value(0)
	if len(kind) < 2 {
		kind = sse.Name(raw)
	} else {
		kind = kind[1 : len(kind)-1]
	}
	switch {
	case !bringsText(kind):
		return dst
	case string(kind) == added:
		return begun.Append(dst, o.Value(2))
	}
	return text.Append(dst, o.Value(1))
}

func bringsText(kind []byte) bool {
	return bytes.HasSuffix(kind, []byte(moreSuffix)) && string(kind) != audioDelta || string(kind) == added
}
