package upstream

import (
	"encoding/json"
	"strings"
)

var generateFields = fields{
	required: []string{"contents"},
	known: union(
		among(anArray, "contents", "tools", "safetySettings"),
		among(anObject, "toolConfig", "systemInstruction", "generationConfig", "labels"),
		among(aString, "cachedContent", "model", "serviceTier"),
		among(aBool, "store"),
	),
}

var countTokensFields = fields{known: union(
	among(anArray, "contents"),
	among(anObject, "generateContentRequest"),
)}

var embedFields = fields{
	required: []string{"content"},
	known: union(
		among(aString, "model", "taskType", "title"),
		among(anObject, "content", "embedContentConfig"),
		among(anInteger, "outputDimensionality"),
		among(aBool, "autoTruncate"),
	),
}

var batchEmbedFields = fields{
	required: []string{"requests"},
	known:    among(anArray, "requests"),
}

type geminiContent struct {
	Role  string                       `json:"role"`
	Parts []map[string]json.RawMessage `json:"parts"`
}

// checkContents holds the rules between turns: roles, parts, and that the turn
// after function calls answers each of them.
func checkContents(_ *Server, _ string, body map[string]json.RawMessage) *refusal {
	var contents []geminiContent
	if err := json.Unmarshal(body["contents"], &contents); err != nil {
		return invalidGemini("Invalid value at 'contents' (type.googleapis.com/google.ai.generativelanguage.v1beta.Content).")
	}
	if len(contents) == 0 {
		return invalidGemini("* GenerateContentRequest.contents: contents is not specified\n")
	}
	calls := 0
	for _, content := range contents {
		switch content.Role {
		case "", "user", "model", "function":
		default:
			return invalidGemini("Please use a valid role: user, model.")
		}
		if len(content.Parts) == 0 {
			return invalidGemini("* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.\n")
		}
		made, answered := 0, 0
		for _, part := range content.Parts {
			part = camel(part)
			if part["functionCall"] != nil {
				made++
			}
			if part["functionResponse"] != nil {
				answered++
			}
		}
		switch {
		case answered > 0 && calls == 0:
			return invalidGemini("Please ensure that function response turn comes immediately after a function call turn.")
		case answered != calls:
			return invalidGemini("Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.")
		}
		calls = made
	}
	if calls > 0 {
		return invalidGemini("Please ensure that single turn requests end with a user role or the role field is empty.")
	}
	return nil
}

func checkCount(s *Server, model string, body map[string]json.RawMessage) *refusal {
	if inner := camel(members(body["generateContentRequest"])); inner != nil {
		if f := generateFields.check(inner); f != nil {
			return geminiFault(f, "GenerateContentRequest")
		}
		if named := text(inner["model"]); named != "models/"+model {
			return invalidGemini("* CountTokensRequest.generate_content_request.model: unexpected model name format\n")
		}
		return checkContents(s, model, inner)
	}
	if body["contents"] == nil {
		return invalidGemini("* CountTokensRequest.contents: contents is not specified\n")
	}
	return checkContents(s, model, body)
}

func checkEmbed(_ *Server, model string, body map[string]json.RawMessage) *refusal {
	var content geminiContent
	if err := json.Unmarshal(body["content"], &content); err != nil || len(content.Parts) == 0 {
		return invalidGemini("* EmbedContentRequest.content: content is empty\n")
	}
	if named := text(body["model"]); named != "" && strings.TrimPrefix(named, "models/") != model {
		return invalidGemini("* EmbedContentRequest.model: the model in the body differs from that of the path\n")
	}
	return nil
}

// checkBatchEmbed holds that every request names the model of the path.
func checkBatchEmbed(s *Server, model string, body map[string]json.RawMessage) *refusal {
	var requests []json.RawMessage
	if err := json.Unmarshal(body["requests"], &requests); err != nil || len(requests) == 0 {
		return invalidGemini("* BatchEmbedContentsRequest.requests: at least one request is required\n")
	}
	for _, raw := range requests {
		one := camel(members(raw))
		if f := embedFields.check(one); f != nil {
			return geminiFault(f, "EmbedContentRequest")
		}
		if text(one["model"]) != "models/"+model {
			return invalidGemini("* BatchEmbedContentsRequest.requests[0].model: unexpected model name format\n")
		}
		if refused := checkEmbed(s, model, one); refused != nil {
			return refused
		}
	}
	return nil
}
