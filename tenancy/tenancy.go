// Package tenancy knows who may use the gateway: groups, their tokens, and
// what a credential is worth at this moment. It knows neither HTTP nor Caddy;
// the key and the client's address are handed to it.
//
// What is kept in the store lies in a Directory that changes while it is read;
// what is declared in a config lies in a Declared that never changes and goes
// with its config. A request looks at both, and the config wins.
package tenancy

import (
	"math"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/caddy-aiproxy/aiproxy/protocol/pattern"
	"github.com/caddy-aiproxy/aiproxy/store"
)

// The statuses of groups and tokens.
const (
	Enabled  = "enabled"
	Disabled = "disabled"
)

// Source says where a group or token comes from.
type Source uint8

// The sources.
const (
	// FromStore: made at run time and kept in the store.
	FromStore Source = iota
	// FromConfig: declared in the config.
	FromConfig
)

// String returns the word of the admin API: "store" or "config".
func (s Source) String() string {
	if s == FromConfig {
		return "config"
	}
	return "store"
}

// Group is a tenant as requests see it. It is never changed: a changed group
// is another one.
type Group struct {
	Name    string
	Enabled bool
	// Sets names the lots of channels that the group may see.
	Sets   []string
	Source Source
}

func newGroup(g store.Group, source Source) *Group {
	return &Group{Name: g.Name, Enabled: g.Status == Enabled, Sets: g.Sets, Source: source}
}

// Token is an API key of a group as requests see it. But for the time of its
// last use it is never changed. There may be very many, so it is kept small.
type Token struct {
	// ID names a stored token in the admin API. That of a declared one is
	// DeclaredID of its group and name.
	ID   string
	Name string

	tenant *tenant
	limits *limits // nil: none
	hash   [32]byte
	// expires is in microseconds since 1970; never is math.MaxInt64.
	expires  int64
	revision int64
	// used is the second since 1970 of the last use that Drain has not handed
	// out yet, or 0.
	used atomic.Uint32

	Enabled bool
	Source  Source
}

// tenant is one group's place in a Directory. All stored tokens of the group
// point to it, so that a change of the group reaches them at once.
type tenant struct {
	name string
	// group is nil where the store has no such group.
	group atomic.Pointer[Group]
}

// limits is what narrows a token. Tokens with the same limits share it.
type limits struct {
	models  []string
	subnets []netip.Prefix
}

// newLimits returns nil for a token without limits.
func newLimits(t store.Token) *limits {
	if len(t.Models)+len(t.Subnets) == 0 {
		return nil
	}
	l := &limits{models: slices.Clone(t.Models), subnets: make([]netip.Prefix, len(t.Subnets))}
	for i, s := range t.Subnets {
		// One that does not parse becomes the zero prefix, which holds no
		// address: a spoilt row must not open the token to all.
		l.subnets[i], _ = parseSubnet(s)
	}
	return l
}

func newToken(t store.Token, of *tenant, l *limits, source Source) *Token {
	token := &Token{ID: t.ID, Name: t.Name, tenant: of, limits: l, hash: t.Hash, expires: math.MaxInt64,
		revision: t.Revision, Enabled: t.Status == Enabled, Source: source}
	if t.ExpiresAt != nil {
		token.expires = t.ExpiresAt.UnixMicro()
	}
	return token
}

// Group returns the name of the token's group.
func (t *Token) Group() string { return t.tenant.name }

// Models returns the patterns of the models that the token may use. None means
// all.
func (t *Token) Models() []string {
	if t.limits == nil {
		return nil
	}
	return t.limits.models
}

// MayUse says whether the token may use the model of that name.
func (t *Token) MayUse(model string) bool {
	models := t.Models()
	return len(models) == 0 || pattern.Any(models, model)
}

// ExpiresAt returns when the token stops to serve, and false if it never does.
func (t *Token) ExpiresAt() (time.Time, bool) {
	if t.expires == math.MaxInt64 {
		return time.Time{}, false
	}
	return time.UnixMicro(t.expires).UTC(), true
}

// UsedAt returns when the token was last used, to the second, and false where
// Drain has handed that out already or it was not used at all.
func (t *Token) UsedAt() (time.Time, bool) {
	second := t.used.Load()
	return time.Unix(int64(second), 0).UTC(), second != 0
}

// allows says whether the token may be used from the address. An address that
// is not known is in no subnet.
func (t *Token) allows(client netip.Addr) bool {
	if t.limits == nil || len(t.limits.subnets) == 0 {
		return true
	}
	client = client.Unmap().WithZone("")
	for _, subnet := range t.limits.subnets {
		if subnet.Contains(client) {
			return true
		}
	}
	return false
}

// touch notes that the token is used. Only the first use in a second writes,
// so that a busy token's memory is not fought over by the processors.
func (t *Token) touch(now time.Time) {
	if second := uint32(now.Unix()); t.used.Load() != second { //nolint:gosec // good until 2106
		t.used.Store(second)
	}
}
