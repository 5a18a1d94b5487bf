// Package storetest holds the tests that every driver of a store must pass.
// It knows the store's interface and no driver.
package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// Run tests a driver. Each call of open returns a new, empty store, which the
// tests leave open: open arranges for its end with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s store.Store)
	}{
		{"Groups", func(t *testing.T, s store.Store) { rows(t, s, groupKind(s)) }},
		{"Tokens", func(t *testing.T, s store.Store) { rows(t, s, tokenKind(s)) }},
		{"Channels", func(t *testing.T, s store.Store) { rows(t, s, channelKind(s)) }},
		{"Models", func(t *testing.T, s store.Store) { rows(t, s, modelKind(s)) }},
		{"TokenFields", tokenFields},
		{"TokenUnique", tokenUnique},
		{"DeleteGroupDeletesTokens", deleteGroup},
		{"EmptyLists", emptyLists},
		{"Load", load},
		{"TokenPages", tokenPages},
		{"Bootstrap", bootstrap},
		{"Touch", touch},
		{"Meta", meta},
		{"Changes", changes},
		{"Cancelled", cancelled},
		{"ConcurrentWriters", concurrentWriters},
		{"ConcurrentMeta", concurrentMeta},
		{"ConcurrentBootstrap", concurrentBootstrap},
		{"LoadIsOneMoment", loadIsOneMoment},
		{"Model", againstModel(open)},
		{"Close", closing},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// A kind is one of the four kinds of rows with the methods for it, so that
// what holds for all is tested once.
type kind[T any] struct {
	fresh  func(name string) T
	edit   func(T) T // changes a field
	put    func(context.Context, T, int64, store.Change) (T, error)
	delete func(context.Context, string, int64, store.Change) error
	get    func(context.Context, string) (T, error)
	list   func(context.Context, string, int) ([]T, error)
	loaded func(*store.Contents) []T
	// stamps returns the row's revision and times.
	stamps func(T) (revision int64, created, updated time.Time)
}

func groupKind(s store.Store) kind[store.Group] {
	return kind[store.Group]{
		fresh: newGroup,
		edit:  func(g store.Group) store.Group { g.Sets = []string{"other", "größer"}; return g },
		put:   s.PutGroup, delete: s.DeleteGroup, get: s.Group, list: s.Groups,
		loaded: func(c *store.Contents) []store.Group { return c.Groups },
		stamps: func(g store.Group) (int64, time.Time, time.Time) { return g.Revision, g.CreatedAt, g.UpdatedAt },
	}
}

func tokenKind(s store.Store) kind[store.Token] {
	return kind[store.Token]{
		fresh: func(id string) store.Token { return newToken(id, "acme", "name of "+id) },
		edit:  func(t store.Token) store.Token { t.Status = "disabled"; return t },
		put:   s.PutToken, delete: s.DeleteToken, get: s.Token,
		list: func(ctx context.Context, after string, limit int) ([]store.Token, error) {
			return s.Tokens(ctx, "", after, limit)
		},
		loaded: func(c *store.Contents) []store.Token { return c.Tokens },
		stamps: func(t store.Token) (int64, time.Time, time.Time) { return t.Revision, t.CreatedAt, t.UpdatedAt },
	}
}

func channelKind(s store.Store) kind[store.Channel] {
	return kind[store.Channel]{
		fresh: func(name string) store.Channel {
			return store.Channel{Name: name, Config: json.RawMessage(`{"b":1, "a":18446744073709551615}`), Keys: []byte{0, 255}}
		},
		edit: func(c store.Channel) store.Channel { c.Config, c.Keys = json.RawMessage(`[]`), nil; return c },
		put:  s.PutChannel, delete: s.DeleteChannel, get: s.Channel, list: s.Channels,
		loaded: func(c *store.Contents) []store.Channel { return c.Channels },
		stamps: func(c store.Channel) (int64, time.Time, time.Time) { return c.Revision, c.CreatedAt, c.UpdatedAt },
	}
}

func modelKind(s store.Store) kind[store.Model] {
	return kind[store.Model]{
		fresh: func(name string) store.Model {
			return store.Model{Name: name, Config: json.RawMessage(`{"type":"chat"}`)}
		},
		edit: func(m store.Model) store.Model { m.Config = json.RawMessage(`{}`); return m },
		put:  s.PutModel, delete: s.DeleteModel, get: s.Model, list: s.Models,
		loaded: func(c *store.Contents) []store.Model { return c.Models },
		stamps: func(m store.Model) (int64, time.Time, time.Time) { return m.Revision, m.CreatedAt, m.UpdatedAt },
	}
}

// rows tests what holds for each kind of row.
func rows[T any](t *testing.T, s store.Store, k kind[T]) {
	ctx := t.Context()
	_, err := k.get(ctx, "a/b")
	wantError(t, err, store.ErrNotFound)
	_, err = k.put(ctx, k.fresh("a/b"), 7, store.Change{})
	wantError(t, err, store.ErrNotFound)
	wantError(t, k.delete(ctx, "a/b", 0, store.Change{}), store.ErrNotFound)
	wantError(t, k.delete(ctx, "a/b", 7, store.Change{}), store.ErrNotFound)

	begin := time.Now().Add(-time.Millisecond)
	first := must(k.put(ctx, k.fresh("a/b"), 0, store.Change{}))(t)
	revision, created, updated := k.stamps(first)
	if revision <= 0 {
		t.Errorf("the first revision is %d", revision)
	}
	if created.Before(begin) || created.After(time.Now()) || created.Location() != time.UTC || !updated.Equal(created) {
		t.Errorf("made at %v, updated at %v, in a call that began at %v", created, updated, begin)
	}
	same(t, must(k.get(ctx, "a/b"))(t), first)

	_, err = k.put(ctx, k.fresh("a/b"), 0, store.Change{})
	wantError(t, err, store.ErrExists)
	_, err = k.put(ctx, k.edit(first), revision+1000, store.Change{})
	wantError(t, err, store.ErrConflict)
	wantError(t, k.delete(ctx, "a/b", revision+1000, store.Change{}), store.ErrConflict)
	same(t, must(k.get(ctx, "a/b"))(t), first)

	second := must(k.put(ctx, k.edit(first), revision, store.Change{}))(t)
	newRevision, newCreated, newUpdated := k.stamps(second)
	if newRevision <= revision || !newCreated.Equal(created) || newUpdated.Before(updated) {
		t.Errorf("after a change: revision %d (was %d), made %v (was %v), updated %v (was %v)",
			newRevision, revision, newCreated, created, newUpdated, updated)
	}
	same(t, must(k.get(ctx, "a/b"))(t), second)
	_, err = k.put(ctx, first, revision, store.Change{})
	wantError(t, err, store.ErrConflict)

	// A row that is deleted and made again does not get an old revision.
	if err := k.delete(ctx, "a/b", newRevision, store.Change{}); err != nil {
		t.Fatal(err)
	}
	_, err = k.get(ctx, "a/b")
	wantError(t, err, store.ErrNotFound)
	third := must(k.put(ctx, k.fresh("a/b"), 0, store.Change{}))(t)
	if again, _, _ := k.stamps(third); again <= newRevision {
		t.Errorf("the revision of a row made again is %d, not above %d", again, newRevision)
	}
	if err := k.delete(ctx, "a/b", 0, store.Change{}); err != nil {
		t.Fatal(err)
	}

	pages(t, s, k)
}

// pages tests lists.
func pages[T any](t *testing.T, s store.Store, k kind[T]) {
	ctx := t.Context()
	var all []T
	for _, name := range []string{"A", "a", "a.b", "b", "z", "ä"} { // in the order of their bytes
		all = append(all, must(k.put(ctx, k.fresh(name), 0, store.Change{}))(t))
	}
	for _, test := range []struct {
		after string
		limit int
		want  []T
	}{
		{"", 100, all},
		{"", 2, all[:2]},
		{"a", 2, all[2:4]},
		{"aa", 100, all[3:]}, // no row's name
		{"ä", 100, all[6:]},
		{"", 0, all[:0]},
		{"", -1, all[:0]},
	} {
		same(t, must(k.list(ctx, test.after, test.limit))(t), append([]T{}, test.want...))
	}
	same(t, k.loaded(must(s.Load(ctx))(t)), all)
}

func newGroup(name string) store.Group {
	return store.Group{Name: name, Status: "enabled", Sets: []string{"default"}}
}

// newToken makes a token with a hash of its own.
func newToken(id, group, name string) store.Token {
	t := store.Token{ID: id, Group: group, Name: name, Status: "enabled", Models: []string{"gpt-*", `o"1`}, Subnets: []string{}}
	copy(t.Hash[:], fmt.Sprintf("%32s", id+group+name))
	return t
}

// tb is what the tests need of a *testing.T or a *rapid.T.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

// must takes the results of a call and returns the value, or ends the test.
func must[T any](v T, err error) func(t tb) T {
	return func(t tb) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantError(t tb, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("the error is %v, not %q", err, want)
	}
}

func same(t tb, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("not as expected (-want +got):\n%s", diff)
	}
}
