package tenancy

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// Declaration is what a config declares of groups and tokens, keys included.
// It is bound to the gateway's secret and then dropped with its keys. A status
// that is left empty means Enabled.
type Declaration struct {
	Groups []store.Group
	// Tokens may belong to groups that the store has. Their IDs, hashes and
	// revisions are of no account.
	Tokens []DeclaredToken
}

// DeclaredToken is a token with its key, placeholders expanded.
type DeclaredToken struct {
	store.Token
	Key string
}

// DeclaredID is the ID of a declared token. No stored token has such a one.
func DeclaredID(group, name string) string { return "config:" + group + ":" + name }

// Validate returns an error if a field is wrong, a key is empty or longer than
// MaxKeyLength, or a name or key is there twice. It shows no key.
func (d *Declaration) Validate() error {
	groups, names, keys := map[string]bool{}, map[tokenName]bool{}, map[string]tokenName{}
	for _, g := range d.Groups {
		g.Status = cmp.Or(g.Status, Enabled)
		if err := ValidateGroup(g); err != nil {
			return fmt.Errorf("group %q: %w", g.Name, err)
		}
		if groups[g.Name] {
			return fmt.Errorf("group %q is declared twice", g.Name)
		}
		groups[g.Name] = true
	}
	for _, t := range d.Tokens {
		name := tokenName{t.Group, t.Name}
		if err := t.validate(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if names[name] {
			return fmt.Errorf("%s is declared twice", name)
		}
		if other, ok := keys[t.Key]; ok {
			return fmt.Errorf("%s and %s have the same key", other, name)
		}
		names[name], keys[t.Key] = true, name
	}
	return nil
}

func (t DeclaredToken) validate() error {
	t.Status = cmp.Or(t.Status, Enabled)
	switch err := ValidateToken(t.Token); {
	case err != nil:
		return err
	case t.Key == "":
		return &FieldError{"key", "it is empty"}
	case len(t.Key) > MaxKeyLength:
		return &FieldError{"key", fmt.Sprintf("it has %d bytes, at most %d are allowed", len(t.Key), MaxKeyLength)}
	}
	return nil
}

// Bind hashes the keys. What it returns holds none.
func (d *Declaration) Bind(h *Hasher) (*Declared, error) {
	if h == nil {
		return nil, errors.New("binding declared tokens without a secret")
	}
	if err := d.Validate(); err != nil {
		return nil, err
	}
	bound := &Declared{
		groups: make(map[string]*Group, len(d.Groups)),
		tokens: make(map[tokenName]*Token, len(d.Tokens)),
		byHash: make(map[[32]byte]*Token, len(d.Tokens)),
	}
	for _, g := range d.Groups {
		g.Status, g.Sets = cmp.Or(g.Status, Enabled), slices.Clone(g.Sets)
		bound.groups[g.Name] = newGroup(g, FromConfig)
	}
	for _, t := range d.Tokens {
		row := t.Token
		row.ID, row.Hash, row.Status = DeclaredID(t.Group, t.Name), h.Hash(t.Key), cmp.Or(t.Status, Enabled)
		token := newToken(row, &tenant{name: t.Group}, newLimits(row), FromConfig)
		bound.tokens[tokenName{t.Group, t.Name}] = token
		bound.byHash[row.Hash] = token
	}
	return bound, nil
}

// tokenName is what names a token among those of one source.
type tokenName struct{ group, name string }

func (n tokenName) String() string { return fmt.Sprintf("token %q of group %q", n.name, n.group) }

// Declared is what one config declares. It never changes; a new config has
// another one. A nil Declared declares nothing.
type Declared struct {
	groups map[string]*Group
	tokens map[tokenName]*Token
	byHash map[[32]byte]*Token
}

// Group returns the declared group of that name, or nil. A stored group of
// that name is shadowed by it.
func (d *Declared) Group(name string) *Group {
	if d == nil || len(d.groups) == 0 {
		return nil
	}
	return d.groups[name]
}

// Token returns the declared token of that name, or nil. A stored token of
// that group and name is shadowed by it and does not serve.
func (d *Declared) Token(group, name string) *Token {
	if d == nil || len(d.tokens) == 0 {
		return nil
	}
	return d.tokens[tokenName{group, name}]
}

// Groups returns the declared groups in the order of their names.
func (d *Declared) Groups() []*Group {
	if d == nil {
		return nil
	}
	return slices.SortedFunc(maps.Values(d.groups), func(a, b *Group) int { return cmp.Compare(a.Name, b.Name) })
}

// Tokens returns the declared tokens in the order of their IDs.
func (d *Declared) Tokens() []*Token {
	if d == nil {
		return nil
	}
	return slices.SortedFunc(maps.Values(d.tokens), func(a, b *Token) int { return cmp.Compare(a.ID, b.ID) })
}

func (d *Declared) byKey(hash [32]byte) *Token {
	if d == nil || len(d.byHash) == 0 {
		return nil
	}
	return d.byHash[hash]
}
