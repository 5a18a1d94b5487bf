package messages

import (
	"bytes"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
	"github.com/caddy-aiproxy/aiproxy/protocol/sse"
)

type members = map[string]*splice.Shape

var (
	text     = &splice.Shape{Text: true}
	document = &splice.Shape{JSON: true}

	// result is the content of what holds others: a tool's result, a search
	// result, a document that is made of blocks.
	result = &splice.Shape{Text: true, Members: members{"text": text, "title": text, "source": source, "context": text,
		"content": {Text: true, Members: members{"text": text}}, "stdout": text, "stderr": text}}

	// source is where a block has its content from. That of an image or a PDF is
	// no text.
	source = &splice.Shape{Types: map[string]*splice.Shape{
		"text":    {Members: members{"data": text}},
		"content": {Members: members{"content": {Text: true, Members: members{"text": text}}}},
	}}

	// content is a string or a list of blocks: text, thinking, documents, calls of
	// tools and their results. Signatures and redacted thinking are no text.
	content = &splice.Shape{Text: true, Members: members{
		"text": text, "thinking": text,
		"name": text, "input": document, "content": result,
		"title": text, "context": text, "source": source,
	}}

	request = &splice.Shape{Members: members{
		"system":   content,
		"messages": {Item: true, Members: members{"content": content}},
		"tools":    {Item: true, Members: members{"name": text, "description": text, "input_schema": document}},
	}}

	// answered is content without what the server's own tools brought, which is
	// input.
	answered = &splice.Shape{Members: members{"text": text, "thinking": text, "name": text, "input": document}}

	answer = &splice.Shape{Members: members{"content": answered}}

	// more is what a delta brings.
	more = &splice.Shape{Members: members{"text": text, "thinking": text, "partial_json": text}}

	event = &splice.Shape{Members: members{
		"delta":         {Last: true, Members: more.Members},
		"content_block": {Last: true, Members: answered.Members},
	}}
)

// Prompt gives the texts of a request. Messages and tools are its items.
func (Codec) Prompt(_ protocol.Operation, body []byte, text func([]byte)) int {
	return request.Texts(body, text)
}

// AnswerText gives the texts of a message.
func (Codec) AnswerText(op protocol.Operation, body []byte, text func([]byte)) {
	if op == protocol.Generate {
		answer.Texts(body, text)
	}
}

// endDelta is the end of `"delta":{`, which is searched for by it: the bytes
// that it starts with are everywhere, and a search stops at each.
var endDelta = []byte(`lta":{`)

// Text appends the text of a delta, or of the block that begins.
func (*reader) Text(dst, raw []byte) []byte {
	if bytes.HasPrefix(raw, []byte(delta)) {
		if i := bytes.Index(raw, endDelta); i > 3 && string(raw[i-3:i]) == `"de` {
			return more.Append(dst, raw[i+len(endDelta)-1:])
		}
	}
	return event.Append(dst, sse.Data(raw))
}
