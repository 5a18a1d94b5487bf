package e2e

import (
	"context"
	"net/http"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/internal/upstream"
)

// dialect is one protocol as its official client speaks it.
type dialect struct {
	name    string
	vendor  upstream.Vendor
	model   string
	limited string
	// connect makes the client. retries is how often it may try again by
	// itself; -1 leaves it at the client's default.
	connect func(t *testing.T, base, key string, client *http.Client, retries int) speaker
	// status and message take the client's typed error apart; 0 where err is
	// none of the client's.
	failure func(err error) (status int, kind, message string)
}

// speaker has one turn of a conversation.
type speaker interface {
	// speak sends a turn. A streamed answer is handed to seen as it comes.
	speak(ctx context.Context, turn turn, streamed bool, seen func(text string)) (said, error)
}

// turn is what a client sends.
type turn struct {
	model  string
	prompt string
	// tools offers the tool weather.
	tools bool
	// before is the model's answer that called the tool, result what the tool
	// said.
	before *said
	result string
}

// said is what the model said.
type said struct {
	text          string
	tools         []upstream.Tool
	finish        string
	model         string
	input, output int64
	// native is the answer in the client's own type, to be sent back.
	native any
}

var dialects = []dialect{chatDialect, responsesDialect, messagesDialect, geminiDialect}

// weatherSchema is the schema of the tool's arguments.
var weatherSchema = map[string]any{
	"type":       "object",
	"properties": map[string]any{"city": map[string]any{"type": "string"}, "days": map[string]any{"type": "integer"}},
	"required":   []string{"city"},
}
