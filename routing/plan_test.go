package routing

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

func TestPlanRefusals(t *testing.T) {
	tests := []struct {
		name     string
		channels []*Channel
		models   []Model
		call     Call
		kind     protocol.Kind
		message  string
	}{
		{"nobody serves it", []*Channel{channel("a", models("x"))}, nil, call,
			protocol.KindModelNotFound, `the model "m" does not exist`},
		{"nobody that is seen serves it", []*Channel{channel("a", sets("red"))}, nil, call,
			protocol.KindModelNotFound, `the model "m" does not exist`},
		{"disabled", []*Channel{channel("a")}, []Model{{Name: "m", Disabled: true}}, call,
			protocol.KindModelNotFound, `the model "m" does not exist`},
		{"all inactive", []*Channel{channel("a", inactive("no key")), channel("b", inactive("disabled"))}, nil, call,
			protocol.KindOverloaded, `no channel that serves the model "m" is active`},
		{"inactive and unseen", []*Channel{channel("a", inactive("no key")), channel("b", sets("red"))}, nil, call,
			protocol.KindOverloaded, "is active"},
		{"other protocol", []*Channel{channel("a", speaks(protocol.Messages))}, nil, call,
			protocol.KindNotBuilt, "translating chat to messages is not built yet"},
		{"inactive speaks it, active does not", []*Channel{channel("a", inactive("no key")), channel("b", speaks(protocol.Gemini))}, nil, call,
			protocol.KindNotBuilt, "translating chat to gemini is not built yet"},
		{"no such operation", []*Channel{channel("a")}, nil,
			Call{Model: "m", Sets: call.Sets, Protocol: protocol.Chat, Operation: protocol.Embed},
			protocol.KindNotBuilt, `no channel of the model "m" has the operation embed in the protocol chat`},
		{"no such operation elsewhere either", []*Channel{channel("a", speaks(protocol.Messages, protocol.Gemini))}, nil,
			Call{Model: "m", Sets: call.Sets, Protocol: protocol.Chat, Operation: protocol.Embed},
			protocol.KindNotBuilt, "has the operation embed in the protocol chat"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := NewCatalogue(tt.channels, tt.models).Plan(tt.call)
			if err == nil || p != nil {
				t.Fatalf("got a plan: %+v", p)
			}
			if err.Kind != tt.kind || !strings.Contains(err.Message, tt.message) {
				t.Errorf("got %v %q", err.Kind, err.Message)
			}
		})
	}
}

// TestUnseenIsAsUnknown: what a group does not see must look to it as if it
// did not exist.
func TestUnseenIsAsUnknown(t *testing.T) {
	_, unseen := NewCatalogue([]*Channel{channel("a", sets("red"))}, nil).Plan(call)
	_, unknown := NewCatalogue(nil, nil).Plan(call)
	if *unseen != *unknown {
		t.Errorf("%+v is not %+v", unseen, unknown)
	}
}

func TestPlanPassesOverWhatCannot(t *testing.T) {
	p := plan(t, NewCatalogue([]*Channel{
		channel("unseen", sets("red"), tier(9)),
		channel("inactive", inactive("no key"), tier(8)),
		channel("messages", speaks(protocol.Messages), tier(7)),
		channel("embeds", serves(protocol.Embed), tier(6)),
		channel("other", models("x"), tier(5)),
		channel("good"),
	}, nil), call)
	if got := next(p, ChannelFailed) + next(p, ChannelFailed); got != "good-" {
		t.Errorf("got %s", got)
	}
}

func TestTiersComeInOrder(t *testing.T) {
	c := NewCatalogue([]*Channel{
		channel("l", tier(-5)), channel("h1", tier(3)), channel("m1"), channel("h2", tier(3)), channel("m2"),
	}, nil)
	for range 50 {
		p := plan(t, c, call)
		got := ""
		for range 6 {
			got += next(p, ChannelFailed)[:1]
		}
		if got != "hhmml-" {
			t.Fatalf("got %s", got)
		}
	}
}

// TestWeights draws many times and allows six standard deviations, which a
// right implementation exceeds once in 500 million runs.
func TestWeights(t *testing.T) {
	shares := map[string]int{"a": 1, "b": 3, "c": 6}
	var all []*Channel
	for name, w := range shares {
		all = append(all, channel(name, weight(w)))
	}
	c := NewCatalogue(all, nil)
	const n = 20_000
	got := map[string]int{}
	for range n {
		a, _ := plan(t, c, call).Next(start)
		got[a.Channel.Name]++
	}
	for name, w := range shares {
		share := float64(w) / 10
		if off := math.Abs(float64(got[name]) - n*share); off > 6*math.Sqrt(n*share*(1-share)) {
			t.Errorf("%s was asked %d times of %d, want about %.0f", name, got[name], n, n*share)
		}
	}
}

