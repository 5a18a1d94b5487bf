package tenancy

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Money is an amount in 10⁻⁹ USD. No float ever touches it.
type Money int64

// USD is one dollar.
const USD Money = 1_000_000_000

// decimals is how many digits an amount has behind the point.
const decimals = 9

// errAmount says what an amount looks like.
var errAmount = errors.New("expected a decimal in USD, such as 1.25, with at most 9 digits behind the point")

// ParseMoney reads a decimal in USD. It takes no sign, no exponent, no more
// than nine digits behind the point, and nothing beyond nine billion dollars.
func ParseMoney(s string) (Money, error) {
	whole, part, point := strings.Cut(s, ".")
	if whole == "" || point && part == "" || len(part) > decimals || len(whole) > 10 || !digits(whole) || !digits(part) {
		return 0, fmt.Errorf("%q: %w", s, errAmount)
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", decimals-len(part)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q: %w", s, errAmount)
	}
	return Money(n), nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// String writes the amount as a decimal in USD without trailing zeros.
func (m Money) String() string {
	sign, n := "", uint64(m)
	if m < 0 {
		sign, n = "-", -n
	}
	whole, part := bits.Div64(0, n, uint64(USD))
	if part == 0 {
		return sign + strconv.FormatUint(whole, 10)
	}
	return sign + strconv.FormatUint(whole, 10) + "." + strings.TrimRight(fmt.Sprintf("%09d", part), "0")
}

// MarshalText writes what String does.
func (m Money) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what ParseMoney does.
func (m *Money) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMoney(string(text))
	return err
}
