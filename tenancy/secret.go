package tenancy

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// MinSecretLength is the least length of the gateway's secret in bytes.
const MinSecretLength = 32

// The labels under which keys are derived from the secret, one a purpose.
// Changing one makes all that was kept under it unreadable.
const (
	labelHash  = "aiproxy token hash"
	labelSeal  = "aiproxy provider keys"
	labelCheck = "aiproxy secret check"
)

// secretCheck is the key of the check value in the store.
const secretCheck = "secret_check"

var (
	// ErrWrongSecret: the store was written under another secret.
	ErrWrongSecret = errors.New("the secret is not the one that the store was made with: " +
		"its tokens would not be recognised and its provider keys not be readable")
	// ErrSealed: sealed bytes are damaged, or were sealed under another secret
	// or for another context.
	ErrSealed = errors.New("sealed under another secret, for another purpose, or damaged")
)

// derive makes the key for one purpose.
func derive(secret []byte, label string) ([]byte, error) {
	if len(secret) < MinSecretLength {
		return nil, fmt.Errorf("the secret has %d bytes, at least %d are needed (`openssl rand -hex 32` makes one)",
			len(secret), MinSecretLength)
	}
	return hkdf.Key(sha256.New, secret, nil, label, sha256.Size)
}

// Hasher makes the hashes under which tokens are kept. It is safe for
// concurrent use.
type Hasher struct {
	pool sync.Pool // of *hashing
}

// hashing is what one call of Hash works in. A reset HMAC starts from states
// that it keeps, which halves the work for a key.
type hashing struct {
	mac  hash.Hash
	text [MaxKeyLength]byte
	sum  [sha256.Size]byte
}

// NewHasher returns the hasher of a gateway's secret, which has at least
// MinSecretLength bytes.
func NewHasher(secret []byte) (*Hasher, error) {
	key, err := derive(secret, labelHash)
	if err != nil {
		return nil, err
	}
	h := new(Hasher)
	h.pool.New = func() any { return &hashing{mac: hmac.New(sha256.New, key)} }
	return h, nil
}

// Hash returns the HMAC-SHA-256 of a key. Of a key longer than MaxKeyLength it
// sees the beginning only: callers refuse such keys.
func (h *Hasher) Hash(key string) [32]byte {
	w := h.pool.Get().(*hashing)
	n := copy(w.text[:], key)
	w.mac.Reset()
	w.mac.Write(w.text[:n])
	w.mac.Sum(w.sum[:0])
	sum := w.sum
	clear(w.text[:n]) // keys do not stay in memory longer than they must
	h.pool.Put(w)
	return sum
}

// sealVersion is the first byte of what a Sealer makes.
const sealVersion = 1

// Sealer encrypts what the store keeps but must not show, with AES-256-GCM. It
// is safe for concurrent use.
type Sealer struct {
	aead cipher.AEAD
}

// NewSealer returns the sealer of a gateway's secret, which has at least
// MinSecretLength bytes.
func NewSealer(secret []byte) (*Sealer, error) {
	key, err := derive(secret, labelSeal)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Sealer{aead: aead}, nil
}

// Seal encrypts the text for a context, such as the name of the channel that
// it belongs to: only Open with the same context opens it. The result is 29
// bytes longer than the text and differs with each call.
func (s *Sealer) Seal(context string, text []byte) []byte {
	sealed := make([]byte, 1, 1+len(text)+s.aead.Overhead())
	sealed[0] = sealVersion
	return s.aead.Seal(sealed, nil, text, bound(sealVersion, context))
}

// Open returns the text that was sealed for the context, or ErrSealed.
func (s *Sealer) Open(context string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return nil, ErrSealed
	}
	text, err := s.aead.Open(nil, nil, sealed[1:], bound(sealed[0], context))
	if err != nil {
		return nil, ErrSealed
	}
	return text, nil
}

// bound is what a seal is bound to beside the text.
func bound(version byte, context string) []byte {
	return append([]byte{version}, context...)
}

// VerifySecret compares the secret with the check value in the store, or keeps
// one there if the store has none yet. A wrong secret is ErrWrongSecret.
func VerifySecret(ctx context.Context, secret []byte, s store.Store) error {
	key, err := derive(secret, labelCheck)
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(labelCheck))
	want := hex.EncodeToString(mac.Sum(nil))
	have, err := s.SetMeta(ctx, secretCheck, want)
	if err != nil {
		return fmt.Errorf("checking the secret: %w", err)
	}
	if !hmac.Equal([]byte(have), []byte(want)) {
		return ErrWrongSecret
	}
	return nil
}
