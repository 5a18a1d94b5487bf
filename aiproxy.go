// Package aiproxy is an AI gateway as Caddy modules: the app `aiproxy`, the
// handler `http.handlers.aiproxy`, their Caddyfile grammar, and the routes
// /aiproxy/* of Caddy's admin endpoint.
//
// The root wires the rooms together and is the only place, with the panel and
// the MCP handler, that knows Caddy's HTTP server. What a protocol means, which
// channel is next or what a token may do is decided in the rooms.
package aiproxy

import (
	"encoding/json"
)

// App is the gateway: its channels, models, groups and tokens, and the store
// that keeps what is made at run time. Handlers of all sites share it.
type App struct {
	// The database that keeps runtime data (`aiproxy.stores.*`).
	// Default: `sqlite`, in Caddy's data folder.
	StoreRaw json.RawMessage `json:"store,omitempty" caddy:"namespace=aiproxy.stores inline_key=driver"`

	// The secret under which tokens are hashed and provider keys are sealed,
	// at least 32 characters. Placeholders are expanded when the config is
	// loaded. Default: one that is made once and kept in Caddy's storage.
	Secret string `json:"secret,omitempty"`

	// Makes a first group with a token where the store has no group yet, and
	// prints, once, to standard output a curl line that works. Default: false.
	Bootstrap bool `json:"bootstrap,omitempty"`

	// The declared channels by name.
	Channels map[string]*ChannelConfig `json:"channels,omitempty"`

	// The declared models by the name that clients use.
	Models map[string]*ModelConfig `json:"models,omitempty"`

	// The declared groups by name.
	Groups map[string]*GroupConfig `json:"groups,omitempty"`

	// The declared tokens. Group and name together are unique.
	Tokens []*TokenConfig `json:"tokens,omitempty"`

	// How often and how long a call is tried.
	Retry *RetryConfig `json:"retry,omitempty"`

	// What a client or an upstream can make the gateway hold.
	Limits *LimitsConfig `json:"limits,omitempty"`
}
