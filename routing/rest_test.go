package routing

import (
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRestZeroValue(t *testing.T) {
	if left := new(Rest).Left(start); left > 0 {
		t.Errorf("a key that was never refused rests for %v", left)
	}
}

func TestRestIsBounded(t *testing.T) {
	var r Rest
	r.Set(start, 1<<62)
	if left := r.Left(start); left != MaxRest {
		t.Errorf("rests for %v", left)
	}
}

// TestRestNeverShrinks: whatever comes in whatever order, a key rests until
// the latest moment that was asked for.
func TestRestNeverShrinks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r Rest
		var latest time.Time
		for range rapid.IntRange(1, 20).Draw(t, "sets") {
			now := start.Add(time.Duration(rapid.IntRange(0, 7200).Draw(t, "now")) * time.Second)
			d := time.Duration(rapid.IntRange(-10, 7200).Draw(t, "rest")) * time.Second
			r.Set(now, d)
			if until := now.Add(min(d, MaxRest)); until.After(latest) {
				latest = until
			}
			if got := r.Left(start); got != latest.Sub(start) {
				t.Fatalf("rests for %v, want %v", got, latest.Sub(start))
			}
		}
	})
}

func TestRestConcurrently(t *testing.T) {
	var r Rest
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() { r.Set(start, time.Duration(i)*time.Second) })
	}
	wg.Wait()
	if left := r.Left(start); left != 49*time.Second {
		t.Errorf("rests for %v", left)
	}
}

func TestHealthRemembersByChannelAndKey(t *testing.T) {
	h := NewHealth()
	a := h.Rest("a", "k1")
	for _, tt := range []struct {
		channel, key string
		same         bool
	}{
		{"a", "k1", true}, {"a", "k2", false}, {"b", "k1", false}, {"ak", "1", false}, {"a", "", false},
	} {
		if got := h.Rest(tt.channel, tt.key) == a; got != tt.same {
			t.Errorf("Rest(%q, %q): the same is %v", tt.channel, tt.key, got)
		}
	}
}

func TestHealthConcurrently(t *testing.T) {
	h := NewHealth()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				h.Rest("a", "k").Set(start, time.Second)
			}
		})
	}
	wg.Wait()
	if left := h.Rest("a", "k").Left(start); left != time.Second {
		t.Errorf("rests for %v", left)
	}
}
