package relay

import (
	"time"

	"github.com/caddy-aiproxy/aiproxy/routing"
)

// Result is how a call ended, in one word for logs.
type Result string

// The results of a call.
const (
	// OK: the answer went out whole.
	OK Result = "ok"
	// Errored: the client got an error, as a status or inside the stream.
	Errored Result = "error"
	// ClientGone: the client left before the end.
	ClientGone Result = "client_gone"
)

// Tried is one attempt that was made.
type Tried struct {
	Channel string
	// Key is the key's position in the channel, from 1.
	Key int
	// Status is the upstream's; 0 where it sent none.
	Status int
	// Reason says why the attempt failed; empty where it did not.
	Reason   string
	Duration time.Duration
}

// Outcome is what became of a call.
type Outcome struct {
	Result Result
	// Status is what the client got; 499 where it left before.
	Status   int
	Attempts []Tried
	// Channel and UpstreamModel are those of the last attempt.
	Channel           *routing.Channel
	UpstreamModel     string
	UpstreamRequestID string
	// FirstToken is the time from the start to the first content; 0 where none.
	FirstToken time.Duration
	Duration   time.Duration
	// Error is what the client was told; empty where it was told no error.
	Error string
}
