package tenancy

import "crypto/rand"

const (
	// KeyPrefix begins every key that NewKey makes, as clients expect.
	KeyPrefix = "sk-"
	// KeyLength is the length of the keys that NewKey makes, in bytes. Its 43
	// letters and digits carry 256 random bits.
	KeyLength = len(KeyPrefix) + 43
	// MaxKeyLength is the length in bytes up to which a key is looked at.
	MaxKeyLength = 512

	idPrefix = "tok_"
	idLength = len(idPrefix) + 20
)

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// NewKey makes the key of a token.
func NewKey() string { return KeyPrefix + random(KeyLength-len(KeyPrefix)) }

// NewTokenID makes the ID of a token, which is no secret.
func NewTokenID() string { return idPrefix + random(idLength-len(idPrefix)) }

// random returns n letters and digits, all equally likely.
func random(n int) string {
	const fair = 256 - 256%len(alphabet) // bytes above would favour the first letters
	text := make([]byte, 0, n)
	var bytes [64]byte
	for {
		rand.Read(bytes[:]) // never fails
		for _, b := range bytes {
			if int(b) >= fair {
				continue
			}
			if text = append(text, alphabet[int(b)%len(alphabet)]); len(text) == n {
				return string(text)
			}
		}
	}
}
