package tenancy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/store"
)

func TestDeclarationValidate(t *testing.T) {
	group := func(name string) store.Group { return store.Group{Name: name} }
	token := func(group, name, key string) DeclaredToken {
		return DeclaredToken{store.Token{Group: group, Name: name}, key}
	}
	for _, test := range []struct {
		declaration Declaration
		want        string
	}{
		{declaration: Declaration{}},
		{declaration: Declaration{Groups: []store.Group{group("a"), group("b")}, Tokens: []DeclaredToken{token("a", "ci", "k1"), token("b", "ci", "k2")}}},
		{declaration: Declaration{Tokens: []DeclaredToken{token("stored", "ci", "k1")}}},
		{Declaration{Groups: []store.Group{group("a"), group("a")}}, `group "a" is declared twice`},
		{Declaration{Groups: []store.Group{{Name: "a", Status: "on"}}}, `group "a": status: it is "on"`},
		{Declaration{Groups: []store.Group{group("a b")}}, `group "a b": name: the name "a b" holds`},
		{Declaration{Tokens: []DeclaredToken{token("a", "ci", "k1"), token("a", "ci", "k2")}}, `token "ci" of group "a" is declared twice`},
		{Declaration{Tokens: []DeclaredToken{token("a", "ci", "SECRET"), token("b", "cd", "SECRET")}},
			`token "ci" of group "a" and token "cd" of group "b" have the same key`},
		{Declaration{Tokens: []DeclaredToken{token("a", "ci", "")}}, `token "ci" of group "a": key: it is empty`},
		{Declaration{Tokens: []DeclaredToken{token("a", "ci", strings.Repeat("SECRET", 100))}}, `key: it has 600 bytes, at most 512`},
		{Declaration{Tokens: []DeclaredToken{{store.Token{Group: "a", Name: "ci", Subnets: []string{"x"}}, "k"}}}, `token "ci" of group "a": subnets: "x"`},
	} {
		err := test.declaration.Validate()
		if (err == nil) != (test.want == "") || err != nil && (!strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "SECRET")) {
			t.Errorf("%+v: %v, not %q", test.declaration, err, test.want)
		}
		if _, bound := test.declaration.Bind(testHasher(t)); (bound == nil) != (err == nil) {
			t.Errorf("%+v: Bind says %v", test.declaration, bound)
		}
	}
	if _, err := (&Declaration{}).Bind(nil); err == nil {
		t.Error("bound without a hasher")
	}
}

func TestDeclared(t *testing.T) {
	models := []string{"gpt-5"}
	declared := bind(t, testHasher(t), Declaration{
		Groups: []store.Group{{Name: "b"}, {Name: "a", Status: Disabled}},
		Tokens: []DeclaredToken{
			{store.Token{ID: "ignored", Group: "b", Name: "x", Models: models}, "SECRET"},
			{store.Token{Group: "a", Name: "y", Status: Disabled}, "SECRET2"},
		},
	})
	models[0] = "changed"

	var groups, tokens []string
	for _, g := range declared.Groups() {
		groups = append(groups, fmt.Sprintf("%s,%v,%v", g.Name, g.Enabled, g.Source))
	}
	for _, token := range declared.Tokens() {
		tokens = append(tokens, fmt.Sprintf("%s,%v,%v,%v", token.ID, token.Enabled, token.Source, token.Models()))
	}
	if got := strings.Join(groups, " "); got != "a,false,config b,true,config" {
		t.Errorf("groups %s", got)
	}
	if got := strings.Join(tokens, " "); got != "config:a:y,false,config,[] config:b:x,true,config,[gpt-5]" {
		t.Errorf("tokens %s", got)
	}
	if declared.Group("a") == nil || declared.Group("c") != nil || declared.Token("b", "x") == nil || declared.Token("a", "x") != nil {
		t.Error("groups and tokens are not found by their names")
	}
	if dump := fmt.Sprintf("%+v %+v", declared, declared.Token("b", "x")); strings.Contains(dump, "SECRET") {
		t.Error("a key was kept")
	}

	var none *Declared
	if none.Group("a") != nil || none.Token("a", "y") != nil || none.Groups() != nil || none.Tokens() != nil || none.byKey([32]byte{}) != nil {
		t.Error("nothing declares something")
	}
}
