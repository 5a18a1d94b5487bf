package tenancy

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/caddy-aiproxy/aiproxy/protocol/pattern"
	"github.com/caddy-aiproxy/aiproxy/store"
)

const (
	// MaxNameLength is the greatest length of a group's, token's or set's name.
	MaxNameLength = 64
	// MaxListLength is the most sets of a group, and the most models and
	// subnets of a token.
	MaxListLength = 1000
)

// FieldError says which field is wrong, by its name in JSON and the Caddyfile,
// and how.
type FieldError struct {
	Field   string
	Message string
}

// Error returns the field and the message.
func (e *FieldError) Error() string { return e.Field + ": " + e.Message }

// ValidateGroup looks at the fields that a person sets. Its error is a
// *FieldError.
func ValidateGroup(g store.Group) error {
	return first(
		validateName("name", g.Name),
		validateStatus(g.Status),
		validateList("sets", g.Sets, func(s string) error { return validateName("sets", s) }),
	)
}

// ValidateToken looks at the fields that a person sets. Its error is a
// *FieldError.
func ValidateToken(t store.Token) error {
	return first(
		validateName("group", t.Group),
		validateName("name", t.Name),
		validateStatus(t.Status),
		validateList("models", t.Models, pattern.Valid),
		validateList("subnets", t.Subnets, func(s string) error { _, err := parseSubnet(s); return err }),
		validateExpiry(t.ExpiresAt),
	)
}

// ParseExpiry reads an expires_at of the Caddyfile: a time as in RFC 3339, or
// a date, which stands for its beginning in UTC. Its error is a *FieldError.
func ParseExpiry(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, &FieldError{"expires_at", fmt.Sprintf("%q is neither a time such as 2027-01-31T12:00:00Z nor a date", text)}
}

// first returns the first error. It takes and returns plain errors, so that
// nil stays nil.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// validateName allows what needs no escaping in a URL, a log or a file name.
func validateName(field, name string) error {
	const chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
	switch {
	case name == "":
		return &FieldError{field, "a name is empty"}
	case len(name) > MaxNameLength:
		return &FieldError{field, fmt.Sprintf("the name %.16q… has %d characters, at most %d are allowed", name, len(name), MaxNameLength)}
	case strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune(chars, r) }):
		return &FieldError{field, fmt.Sprintf("the name %q holds other characters than A-Z a-z 0-9 . _ -", name)}
	case name == "." || name == "..": // a URL's path would lose them
		return &FieldError{field, fmt.Sprintf("%q is no name", name)}
	}
	return nil
}

func validateStatus(status string) error {
	if status != Enabled && status != Disabled {
		return &FieldError{"status", fmt.Sprintf("it is %q, expected %q or %q", status, Enabled, Disabled)}
	}
	return nil
}

func validateList(field string, list []string, validate func(string) error) error {
	if len(list) > MaxListLength {
		return &FieldError{field, fmt.Sprintf("there are %d, at most %d are allowed", len(list), MaxListLength)}
	}
	for _, s := range list {
		switch err := validate(s).(type) {
		case nil:
		case *FieldError:
			return err
		default:
			return &FieldError{field, err.Error()}
		}
	}
	return nil
}

func validateExpiry(t *time.Time) error {
	// Years that JSON can write, but for the zero time, which is a mistake.
	if t != nil && (t.IsZero() || t.Year() < 1970 || t.Year() > 9999) {
		return &FieldError{"expires_at", fmt.Sprintf("%s is out of range", t.Format(time.RFC3339))}
	}
	return nil
}

// parseSubnet reads a subnet in CIDR notation, or a single address. One of
// IPv4 inside IPv6 becomes IPv4, as clients' addresses do.
func parseSubnet(text string) (netip.Prefix, error) {
	var subnet netip.Prefix
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		subnet = netip.PrefixFrom(addr, addr.BitLen())
	} else if subnet, err = netip.ParsePrefix(text); err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither a subnet such as 10.0.0.0/8 nor an address", text)
	}
	if subnet.Addr().Is4In6() && subnet.Bits() >= 96 {
		subnet = netip.PrefixFrom(subnet.Addr().Unmap(), subnet.Bits()-96)
	}
	return subnet.Masked(), nil
}
