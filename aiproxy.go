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
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-aiproxy/aiproxy/relay"
	"github.com/caddy-aiproxy/aiproxy/routing"
	"github.com/caddy-aiproxy/aiproxy/store"
	"github.com/caddy-aiproxy/aiproxy/tenancy"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	caddy.RegisterModule(new(App))
}

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

	ctx      caddy.Context
	logger   *zap.Logger
	driver   store.Driver
	identity string
	secret   []byte // nil: the one in Caddy's storage
	declared declared
	tenants  *tenancy.Declared // declared, once the secret is known
	relay    *relay.Relay
	// server is the first handler's.
	server *caddyhttp.Server

	opening sync.Mutex
	opened  bool // open was tried
	openErr error
	closing bool
	current atomic.Pointer[view]
}

// declared is what the config says, provisioned.
type declared struct {
	channels []*routing.Channel
	// configs are the channels as the config wrote them, for the admin API.
	configs map[string]ChannelConfig
	models  []routing.Model
	tenants *tenancy.Declaration
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "aiproxy",
		New: func() caddy.Module { return new(App) },
	}
}

// Provision loads the guests and checks the config. It touches neither file
// nor network.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.logger = ctx, ctx.Logger()
	a.defaults()
	if err := a.unbuilt(); err != nil {
		return err
	}

	driver, err := ctx.LoadModule(a, "StoreRaw")
	if err != nil {
		return fmt.Errorf("loading store: %v", err)
	}
	a.driver = driver.(store.Driver)
	if a.identity, err = a.driver.Identity(); err != nil {
		return fmt.Errorf("store: %v", err)
	}
	if a.secret, err = expandSecret(a.Secret); err != nil {
		return err
	}

	a.relay = a.newRelay()
	if err := a.provisionChannels(ctx); err != nil {
		return err
	}
	if err := a.provisionModels(); err != nil {
		return err
	}
	return a.provisionTenants()
}

// defaults fills in what the config leaves out.
func (a *App) defaults() {
	if a.StoreRaw == nil {
		a.StoreRaw = json.RawMessage(`{"driver":"sqlite"}`)
	}
	if a.Retry == nil {
		a.Retry = new(RetryConfig)
	}
	if a.Limits == nil {
		a.Limits = new(LimitsConfig)
	}
	r, l := a.Retry, a.Limits
	r.Attempts = or(r.Attempts, 3)
	r.FirstToken = or(r.FirstToken, caddy.Duration(10*time.Minute))
	r.Idle = or(r.Idle, caddy.Duration(5*time.Minute))
	r.Total = or(r.Total, caddy.Duration(time.Hour))
	l.Body = or(l.Body, 32<<20)
	l.Event = or(l.Event, 32<<20)
	l.Answer = or(l.Answer, 32<<20)
	l.Memory = or(l.Memory, 1<<30)
	l.Upload = or(l.Upload, caddy.Duration(30*time.Second))
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Validate checks the numbers.
func (a *App) Validate() error {
	r, l := a.Retry, a.Limits
	switch {
	case r.Attempts < 1 || r.Attempts > 20:
		return fmt.Errorf("retry: attempts: %d is not between 1 and 20", r.Attempts)
	case r.FirstToken < 0 || r.Idle < 0 || r.Total < 0:
		return errors.New("retry: a duration is negative")
	case l.Body < 1 || l.Event < 1 || l.Answer < 1 || l.Upload < 1:
		return errors.New("limits: a limit is below 1")
	case l.Memory < l.Body:
		return fmt.Errorf("limits: memory: %d bytes do not hold one body of %d", l.Memory, l.Body)
	case max(l.Body, l.Event, l.Answer) > 1<<30:
		return errors.New("limits: body, event and answer can be at most 1 GiB")
	}
	return nil
}

// unbuilt refuses the settings whose effect is not built yet, so that nobody
// relies on a limit that is not there.
func (a *App) unbuilt() error {
	var errs []error
	refuse := func(set bool, what, name, setting string) {
		if set {
			errs = append(errs, fmt.Errorf("%s %s: %s is not built yet", what, name, setting))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Models)) {
		m := a.Models[name]
		if m == nil {
			continue
		}
		refuse(len(m.Price) > 0, "model", name, "price")
		refuse(m.RPM != 0, "model", name, "rpm")
		refuse(m.TPM != 0, "model", name, "tpm")
		refuse(len(m.Fallback) > 0, "model", name, "fallback")
	}
	for _, name := range slices.Sorted(maps.Keys(a.Groups)) {
		refuse(a.Groups[name] != nil && a.Groups[name].Balance != "", "group", name, "balance")
	}
	return errors.Join(errs...)
}

// Start opens the store and the catalogue, unless a first request has done so.
func (a *App) Start() error { return a.open() }

// Stop does nothing: requests that are under way go on with what they hold.
func (a *App) Stop() error { return nil }

// Cleanup gives back what the config holds. The state closes with its last
// request.
func (a *App) Cleanup() error {
	a.opening.Lock()
	a.closing = true
	v := a.current.Swap(nil)
	a.opening.Unlock()
	if v != nil {
		v.state.detach(a)
		v.leave()
	}
	return nil
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.Validator    = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
