package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// tokenFields tests that a token comes back as it was put.
func tokenFields(t *testing.T, s store.Store) {
	ctx := t.Context()
	expires := time.Date(2030, 1, 2, 3, 4, 5, 678_901_234, time.FixedZone("", 3600))
	row := newToken("t1", "acme", "ci")
	row.ExpiresAt = &expires
	row.Subnets = []string{"10.0.0.0/8", "2001:db8::/32"}
	used := time.Now()
	row.LastUsedAt = &used // not for a Put to write

	stored := must(s.PutToken(ctx, row, 0, store.Change{}))(t)
	want := row
	inMicros := time.Date(2030, 1, 2, 2, 4, 5, 678_901_000, time.UTC)
	want.ExpiresAt, want.LastUsedAt = &inMicros, nil
	want.Revision, want.CreatedAt, want.UpdatedAt = stored.Revision, stored.CreatedAt, stored.UpdatedAt
	same(t, stored, want)

	// No hash in a change leaves the one that is there; no expiry takes it away.
	edit := stored
	edit.Name, edit.Group, edit.Hash, edit.ExpiresAt = "cd", "other", [32]byte{}, nil
	edited := must(s.PutToken(ctx, edit, stored.Revision, store.Change{}))(t)
	want.Name, want.Group, want.ExpiresAt = "cd", "other", nil
	want.Revision, want.UpdatedAt = edited.Revision, edited.UpdatedAt
	same(t, edited, want)

	edit = edited
	edit.Hash = [32]byte{1}
	same(t, must(s.PutToken(ctx, edit, edited.Revision, store.Change{}))(t).Hash, edit.Hash)

	if _, err := s.PutToken(ctx, store.Token{ID: "t2", Group: "acme", Name: "no hash"}, 0, store.Change{}); err == nil {
		t.Error("a token without a hash was made")
	}
}

// tokenUnique tests that hashes are unique, and names within a group.
func tokenUnique(t *testing.T, s store.Store) {
	ctx := t.Context()
	first := must(s.PutToken(ctx, newToken("t1", "acme", "ci"), 0, store.Change{}))(t)
	sameHash := newToken("t2", "acme", "other")
	sameHash.Hash = first.Hash
	_, err := s.PutToken(ctx, sameHash, 0, store.Change{})
	wantError(t, err, store.ErrExists)
	_, err = s.PutToken(ctx, newToken("t2", "acme", "ci"), 0, store.Change{})
	wantError(t, err, store.ErrExists)

	second := must(s.PutToken(ctx, newToken("t2", "globex", "ci"), 0, store.Change{}))(t)
	renamed := second
	renamed.Group = "acme"
	_, err = s.PutToken(ctx, renamed, second.Revision, store.Change{})
	wantError(t, err, store.ErrExists)
	same(t, must(s.Load(ctx))(t).Tokens, []store.Token{first, second})
}

func deleteGroup(t *testing.T, s store.Store) {
	ctx := t.Context()
	group := must(s.PutGroup(ctx, newGroup("acme"), 0, store.Change{}))(t)
	must(s.PutToken(ctx, newToken("t1", "acme", "a"), 0, store.Change{}))(t)
	must(s.PutToken(ctx, newToken("t2", "acme", "b"), 0, store.Change{}))(t)
	other := must(s.PutToken(ctx, newToken("t3", "declared", "a"), 0, store.Change{}))(t)

	wantError(t, s.DeleteGroup(ctx, "acme", group.Revision+1000, store.Change{}), store.ErrConflict)
	wantError(t, s.DeleteGroup(ctx, "declared", 0, store.Change{}), store.ErrNotFound)
	if n := len(must(s.Load(ctx))(t).Tokens); n != 3 {
		t.Errorf("%d tokens after deletes that failed, not 3", n)
	}
	if err := s.DeleteGroup(ctx, "acme", group.Revision, store.Change{}); err != nil {
		t.Fatal(err)
	}
	same(t, must(s.Load(ctx))(t).Tokens, []store.Token{other})
}

func emptyLists(t *testing.T, s store.Store) {
	ctx := t.Context()
	group := must(s.PutGroup(ctx, store.Group{Name: "acme"}, 0, store.Change{}))(t)
	token := must(s.PutToken(ctx, store.Token{ID: "t", Hash: [32]byte{1}}, 0, store.Change{}))(t)
	for name, list := range map[string][]string{"sets": group.Sets, "models": token.Models, "subnets": token.Subnets} {
		if list == nil || len(list) > 0 {
			t.Errorf("%s put as nil came back as %#v", name, list)
		}
	}
}

