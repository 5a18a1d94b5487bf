package tenancy

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/caddy-aiproxy/aiproxy/store"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// TestDirectory makes random changes to the directory, to a model of two maps
// and to the config, and after each asks for every key: none is served that
// the model says is removed, disabled, expired or hidden.
func TestDirectory(t *testing.T) {
	h := testHasher(t)
	keys := []string{"k0", "k1", "k2", "k3"}
	hashes := map[string][32]byte{}
	for _, key := range keys {
		hashes[key] = h.Hash(key)
	}
	names := rapid.SampledFrom([]string{"a", "b", "c"})
	statuses := rapid.SampledFrom([]string{Enabled, Disabled})

	rapid.Check(t, func(t *rapid.T) {
		d := NewDirectory(h)
		now := testNow
		revision := int64(0)
		groups, tokens := map[string]store.Group{}, map[string]store.Token{}
		var declaration Declaration
		var declared *Declared

		drawToken := func(t *rapid.T) store.Token {
			token := store.Token{ID: names.Draw(t, "id"), Group: names.Draw(t, "group"), Name: names.Draw(t, "token"),
				Status: statuses.Draw(t, "status")}
			if hours := rapid.IntRange(0, 3).Draw(t, "hours"); hours > 0 {
				at := now.Add(time.Duration(hours) * time.Hour)
				token.ExpiresAt = &at
			}
			return token
		}
		t.Repeat(map[string]func(*rapid.T){
			"set group": func(t *rapid.T) {
				revision++
				g := store.Group{Name: names.Draw(t, "name"), Status: statuses.Draw(t, "status"), Revision: revision}
				late := groups[g.Name]
				groups[g.Name] = g
				d.SetGroup(g)
				if late.Name != "" && rapid.Bool().Draw(t, "late") {
					d.SetGroup(late)
				}
			},
			"remove group": func(t *rapid.T) {
				name := names.Draw(t, "name")
				if _, ok := groups[name]; !ok {
					return
				}
				delete(groups, name)
				maps.DeleteFunc(tokens, func(_ string, token store.Token) bool { return token.Group == name })
				d.RemoveGroup(name)
			},
			"set token": func(t *rapid.T) {
				revision++
				token := drawToken(t)
				token.Revision, token.Hash = revision, hashes[rapid.SampledFrom(keys).Draw(t, "key")]
				for id, other := range tokens { // hashes are unique in a store
					if id != token.ID && other.Hash == token.Hash {
						return
					}
				}
				late := tokens[token.ID]
				tokens[token.ID] = token
				d.SetToken(token)
				if late.ID != "" && rapid.Bool().Draw(t, "late") {
					d.SetToken(late)
				}
			},
			"remove token": func(t *rapid.T) {
				id := names.Draw(t, "id")
				delete(tokens, id)
				d.RemoveToken(id)
			},
			"load": func(t *rapid.T) {
				d.Load(&store.Contents{Groups: slices.Collect(maps.Values(groups)), Tokens: slices.Collect(maps.Values(tokens))})
			},
			"time passes": func(t *rapid.T) { now = now.Add(time.Hour) },
			"reload config": func(t *rapid.T) {
				next := Declaration{}
				if rapid.Bool().Draw(t, "with group") {
					next.Groups = []store.Group{{Name: names.Draw(t, "name"), Status: statuses.Draw(t, "status")}}
				}
				if rapid.Bool().Draw(t, "with token") {
					next.Tokens = []DeclaredToken{{drawToken(t), rapid.SampledFrom(keys).Draw(t, "key")}}
				}
				var err error
				if declared, err = next.Bind(h); err != nil {
					t.Fatal(err)
				}
				declaration = next
			},
			"": func(t *rapid.T) {
				for _, key := range keys {
					p, err := d.Authenticate(declared, key, testClient, now)
					want := serves(groups, tokens, &declaration, key, hashes[key], now)
					if (err == nil) != (want != "") || err == nil && idOf(p) != want {
						t.Fatalf("%s is token %q, %v; the model says %q", key, idOf(p), err, want)
					}
				}
				if g, n := d.Len(); g != len(groups) || n != len(tokens) {
					t.Fatalf("%d groups and %d tokens, not %d and %d", g, n, len(groups), len(tokens))
				}
				for _, name := range []string{"a", "b", "c"} {
					g, ok := groups[name]
					if got := d.Group(name); (got != nil) != ok || ok && got.Enabled != (g.Status == Enabled) {
						t.Fatalf("group %q is %+v, not %+v", name, got, g)
					}
					if token, ok := tokens[name]; (d.Token(name) != nil) != ok || ok && d.Token(name).Name != token.Name {
						t.Fatalf("token %q is %+v, not %+v", name, d.Token(name), token)
					}
				}
			},
		})
	})
}

