package aiproxy

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
)

// Handler serves the data plane of the gateway: the paths under /v1/ and
// /v1beta/ of the four protocols' own APIs. All other paths go to the next
// handler.
//
// It sets the placeholders `{http.aiproxy.group}`, `{http.aiproxy.token}`,
// `{http.aiproxy.model}`, `{http.aiproxy.channel}` and
// `{http.aiproxy.protocol}`.
type Handler struct {
	// How long a stream may be silent after its first content before the
	// protocol's ping is sent; negative: never. Default: 15s.
	Ping caddy.Duration `json:"ping,omitempty"`

	// Sends pings before the first content too. This commits the status 200:
	// an upstream that fails afterwards can still be replaced by another, but
	// an error that is left can only be told inside the stream. Default: false.
	PingBeforeContent bool `json:"ping_before_content,omitempty"`

	// Leaves out the header Aiproxy-Channel of answers. Default: false.
	HideChannel bool `json:"hide_channel,omitempty"`

	// Answers CORS preflights and sets CORS headers for these origins; `*` is
	// every origin. Default: none, and OPTIONS goes to the next handler.
	CORS []string `json:"cors,omitempty"`

	// The plugins that calls pass through. Not built yet: refused.
	PluginsRaw []json.RawMessage `json:"plugins,omitempty" caddy:"namespace=aiproxy.plugins inline_key=plugin"`
}
