package tenancy

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/store"
)

var (
	testNow    = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	testClient = netip.MustParseAddr("192.0.2.7")
)

// testToken is an enabled token of that ID, whose name is the ID and whose key
// is "sk-" and the ID.
func testToken(h *Hasher, group, id string) store.Token {
	return store.Token{ID: id, Group: group, Name: id, Status: Enabled, Hash: h.Hash("sk-" + id), Revision: 1}
}

func bind(t testing.TB, h *Hasher, d Declaration) *Declared {
	t.Helper()
	declared, err := d.Bind(h)
	if err != nil {
		t.Fatal(err)
	}
	return declared
}

func TestAuthenticate(t *testing.T) {
	h := testHasher(t)
	d := NewDirectory(h)
	for _, g := range []store.Group{{Name: "acme", Status: Enabled, Sets: []string{"eu"}}, {Name: "closed", Status: Disabled},
		{Name: "both", Status: Disabled}} {
		d.SetGroup(g)
	}
	soon := testNow.Add(time.Microsecond)
	for _, token := range []store.Token{
		testToken(h, "acme", "plain"),
		testToken(h, "closed", "in-closed"),
		testToken(h, "nowhere", "in-none"),
		testToken(h, "both", "in-both"),
		testToken(h, "declared", "in-declared"),
		testToken(h, "acme", "shadowed"),
		{ID: "off", Group: "acme", Name: "off", Status: Disabled, Hash: h.Hash("sk-off")},
		{ID: "odd", Group: "acme", Name: "odd", Status: "paused", Hash: h.Hash("sk-odd")},
		{ID: "old", Group: "acme", Name: "old", Status: Enabled, Hash: h.Hash("sk-old"), ExpiresAt: &testNow},
		{ID: "young", Group: "acme", Name: "young", Status: Enabled, Hash: h.Hash("sk-young"), ExpiresAt: &soon},
		{ID: "net", Group: "acme", Name: "net", Status: Enabled, Hash: h.Hash("sk-net"), Subnets: []string{"10.0.0.0/8", "192.0.2.7", "2001:db8::/32"}},
		{ID: "spoilt", Group: "acme", Name: "spoilt", Status: Enabled, Hash: h.Hash("sk-spoilt"), Subnets: []string{"every"}},
	} {
		d.SetToken(token)
	}
	declared := bind(t, h, Declaration{
		Groups: []store.Group{{Name: "declared", Sets: []string{"us"}}, {Name: "both", Sets: []string{"config"}}, {Name: "shut", Status: Disabled}},
		Tokens: []DeclaredToken{
			{store.Token{Group: "acme", Name: "shadowed"}, "sk-instead"},
			{store.Token{Group: "acme", Name: "of-stored"}, "sk-of-stored"},
			{store.Token{Group: "declared", Name: "ci", Models: []string{"gpt-5"}}, "ci's key"},
			{store.Token{Group: "shut", Name: "x"}, "sk-shut"},
			{store.Token{Group: "missing", Name: "x"}, "sk-missing"},
			{store.Token{Group: "acme", Name: "declared-off", Status: Disabled}, "sk-declared-off"},
		},
	})

	for _, test := range []struct {
		key    string
		client string // testClient
		want   error
		token  string // ID
		set    string // of the group
	}{
		{key: "", want: ErrNoCredential},
		{key: "sk-nobody", want: ErrUnknown},
		{key: "sk-plai", want: ErrUnknown},
		{key: "SK-plain", want: ErrUnknown},
		{key: strings.Repeat("x", MaxKeyLength+1), want: ErrUnknown},
		{key: "sk-plain", token: "plain", set: "eu"},
		{key: "sk-in-closed", want: ErrGroupDisabled, token: "in-closed"},
		{key: "sk-in-none", want: ErrNoGroup, token: "in-none"},
		{key: "sk-in-both", token: "in-both", set: "config"},
		{key: "sk-in-declared", token: "in-declared", set: "us"},
		{key: "sk-shadowed", want: ErrShadowed, token: "shadowed", set: "eu"},
		{key: "sk-instead", token: "config:acme:shadowed", set: "eu"},
		{key: "sk-of-stored", token: "config:acme:of-stored", set: "eu"},
		{key: "ci's key", token: "config:declared:ci", set: "us"},
		{key: "sk-shut", want: ErrGroupDisabled, token: "config:shut:x"},
		{key: "sk-missing", want: ErrNoGroup, token: "config:missing:x"},
		{key: "sk-declared-off", want: ErrDisabled, token: "config:acme:declared-off", set: "eu"},
		{key: "sk-off", want: ErrDisabled, token: "off", set: "eu"},
		{key: "sk-odd", want: ErrDisabled, token: "odd", set: "eu"},
		{key: "sk-old", want: ErrExpired, token: "old", set: "eu"},
		{key: "sk-young", token: "young", set: "eu"},
		{key: "sk-net", token: "net", set: "eu"},
		{key: "sk-net", client: "10.255.0.1", token: "net", set: "eu"},
		{key: "sk-net", client: "::ffff:10.1.1.1", token: "net", set: "eu"},
		{key: "sk-net", client: "2001:db8::5%eth0", token: "net", set: "eu"},
		{key: "sk-net", client: "192.0.2.8", want: ErrSubnet, token: "net", set: "eu"},
		{key: "sk-net", client: "none", want: ErrSubnet, token: "net", set: "eu"},
		{key: "sk-plain", client: "none", token: "plain", set: "eu"},
		{key: "sk-spoilt", want: ErrSubnet, token: "spoilt", set: "eu"},
	} {
		client := testClient
		switch test.client {
		case "":
		case "none":
			client = netip.Addr{}
		default:
			client = netip.MustParseAddr(test.client)
		}
		p, err := d.Authenticate(declared, test.key, client, testNow)
		if err != test.want {
			t.Errorf("%q from %q: %v, not %v", test.key, test.client, err, test.want)
		}
		if id := idOf(p); id != test.token {
			t.Errorf("%q is token %q, not %q", test.key, id, test.token)
		}
		if set := setOf(p); set != test.set {
			t.Errorf("%q has the set %q, not %q", test.key, set, test.set)
		}
	}

	// What is taken out of the config stops to serve, and what it hid serves again.
	for key, want := range map[string]error{"ci's key": ErrUnknown, "sk-in-declared": ErrNoGroup, "sk-in-both": ErrGroupDisabled,
		"sk-instead": ErrUnknown, "sk-shadowed": nil} {
		if _, err := d.Authenticate(nil, key, testClient, testNow); err != want {
			t.Errorf("%q without the declaration: %v, not %v", key, err, want)
		}
	}
}