// serves is the rule in plain words: the ID of the token that the key is good
// for, or "".
func serves(groups map[string]store.Group, tokens map[string]store.Token, config *Declaration, key string, hash [32]byte, now time.Time) string {
	var found *store.Token
	for _, token := range tokens {
		if token.Hash == hash {
			found = &token
		}
	}
	for _, token := range config.Tokens {
		if token.Key == key {
			row := token.Token
			row.ID = DeclaredID(row.Group, row.Name)
			found = &row
		} else if found != nil && token.Group == found.Group && token.Name == found.Name {
			return "" // hidden
		}
	}
	if found == nil || found.Status != Enabled || found.ExpiresAt != nil && !now.Before(*found.ExpiresAt) {
		return ""
	}
	group, ok := groups[found.Group]
	for _, g := range config.Groups {
		if g.Name == found.Group {
			group, ok = g, true
		}
	}
	if !ok || group.Status != Enabled {
		return ""
	}
	return found.ID
}

// TestRevocation turns a token off and on in every way while others use it: a
// request that begins after a change has returned sees it.
func TestRevocation(t *testing.T) {
	h := testHasher(t)
	d := NewDirectory(h)
	group := store.Group{Name: "acme", Status: Enabled, Revision: 1}
	token := testToken(h, "acme", "a")
	off := func(g store.Group, t store.Token) (store.Group, store.Token) {
		g.Status, t.Status = Disabled, Disabled
		return g, t
	}
	groupOff, tokenOff := off(group, token)
	expired := token
	expired.ExpiresAt = &testNow
	all := &store.Contents{Groups: []store.Group{group}, Tokens: []store.Token{token}}
	d.Load(all)

	ask := func() error { _, err := d.Authenticate(nil, "sk-a", testClient, testNow); return err }
	stop, questions, answers := make(chan struct{}), make(chan struct{}), make(chan error)
	var others sync.WaitGroup
	others.Go(func() { // asks when told, on another goroutine than the changes
		for range questions {
			answers <- ask()
		}
	})
	others.Go(func() { // asks all the time
		for {
			select {
			case <-stop:
				return
			default:
				ask() //nolint:errcheck // either is right here
				runtime.Gosched()
			}
		}
	})
	for range 50 {
		for name, way := range map[string]struct{ off, on func() }{
			"token removed":  {func() { d.RemoveToken("a") }, func() { d.SetToken(token) }},
			"token disabled": {func() { d.SetToken(tokenOff) }, func() { d.SetToken(token) }},
			"token expired":  {func() { d.SetToken(expired) }, func() { d.SetToken(token) }},
			"group removed":  {func() { d.RemoveGroup("acme") }, func() { d.SetGroup(group); d.SetToken(token) }},
			"group disabled": {func() { d.SetGroup(groupOff) }, func() { d.SetGroup(group) }},
			"nothing loaded": {func() { d.Load(&store.Contents{}) }, func() { d.Load(all) }},
		} {
			way.off()
			questions <- struct{}{}
			if <-answers == nil {
				t.Errorf("%s: it still serves", name)
			}
			way.on()
			questions <- struct{}{}
			if err := <-answers; err != nil {
				t.Errorf("%s and undone: %v", name, err)
			}
		}
	}
	close(stop)
	close(questions)
	others.Wait()
}

