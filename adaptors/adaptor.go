// Package adaptors holds the interface of the upstreams' adaptors; each is a
// guest module `aiproxy.adaptors.*` in a folder of its own, one a wire family.
//
// An adaptor knows its upstream's addresses, headers and protocols. It knows
// no tenant and no route, and it does not translate: it is handed the body as
// the upstream is to have it.
package adaptors

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// ErrNotSent is wrapped by the error of an attempt of which the upstream has
// seen nothing (the connection could not be made): it may be made again
// elsewhere without being paid for twice.
var ErrNotSent = errors.New("not sent")

// Adaptor speaks to one kind of upstream. It is a Caddy module of the
// namespace aiproxy.adaptors and is used by all requests of a channel at once.
type Adaptor interface {
	// DefaultBaseURL is used by a channel that sets no base_url, version
	// included (https://api.openai.com/v1). Empty: the channel has to set one,
	// unless NeedsNoKey.
	DefaultBaseURL() string

	// Protocols lists what the upstream speaks, the best one first. A channel
	// may narrow it down.
	Protocols() []protocol.Protocol

	// Serves says whether the upstream has the operation in this protocol.
	Serves(p protocol.Protocol, op protocol.Operation) bool

	// StreamUsage says whether the upstream takes stream_options.include_usage
	// (Chat).
	StreamUsage() bool

	// NeedsKey says whether a channel without a key is inactive.
	NeedsKey() bool

	// Send makes one attempt and returns the upstream's answer as it is, also
	// where it is an error. Redirects are not followed.
	Send(ctx context.Context, transport http.RoundTripper, call *Call) (*http.Response, error)
}

// Lease keeps the bytes of a body as they are from Hold to Leave. Each Hold is
// made before Send returns and paired with one Leave.
type Lease interface {
	Hold()
	Leave()
}

// Call is one attempt as an adaptor gets it.
type Call struct {
	protocol.Call
	// BaseURL is the channel's, without a slash at its end.
	BaseURL *url.URL
	// Key is the provider's key; empty where the channel has none.
	Key string
	// UpstreamModel is the model's name upstream.
	UpstreamModel string
	// Stream says that the answer is to be streamed, whether path or body asked.
	Stream bool
	// Header holds the client's headers that may go out (the allow-list has
	// been applied), plus those of the channel. Send may add to it.
	Header http.Header
	// Query is the client's query without its credential.
	Query url.Values
	// Body is the body as the upstream is to have it. It is not changed.
	Body []byte
	// Lease, if not nil, is to be held while anything may read Body after Send
	// has returned, or in another goroutine: the bytes are used again later.
	// NewRequest does so.
	Lease Lease
}
