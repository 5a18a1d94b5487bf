package upstream

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

var countFields = fields{
	required: []string{"messages", "model"},
	known: union(
		among(anArray, "messages", "tools", "mcp_servers"),
		among(aString, "model"),
		among(aString|anArray, "system"),
		among(anObject, "thinking", "tool_choice", "context_management", "output_config", "output_format"),
	),
}

var messagesFields = fields{
	required: []string{"max_tokens", "messages", "model"},
	known: union(
		countFields.known,
		among(anInteger, "max_tokens", "top_k"),
		among(aString|anObject, "container"),
		among(aString, "service_tier", "inference_geo", "speed"),
		among(aBool, "stream"),
		among(aNumber, "temperature", "top_p"),
		among(anArray, "stop_sequences"),
		among(anObject, "metadata", "cache_control"),
	),
}

type anthropicMessage struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

type anthropicBlock struct {
	Type      string `json:"type"`
	ID        string `json:"id"`
	ToolUseID string `json:"tool_use_id"`
}

// checkMessages holds the rules between messages: roles, and that each tool
// use has its result in the next message.
func checkMessages(body map[string]json.RawMessage) *refusal {
	var messages []anthropicMessage
	if err := json.Unmarshal(body["messages"], &messages); err != nil {
		return invalidAnthropic("messages: Input should be a valid list")
	}
	if len(messages) == 0 {
		return invalidAnthropic("messages: at least one message is required")
	}
	pending := map[string]bool{}
	for i, m := range messages {
		switch {
		case m.Role != "user" && m.Role != "assistant":
			return invalidAnthropic(fmt.Sprintf(`messages: Unexpected role "%s". The Messages API accepts a top-level `+"`system`"+` parameter, not "system" as an input message role.`, m.Role))
		case i == 0 && m.Role != "user":
			return invalidAnthropic(`messages: first message must use the "user" role`)
		}
		uses, results, refused := blocks(i, m)
		if refused != nil {
			return refused
		}
		for id := range results {
			if !pending[id] {
				return invalidAnthropic(fmt.Sprintf("messages.%d.content.0: unexpected `tool_use_id` found in `tool_result` blocks: %s. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", i, id))
			}
			delete(pending, id)
		}
		if len(pending) > 0 {
			return unansweredUse(i-1, pending)
		}
		pending = uses
	}
	if len(pending) > 0 {
		return unansweredUse(len(messages)-1, pending)
	}
	return nil
}

func unansweredUse(i int, pending map[string]bool) *refusal {
	return invalidAnthropic(fmt.Sprintf("messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: %s. Each `tool_use` block must have a corresponding `tool_result` block in the next message.", i, strings.Join(slices.Sorted(maps.Keys(pending)), ", ")))
}

// blocks returns the ids of a message's tool uses and of its tool results.
func blocks(i int, m anthropicMessage) (uses, results map[string]bool, refused *refusal) {
	uses, results = map[string]bool{}, map[string]bool{}
	switch shapeOf(m.Content) {
	case aString:
		if text(m.Content) == "" && m.Role == "user" {
			return nil, nil, invalidAnthropic(fmt.Sprintf("messages.%d: user messages must have non-empty content", i))
		}
		return uses, results, nil
	case anArray:
	case 0:
		return nil, nil, invalidAnthropic(fmt.Sprintf("messages.%d.content: Field required", i))
	default:
		return nil, nil, invalidAnthropic(fmt.Sprintf("messages.%d.content: Input should be a valid list", i))
	}
	var list []anthropicBlock
	if err := json.Unmarshal(m.Content, &list); err != nil {
		return nil, nil, invalidAnthropic(fmt.Sprintf("messages.%d.content: Input should be a valid list", i))
	}
	for j, b := range list {
		switch b.Type {
		case "":
			return nil, nil, invalidAnthropic(fmt.Sprintf("messages.%d.content.%d.type: Field required", i, j))
		case "tool_use":
			uses[b.ID] = true
		case "tool_result":
			results[b.ToolUseID] = true
		}
	}
	return uses, results, nil
}