// TestManyAtOnce reads and drains while tokens come and go.
func TestManyAtOnce(t *testing.T) {
	h := testHasher(t)
	d := NewDirectory(h)
	d.SetGroup(store.Group{Name: "acme", Status: Enabled})
	const tokens = 300
	stays := testToken(h, "acme", "stays")
	d.SetToken(stays)
	stop := make(chan struct{})
	var readers, writers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := d.Authenticate(nil, "sk-stays", testClient, testNow); err != nil {
					t.Errorf("a token that nobody touches: %v", err)
					return
				}
				d.Drain()
			}
		})
	}
	for w := range 3 {
		writers.Go(func() {
			for i := range tokens {
				id := fmt.Sprintf("%d-%d", w, i)
				d.SetToken(testToken(h, "acme", id))
				if _, err := d.Authenticate(nil, "sk-"+id, testClient, testNow); err != nil {
					t.Errorf("%s right after it was made: %v", id, err)
				}
				if i%3 == 0 {
					d.RemoveToken(id)
					if _, err := d.Authenticate(nil, "sk-"+id, testClient, testNow); err != ErrUnknown {
						t.Errorf("%s right after it was removed: %v", id, err)
					}
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	if _, n := d.Len(); n != 3*tokens*2/3+1 {
		t.Errorf("%d tokens are left", n)
	}
}

// TestKeyChange: the old key serves no more, and IDs do not disturb each other.
func TestKeyChange(t *testing.T) {
	h := testHasher(t)
	d := NewDirectory(h)
	d.SetGroup(store.Group{Name: "acme", Status: Enabled})
	a, b := testToken(h, "acme", "a"), testToken(h, "acme", "b")
	d.SetToken(a)
	a.Hash, a.Revision = h.Hash("sk-new"), 2
	d.SetToken(a)
	b.Hash = h.Hash("sk-a") // the key that a had
	d.SetToken(b)
	d.SetToken(a)
	for key, want := range map[string]string{"sk-new": "a", "sk-a": "b", "sk-b": ""} {
		if p, _ := d.Authenticate(nil, key, testClient, testNow); idOf(p) != want {
			t.Errorf("%q is token %q, not %q", key, idOf(p), want)
		}
	}
	d.RemoveToken("a")
	if p, err := d.Authenticate(nil, "sk-a", testClient, testNow); idOf(p) != "b" {
		t.Errorf("after its former owner went, the key is of %q, %v", idOf(p), err)
	}
}

func TestDrain(t *testing.T) {
	h := testHasher(t)
	d := NewDirectory(h)
	d.SetGroup(store.Group{Name: "acme", Status: Enabled})
	for _, id := range []string{"a", "b", "off"} {
		token := testToken(h, "acme", id)
		if id == "off" {
			token.Status = Disabled
		}
		d.SetToken(token)
	}
	declared := bind(t, h, Declaration{Tokens: []DeclaredToken{{store.Token{Group: "acme", Name: "ci"}, "ci"}}})
	use := func(key string, at time.Time) { d.Authenticate(declared, key, testClient, at) } //nolint:errcheck // some fail
	drained := func(want map[string]time.Time) {
		t.Helper()
		if got := d.Drain(); !maps.Equal(got, want) {
			t.Errorf("drained %v, not %v", got, want)
		}
	}
	drained(map[string]time.Time{})
	use("sk-a", testNow)
	use("sk-a", testNow.Add(1500*time.Millisecond))
	use("sk-b", testNow)
	use("sk-off", testNow)
	use("ci", testNow)
	drained(map[string]time.Time{"a": testNow.Add(time.Second), "b": testNow})
	drained(map[string]time.Time{})

	// Neither a change nor a load loses a use.
	use("sk-a", testNow)
	changed := testToken(h, "acme", "a")
	changed.Revision = 2
	d.SetToken(changed)
	d.Load(&store.Contents{Groups: []store.Group{{Name: "acme", Status: Enabled}}, Tokens: []store.Token{changed}})
	drained(map[string]time.Time{"a": testNow})
}

// TestShare: tokens with the same limits share them, those with others do not,
// and the collection is bounded.
func TestShare(t *testing.T) {
	c := newContents()
	for i, lists := range [][2][]string{{nil, nil}, {{"a"}, nil}, {{"a", "b"}, nil}, {{"ab"}, nil}, {nil, {"10.0.0.0/8"}}, {{"a"}, {"10.0.0.0/8"}}} {
		first, again := c.share(store.Token{Models: lists[0], Subnets: lists[1]}), c.share(store.Token{Models: slices.Clone(lists[0]), Subnets: lists[1]})
		if first != again || len(c.limits) != i {
			t.Errorf("%v: shared %v, %d kept", lists, first == again, len(c.limits))
		}
		if first != nil && (!slices.Equal(first.models, lists[0]) || len(first.subnets) != len(lists[1])) {
			t.Errorf("%v became %+v", lists, first)
		}
	}
	for i := range 3 * maxShared {
		c.share(store.Token{Models: []string{fmt.Sprint(i)}})
	}
	if len(c.limits) > maxShared {
		t.Errorf("%d limits are kept", len(c.limits))
	}
}