func load(t *testing.T, s store.Store) {
	ctx := t.Context()
	empty := must(s.Load(ctx))(t)
	if len(empty.Groups)+len(empty.Tokens)+len(empty.Channels)+len(empty.Models) > 0 {
		t.Errorf("a new store holds %+v", empty)
	}
	var want store.Contents
	want.Groups = append(want.Groups, must(s.PutGroup(ctx, newGroup("g"), 0, store.Change{}))(t))
	want.Tokens = append(want.Tokens, must(s.PutToken(ctx, newToken("t", "g", "n"), 0, store.Change{}))(t))
	want.Channels = append(want.Channels, must(s.PutChannel(ctx, store.Channel{Name: "c"}, 0, store.Change{}))(t))
	want.Models = append(want.Models, must(s.PutModel(ctx, store.Model{Name: "m"}, 0, store.Change{}))(t))
	same(t, must(s.Load(ctx))(t), &want)
}

func tokenPages(t *testing.T, s store.Store) {
	ctx := t.Context()
	var acme []store.Token
	for i := range 5 {
		acme = append(acme, must(s.PutToken(ctx, newToken(fmt.Sprintf("t%d", 2*i), "acme", fmt.Sprint(i)), 0, store.Change{}))(t))
		must(s.PutToken(ctx, newToken(fmt.Sprintf("t%d", 2*i+1), "globex", fmt.Sprint(i)), 0, store.Change{}))(t)
	}
	same(t, must(s.Tokens(ctx, "acme", "", 3))(t), acme[:3])
	same(t, must(s.Tokens(ctx, "acme", acme[2].ID, 3))(t), acme[3:])
	same(t, must(s.Tokens(ctx, "nobody", "", 3))(t), []store.Token{})
	if all := must(s.Tokens(ctx, "", "", 100))(t); len(all) != 10 {
		t.Errorf("%d tokens of all groups, not 10", len(all))
	}
}

func bootstrap(t *testing.T, s store.Store) {
	ctx := t.Context()
	group, token := newGroup("default"), newToken("t1", "default", "first")

	// All or nothing: a token that cannot be made takes the group with it.
	if made, err := s.Bootstrap(ctx, group, store.Token{ID: "t1"}, store.Change{}); err == nil || made {
		t.Errorf("bootstrap with a token that has no hash: %v, %v", made, err)
	}
	if n := len(must(s.Load(ctx))(t).Groups); n != 0 {
		t.Errorf("%d groups after a bootstrap that failed", n)
	}

	if !must(s.Bootstrap(ctx, group, token, store.Change{Actor: "gateway", Action: "bootstrap", Kind: "group", Name: "default"}))(t) {
		t.Fatal("bootstrap of an empty store made nothing")
	}
	all := must(s.Load(ctx))(t)
	if len(all.Groups) != 1 || all.Groups[0].Name != "default" || len(all.Tokens) != 1 || all.Tokens[0].Hash != token.Hash {
		t.Errorf("after bootstrap: %+v", all)
	}
	if made := must(s.Bootstrap(ctx, newGroup("second"), newToken("t2", "second", "x"), store.Change{}))(t); made {
		t.Error("the second bootstrap made a group")
	}
	same(t, must(s.Load(ctx))(t), all)
	if changes := must(s.Changes(ctx, 0, 10))(t); len(changes) != 1 || changes[0].Action != "bootstrap" {
		t.Errorf("audit rows of one bootstrap: %+v", changes)
	}
}

func touch(t *testing.T, s store.Store) {
	ctx := t.Context()
	const tokens = 2500 // more than a driver is likely to write at once
	want := make(map[string]time.Time, tokens)
	at := time.Date(2026, 1, 1, 12, 0, 0, 5000, time.UTC)
	for i := range tokens {
		want[fmt.Sprintf("t%04d", i)] = at.Add(time.Duration(i) * time.Second)
	}
	row := must(s.PutToken(ctx, newToken("t0007", "acme", "a"), 0, store.Change{}))(t)
	last := must(s.PutToken(ctx, newToken("t2499", "acme", "b"), 0, store.Change{}))(t)
	if err := s.Touch(ctx, want); err != nil { // most of them are unknown
		t.Fatal(err)
	}
	if err := s.Touch(ctx, map[string]time.Time{"t0007": at}); err != nil { // earlier
		t.Fatal(err)
	}
	if err := s.Touch(ctx, nil); err != nil {
		t.Fatal(err)
	}
	first, second := want["t0007"], want["t2499"]
	row.LastUsedAt, last.LastUsedAt = &first, &second
	same(t, must(s.Load(ctx))(t).Tokens, []store.Token{row, last})

	// The revision is as it was, so that an If-Match still holds; a change keeps the time.
	row = must(s.PutToken(ctx, row, row.Revision, store.Change{}))(t)
	same(t, row.LastUsedAt, &first)
}

