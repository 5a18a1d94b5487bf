// Package anthropic is the adaptor of Anthropic's Messages API and of whoever
// else speaks it under the same paths.
package anthropic

import (
	"context"
	"fmt"
	"net/http"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func init() {
	caddy.RegisterModule(new(Adaptor))
}

// Adaptor speaks Anthropic's Messages API: messages and the counting of their
// tokens. The key goes out as `x-api-key`; the client's `anthropic-version`
// and `anthropic-beta` go with it, and where it sent no version the adaptor
// sends 2023-06-01.
type Adaptor struct{}

// CaddyModule returns the module's name.
func (*Adaptor) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "aiproxy.adaptors.anthropic",
		New: func() caddy.Module { return new(Adaptor) },
	}
}

// UnmarshalCaddyfile reads the adaptor, which has no options:
//
//	adaptor anthropic
func (a *Adaptor) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return adaptors.UnmarshalBlock(d, nil)
}

// DefaultBaseURL returns Anthropic's.
func (*Adaptor) DefaultBaseURL() string { return "https://api.anthropic.com/v1" }

var protocols = []protocol.Protocol{protocol.Messages}

// Protocols returns Messages.
func (*Adaptor) Protocols() []protocol.Protocol { return protocols }

// Serves says which operations have a path.
func (*Adaptor) Serves(p protocol.Protocol, op protocol.Operation) bool {
	return p == protocol.Messages && paths[op] != ""
}

// paths are the operations' paths below the base URL.
var paths = map[protocol.Operation]string{
	protocol.Generate:    "/messages",
	protocol.CountTokens: "/messages/count_tokens",
}

// StreamUsage is of Chat alone.
func (*Adaptor) StreamUsage() bool { return false }

// NeedsKey says that Anthropic answers no one without a key.
func (*Adaptor) NeedsKey() bool { return true }

// defaultVersion is the API version of a client that names none: the only one
// that is current (https://docs.claude.com/en/api/versioning). It is read only.
var defaultVersion = []string{"2023-06-01"}

// Send makes one attempt. The client's query goes along: `?beta=true` is how
// Anthropic's SDKs mark their beta resources.
func (*Adaptor) Send(ctx context.Context, transport http.RoundTripper, call *adaptors.Call) (*http.Response, error) {
	path := paths[call.Operation]
	if path == "" || call.Protocol != protocol.Messages {
		return nil, fmt.Errorf("%w: anthropic has no %s in protocol %s", adaptors.ErrNotSent, call.Operation, call.Protocol)
	}
	req, err := adaptors.NewRequest(ctx, call, path, call.Query.Encode())
	if err != nil {
		return nil, err
	}
	if call.Key != "" {
		req.Header["X-Api-Key"] = []string{call.Key}
	}
	if len(req.Header["Anthropic-Version"]) == 0 {
		req.Header["Anthropic-Version"] = defaultVersion
	}
	return transport.RoundTrip(req)
}

// Interface guards
var (
	_ adaptors.Adaptor      = (*Adaptor)(nil)
	_ caddyfile.Unmarshaler = (*Adaptor)(nil)
)
