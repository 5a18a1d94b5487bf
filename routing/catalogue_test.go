package routing

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

func TestCandidates(t *testing.T) {
	c := NewCatalogue([]*Channel{
		channel("low", models("exact"), tier(-1)),
		channel("b", models("exact", "gpt-*")),
		channel("a", models("exact", "other"), mapped("alias", "gpt-4o")),
		channel("high", models("*"), tier(5)),
		channel("off", models("exact", "lonely"), inactive("no key")),
	}, []Model{
		{Name: "declared", Source: "store"},
		{Name: "gpt-off", Disabled: true},
	})
	for model, want := range map[string][]string{
		"exact":    {"high", "a", "b", "off", "low"},
		"other":    {"high", "a"},
		"alias":    {"high", "a"},
		"gpt-4o":   {"high", "b"}, // the upstream's name of a map is no client's name
		"gpt-off":  {},
		"declared": {"high"},
		"lonely":   {"high", "off"},
		"unheard":  {"high"},
		"":         {"high"},
	} {
		if diff := cmp.Diff(want, names(c.candidates(model))); diff != "" {
			t.Errorf("%q: %s", model, diff)
		}
	}
}

func TestChannelIsACandidateOnce(t *testing.T) {
	c := NewCatalogue([]*Channel{channel("a", models("m", "m", "*", "m*"), mapped("m", "up"))}, nil)
	for _, model := range []string{"m", "mm", "x"} {
		if got := names(c.candidates(model)); len(got) != 1 {
			t.Errorf("%q: %q", model, got)
		}
	}
}

func TestCatalogueKeepsItsOwnOrder(t *testing.T) {
	in := []*Channel{channel("b"), channel("c", tier(1)), channel("a")}
	c := NewCatalogue(in, nil)
	if diff := cmp.Diff([]string{"c", "a", "b"}, names(c.Channels())); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"b", "c", "a"}, names(in)); diff != "" {
		t.Errorf("the caller's slice was sorted: %s", diff)
	}
}

func TestFindKnownAndList(t *testing.T) {
	c := NewCatalogue([]*Channel{
		channel("a", models("everyones", "gpt-*")),
		channel("b", models("reds"), sets("red")),
		channel("c", models("sleeping"), inactive("disabled")),
		channel("d", models("switched-off", "wild-*")),
		channel("e", models("stored")),
	}, []Model{
		{Name: "switched-off", Disabled: true},
		{Name: "wild-1", DisplayName: "Wild One", ContextTokens: 8192, Source: "store"},
		{Name: "nobody"},
	})
	tests := []struct {
		model       string
		sets        []string
		known, find bool
	}{
		{"everyones", []string{DefaultSet}, true, true},
		{"everyones", []string{"red"}, false, false},
		{"reds", []string{"red"}, true, true},
		{"reds", []string{DefaultSet}, false, false},
		{"reds", []string{DefaultSet, "red"}, true, true},
		{"sleeping", []string{DefaultSet}, true, false},
		{"switched-off", []string{DefaultSet}, false, false},
		{"gpt-5", []string{DefaultSet}, true, true},
		{"wild-1", []string{DefaultSet}, true, true},
		{"nobody", []string{DefaultSet}, false, false},
		{"unheard", []string{DefaultSet}, false, false},
		{"everyones", nil, false, false},
	}
	for _, tt := range tests {
		if got := c.Known(tt.model, tt.sets); got != tt.known {
			t.Errorf("Known(%q, %q) = %v", tt.model, tt.sets, got)
		}
		m, got := c.Find(tt.model, tt.sets)
		if got != tt.find || got && m.Name != tt.model {
			t.Errorf("Find(%q, %q) = %+v, %v", tt.model, tt.sets, m, got)
		}
	}

	all := func(string) bool { return true }
	list := func(sets []string, allow func(string) bool) []string {
		out := []string{}
		for _, m := range c.List(sets, allow) {
			out = append(out, m.Name)
		}
		return out
	}
	for _, tt := range []struct {
		sets  []string
		allow func(string) bool
		want  []string
	}{
		{[]string{DefaultSet}, all, []string{"everyones", "stored", "wild-1"}},
		{[]string{"red"}, all, []string{"reds"}},
		{[]string{DefaultSet, "red"}, all, []string{"everyones", "reds", "stored", "wild-1"}},
		{[]string{DefaultSet}, func(m string) bool { return m == "stored" }, []string{"stored"}},
		{[]string{DefaultSet}, func(string) bool { return false }, []string{}},
		{nil, all, []string{}},
	} {
		if diff := cmp.Diff(tt.want, list(tt.sets, tt.allow)); diff != "" {
			t.Errorf("List(%q): %s", tt.sets, diff)
		}
	}

	if m, _ := c.Find("wild-1", []string{DefaultSet}); m.DisplayName != "Wild One" || m.ContextTokens != 8192 || m.Source != "store" {
		t.Errorf("what was declared of a model is lost: %+v", m)
	}
	if m, _ := c.Find("gpt-5", []string{DefaultSet}); m.Source != "config" {
		t.Errorf("a model of a wildcard has the source %q", m.Source)
	}
}

