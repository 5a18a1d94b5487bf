package chat

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

	// content is a string or a list of parts. A part of Mistral's thinking holds
	// further ones. Images, audio and files are no text.
	content = &splice.Shape{Text: true, Members: members{
		"text": text, "refusal": text,
		"thinking": {Text: true, Members: members{"text": text}},
	}}

	// reasoning has two names among vendors, and some give it under both.
	reasoning = &splice.Shape{Text: true, Once: true}

	call = &splice.Shape{Members: members{"name": text, "arguments": text}}

	// said are the members that a request's messages, an answer's message and a
	// stream's delta have in common.
	said = members{
		"content": content, "refusal": text,
		"reasoning_content": reasoning, "reasoning": reasoning,
		"tool_calls":    {Members: members{"function": call, "custom": {Members: members{"name": text, "input": text}}}},
		"function_call": call,
		"audio":         {Members: members{"transcript": text}},
	}

	message = &splice.Shape{Members: said}

	function = &splice.Shape{Members: members{
		"name": text, "description": text, "parameters": document, "schema": document, "format": document,
	}}

	request = &splice.Shape{Members: members{
		"messages": {Item: true, Members: with(said, members{"name": text})},
		"tools":    {Item: true, Members: members{"function": function, "custom": function}},
		// the name of tools before they were called so
		"functions":       {Item: true, Members: function.Members},
		"response_format": {Members: members{"json_schema": function}},
		"prediction":      {Members: members{"content": content}},
		// of embeddings
		"input": text,
	}}

	answer = &splice.Shape{Members: members{
		"choices": {Last: true, Members: members{"message": message, "delta": message, "text": text}},
	}}
)

func with(m, more members) members {
	all := maps.Clone(m)
	maps.Copy(all, more)
	return all
}

// Prompt gives the texts of a request. Messages and tools are its items.
// Embeddings that are given as tokens have no text.
func (Codec) Prompt(_ protocol.Operation, body []byte, text func([]byte)) int {
	return request.Texts(body, text)
}

// AnswerText gives the texts of an answer's choices; embeddings have none.
func (Codec) AnswerText(op protocol.Operation, body []byte, text func([]byte)) {
	if op == protocol.Generate {
		answer.Texts(body, text)
	}
}

// Text appends the text of an event's deltas.
func (r *reader) Text(dst, raw []byte) []byte {
	data := sse.Line(raw)
	switch {
	case len(r.head) > 0 && bytes.HasPrefix(data, r.head):
		return message.Append(dst, data[len(r.head)-1:])
	case data == nil:
		data = sse.Data(raw)
	}
	return answer.Append(dst, data)
}
