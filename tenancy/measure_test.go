package tenancy

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// fill makes a directory of n tokens as a store would load it.
func fill(h *Hasher, n int, edit func(*store.Token)) (*Directory, []string) {
	const groups = 100
	d := NewDirectory(h)
	keys := make([]string, n)
	for i := range groups {
		d.SetGroup(store.Group{Name: fmt.Sprintf("group-%d", i), Status: Enabled})
	}
	for i := range n {
		keys[i] = NewKey()
		token := store.Token{ID: NewTokenID(), Group: fmt.Sprintf("group-%d", i%groups), Name: fmt.Sprintf("token-%d", i),
			Status: Enabled, Hash: h.Hash(keys[i]), Revision: 1}
		edit(&token)
		d.SetToken(token)
	}
	return d, keys
}

// TestMemory holds the limit of 200 bytes a token, its strings included.
func TestMemory(t *testing.T) {
	h := testHasher(t)
	const n = 100_000
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	measure := func(edit func(*store.Token)) uint64 {
		before := heap()
		d, _ := fill(h, n, edit)
		per := (heap() - before) / n
		runtime.KeepAlive(d)
		return per
	}
	plain := measure(func(*store.Token) {})
	listed := measure(func(t *store.Token) { t.Models, t.Subnets = []string{"gpt-5", "gpt-4o"}, []string{"10.0.0.0/8"} })
	t.Logf("%d bytes a token, %d with two models and a subnet", plain, listed)
	if plain > 200 || listed > 200 {
		t.Errorf("%d and %d bytes a token, at most 200 are allowed", plain, listed)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	h := testHasher(b)
	d, keys := fill(h, 100_000, func(t *store.Token) { t.Models = []string{"gpt-*"}; t.Subnets = []string{"192.0.2.0/24"} })
	declared := bind(b, h, Declaration{Groups: []store.Group{{Name: "declared"}},
		Tokens: []DeclaredToken{{store.Token{Group: "declared", Name: "ci"}, "key"}}})
	b.ReportAllocs()
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Authenticate(declared, keys[0], testClient, testNow); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("any", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Authenticate(declared, keys[rand.IntN(len(keys))], testClient, testNow); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unknown", func(b *testing.B) {
		key := NewKey()
		for b.Loop() {
			if _, err := d.Authenticate(declared, key, testClient, testNow); err != ErrUnknown {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := d.Authenticate(declared, keys[0], testClient, time.Now()); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkSetToken(b *testing.B) {
	h := testHasher(b)
	d, _ := fill(h, 100_000, func(*store.Token) {})
	token := testToken(h, "group-1", "x")
	var n int
	for b.Loop() {
		n++
		token.ID, token.Hash = fmt.Sprint(n), [32]byte{byte(n), byte(n >> 8), byte(n >> 16), 4: byte(n >> 24), 7: byte(n)}
		d.SetToken(token)
	}
}
