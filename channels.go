package aiproxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/pattern"
	"github.com/caddy-aiproxy/aiproxy/routing"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// Where an entity comes from.
const (
	sourceConfig = "config"
	sourceStore  = "store"
)

// The states of an entity.
const (
	statusEnabled  = "enabled"
	statusDisabled = "disabled"
)

// defaultTransport reaches the upstreams of channels that set no transport. It
// is one for the process, so that a reload keeps its warm connections.
var defaultTransport = &http.Transport{
	Proxy:                 http.ProxyFromEnvironment,
	DialContext:           dialUpstream,
	TLSHandshakeTimeout:   10 * time.Second,
	ExpectContinueTimeout: time.Second,
	ForceAttemptHTTP2:     true,
	MaxIdleConnsPerHost:   4096,
	IdleConnTimeout:       90 * time.Second,
	// A stream keeps it for as long as it lives, and a large body passes it by.
	WriteBufferSize: 2 << 10,
	// See lendingConn.
	ReadBufferSize: 512,
	// Header bombs of an upstream end here.
	MaxResponseHeaderBytes: 256 << 10,
	// Answers are decoded by us, if they are compressed at all.
	DisableCompression: true,
}

// notSent marks the errors of a transport that could not reach its upstream.
type notSent struct{ http.RoundTripper }

// RoundTrip makes a dial error one that wraps adaptors.ErrNotSent.
func (t notSent) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if err == nil {
		return resp, nil
	}
	var dial reverseproxy.DialError
	var op *net.OpError
	if errors.As(err, &dial) || errors.As(err, &op) && op.Op == "dial" {
		err = fmt.Errorf("%w: %v", adaptors.ErrNotSent, err)
	}
	return nil, err
}

// loadChannel provisions a channel's guests and returns it as routing has it.
// repl expands what the config wrote as placeholders; nil for a channel of the
// store, whose text is taken as it is.
func loadChannel(ctx caddy.Context, name string, cfg *ChannelConfig, source string, repl *caddy.Replacer) (*routing.Channel, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	guest, err := ctx.LoadModule(cfg, "AdaptorRaw")
	if err != nil {
		return nil, fmt.Errorf("adaptor: %v", err)
	}
	adaptor, ok := guest.(adaptors.Adaptor)
	if !ok {
		return nil, fmt.Errorf("adaptor: %T is no adaptor", guest)
	}
	ch := &routing.Channel{
		Name:      name,
		Source:    source,
		Adaptor:   adaptor,
		Transport: notSent{defaultTransport},
		Models:    cfg.Models,
		Map:       cfg.Map,
		Protocols: adaptor.Protocols(),
		Priority:  cfg.Priority,
		Weight:    max(cfg.Weight, 1),
		Sets:      cfg.Sets,
	}
	if len(ch.Sets) == 0 {
		ch.Sets = []string{routing.DefaultSet}
	}
	if cfg.TransportRaw != nil {
		guest, err := ctx.LoadModule(cfg, "TransportRaw")
		if err != nil {
			return nil, fmt.Errorf("transport: %v", err)
		}
		ch.Transport = notSent{guest.(http.RoundTripper)}
	}
	if ch.Protocols, err = narrow(ch.Protocols, cfg.Protocols); err != nil {
		return nil, err
	}
	if ch.BaseURL, err = baseURL(adaptor, expand(repl, cfg.BaseURL)); err != nil {
		return nil, err
	}
	for i, key := range cfg.Keys {
		if value := expand(repl, key); value != "" {
			ch.Keys = append(ch.Keys, routing.Key{Position: i + 1, Value: value, Rest: new(routing.Rest)})
		}
	}
	switch {
	case cfg.Status == statusDisabled:
		ch.Inactive = "disabled"
	case len(ch.Keys) == 0 && adaptor.NeedsKey() && len(cfg.Keys) == 0:
		ch.Inactive = "no key"
	case len(ch.Keys) == 0 && adaptor.NeedsKey():
		ch.Inactive = "its keys are empty"
	}
	if len(ch.Keys) == 0 {
		ch.Keys = []routing.Key{{Position: 0, Rest: new(routing.Rest)}}
	}
	return ch, nil
}

func expand(repl *caddy.Replacer, s string) string {
	if repl == nil {
		return s
	}
	return repl.ReplaceAll(s, "")
}

// check says what is wrong with a channel's fields, those of its guests apart.
func (c *ChannelConfig) check() error {
	switch {
	case c.AdaptorRaw == nil:
		return errors.New("adaptor: required")
	case len(c.Models) == 0 && len(c.Map) == 0:
		return errors.New("models: at least one model, or a map, is required")
	case c.Weight < 0 || c.Weight > 1_000_000:
		return fmt.Errorf("weight: %d is not between 1 and 1000000", c.Weight)
	case len(c.Keys) > routing.MaxKeys:
		return fmt.Errorf("keys: at most %d are taken", routing.MaxKeys)
	}
	for _, m := range c.Models {
		if err := pattern.Valid(m); err != nil {
			return fmt.Errorf("models: %q: %v", m, err)
		}
	}
	for _, from := range slices.Sorted(maps.Keys(c.Map)) {
		if from == "" || c.Map[from] == "" || strings.Contains(from, "*") {
			return fmt.Errorf("map: %q to %q: two names without * are required", from, c.Map[from])
		}
	}
	return checkStatus(c.Status)
}

func checkStatus(status string) error {
	switch status {
	case "", statusEnabled, statusDisabled:
		return nil
	}
	return fmt.Errorf("status: %q is neither enabled nor disabled", status)
}

// narrow returns those of an adaptor's protocols that the channel names; all
// where it names none.
func narrow(known []protocol.Protocol, names []string) ([]protocol.Protocol, error) {
	if len(names) == 0 {
		return known, nil
	}
	var out []protocol.Protocol
	for _, name := range names {
		p, ok := protocol.Parse(name)
		switch {
		case !ok:
			return nil, fmt.Errorf("protocols: %q is none of chat, responses, messages, gemini", name)
		case !slices.Contains(known, p):
			return nil, fmt.Errorf("protocols: the adaptor does not speak %s", name)
		}
		out = append(out, p)
	}
	return out, nil
}

// baseURL parses a channel's address, or takes the adaptor's own. nil where
// neither is set and the adaptor needs none.
func baseURL(adaptor adaptors.Adaptor, s string) (*url.URL, error) {
	if s == "" {
		s = adaptor.DefaultBaseURL()
	}
	if s == "" {
		if adaptor.NeedsKey() {
			return nil, errors.New("base_url: required")
		}
		return nil, nil
	}
	u, err := url.Parse(strings.TrimRight(s, "/"))
	switch {
	case err != nil:
		return nil, errors.New("base_url: not a URL")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("base_url: %q: expected http:// or https:// and a host", u.Redacted())
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("base_url: %q: a user, a query or a fragment cannot be in it", u.Redacted())
	}
	return u, nil
}

// adaptorName returns the name of a channel's adaptor out of its JSON.
func adaptorName(raw json.RawMessage) string {
	var named struct {
		Adaptor string `json:"adaptor"`
	}
	if json.Unmarshal(raw, &named) != nil {
		return ""
	}
	return named.Adaptor
}
