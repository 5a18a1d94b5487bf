package store

import (
	"context"
	"encoding/json"
	"time"
)

// Try is one attempt of a call.
type Try struct {
	Channel string `json:"channel"`
	// Key is the key's position in the channel, from 1.
	Key int `json:"key"`
	// Status is the upstream's; 0 where it sent none.
	Status int `json:"status"`
	// Reason says why the attempt failed; empty where it did not.
	Reason     string `json:"reason"`
	DurationMS int64  `json:"duration_ms"`
}

// Tokens is what a call consumed: each number contains its parts.
type Tokens struct {
	Input        int64 `json:"input_tokens"`
	CachedInput  int64 `json:"cached_input_tokens"`
	CacheWrite   int64 `json:"cache_write_tokens"`
	CacheWrite1h int64 `json:"cache_write_1h_tokens"`
	Output       int64 `json:"output_tokens"`
	Reasoning    int64 `json:"reasoning_tokens"`
	InputAudio   int64 `json:"input_audio_tokens"`
	InputImage   int64 `json:"input_image_tokens"`
	OutputAudio  int64 `json:"output_audio_tokens"`
	OutputImage  int64 `json:"output_image_tokens"`
	// Estimated says that some number was counted by the gateway.
	Estimated bool `json:"estimated"`
}

// The outcomes of a call, as log rows name them.
const (
	OutcomeOK         = "ok"
	OutcomeError      = "error"
	OutcomeClientGone = "client_gone"
	OutcomeRefused    = "refused"
	// OutcomeLost: the process ended while the call was in flight.
	OutcomeLost = "lost"
)

// LogRow is what became of one request. Its key is RequestID, a UUID of version
// 7, unique across machines, whose first bits are the time of its beginning.
type LogRow struct {
	RequestID string
	// Time is when the request began, to the millisecond.
	Time      time.Time
	Group     string
	Token     string
	ClientIP  string
	UserAgent string
	// User is the end user that the client named in its request.
	User              string
	Model             string
	UpstreamModel     string
	Channel           string
	Operation         string
	Protocol          string
	UpstreamProtocol  string
	UpstreamRequestID string
	Stream            bool
	// Status is what the client got.
	Status   int
	Outcome  string
	Attempts []Try
	Tokens   Tokens
	// Cost is in 10⁻⁹ USD; nil: the model has no price.
	Cost *int64
	// Price is the model's price as it was applied, JSON; nil: none.
	Price        json.RawMessage
	Dropped      []string
	FirstTokenMS int64
	DurationMS   int64
	Error        string
}

// LogQuery selects log rows. Zero fields select all.
type LogQuery struct {
	Group, Token, Model, Channel string
	Status                       int
	Outcome                      string
	// Since and Until bound the row's time: since ≤ time < until.
	Since, Until time.Time
	// After is the request id of the last row of the page before.
	After string
	// Limit is the most rows of the page, at least 1.
	Limit int
}

// Step is the length of a time series' intervals.
type Step string

// The steps. Intervals are those of UTC.
const (
	Minute Step = "minute"
	Hour   Step = "hour"
	Day    Step = "day"
	Month  Step = "month"
)

// UsageQuery selects and groups usage. Zero fields select all.
type UsageQuery struct {
	Group, Token, Model, Channel string
	Since, Until                 time.Time
	// Step cuts time into intervals; empty: one total.
	Step Step
	// By names the columns that rows are told apart by, out of group, token,
	// model and channel.
	By []string
	// Limit is the most rows, at least 1. More of them is ErrTooMany.
	Limit int
}

// UsageRow is the sum over the rows of one interval and one value of each
// column of By; the columns that are not in By are empty.
type UsageRow struct {
	// Time is the interval's beginning; zero without a Step.
	Time                         time.Time
	Group, Token, Model, Channel string
	Requests, Errors             int64
	Tokens                       Tokens
	// Cost is in 10⁻⁹ USD, of the rows that had a price; Unpriced counts those
	// that used tokens and had none.
	Cost, Unpriced int64
}

// Batch is log rows on their way into the store. Writer and Position say how
// far the writer's journal has been delivered when they are in: both are kept in
// the same transaction as the rows, so that none comes twice or is left out.
type Batch struct {
	Rows     []LogRow
	Writer   string
	Position int64
}

// LogStore keeps log rows and the usage summed over them.
//
// A row whose request id is there already is passed over, and not summed again.
// Rows older than what is kept may be passed over. All methods may be called at
// the same time.
type LogStore interface {
	// Append writes a batch in one transaction.
	Append(ctx context.Context, b Batch) error
	// Position returns what the writer's last batch said; 0 where there is none.
	Position(ctx context.Context, writer string) (int64, error)
	// Log returns one row, or ErrNotFound.
	Log(ctx context.Context, requestID string) (LogRow, error)
	// Logs returns a page of rows, newest first.
	Logs(ctx context.Context, q LogQuery) ([]LogRow, error)
	// Usage returns sums, in order of time and of the columns of By.
	Usage(ctx context.Context, q UsageQuery) ([]UsageRow, error)
	// Expire deletes the rows from before a moment, in a time that does not
	// grow with their number; it may leave those of the moment's own day. Sums
	// are kept longer: minutes for 8 days, hours for 100 days, days for good.
	Expire(ctx context.Context, before time.Time) error
}
