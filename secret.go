package aiproxy

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"

	"github.com/caddyserver/certmagic"

	"github.com/caddyserver/caddy/v2"
)

// secretKey is where the gateway's secret is kept in Caddy's storage, which
// all machines of a cluster share.
const secretKey = "aiproxy/secret"

// minSecret is the shortest secret that is taken from the config, in bytes.
const minSecret = 32

// expandSecret returns the secret that the config gives; nil where it gives
// none.
func expandSecret(s string) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	v, err := caddy.NewReplacer().ReplaceOrErr(s, true, true)
	if err != nil {
		return nil, fmt.Errorf("secret: %v", err)
	}
	if len(v) < minSecret {
		return nil, fmt.Errorf("secret: it has %d characters; at least %d are required", len(v), minSecret)
	}
	return []byte(v), nil
}

// storedSecret returns the secret in storage, making it where there is none.
// The lock keeps two machines that start together from making two.
func storedSecret(ctx context.Context, storage certmagic.Storage) ([]byte, error) {
	secret, err := readSecret(ctx, storage)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if err := storage.Lock(ctx, secretKey); err != nil {
		return nil, fmt.Errorf("locking the gateway's secret: %w", err)
	}
	defer storage.Unlock(context.WithoutCancel(ctx), secretKey)
	if secret, err = readSecret(ctx, storage); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	raw := make([]byte, 32)
	rand.Read(raw)
	secret = []byte(base64.RawURLEncoding.EncodeToString(raw))
	if err := storage.Store(ctx, secretKey, secret); err != nil {
		return nil, fmt.Errorf("storing the gateway's secret: %w", err)
	}
	return secret, nil
}

func readSecret(ctx context.Context, storage certmagic.Storage) ([]byte, error) {
	secret, err := storage.Load(ctx, secretKey)
	if err != nil {
		return nil, fmt.Errorf("loading the gateway's secret: %w", err)
	}
	if len(secret) < minSecret {
		return nil, fmt.Errorf("the gateway's secret in storage (%s) is damaged: it has %d bytes", secretKey, len(secret))
	}
	return secret, nil
}
