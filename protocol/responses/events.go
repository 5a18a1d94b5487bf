package responses

import (
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

// rule is what a type of event means.
type rule struct {
	class protocol.Class
	// response says that the event carries the response, with its model.
	response bool
	// look says whether this event, of a type that is held, is content.
	look func(splice.Object) bool
}

// rules are the events that are not simply content. What is not here is: the
// deltas, the ends of parts, the progress of tools, and what OpenAI
// adds after this was written.
var rules = map[string]rule{
	"response.queued":      {class: protocol.Held, response: true},
	"response.created":     {class: protocol.Held, response: true},
	"response.in_progress": {class: protocol.Held, response: true},
	"keepalive":            {class: protocol.Held},
	"ping":                 {class: protocol.Held},

	"response.output_item.added":            {class: protocol.Held, look: itemContent},
	"response.output_item.done":             {class: protocol.Held, look: itemContent},
	"response.content_part.added":           {class: protocol.Held, look: partContent},
	"response.reasoning_summary_part.added": {class: protocol.Held, look: partContent},

	"response.completed":  {class: protocol.Terminal, response: true},
	"response.incomplete": {class: protocol.Terminal, response: true},

	"response.failed": {class: protocol.Failure, response: true},
	"error":           {class: protocol.Failure},
}

var itemNames = splice.NewNames("type", "content", "summary")

// itemContent says whether an item, begun or done, is content: a call of a tool is
// (its name is shown), a message or reasoning only where something is in it.
func itemContent(o splice.Object) bool {
	item, err := o.Sub(eventItem, itemNames, 0)
	if err != nil {
		return true
	}
	switch string(item.Value(0)) {
	case `"message"`, `"reasoning"`:
		return !protocol.Void(item.Value(1)) || !protocol.Void(item.Value(2))
	}
	return true
}

var partNames = splice.NewNames("type", "text", "refusal")

// partContent says whether a part that begins has text.
func partContent(o splice.Object) bool {
	part, err := o.Sub(eventPart, partNames, 0)
	if err != nil {
		return true
	}
	return !protocol.Void(part.Value(1)) || !protocol.Void(part.Value(2))
}