func meta(t *testing.T, s store.Store) {
	ctx := t.Context()
	_, err := s.Meta(ctx, "k")
	wantError(t, err, store.ErrNotFound)
	same(t, must(s.SetMeta(ctx, "k", "one"))(t), "one")
	same(t, must(s.SetMeta(ctx, "k", "two"))(t), "one")
	same(t, must(s.Meta(ctx, "k"))(t), "one")
	same(t, must(s.SetMeta(ctx, "empty", ""))(t), "")
	same(t, must(s.Meta(ctx, "empty"))(t), "")
}

func changes(t *testing.T, s store.Store) {
	ctx := t.Context()
	same(t, must(s.Changes(ctx, 0, 10))(t), []store.Change{})
	at := time.Date(2026, 5, 6, 7, 8, 9, 10_000, time.UTC)
	var want []store.Change // newest first
	for i := range 5 {
		c := store.Change{Time: at.Add(time.Duration(i) * time.Second), Actor: "admin", Action: "create", Kind: "group",
			Name: fmt.Sprintf("g%d", i), After: json.RawMessage(fmt.Sprintf(`{"n": %d}`, i))}
		must(s.PutGroup(ctx, newGroup(c.Name), 0, c))(t)
		want = append([]store.Change{c}, want...)
	}
	// Changes that fail leave no row.
	_, err := s.PutGroup(ctx, newGroup("g1"), 0, store.Change{Action: "create"})
	wantError(t, err, store.ErrExists)
	wantError(t, s.DeleteModel(ctx, "none", 0, store.Change{Action: "delete"}), store.ErrNotFound)

	got := must(s.Changes(ctx, 0, 10))(t)
	if len(got) != len(want) {
		t.Fatalf("%d audit rows, not %d", len(got), len(want))
	}
	for i := range got {
		if got[i].ID <= 0 || i > 0 && got[i].ID >= got[i-1].ID {
			t.Errorf("ids are not falling: %+v", got)
		}
		want[i].ID = got[i].ID
	}
	same(t, got, want)
	same(t, must(s.Changes(ctx, 0, 2))(t), want[:2])
	same(t, must(s.Changes(ctx, want[1].ID, 2))(t), want[2:4])
	same(t, must(s.Changes(ctx, want[4].ID, 2))(t), []store.Change{})
	same(t, must(s.Changes(ctx, 0, 0))(t), []store.Change{})

	begin := time.Now().Add(-time.Millisecond)
	if err := s.DeleteGroup(ctx, "g0", 0, store.Change{Action: "delete"}); err != nil {
		t.Fatal(err)
	}
	if now := must(s.Changes(ctx, 0, 1))(t)[0].Time; now.Before(begin) || now.After(time.Now()) {
		t.Errorf("a change without a time got %v", now)
	}
}

// cancelled tests that no call goes on under a context that has ended.
func cancelled(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.PutGroup(ctx, newGroup("acme"), 0, store.Change{})
	wantError(t, err, context.Canceled)
	_, err = s.Load(ctx)
	wantError(t, err, context.Canceled)
	_, err = s.Group(ctx, "acme")
	wantError(t, err, context.Canceled)
	_, err = s.SetMeta(ctx, "k", "v")
	wantError(t, err, context.Canceled)
	wantError(t, s.Touch(ctx, map[string]time.Time{"t": time.Now()}), context.Canceled)

	ctx = t.Context()
	if n := len(must(s.Load(ctx))(t).Groups); n != 0 {
		t.Errorf("a cancelled call made %d groups", n)
	}
	must(s.PutGroup(ctx, newGroup("acme"), 0, store.Change{}))(t)
}

// closing tests that Close can be repeated and that nothing works after it.
func closing(t *testing.T, s store.Store) {
	ctx := t.Context()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	calls := map[string]func() error{
		"Load":     func() error { _, err := s.Load(ctx); return err },
		"Group":    func() error { _, err := s.Group(ctx, "g"); return err },
		"Tokens":   func() error { _, err := s.Tokens(ctx, "", "", 1); return err },
		"PutGroup": func() error { _, err := s.PutGroup(ctx, newGroup("g"), 0, store.Change{}); return err },
		"Delete":   func() error { return s.DeleteModel(ctx, "m", 0, store.Change{}) },
		"Bootstrap": func() error {
			_, err := s.Bootstrap(ctx, newGroup("g"), newToken("t", "g", "n"), store.Change{})
			return err
		},
		"Touch":   func() error { return s.Touch(ctx, map[string]time.Time{"t": time.Now()}) },
		"Meta":    func() error { _, err := s.Meta(ctx, "k"); return err },
		"SetMeta": func() error { _, err := s.SetMeta(ctx, "k", "v"); return err },
		"Changes": func() error { _, err := s.Changes(ctx, 0, 1); return err },
	}
	for name, call := range calls {
		if call() == nil {
			t.Errorf("%s works on a closed store", name)
		}
	}
}
