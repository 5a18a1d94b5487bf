package storetest

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// againstModel runs random changes against the store and against maps that do
// what the interface says, and compares answers and contents.
func againstModel(open func(t *testing.T) store.Store) func(t *testing.T, s store.Store) {
	return func(t *testing.T, s store.Store) {
		ctx := t.Context()
		rapid.Check(t, func(r *rapid.T) {
			// One store for all runs is emptied, since opening takes long.
			for _, g := range must(s.Load(ctx))(r).Groups {
				if err := s.DeleteGroup(ctx, g.Name, 0, store.Change{}); err != nil {
					r.Fatal(err)
				}
			}
			for _, token := range must(s.Load(ctx))(r).Tokens {
				if err := s.DeleteToken(ctx, token.ID, 0, store.Change{}); err != nil {
					r.Fatal(err)
				}
			}
			m := &model{groups: map[string]store.Group{}, tokens: map[string]store.Token{}}
			names := rapid.SampledFrom([]string{"a", "b", "c"})
			r.Repeat(map[string]func(*rapid.T){
				"put group": func(r *rapid.T) {
					g := newGroup(names.Draw(r, "name"))
					g.Status = rapid.SampledFrom([]string{"enabled", "disabled"}).Draw(r, "status")
					revision := m.someRevision(r, m.groups[g.Name].Revision)
					want := m.putGroup(g, revision)
					got, err := s.PutGroup(ctx, g, revision, store.Change{})
					m.judge(r, err, want, got.Revision)
					if err == nil {
						m.groups[g.Name] = got
					}
				},
				"delete group": func(r *rapid.T) {
					name := names.Draw(r, "name")
					revision := m.someRevision(r, m.groups[name].Revision)
					want := m.missing(m.groups[name].Revision, revision)
					m.judge(r, s.DeleteGroup(ctx, name, revision, store.Change{}), want, 0)
					if want == nil {
						delete(m.groups, name)
						maps.DeleteFunc(m.tokens, func(_ string, t store.Token) bool { return t.Group == name })
					}
				},
				"put token": func(r *rapid.T) {
					token := newToken(names.Draw(r, "id"), names.Draw(r, "group"), names.Draw(r, "name"))
					token.Hash = [32]byte{rapid.ByteRange(1, 4).Draw(r, "hash")}
					revision := m.someRevision(r, m.tokens[token.ID].Revision)
					want := m.putToken(token, revision)
					got, err := s.PutToken(ctx, token, revision, store.Change{})
					m.judge(r, err, want, got.Revision)
					if err == nil {
						m.tokens[token.ID] = got
					}
				},
				"delete token": func(r *rapid.T) {
					id := names.Draw(r, "id")
					revision := m.someRevision(r, m.tokens[id].Revision)
					want := m.missing(m.tokens[id].Revision, revision)
					m.judge(r, s.DeleteToken(ctx, id, revision, store.Change{}), want, 0)
					if want == nil {
						delete(m.tokens, id)
					}
				},
				"": func(r *rapid.T) {
					all := must(s.Load(ctx))(r)
					same(r, all.Groups, inOrder(m.groups))
					same(r, all.Tokens, inOrder(m.tokens))
				},
			})
		})
	}
}

// inOrder returns a map's values in the order of its keys.
func inOrder[T any](m map[string]T) []T {
	values := make([]T, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		values = append(values, m[key])
	}
	return values
}

type model struct {
	groups map[string]store.Group
	tokens map[string]store.Token
	newest int64
}

// someRevision draws 0, the present revision or another one.
func (m *model) someRevision(r *rapid.T, present int64) int64 {
	return rapid.SampledFrom([]int64{0, present, m.newest + 1}).Draw(r, "revision")
}

// missing is the error of a change that expects a revision, of a row that has
// the present one (0: there is no row).
func (m *model) missing(present, revision int64) error {
	switch {
	case present == 0:
		return store.ErrNotFound
	case revision != 0 && revision != present:
		return store.ErrConflict
	}
	return nil
}

func (m *model) putGroup(g store.Group, revision int64) error {
	present := m.groups[g.Name].Revision
	if revision != 0 {
		return m.missing(present, revision)
	}
	if present != 0 {
		return store.ErrExists
	}
	return nil
}

func (m *model) putToken(t store.Token, revision int64) error {
	present := m.tokens[t.ID].Revision
	if revision != 0 {
		if err := m.missing(present, revision); err != nil {
			return err
		}
	} else if present != 0 {
		return store.ErrExists
	}
	for _, other := range m.tokens {
		if other.ID != t.ID && (other.Hash == t.Hash || other.Group == t.Group && other.Name == t.Name) {
			return store.ErrExists
		}
	}
	return nil
}

// judge compares an answer with the expected one.
func (m *model) judge(r *rapid.T, err, want error, revision int64) {
	if !errors.Is(err, want) {
		r.Fatalf("the error is %v, not %v", err, want)
	}
	if err == nil && revision != 0 {
		if revision <= m.newest {
			r.Fatalf("revision %d does not grow beyond %d", revision, m.newest)
		}
		m.newest = revision
	}
}
