package tenancy

import (
	"net/netip"
	"time"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// Refusal is why a credential is refused. What the client may know of it is
// Public; the error itself is for the log.
type Refusal struct {
	reason  string
	kind    protocol.Kind
	message string
}

// Error returns the reason, for the log.
func (r *Refusal) Error() string { return r.reason }

// Kind returns KindUnauthenticated or KindForbidden.
func (r *Refusal) Kind() protocol.Kind { return r.kind }

// Public returns the error for the client. It does not tell an unknown key
// from one that is disabled or has expired.
func (r *Refusal) Public() *protocol.Error {
	return &protocol.Error{Kind: r.kind, Message: r.message}
}

const notValid = "the API key is not valid: it is unknown, disabled or expired"

// The refusals of Authenticate.
var (
	ErrNoCredential  = &Refusal{"no credential", protocol.KindUnauthenticated, "an API key is required"}
	ErrUnknown       = &Refusal{"unknown key", protocol.KindUnauthenticated, notValid}
	ErrShadowed      = &Refusal{"stored token replaced by a declared one of its name", protocol.KindUnauthenticated, notValid}
	ErrDisabled      = &Refusal{"token disabled", protocol.KindUnauthenticated, notValid}
	ErrExpired       = &Refusal{"token expired", protocol.KindUnauthenticated, notValid}
	ErrNoGroup       = &Refusal{"group gone", protocol.KindUnauthenticated, notValid}
	ErrGroupDisabled = &Refusal{"group disabled", protocol.KindUnauthenticated, notValid}
	ErrSubnet        = &Refusal{"address not allowed", protocol.KindForbidden, "the API key may not be used from this address"}
)

// Principal is who makes a request.
type Principal struct {
	Token *Token
	Group *Group
}

// Authenticate finds out who presents the key from the client's address now,
// and notes the use. The error is a *Refusal; the principal then holds what is
// known of the token and group for the log, and must not be served. Declared
// is what the config declares, and may be nil.
func (d *Directory) Authenticate(declared *Declared, key string, client netip.Addr, now time.Time) (Principal, error) {
	if key == "" {
		return Principal{}, ErrNoCredential
	}
	if len(key) > MaxKeyLength {
		return Principal{}, ErrUnknown
	}
	hash := d.hasher.Hash(key)
	token := declared.byKey(hash)
	if token == nil {
		token = d.contents.Load().byHash.get(hash)
	}
	if token == nil {
		return Principal{}, ErrUnknown
	}
	p := Principal{Token: token, Group: d.groupOf(declared, token)}
	if err := p.refused(declared, client, now); err != nil {
		return p, err
	}
	token.touch(now)
	return p, nil
}

// groupOf returns the group of a token: the declared one of that name, or the
// stored one, or nil.
func (d *Directory) groupOf(declared *Declared, token *Token) *Group {
	if group := declared.Group(token.Group()); group != nil {
		return group
	}
	if token.Source == FromStore {
		return token.tenant.group.Load()
	}
	return d.Group(token.Group())
}

// refused says why the principal is not to be served. It returns an error and
// no *Refusal, so that nil is nil.
func (p Principal) refused(declared *Declared, client netip.Addr, now time.Time) error {
	token, group := p.Token, p.Group
	switch {
	case token.Source == FromStore && declared.Token(token.Group(), token.Name) != nil:
		return ErrShadowed
	case !token.Enabled:
		return ErrDisabled
	case now.UnixMicro() >= token.expires:
		return ErrExpired
	case group == nil:
		return ErrNoGroup
	case !group.Enabled:
		return ErrGroupDisabled
	case !token.allows(client):
		return ErrSubnet
	}
	return nil
}
