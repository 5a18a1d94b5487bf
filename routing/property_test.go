package routing

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

var drawnSets = []string{DefaultSet, "red", "blue"}

func drawChannel(t *rapid.T, i int) *Channel {
	ch := channel(fmt.Sprintf("c%02d", i),
		keys(rapid.IntRange(1, 5).Draw(t, "keys")),
		tier(rapid.IntRange(-1, 1).Draw(t, "tier")),
		weight(rapid.IntRange(1, 1000).Draw(t, "weight")),
		sets(rapid.SliceOfNDistinct(rapid.SampledFrom(drawnSets), 1, 2, rapid.ID[string]).Draw(t, "sets")...),
		models(rapid.SampledFrom([]string{"m", "*", "m*", "x"}).Draw(t, "models")),
	)
	if rapid.IntRange(0, 3).Draw(t, "inactive") == 0 {
		ch.Inactive = "drawn"
	}
	if rapid.IntRange(0, 3).Draw(t, "mute") == 0 {
		ch.Protocols = []protocol.Protocol{protocol.Gemini}
	}
	return ch
}

// eligible says, from the channel alone, whether the call may reach it.
func eligible(ch *Channel, c Call) bool {
	return ch.Inactive == "" && ch.seenBy(c.Sets) && ch.Models[0] != "x" && ch.Protocols[0] == c.Protocol
}

// TestPlanProperty: a plan ends; it asks no key twice, no channel that is
// inactive, unseen or mute, none again that failed, no key that rests, and
// none of a lower tier while a higher one has something left; and at its end
// nothing is left that could have been asked.
func TestPlanProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []*Channel
		budget := 0
		for i := range rapid.IntRange(0, 8).Draw(t, "channels") {
			all = append(all, drawChannel(t, i))
			budget += len(all[i].Keys)
		}
		want := call
		want.Sets = rapid.SliceOfNDistinct(rapid.SampledFrom(drawnSets), 0, 3, rapid.ID[string]).Draw(t, "see")
		p, refusal := NewCatalogue(all, nil).Plan(want)

		failed, tried := map[*Channel]bool{}, map[*Key]bool{}
		usable := func(now time.Time) (best int, any bool) {
			for _, ch := range all {
				if !eligible(ch, want) || failed[ch] {
					continue
				}
				for k := range ch.Keys {
					if !tried[&ch.Keys[k]] && ch.Keys[k].Rest.Left(now) <= 0 {
						if !any || ch.Priority > best {
							best = ch.Priority
						}
						any = true
					}
				}
			}
			return best, any
		}
		if refusal != nil {
			if _, any := usable(start); any {
				t.Fatalf("refused with %v, and a channel can serve it", refusal)
			}
			return
		}

		now := start
		for n := 0; ; n++ {
			if n > budget {
				t.Fatalf("more attempts than keys")
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "passes")) * time.Second)
			best, any := usable(now)
			a, ok := p.Next(now)
			if !ok {
				if any {
					t.Fatalf("the plan ended, and tier %d has a key left", best)
				}
				checkResting(t, p, all, want, failed, tried, now)
				return
			}
			switch {
			case !eligible(a.Channel, want):
				t.Fatalf("%s is not for this call", a.Channel.Name)
			case failed[a.Channel]:
				t.Fatalf("%s had failed", a.Channel.Name)
			case tried[a.Key]:
				t.Fatalf("key %d of %s was tried", a.Key.Position, a.Channel.Name)
			case a.Key.Rest.Left(now) > 0:
				t.Fatalf("key %d of %s rests", a.Key.Position, a.Channel.Name)
			case a.Channel.Priority != best:
				t.Fatalf("%s is of tier %d, and tier %d has a key left", a.Channel.Name, a.Channel.Priority, best)
			}
			tried[a.Key] = true
			v := rapid.SampledFrom([]Verdict{ChannelFailed, KeyFailed}).Draw(t, "verdict")
			failed[a.Channel] = v == ChannelFailed
			p.Failed(a, v)
			// Other calls put keys to rest meanwhile.
			other := rapid.SampledFrom(all).Draw(t, "other")
			k := rapid.IntRange(0, len(other.Keys)-1).Draw(t, "key")
			other.Keys[k].Rest.Set(now, time.Duration(rapid.IntRange(0, 60).Draw(t, "rest"))*time.Second)
		}
	})
}

// checkResting compares Resting with the shortest rest of the keys left.
func checkResting(t *rapid.T, p *Plan, all []*Channel, c Call, failed map[*Channel]bool, tried map[*Key]bool, now time.Time) {
	var soonest time.Duration
	for _, ch := range all {
		if !eligible(ch, c) || failed[ch] {
			continue
		}
		for k := range ch.Keys {
			if left := ch.Keys[k].Rest.Left(now); !tried[&ch.Keys[k]] && (soonest == 0 || left < soonest) {
				soonest = left
			}
		}
	}
	if p.Resting() != soonest {
		t.Fatalf("Resting is %v, want %v", p.Resting(), soonest)
	}
}

func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{1, 4, 64} {
		var all []*Channel
		for i := range n {
			all = append(all, channel(fmt.Sprint("c", i), keys(2), weight(i+1), models("m", "w-*")))
		}
		c := NewCatalogue(all, nil)
		wild := call
		wild.Model = "w-1"
		for name, want := range map[string]Call{"exact": call, "wildcard": wild} {
			b.Run(fmt.Sprintf("%s/channels=%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					p, err := c.Plan(want)
					if err != nil {
						b.Fatal(err)
					}
					if _, ok := p.Next(start); !ok {
						b.Fatal("no attempt")
					}
				}
			})
		}
	}
}
