package tenancy

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// wantField looks that an error is a FieldError of that field with that text;
// an empty field means no error.
func wantField(t *testing.T, what any, err error, field, text string) {
	t.Helper()
	if field == "" {
		if err != nil {
			t.Errorf("%+v: %v", what, err)
		}
		return
	}
	wrong, ok := errors.AsType[*FieldError](err)
	if !ok || wrong.Field != field || !strings.Contains(err.Error(), text) || !strings.HasPrefix(err.Error(), field+": ") {
		t.Errorf("%+v: the error is %v, not of %s with %q", what, err, field, text)
	}
}

func TestValidateName(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{name: "a"}, {name: "Acme_1.x-y"}, {name: "..."}, {name: "-"}, {name: strings.Repeat("a", 64)},
		{"", "empty"},
		{strings.Repeat("a", 65), "has 65 characters, at most 64"},
		{".", "is no name"}, {"..", "is no name"},
		{"a b", `"a b" holds other characters than A-Z a-z 0-9 . _ -`},
		{"a/b", "other characters"}, {"ä", "other characters"}, {"a\n", "other characters"}, {"a:b", "other characters"}, {"a\xff", "other characters"},
	} {
		field := ""
		if test.want != "" {
			field = "name"
		}
		wantField(t, test.name, validateName("name", test.name), field, test.want)
	}
}

func TestValidateGroup(t *testing.T) {
	for _, test := range []struct {
		group       store.Group
		field, text string
	}{
		{group: store.Group{Name: "acme", Status: "enabled"}},
		{group: store.Group{Name: "acme", Status: "disabled", Sets: []string{"default", "eu"}}},
		{store.Group{Name: "a b", Status: "enabled"}, "name", `"a b"`},
		{store.Group{Name: "acme"}, "status", `it is "", expected "enabled" or "disabled"`},
		{store.Group{Name: "acme", Status: "Enabled"}, "status", `"Enabled"`},
		{store.Group{Name: "acme", Status: "enabled", Sets: []string{"ok", "a b"}}, "sets", `"a b"`},
		{store.Group{Name: "acme", Status: "enabled", Sets: make([]string, 1001)}, "sets", "there are 1001, at most 1000"},
	} {
		wantField(t, test.group, ValidateGroup(test.group), test.field, test.text)
	}
}

func TestValidateToken(t *testing.T) {
	at := func(year int) *time.Time {
		t := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		return &t
	}
	for _, test := range []struct {
		edit        func(*store.Token)
		field, text string
	}{
		{edit: func(*store.Token) {}},
		{edit: func(t *store.Token) {
			t.Models, t.Subnets, t.ExpiresAt = []string{"gpt-*"}, []string{"10.0.0.0/8", "::1"}, at(2020)
		}},
		{func(t *store.Token) { t.Group = "" }, "group", "empty"},
		{func(t *store.Token) { t.Name = "a b" }, "name", `"a b"`},
		{func(t *store.Token) { t.Status = "on" }, "status", `"on"`},
		{func(t *store.Token) { t.Models = []string{"gpt-5", ""} }, "models", "empty"},
		{func(t *store.Token) { t.Models = make([]string, 1001) }, "models", "at most 1000"},
		{func(t *store.Token) { t.Subnets = []string{"10.0.0.0/33"} }, "subnets", `"10.0.0.0/33"`},
		{func(t *store.Token) { t.ExpiresAt = new(time.Time) }, "expires_at", "out of range"},
		{func(t *store.Token) { t.ExpiresAt = at(10000) }, "expires_at", "out of range"},
	} {
		token := store.Token{Group: "acme", Name: "ci", Status: "enabled"}
		test.edit(&token)
		wantField(t, token, ValidateToken(token), test.field, test.text)
	}
}

func TestParseExpiry(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2027-01-31T12:00:00Z":      time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC),
		"2027-01-31T12:00:00+02:00": time.Date(2027, 1, 31, 10, 0, 0, 0, time.UTC),
		"2027-01-31":                time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := ParseExpiry(text); err != nil || got != want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "tomorrow", "2027-13-01", "31.1.2027", "2027-01-31 12:00"} {
		_, err := ParseExpiry(text)
		wantField(t, text, err, "expires_at", "is neither a time such as")
	}
}

func TestParseSubnet(t *testing.T) {
	for text, want := range map[string]string{
		"10.1.2.3/8":          "10.0.0.0/8",
		"10.1.2.3":            "10.1.2.3/32",
		"2001:db8::1/32":      "2001:db8::/32",
		"::1":                 "::1/128",
		"::ffff:10.1.2.3":     "10.1.2.3/32",
		"::ffff:10.1.2.3/104": "10.0.0.0/8",
		"::/0":                "::/0",
		"0.0.0.0/0":           "0.0.0.0/0",
	} {
		if got, err := parseSubnet(text); err != nil || got != netip.MustParsePrefix(want) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "10.0.0.0/", "10.0.0.0/33", "10.0.0", "fe80::1%eth0", "fe80::%eth0/10", "private_ranges", "10.0.0.0/8 "} {
		if got, err := parseSubnet(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
