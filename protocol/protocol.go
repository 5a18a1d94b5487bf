// Package protocol holds the four LLM wire protocols: what a path and method
// mean in each, what their errors look like, and, in one folder each, what the
// gateway has to know of their requests, answers and streams.
//
// Nothing here knows a provider, a tenant or Caddy, and nothing here does I/O.
package protocol

// Protocol is one of the four wire protocols that clients and upstreams speak.
type Protocol uint8

// The protocols. None is the zero value: a path that belongs to no protocol.
const (
	None Protocol = iota
	// Chat is OpenAI's Chat Completions API, with its embeddings.
	Chat
	// Responses is OpenAI's Responses API.
	Responses
	// Messages is Anthropic's Messages API.
	Messages
	// Gemini is Google's Gemini API (generateContent and its kin).
	Gemini
)

var protocolNames = [...]string{"", "chat", "responses", "messages", "gemini"}

// String returns the name used in the Caddyfile, in logs and in the admin API.
func (p Protocol) String() string {
	if int(p) < len(protocolNames) {
		return protocolNames[p]
	}
	return "unknown"
}

// Parse returns the protocol of that name. None and false if there is none.
func Parse(name string) (Protocol, bool) {
	for p, n := range protocolNames {
		if p > 0 && n == name {
			return Protocol(p), true
		}
	}
	return None, false
}

// Operation is what a call asks for, the same word for every protocol.
type Operation uint8

// The operations. OperationNone is the zero value.
const (
	OperationNone Operation = iota
	// Generate makes text, tool calls and the like; streamed or not.
	Generate
	// CountTokens counts the tokens of a prompt.
	CountTokens
	// Embed makes the embedding of one input (for Chat: of a list of inputs).
	Embed
	// BatchEmbed makes several embeddings in one call (Gemini).
	BatchEmbed
	// ListModels and GetModel are answered from the catalogue, by no upstream.
	ListModels
	GetModel
	// Me is a token's view of itself (/v1/aiproxy/me).
	Me
	// Ready and Live are for load balancers and need no credential.
	Ready
	Live
)

var operationNames = [...]string{"", "generate", "count_tokens", "embed", "batch_embed", "list_models", "get_model", "me", "ready", "live"}

// String returns the name used in logs, metrics and errors.
func (o Operation) String() string {
	if int(o) < len(operationNames) {
		return operationNames[o]
	}
	return "unknown"
}

// Call is what the path, the method and the query of a request say, before its
// body is read.
type Call struct {
	Protocol  Protocol
	Operation Operation
	// Model is the model's name where the path holds it (Gemini, GetModel),
	// with its collection where that is not models/ (tunedModels/mine).
	Model string
	// Stream says that the path asks for a stream (Gemini); in the other
	// protocols the body says so.
	Stream bool
	// Array says that the stream is a JSON array and no event stream (Gemini's
	// streamGenerateContent without alt=sse).
	Array bool
	// Version is the path's first segment as the client wrote it: v1 or v1beta.
	Version string
}