func TestModels(t *testing.T) {
	c := NewCatalogue(
		[]*Channel{channel("a", models("seen", "wild-*")), channel("b", models("seen"))},
		[]Model{{Name: "twice", OwnedBy: "shadowed"}, {Name: "off", Disabled: true}, {Name: "twice", OwnedBy: "wins"}},
	)
	got := []string{}
	for _, m := range c.Models() {
		got = append(got, m.Name)
	}
	if diff := cmp.Diff([]string{"off", "seen", "twice"}, got); diff != "" {
		t.Error(diff)
	}
	if m, ok := c.Model("twice"); !ok || m.OwnedBy != "wins" {
		t.Errorf("of two models the last one given wins: %+v, %v", m, ok)
	}
	if m, ok := c.Model("off"); !ok || !m.Disabled {
		t.Errorf("a disabled model is known to the operator: %+v, %v", m, ok)
	}
	if _, ok := c.Model("wild-1"); ok {
		t.Error("a name that only a wildcard serves is no model")
	}
}

func TestEmptyCatalogue(t *testing.T) {
	c := NewCatalogue(nil, nil)
	if _, err := c.Plan(call); err == nil || err.Kind != protocol.KindModelNotFound {
		t.Errorf("Plan: %v", err)
	}
	if got := c.List([]string{DefaultSet}, func(string) bool { return true }); len(got) != 0 {
		t.Errorf("List: %v", got)
	}
	if c.Known("m", nil) || len(c.Models()) != 0 || len(c.Channels()) != 0 {
		t.Error("there is something in it")
	}
}

// TestConcurrentUse is for the race detector: one catalogue serves all calls
// while keys are put to rest.
func TestConcurrentUse(t *testing.T) {
	var all []*Channel
	for i := range 8 {
		all = append(all, channel(fmt.Sprint("c", i), keys(3), tier(i%2), weight(1+i), models("m", "w-*")))
	}
	c := NewCatalogue(all, nil)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 300 {
				want := call
				if i%2 == 0 {
					want.Model = "w-1"
				}
				p, err := c.Plan(want)
				if err != nil {
					t.Error(err)
					return
				}
				made := 0
				for {
					a, ok := p.Next(start)
					if !ok {
						break
					}
					made++
					p.Failed(a, Verdict((g+i+made)%2))
					if g == 0 && made == 1 && i%50 == 0 {
						a.Key.Rest.Set(start, 1)
					}
				}
				if made == 0 {
					t.Error("no attempt was made")
					return
				}
				c.List(want.Sets, func(string) bool { return true })
				c.Find(want.Model, want.Sets)
			}
		})
	}
	wg.Wait()
}
