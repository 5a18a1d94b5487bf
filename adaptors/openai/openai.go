// Package openai is the adaptor of OpenAI and of the many vendors and servers
// that speak its API. What is different from one to the other is a row of the
// table in providers.go; a vendor that needs more than a row needs an adaptor
// of its own.
package openai

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.RegisterModule(new(Adaptor))
}

// Adaptor speaks OpenAI's API: chat, responses where the provider has them,
// and embeddings. The key goes out as `Authorization: Bearer`.
type Adaptor struct {
	// The vendor or server behind the channel: a row of the table of
	// providers, which brings its base URL, its protocols and its quirks. For a
	// server that is not in the table there is `compatible`, which wants a
	// base_url. Default: `openai`.
	Provider string `json:"provider,omitempty"`

	// The organization that the calls are charged to, sent as the header
	// OpenAI-Organization. A client's own header never goes out. Placeholders
	// of the environment and of files are replaced. Default: none, which is
	// the key's own.
	Organization string `json:"organization,omitempty"`

	// The project that the calls are charged to, sent as the header
	// OpenAI-Project. A client's own header never goes out. Placeholders of
	// the environment and of files are replaced. Default: none, which is the
	// key's own.
	Project string `json:"project,omitempty"`

	provider              *provider
	organization, project []string
}

// CaddyModule returns the module's name.
func (*Adaptor) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "aiproxy.adaptors.openai",
		New: func() caddy.Module { return new(Adaptor) },
	}
}

// Provision finds the provider's row and replaces placeholders.
func (a *Adaptor) Provision(caddy.Context) error {
	name := a.Provider
	if name == "" {
		name = "openai"
	}
	row, err := find(name)
	if err != nil {
		return err
	}
	a.provider = row
	if a.organization, err = value("organization", a.Organization); err != nil {
		return err
	}
	a.project, err = value("project", a.Project)
	return err
}

// value returns the header value of a setting; nil where it is not set.
func value(name, setting string) ([]string, error) {
	if setting == "" {
		return nil, nil
	}
	v, err := caddy.NewReplacer().ReplaceOrErr(setting, true, true)
	if err != nil {
		return nil, fmt.Errorf("%s: %v", name, err)
	}
	if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, fmt.Errorf("%s: %q cannot be sent as a header", name, v)
	}
	return []string{v}, nil
}

// DefaultBaseURL returns the provider's, or nothing where it is the operator's
// own server.
func (a *Adaptor) DefaultBaseURL() string { return a.provider.baseURL }

// Protocols returns what the provider speaks.
func (a *Adaptor) Protocols() []protocol.Protocol { return a.provider.protocols }

// Serves says whether the provider has the operation. Embeddings belong to
// chat.
func (a *Adaptor) Serves(p protocol.Protocol, op protocol.Operation) bool {
	switch op {
	case protocol.Generate:
		return !a.provider.noGenerate && slices.Contains(a.provider.protocols, p)
	case protocol.Embed:
		return p == protocol.Chat && !a.provider.noEmbeddings
	default:
		return false
	}
}

// StreamUsage says whether the provider takes stream_options.include_usage.
func (a *Adaptor) StreamUsage() bool { return !a.provider.noStreamOptions }

// NeedsKey says whether the provider answers no one without a key.
func (a *Adaptor) NeedsKey() bool { return !a.provider.noKey }

// Send makes one attempt.
func (a *Adaptor) Send(ctx context.Context, transport http.RoundTripper, call *adaptors.Call) (*http.Response, error) {
	path, err := pathOf(call)
	if err != nil {
		return nil, err
	}
	req, err := adaptors.NewRequest(ctx, call, path, call.Query.Encode())
	if err != nil {
		return nil, err
	}
	if call.Key != "" {
		req.Header["Authorization"] = []string{"Bearer " + call.Key}
	}
	if a.organization != nil {
		req.Header["Openai-Organization"] = a.organization
	}
	if a.project != nil {
		req.Header["Openai-Project"] = a.project
	}
	return transport.RoundTrip(req)
}

// pathOf returns the path of a call below the base URL.
func pathOf(call *adaptors.Call) (string, error) {
	switch {
	case call.Operation == protocol.Embed && call.Protocol == protocol.Chat:
		return "/embeddings", nil
	case call.Operation == protocol.Generate && call.Protocol == protocol.Chat:
		return "/chat/completions", nil
	case call.Operation == protocol.Generate && call.Protocol == protocol.Responses:
		return "/responses", nil
	}
	return "", fmt.Errorf("%w: openai has no %s in protocol %s", adaptors.ErrNotSent, call.Operation, call.Protocol)
}

// Interface guards
var (
	_ adaptors.Adaptor  = (*Adaptor)(nil)
	_ caddy.Provisioner = (*Adaptor)(nil)
)
