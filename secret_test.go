package aiproxy

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/certmagic"
)

// TestStoredSecret is made once, by whoever of many comes first, and is for
// nobody else to read.
func TestStoredSecret(t *testing.T) {
	dir := t.TempDir()
	storage := &certmagic.FileStorage{Path: dir}
	secrets := make([]string, 4)
	var wg sync.WaitGroup
	for i := range secrets {
		wg.Go(func() {
			secret, err := storedSecret(t.Context(), storage)
			if err != nil {
				t.Error(err)
			}
			secrets[i] = string(secret)
		})
	}
	wg.Wait()
	for _, s := range secrets {
		if s != secrets[0] || len(s) < minSecret {
			t.Fatalf("secrets %q", secrets)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "aiproxy", "secret"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the secret's file: %v, %v", info, err)
	}
	other, err := storedSecret(t.Context(), &certmagic.FileStorage{Path: t.TempDir()})
	if err != nil || string(other) == secrets[0] {
		t.Errorf("another storage has the same secret, %v", err)
	}
}

// failing is a storage whose calls fail where an error is given.
type failing struct {
	certmagic.Storage
	load, lock, store error
	value             string
	unlocked          int
}

func (f *failing) Load(context.Context, string) ([]byte, error) { return []byte(f.value), f.load }
func (f *failing) Lock(context.Context, string) error           { return f.lock }
func (f *failing) Store(context.Context, string, []byte) error  { return f.store }
func (f *failing) Unlock(ctx context.Context, _ string) error {
	f.unlocked++
	return ctx.Err()
}

// TestStoredSecretFails: a storage that cannot be asked is no reason to make
// a second secret.
func TestStoredSecretFails(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		storage  *failing
		want     string
		unlocked int
	}{
		{&failing{load: broken}, "loading the gateway's secret: broken", 0},
		{&failing{load: fs.ErrNotExist, lock: broken}, "locking the gateway's secret: broken", 0},
		{&failing{load: fs.ErrNotExist, store: broken}, "storing the gateway's secret: broken", 1},
		{&failing{value: "short"}, "the gateway's secret in storage (aiproxy/secret) is damaged: it has 5 bytes", 0},
		{&failing{value: ""}, "the gateway's secret in storage (aiproxy/secret) is damaged: it has 0 bytes", 0},
	} {
		secret, err := storedSecret(t.Context(), c.storage)
		if err == nil || err.Error() != c.want || secret != nil {
			t.Errorf("got %q, %v; expected %s", secret, err, c.want)
		}
		if c.storage.unlocked != c.unlocked {
			t.Errorf("%s: unlocked %d times", c.want, c.storage.unlocked)
		}
	}
}

func TestExpandSecret(t *testing.T) {
	long := strings.Repeat("s", minSecret)
	t.Setenv("AIPROXY_TEST_SECRET", long)
	for given, want := range map[string]string{
		"": "", long: long, "{env.AIPROXY_TEST_SECRET}": long, "a{env.AIPROXY_TEST_SECRET}b": "a" + long + "b",
	} {
		got, err := expandSecret(given)
		if err != nil || string(got) != want || (got == nil) != (given == "") {
			t.Errorf("%q: got %q, %v", given, got, err)
		}
	}
	if _, err := expandSecret(long[1:]); err == nil || strings.Contains(err.Error(), long[1:]) {
		t.Errorf("a short secret: %v", err)
	}
}