// TestWeightsOfThoseLeft: a channel that failed or rests leaves its share to
// the others, in their proportion.
func TestWeightsOfThoseLeft(t *testing.T) {
	heavy, rests := channel("heavy", weight(1000)), channel("rests", weight(1000))
	rests.Keys[0].Rest.Set(start, time.Minute)
	c := NewCatalogue([]*Channel{heavy, rests, channel("a", weight(1)), channel("b", weight(3))}, nil)
	const n = 8000
	a := 0
	for range n {
		p := plan(t, c, call)
		p.Failed(Attempt{Channel: heavy}, ChannelFailed)
		switch name := next(p, ChannelFailed); name {
		case "a":
			a++
		case "b":
		default:
			t.Fatalf("%s was asked", name)
		}
	}
	if off := math.Abs(float64(a) - n/4); off > 6*math.Sqrt(n*0.25*0.75) {
		t.Errorf("a was asked %d times of %d", a, n)
	}
}

func TestKeysTakeTurns(t *testing.T) {
	c := NewCatalogue([]*Channel{channel("a", keys(3))}, nil)
	got := ""
	for range 7 {
		a, _ := plan(t, c, call).Next(start)
		got += fmt.Sprint(a.Key.Position)
	}
	if got != "1231231" {
		t.Errorf("got %s", got)
	}
}

func TestKeysTakeTurnsPastTheCountersEnd(t *testing.T) {
	ch := channel("a", keys(3))
	ch.turn.Store(math.MaxUint32 - 1)
	c := NewCatalogue([]*Channel{ch}, nil)
	for range 5 {
		if a, ok := plan(t, c, call).Next(start); !ok || a.Key == nil {
			t.Fatal("no key")
		}
	}
}

func TestKeyFailedAsksTheOtherKeys(t *testing.T) {
	p := plan(t, NewCatalogue([]*Channel{channel("a", keys(3), tier(1)), channel("b")}, nil), call)
	got := ""
	for range 5 {
		got += next(p, KeyFailed)
	}
	if got != "aaab-" {
		t.Errorf("got %s", got)
	}
}

func TestChannelFailedSkipsItsOtherKeys(t *testing.T) {
	p := plan(t, NewCatalogue([]*Channel{channel("a", keys(3), tier(1)), channel("b")}, nil), call)
	if got := next(p, ChannelFailed) + next(p, ChannelFailed) + next(p, ChannelFailed); got != "ab-" {
		t.Errorf("got %s", got)
	}
}

func TestMostKeys(t *testing.T) {
	p := plan(t, NewCatalogue([]*Channel{channel("a", keys(MaxKeys))}, nil), call)
	used := map[int]bool{}
	for {
		a, ok := p.Next(start)
		if !ok {
			break
		}
		if used[a.Key.Position] {
			t.Fatalf("key %d was used twice", a.Key.Position)
		}
		used[a.Key.Position] = true
		p.Failed(a, KeyFailed)
	}
	if len(used) != MaxKeys {
		t.Errorf("%d keys were used", len(used))
	}
}

func TestRestingKeysArePassedOver(t *testing.T) {
	ch := channel("a", keys(3))
	ch.Keys[0].Rest.Set(start, time.Minute)
	ch.Keys[2].Rest.Set(start, time.Minute)
	c := NewCatalogue([]*Channel{ch}, nil)
	for range 5 {
		if a, ok := plan(t, c, call).Next(start); !ok || a.Key.Position != 2 {
			t.Fatalf("got %+v, %v", a, ok)
		}
	}
	a, ok := plan(t, c, call).Next(start.Add(time.Minute))
	if !ok || a.Key == nil {
		t.Error("after the rest all keys are to be had")
	}
}

func TestRestingTierLeavesTheCallToTheNext(t *testing.T) {
	high := channel("high", tier(1))
	high.Keys[0].Rest.Set(start, time.Second)
	p := plan(t, NewCatalogue([]*Channel{high, channel("low")}, nil), call)
	if got := next(p, ChannelFailed) + next(p, ChannelFailed); got != "low-" {
		t.Errorf("got %s", got)
	}
	if p.Resting() != time.Second {
		t.Errorf("high rests for %v", p.Resting())
	}
}

func TestResting(t *testing.T) {
	a, b := channel("a", keys(2), tier(1)), channel("b")
	a.Keys[0].Rest.Set(start, 40*time.Second)
	a.Keys[1].Rest.Set(start, 30*time.Second)
	b.Keys[0].Rest.Set(start, 50*time.Second)
	c := NewCatalogue([]*Channel{a, b}, nil)

	p := plan(t, c, call)
	if got := next(p, ChannelFailed); got != "-" || p.Resting() != 30*time.Second {
		t.Errorf("got %s, resting %v", got, p.Resting())
	}
	p = plan(t, c, call)
	if _, ok := p.Next(start.Add(35 * time.Second)); !ok {
		t.Error("the key whose rest is over is not used")
	}

	// A key that was tried and then put to rest by its answer is not among
	// those that were passed over.
	p = plan(t, NewCatalogue([]*Channel{channel("c")}, nil), call)
	at, _ := p.Next(start)
	at.Key.Rest.Set(start, time.Minute)
	p.Failed(at, KeyFailed)
	if got := next(p, KeyFailed); got != "-" || p.Resting() != 0 {
		t.Errorf("got %s, resting %v", got, p.Resting())
	}
}

func TestFailedOfAnotherChannelIsNothing(t *testing.T) {
	p := plan(t, NewCatalogue([]*Channel{channel("a")}, nil), call)
	p.Failed(Attempt{Channel: channel("a")}, ChannelFailed)
	if got := next(p, ChannelFailed); got != "a" {
		t.Errorf("got %s", got)
	}
}
