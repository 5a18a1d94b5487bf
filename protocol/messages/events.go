package messages

import (
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/splice"
)

// rule is what a type of event means.
type rule struct {
	class protocol.Class
	// look says whether this event, of a type that is held, is content.
	look func(splice.Object) bool
}

// rules are the events that the API has; one that it adds after this was
// written is content.
var rules = map[string]rule{
	"ping":                {class: protocol.Held},
	"message_start":       {class: protocol.Held},
	"content_block_start": {class: protocol.Held, look: blockContent},
	"content_block_delta": {class: protocol.Held, look: deltaContent},
	"content_block_stop":  {class: protocol.Held},
	"message_delta":       {class: protocol.Held, look: hasStopReason},
	"message_stop":        {class: protocol.Terminal},
	"error":               {class: protocol.Failure},
}

var blockNames = splice.NewNames("type", "text", "thinking", "signature")

// blockContent says whether a block that begins is content: text and thinking
// only where something is in it, all others (calls of tools, redacted thinking,
// results of the server's tools) by being there.
func blockContent(o splice.Object) bool {
	block, err := o.Sub(eventBlock, blockNames, 0)
	if err != nil {
		return true
	}
	switch string(block.Value(0)) {
	case `"text"`, `"thinking"`:
		return !protocol.Void(block.Value(1)) || !protocol.Void(block.Value(2)) || !protocol.Void(block.Value(3))
	}
	return true
}

var deltaNames = splice.NewNames("type", "text", "thinking", "partial_json")

// deltaContent says whether a delta brings something. One of a kind that is
// not known (a signature, a citation) does.
func deltaContent(o splice.Object) bool {
	d, err := o.Sub(eventDelta, deltaNames, 0)
	if err != nil {
		return true
	}
	for i, kind := range [...]string{1: `"text_delta"`, 2: `"thinking_delta"`, 3: `"input_json_delta"`} {
		if i > 0 && string(d.Value(0)) == kind {
			return !protocol.Void(d.Value(i))
		}
	}
	return true
}

var stopNames = splice.NewNames("stop_reason")

// hasStopReason says whether a message_delta ends the message.
func hasStopReason(o splice.Object) bool {
	d, err := o.Sub(eventDelta, stopNames, 0)
	return err == nil && !protocol.Null(d.Value(0))
}