func idOf(p Principal) string {
	if p.Token == nil {
		return ""
	}
	return p.Token.ID
}

func setOf(p Principal) string {
	if p.Group == nil || len(p.Group.Sets) == 0 {
		return ""
	}
	return p.Group.Sets[0]
}

// TestRefusals: what the client is told does not tell states of a key apart.
func TestRefusals(t *testing.T) {
	messages := map[string]bool{}
	for _, r := range []*Refusal{ErrUnknown, ErrShadowed, ErrDisabled, ErrExpired, ErrNoGroup, ErrGroupDisabled} {
		public := r.Public()
		messages[public.Message] = true
		if public.Kind != protocol.KindUnauthenticated || r.Kind() != public.Kind || strings.Contains(public.Message, r.Error()) {
			t.Errorf("%v is told as %+v", r, public)
		}
	}
	if len(messages) != 1 {
		t.Errorf("the messages differ: %v", messages)
	}
	if k := ErrNoCredential.Public().Kind; k != protocol.KindUnauthenticated {
		t.Errorf("no credential is of kind %v", k)
	}
	if k := ErrSubnet.Public().Kind; k != protocol.KindForbidden {
		t.Errorf("a wrong address is of kind %v", k)
	}
}

func TestMayUse(t *testing.T) {
	for _, test := range []struct {
		models []string
		model  string
		want   bool
	}{
		{nil, "gpt-5", true},
		{[]string{}, "gpt-5", true},
		{[]string{"gpt-5"}, "gpt-5", true},
		{[]string{"gpt-5"}, "gpt-5-mini", false},
		{[]string{"o3", "gpt-*"}, "gpt-5-mini", true},
		{[]string{"*"}, "org/model:free", true},
		{[]string{"gpt-5"}, "GPT-5", false},
	} {
		token := newToken(store.Token{}, &tenant{}, newLimits(store.Token{Models: test.models}), FromStore)
		if got := token.MayUse(test.model); got != test.want {
			t.Errorf("%q may use %q: %v", test.models, test.model, got)
		}
	}
}

func TestTokenFields(t *testing.T) {
	expires := time.Date(2030, 1, 2, 3, 4, 5, 6000, time.FixedZone("", 3600))
	token := newToken(store.Token{ExpiresAt: &expires}, &tenant{name: "acme"}, newLimits(store.Token{Models: []string{"a"}}), FromConfig)
	if at, ok := token.ExpiresAt(); !ok || !at.Equal(expires) || at.Location() != time.UTC {
		t.Errorf("expires at %v, %v", at, ok)
	}
	if token.Group() != "acme" || len(token.Models()) != 1 || token.Source.String() != "config" {
		t.Errorf("group %q, models %v, source %v", token.Group(), token.Models(), token.Source)
	}
	plain := newToken(store.Token{}, &tenant{}, nil, FromStore)
	if _, ok := plain.ExpiresAt(); ok || plain.Models() != nil || plain.Enabled || plain.Source.String() != "store" {
		t.Errorf("an empty row became %+v", plain)
	}
}
