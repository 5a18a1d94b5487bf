//go:build !race

package tenancy

import (
	"testing"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// Not under the race detector, which makes a sync.Pool forget at random.
func TestAuthenticateAllocatesNothing(t *testing.T) {
	h := testHasher(t)
	d, keys := fill(h, 100, func(t *store.Token) { t.Subnets = []string{"192.0.2.0/24"} })
	hits, misses := testing.AllocsPerRun(200, func() { d.Authenticate(nil, keys[7], testClient, testNow) }), //nolint:errcheck // counted only
		testing.AllocsPerRun(200, func() { d.Authenticate(nil, "sk-nobody", testClient, testNow) }) //nolint:errcheck // counted only
	// The pool may be emptied by a garbage collection meanwhile.
	if hits > 0.5 || misses > 0.5 {
		t.Errorf("%v allocations for a known key, %v for an unknown one", hits, misses)
	}
}
