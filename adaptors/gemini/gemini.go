// Package gemini is the adaptor of Google's Gemini API.
package gemini

import (
	"context"
	"net/http"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func init() {
	caddy.RegisterModule(new(Adaptor))
}

// Adaptor speaks the Gemini API: generateContent, streamGenerateContent as
// events and as a JSON array, countTokens, embedContent and
// batchEmbedContents. The key goes out as `x-goog-api-key`, never in the
// address. The version is the base URL's, whichever the client called.
type Adaptor struct{}

// CaddyModule returns the module's name.
func (*Adaptor) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "aiproxy.adaptors.gemini",
		New: func() caddy.Module { return new(Adaptor) },
	}
}

// UnmarshalCaddyfile reads the adaptor, which has no options:
//
//	adaptor gemini
func (a *Adaptor) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return adaptors.UnmarshalBlock(d, nil)
}

// DefaultBaseURL returns Google's.
func (*Adaptor) DefaultBaseURL() string { return "https://generativelanguage.googleapis.com/v1beta" }

var protocols = []protocol.Protocol{protocol.Gemini}

// Protocols returns Gemini.
func (*Adaptor) Protocols() []protocol.Protocol { return protocols }

// Serves says which operations have a method.
func (*Adaptor) Serves(p protocol.Protocol, op protocol.Operation) bool {
	return p == protocol.Gemini && methods[op] != ""
}

// StreamUsage is of Chat alone.
func (*Adaptor) StreamUsage() bool { return false }

// NeedsKey says that Google answers no one without a key.
func (*Adaptor) NeedsKey() bool { return true }

// Send makes one attempt.
func (*Adaptor) Send(ctx context.Context, transport http.RoundTripper, call *adaptors.Call) (*http.Response, error) {
	path, err := pathOf(call)
	if err != nil {
		return nil, err
	}
	req, err := adaptors.NewRequest(ctx, call, path, queryOf(call))
	if err != nil {
		return nil, err
	}
	if call.Key != "" {
		req.Header["X-Goog-Api-Key"] = []string{call.Key}
	}
	return transport.RoundTrip(req)
}

// Interface guards
var (
	_ adaptors.Adaptor      = (*Adaptor)(nil)
	_ caddyfile.Unmarshaler = (*Adaptor)(nil)
)
