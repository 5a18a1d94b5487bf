package sqlite

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/caddy-aiproxy/aiproxy/store"
	"github.com/caddy-aiproxy/aiproxy/store/storetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// driverFor returns a provisioned driver that does not wait long for a lock.
func driverFor(path string) *Driver {
	return &Driver{Path: path, lockWait: 100 * time.Millisecond}
}

func mustOpen(t testing.TB, path string) store.Store {
	t.Helper()
	s, err := driverFor(path).Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return mustOpen(t, filepath.Join(t.TempDir(), "test.db"))
	})
}

func BenchmarkPutToken(b *testing.B) {
	s := mustOpen(b, filepath.Join(b.TempDir(), "test.db"))
	token, err := s.PutToken(b.Context(), store.Token{ID: "t", Group: "g", Name: "n", Hash: [32]byte{1}}, 0, store.Change{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if token, err = s.PutToken(b.Context(), token, token.Revision, store.Change{Actor: "bench"}); err != nil {
			b.Fatal(err)
		}
	}
}
