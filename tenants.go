package aiproxy

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/routing"
	"github.com/caddy-aiproxy/aiproxy/store"
	"github.com/caddy-aiproxy/aiproxy/tenancy"
	"github.com/caddyserver/caddy/v2"
)

// provisionTenants takes the declared groups and tokens. Their keys are kept
// until the gateway's secret is known, which may have to be read from Caddy's
// storage: then they are hashed and dropped.
func (a *App) provisionTenants() error {
	d := new(tenancy.Declaration)
	for _, name := range slices.Sorted(maps.Keys(a.Groups)) {
		g := store.Group{Name: name}
		if cfg := a.Groups[name]; cfg != nil {
			g.Status, g.Sets = cfg.Status, cfg.Sets
		}
		d.Groups = append(d.Groups, g)
	}
	repl := caddy.NewReplacer()
	for i, cfg := range a.Tokens {
		if cfg == nil {
			return fmt.Errorf("tokens: position %d is empty", i)
		}
		t, err := cfg.declared(repl)
		if err != nil {
			return fmt.Errorf("token %s %s: %w", cfg.Group, cfg.Name, err)
		}
		d.Tokens = append(d.Tokens, t)
		cfg.Key = ""
	}
	if err := d.Validate(); err != nil {
		return err
	}
	a.declared.tenants = d
	return nil
}

// declared returns the token as tenancy has it, its key expanded.
func (c *TokenConfig) declared(repl *caddy.Replacer) (tenancy.DeclaredToken, error) {
	key, err := repl.ReplaceOrErr(c.Key, true, true)
	if err != nil {
		return tenancy.DeclaredToken{}, fmt.Errorf("key: %w", err)
	}
	t := tenancy.DeclaredToken{Key: key, Token: store.Token{
		Group: c.Group, Name: c.Name, Status: c.Status, Models: c.Models, Subnets: c.Subnets,
	}}
	if c.ExpiresAt != "" {
		at, err := tenancy.ParseExpiry(c.ExpiresAt)
		if err != nil {
			return tenancy.DeclaredToken{}, err
		}
		t.ExpiresAt = &at
	}
	return t, nil
}

// bind hashes the declared keys under the state's secret and drops them.
func (a *App) bind(s *state) error {
	tenants, err := a.declared.tenants.Bind(s.hasher)
	if err != nil {
		return err
	}
	a.tenants, a.declared.tenants = tenants, nil
	return nil
}

// authenticate finds out who is calling.
func (x *exchange) authenticate(v *view) *protocol.Error {
	key, refusal := x.credential()
	if refusal != nil {
		return refusal
	}
	p, err := v.state.directory.Authenticate(v.app.tenants, key, x.address(), time.Now())
	x.principal = p
	if err == nil {
		return nil
	}
	if r, ok := err.(*tenancy.Refusal); ok {
		return r.Public()
	}
	return &protocol.Error{Kind: protocol.KindInternal, Message: "the API key could not be checked"}
}

// defaultSets are the sets of a group that names none.
var defaultSets = []string{routing.DefaultSet}

// sets returns the sets of channels that the caller sees.
func (x *exchange) sets() []string {
	if sets := x.principal.Group.Sets; len(sets) > 0 {
		return sets
	}
	return defaultSets
}

// group and token name the caller, as far as it is known.
func (x *exchange) group() string {
	if x.principal.Token == nil {
		return ""
	}
	return x.principal.Token.Group()
}

func (x *exchange) token() string {
	if x.principal.Token == nil {
		return ""
	}
	return x.principal.Token.Name
}

// me answers with a token's view of itself.
func (x *exchange) me() {
	t := x.principal.Token
	var expires *time.Time
	if at, ok := t.ExpiresAt(); ok {
		expires = &at
	}
	x.sendJSON(struct {
		Group     string     `json:"group"`
		Token     string     `json:"token"`
		Models    []string   `json:"models"`
		Sets      []string   `json:"sets"`
		ExpiresAt *time.Time `json:"expires_at"`
	}{t.Group(), t.Name, append([]string{}, t.Models()...), x.sets(), expires})
}
