// Package routing holds the catalogue of channels and models, and makes the
// plan of a call's attempts: who is asked next, with which key.
//
// It knows no tenant's money and no HTTP, and it sends nothing; relay does.
package routing

import (
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// DefaultSet is the set of channels and groups that name none.
const DefaultSet = "default"

// Channel is one upstream account. It does not change once it is in a
// catalogue; only its Turn and the rests of its keys do.
type Channel struct {
	Name string
	// Source is where it comes from: config or store.
	Source string
	// Adaptor and Transport reach the upstream at BaseURL.
	Adaptor   adaptors.Adaptor
	Transport http.RoundTripper
	BaseURL   *url.URL
	// Keys are the provider's keys; one of an empty Value where it needs none.
	Keys []Key
	// Models are the patterns of the names that it serves; Map holds the names
	// that are called otherwise upstream.
	Models []string
	Map    map[string]string
	// Protocols are those that the upstream is spoken to in.
	Protocols []protocol.Protocol
	// Priority is its tier, Weight its share inside the tier (at least 1).
	Priority, Weight int
	Sets             []string
	// Inactive says why the channel is not used; empty: it is.
	Inactive string

	turn atomic.Uint32
}

// Key is one key of a channel, with what is remembered of it across reloads.
type Key struct {
	// Position counts from 1 in the order of the config; logs name it so.
	Position int
	Value    string
	Rest     *Rest
}

// Upstream returns the model's name upstream.
func (c *Channel) Upstream(model string) string {
	if name, ok := c.Map[model]; ok {
		return name
	}
	return model
}

// speaks says whether the channel takes the operation in the protocol.
func (c *Channel) speaks(p protocol.Protocol, op protocol.Operation) bool {
	return slices.Contains(c.Protocols, p) && c.Adaptor.Serves(p, op)
}

// seenBy says whether a group with these sets sees the channel.
func (c *Channel) seenBy(sets []string) bool {
	for _, s := range c.Sets {
		if slices.Contains(sets, s) {
			return true
		}
	}
	return false
}
