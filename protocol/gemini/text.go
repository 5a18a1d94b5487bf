package gemini

import (
	"maps"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

type members = map[string]*splice.Shape

var (
	text     = &splice.Shape{Text: true}
	document = &splice.Shape{JSON: true}

	// part is a part of a content, of a request or an answer. Blobs, files and
	// thought signatures are no text. A request may spell its members as the
	// definition of the protocol does, too.
	part = func() *splice.Shape {
		call := &splice.Shape{Members: members{"name": text, "args": document}}
		response := &splice.Shape{Members: members{"name": text, "response": document}}
		code := &splice.Shape{Members: members{"code": text}}
		result := &splice.Shape{Members: members{"output": text}}
		return &splice.Shape{Members: members{
			"text":         text,
			"functionCall": call, "function_call": call,
			"functionResponse": response, "function_response": response,
			"executableCode": code, "executable_code": code,
			"codeExecutionResult": result, "code_execution_result": result,
		}}
	}()

	content = &splice.Shape{Members: members{"parts": part}}

	request = func() *splice.Shape {
		function := &splice.Shape{Item: true, Members: members{
			"name": text, "description": text,
			"parameters": document, "parametersJsonSchema": document, "parameters_json_schema": document,
			"response": document, "responseJsonSchema": document, "response_json_schema": document,
		}}
		config := &splice.Shape{Members: members{
			"responseSchema": document, "response_schema": document,
			"responseJsonSchema": document, "response_json_schema": document,
		}}
		m := members{
			"systemInstruction": content, "system_instruction": content,
			"contents":         {Item: true, Members: content.Members},
			"tools":            {Members: members{"functionDeclarations": function, "function_declarations": function}},
			"generationConfig": config, "generation_config": config,
			// of embeddings, one or many
			"content":  content,
			"requests": {Members: members{"content": content}},
		}
		// of the counting of tokens
		all := maps.Clone(m)
		all["generateContentRequest"] = &splice.Shape{Members: m}
		all["generate_content_request"] = all["generateContentRequest"]
		return &splice.Shape{Members: all}
	}()

	answer = &splice.Shape{Members: members{
		"candidates": {Last: true, Members: members{"content": content}},
	}}
)

// Prompt gives the texts of a request. Contents and functions are its items.
func (Codec) Prompt(_ protocol.Operation, body []byte, text func([]byte)) int {
	return request.Texts(body, text)
}

// AnswerText gives the texts of an answer's candidates.
func (Codec) AnswerText(op protocol.Operation, body []byte, text func([]byte)) {
	if op == protocol.Generate {
		answer.Texts(body, text)
	}
}

// Text appends the text of an event's candidates.
func (r *reader) Text(dst, raw []byte) []byte { return answer.Append(dst, r.data(raw)) }
