package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// together runs f n times at once and waits.
func together(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// concurrentWriters lets several change one row as a client with If-Match
// does: no change is lost, and each has a revision of its own.
func concurrentWriters(t *testing.T, s store.Store) {
	ctx := t.Context()
	const writers, each = 8, 10
	must(s.PutGroup(ctx, store.Group{Name: "shared"}, 0, store.Change{}))(t)
	var revisions sync.Map
	together(writers, func(w int) {
		for i := range each {
			for {
				g, err := s.Group(ctx, "shared")
				if err != nil {
					t.Error(err)
					return
				}
				g.Sets = append(g.Sets, fmt.Sprintf("%d-%d", w, i))
				g, err = s.PutGroup(ctx, g, g.Revision, store.Change{})
				if errors.Is(err, store.ErrConflict) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if _, twice := revisions.LoadOrStore(g.Revision, true); twice {
					t.Errorf("revision %d was given twice", g.Revision)
				}
				break
			}
		}
	})
	if n := len(must(s.Group(ctx, "shared"))(t).Sets); n != writers*each {
		t.Errorf("%d of %d changes are there", n, writers*each)
	}
	if n := len(must(s.Changes(ctx, 0, 1000))(t)); n != writers*each+1 {
		t.Errorf("%d audit rows of %d changes", n, writers*each+1)
	}
}

func concurrentMeta(t *testing.T, s store.Store) {
	got := make([]string, 8)
	together(len(got), func(i int) {
		value, err := s.SetMeta(t.Context(), "k", fmt.Sprint(i))
		if err != nil {
			t.Error(err)
		}
		got[i] = value
	})
	want := must(s.Meta(t.Context(), "k"))(t)
	for i, value := range got {
		if value != want {
			t.Errorf("caller %d was told %q, the value is %q", i, value, want)
		}
	}
}

func concurrentBootstrap(t *testing.T, s store.Store) {
	var made atomic.Int64
	together(8, func(i int) {
		name := fmt.Sprintf("g%d", i)
		ok, err := s.Bootstrap(t.Context(), newGroup(name), newToken("t"+name, name, "n"), store.Change{})
		if err != nil {
			t.Error(err)
		}
		if ok {
			made.Add(1)
		}
	})
	all := must(s.Load(t.Context()))(t)
	if made.Load() != 1 || len(all.Groups) != 1 || len(all.Tokens) != 1 {
		t.Errorf("%d bootstraps made %d groups and %d tokens", made.Load(), len(all.Groups), len(all.Tokens))
	}
}

// loadIsOneMoment makes and deletes a group with its token while others load:
// the token is never seen without its group.
func loadIsOneMoment(t *testing.T, s store.Store) {
	ctx := t.Context()
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				all, err := s.Load(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				if len(all.Tokens) > len(all.Groups) {
					t.Errorf("%d tokens of %d groups", len(all.Tokens), len(all.Groups))
				}
			}
		})
	}
	for range 30 {
		must(s.PutGroup(ctx, newGroup("acme"), 0, store.Change{}))(t)
		must(s.PutToken(ctx, newToken("t", "acme", "n"), 0, store.Change{}))(t)
		if err := s.DeleteGroup(ctx, "acme", 0, store.Change{}); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	readers.Wait()
}
