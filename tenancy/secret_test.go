package tenancy

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/caddy-aiproxy/aiproxy/store"
)

var testSecret = []byte("a secret for tests, 32 bytes long")

func testHasher(t testing.TB) *Hasher {
	t.Helper()
	h, err := NewHasher(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func testSealer(t testing.TB, secret string) *Sealer {
	t.Helper()
	s, err := NewSealer([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestShortSecret(t *testing.T) {
	short := testSecret[:MinSecretLength-1]
	_, hashing := NewHasher(short)
	_, sealing := NewSealer(short)
	for _, err := range []error{hashing, sealing, VerifySecret(t.Context(), nil, nil)} {
		if err == nil || !strings.Contains(err.Error(), "at least 32 are needed") || strings.Contains(err.Error(), string(short)) {
			t.Errorf("the error is %v", err)
		}
	}
}

// TestHash compares with the definition, which must not change: stored tokens
// would be lost.
func TestHash(t *testing.T) {
	subkey, err := hkdf.Key(sha256.New, testSecret, nil, "aiproxy token hash", 32)
	if err != nil {
		t.Fatal(err)
	}
	want := func(key string) (sum [32]byte) {
		mac := hmac.New(sha256.New, subkey)
		mac.Write([]byte(key))
		copy(sum[:], mac.Sum(nil))
		return sum
	}
	h := testHasher(t)
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringN(0, -1, MaxKeyLength).Draw(t, "key")
		if h.Hash(key) != want(key) {
			t.Fatalf("the hash of %q is not its HMAC", key)
		}
	})

	other, err := NewHasher([]byte(strings.Repeat("x", 32)))
	if err != nil {
		t.Fatal(err)
	}
	if h.Hash("sk-a") == other.Hash("sk-a") {
		t.Error("the hash does not depend on the secret")
	}

	var all sync.WaitGroup
	for i := range 8 {
		key := strings.Repeat("k", i)
		sum := want(key)
		all.Go(func() {
			for range 500 {
				if h.Hash(key) != sum {
					t.Errorf("the hash of %q is another one under load", key)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestSealer(t *testing.T) {
	s := testSealer(t, string(testSecret))
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(rapid.Byte()).Draw(t, "text")
		context := rapid.String().Draw(t, "context")
		sealed := s.Seal(context, text)
		if len(sealed) != len(text)+29 {
			t.Fatalf("%d bytes sealed have %d", len(text), len(sealed))
		}
		opened, err := s.Open(context, sealed)
		if err != nil || !bytes.Equal(opened, text) {
			t.Fatalf("opened: %q, %v", opened, err)
		}
		if bytes.Equal(sealed, s.Seal(context, text)) {
			t.Fatal("sealing twice gives the same")
		}
		if _, err := s.Open(context+"x", sealed); !errors.Is(err, ErrSealed) {
			t.Fatalf("opened for another context: %v", err)
		}
		at := rapid.IntRange(0, len(sealed)-1).Draw(t, "at")
		sealed[at] ^= rapid.ByteRange(1, 255).Draw(t, "flip")
		if _, err := s.Open(context, sealed); !errors.Is(err, ErrSealed) {
			t.Fatalf("opened with byte %d changed: %v", at, err)
		}
		if _, err := s.Open(context, sealed[:at]); !errors.Is(err, ErrSealed) {
			t.Fatalf("opened cut at %d: %v", at, err)
		}
	})
	if _, err := testSealer(t, strings.Repeat("x", 32)).Open("c", s.Seal("c", []byte("key"))); !errors.Is(err, ErrSealed) {
		t.Errorf("opened under another secret: %v", err)
	}
}

// metaStore is a store of which only SetMeta works.
type metaStore struct {
	store.Store
	values map[string]string
	err    error
}

func (m *metaStore) SetMeta(_ context.Context, key, value string) (string, error) {
	if m.err != nil {
		return "", m.err
	}
	if _, ok := m.values[key]; !ok {
		m.values[key] = value
	}
	return m.values[key], nil
}

func TestVerifySecret(t *testing.T) {
	s := &metaStore{values: map[string]string{}}
	for range 2 {
		if err := VerifySecret(t.Context(), testSecret, s); err != nil {
			t.Fatal(err)
		}
	}
	if err := VerifySecret(t.Context(), []byte(strings.Repeat("x", 32)), s); !errors.Is(err, ErrWrongSecret) {
		t.Errorf("another secret: %v", err)
	}
	if err := VerifySecret(t.Context(), testSecret, s); err != nil {
		t.Errorf("after a wrong one: %v", err)
	}
	for key, value := range s.values {
		if strings.Contains(key+value, string(testSecret)) {
			t.Error("the store holds the secret")
		}
	}
	s.err = errors.New("no disk")
	if err := VerifySecret(t.Context(), testSecret, s); !errors.Is(err, s.err) {
		t.Errorf("a store that fails: %v", err)
	}
}

func BenchmarkHash(b *testing.B) {
	h, key := testHasher(b), NewKey()
	b.ReportAllocs()
	for b.Loop() {
		h.Hash(key)
	}
}
