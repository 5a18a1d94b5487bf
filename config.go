package aiproxy

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
)

// Config of the declared entities. Each has the same fields in the Caddyfile,
// in Caddy's JSON and, where it can be made at run time, in the admin API.

// ChannelConfig is one upstream account.
type ChannelConfig struct {
	// The adaptor that speaks to the upstream: openai, anthropic, gemini, echo.
	// Required.
	AdaptorRaw json.RawMessage `json:"adaptor,omitempty" caddy:"namespace=aiproxy.adaptors inline_key=adaptor"`

	// The address of the upstream's API as the vendor documents it, version
	// included: `https://api.openai.com/v1`. Default: the adaptor's own.
	// Placeholders are expanded when the config is loaded.
	BaseURL string `json:"base_url,omitempty"`

	// The provider's keys, used in turn. Placeholders are expanded when the
	// config is loaded; a key that expands to nothing is skipped, and a channel
	// whose keys all do is inactive. Default: none.
	Keys []string `json:"keys,omitempty"`

	// The models that the channel serves, by the names that clients use.
	// `*` stands for any run of characters. Default: those of `map` alone.
	Models []string `json:"models,omitempty"`

	// Clients' names of models and what they are called upstream. A name given
	// here is served without being listed in `models`. Default: none.
	Map map[string]string `json:"map,omitempty"`

	// The protocols (chat, responses, messages, gemini) that the upstream is
	// spoken to in. Default: all that the adaptor knows.
	Protocols []string `json:"protocols,omitempty"`

	// The channel's tier: a higher one is tried first. Default: 0.
	Priority int `json:"priority,omitempty"`

	// The channel's share of the calls inside its tier, from 1 to 1000000.
	// Default: 1.
	Weight int `json:"weight,omitempty"`

	// The sets that the channel belongs to; groups see channels by set.
	// Default: `default`.
	Sets []string `json:"sets,omitempty"`

	// Whether the channel is used: `enabled` or `disabled`. Default: `enabled`.
	Status string `json:"status,omitempty"`

	// How the upstream is reached, any of Caddy's reverse-proxy transports.
	// Cannot be set at run time, since it may name files. Default: our own,
	// with 4096 idle connections, a dial timeout of 5s and HTTP/2.
	TransportRaw json.RawMessage `json:"transport,omitempty" caddy:"namespace=http.reverse_proxy.transport inline_key=protocol"`
}

// ModelConfig describes a model. A model that a channel lists needs none.
type ModelConfig struct {
	// Whether the model is served: `enabled` or `disabled`. Default: `enabled`.
	Status string `json:"status,omitempty"`

	// The name shown to people in lists. Default: the model's name.
	DisplayName string `json:"display_name,omitempty"`

	// The owner shown in lists. Default: `aiproxy`.
	OwnedBy string `json:"owned_by,omitempty"`

	// The tokens that the model's context holds, shown in Gemini's and
	// Anthropic's lists. Default: 0, not shown.
	ContextTokens int64 `json:"context_tokens,omitempty"`

	// The most tokens that an answer may have, shown likewise.
	// Default: 0, not shown.
	MaxOutputTokens int64 `json:"max_output_tokens,omitempty"`

	// Prices in USD per million tokens, as decimals. Not built yet: refused.
	Price map[string]string `json:"price,omitempty"`

	// Requests a minute. Not built yet: refused.
	RPM int64 `json:"rpm,omitempty"`

	// Tokens a minute. Not built yet: refused.
	TPM int64 `json:"tpm,omitempty"`

	// Models that take over where this one fails. Not built yet: refused.
	Fallback []string `json:"fallback,omitempty"`
}

// GroupConfig is a tenant.
type GroupConfig struct {
	// Whether the group's tokens are served: `enabled` or `disabled`.
	// Default: `enabled`.
	Status string `json:"status,omitempty"`

	// The sets of channels that the group sees. Default: `default`.
	Sets []string `json:"sets,omitempty"`

	// The total granted, in USD, as a decimal. Not built yet: refused.
	Balance string `json:"balance,omitempty"`
}

// TokenConfig is an API key of a group.
type TokenConfig struct {
	// The group that the token belongs to. Required.
	Group string `json:"group,omitempty"`

	// The token's name, unique in its group. Required.
	Name string `json:"name,omitempty"`

	// The key that clients send. Placeholders are expanded when the config is
	// loaded; then the key is hashed and dropped. Required, and not empty.
	Key string `json:"key,omitempty"`

	// Whether the token is served: `enabled` or `disabled`. Default: `enabled`.
	Status string `json:"status,omitempty"`

	// The models that the token may use, `*` for any run of characters.
	// Default: all.
	Models []string `json:"models,omitempty"`

	// The client addresses that may use the token, as CIDR or single
	// addresses, judged after Caddy's trusted proxies. Default: all.
	Subnets []string `json:"subnets,omitempty"`

	// When the token stops working, as RFC 3339. Default: never.
	ExpiresAt string `json:"expires_at,omitempty"`
}

// RetryConfig is how often and how long a call is tried.
type RetryConfig struct {
	// The most attempts that one call makes, over all channels, from 1 to 20.
	// Default: 3.
	Attempts int `json:"attempts,omitempty"`

	// The longest wait for a stream's first content. Default: 10m.
	FirstToken caddy.Duration `json:"first_token,omitempty"`

	// The longest silence of an upstream, in a stream after its first content
	// and inside an answer's body. Default: 5m.
	Idle caddy.Duration `json:"idle,omitempty"`

	// The longest time from the first attempt to the end of the answer.
	// Default: 1h.
	Total caddy.Duration `json:"total,omitempty"`
}

// LimitsConfig bounds what a client or an upstream can make the gateway hold.
type LimitsConfig struct {
	// The longest body of a request, in bytes. Default: 32 MiB.
	Body int64 `json:"body,omitempty"`

	// The longest event of a stream, in bytes; also of all events held back
	// before the first content. Default: 32 MiB.
	Event int64 `json:"event,omitempty"`

	// The longest answer that is not streamed, in bytes, decompressed.
	// Default: 32 MiB.
	Answer int64 `json:"answer,omitempty"`

	// The bytes of all request bodies and buffered answers in memory at once.
	// Default: 1 GiB.
	Memory int64 `json:"memory,omitempty"`

	// The longest pause of a client inside its request's body; it is noticed
	// after one such pause, or two where bytes came before it. Default: 30s.
	Upload caddy.Duration `json:"upload,omitempty"`
}
