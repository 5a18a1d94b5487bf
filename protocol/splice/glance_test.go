package splice

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestGlance(t *testing.T) {
	g := NewGlance("error", "", "finish_reason", "null", "index", "0")
	for text, want := range map[string]bool{
		``:                                     true,
		`{`:                                    true,
		`"`:                                    true,
		`{"a":1}`:                              true,
		`{"error":null}`:                       false,
		`{"a":"error"}`:                        false,
		`{"a":"an error"}`:                     true,
		`{"a":"\"error\":1"}`:                  true,
		`{"errors":1,"err":2}`:                 true,
		`{"finish_reason":null}`:               true,
		`{"finish_reason" : null }`:            true,
		`{"finish_reason":null,"index":0}`:     true,
		`{"finish_reason":"stop"}`:             false,
		`{"finish_reason":nullx}`:              false,
		`{"finish_reason"`:                     false,
		`{"finish_reason":`:                    false,
		`{"finish_reason":nul`:                 false,
		`{"a":"finish_reason"}`:                false,
		`{"a":"\"finish_reason\":\"stop\""}`:   true,
		`{"index":0,"b":{"index":0}}`:          true,
		`{"index":0,"b":{"index":1}}`:          false,
		`{"index":01}`:                         false,
		`{"index":0.5}`:                        false,
		`{"a":[{"index":0},{"finish_reason":0`: false,
	} {
		// wherever in a word of eight bytes it starts and ends
		for n := range 9 {
			for m := range 9 {
				text := strings.Repeat("!", n) + text + strings.Repeat(" ", m)
				if got := g.Ordinary([]byte(text)); got != want {
					t.Errorf("%s: ordinary is %t", text, got)
				}
			}
		}
	}
}

// What a glance finds ordinary has no such member on its top level.
func TestGlanceMissesNothing(t *testing.T) {
	g := NewGlance("error", "", "index", "0")
	names := NewNames("error", "index")
	rapid.Check(t, func(t *rapid.T) {
		object := rapid.MapOf(rapid.SampledFrom([]string{"a", "error", "index", "err\"or", "x\\"}),
			rapid.OneOf(rapid.Just[any](0), rapid.Just[any](1), rapid.Just[any]("index"), rapid.Map(rapid.String(), func(s string) any { return s }))).Draw(t, "object")
		text, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		if !g.Ordinary(text) {
			return
		}
		o, err := Scan(text, names, 0)
		if err != nil {
			t.Fatal(err)
		}
		if o.Value(0) != nil || (o.Value(1) != nil && string(o.Value(1)) != "0") {
			t.Fatalf("%s is no ordinary text", text)
		}
	})
}

func TestNewGlancePanics(t *testing.T) {
	for _, pairs := range [][]string{{"a"}, make([]string, 18)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d names and values were taken", len(pairs))
				}
			}()
			NewGlance(pairs...)
		}()
	}
}

func TestAppend(t *testing.T) {
	body := []byte(`{"a":1,"b":2}`)
	o, err := Scan(body, NewNames("a", "b"), 0)
	if err != nil {
		t.Fatal(err)
	}
	a, b := o.Set(0, "10"), o.Cut(1)
	for _, edits := range [][]Edit{{a, b}, {b, a}} {
		if got := string(Append([]byte("x"), body, edits...)); got != `x{"a":10}` {
			t.Errorf("appended %s", got)
		}
	}
	if got := string(Append(nil, body)); got != string(body) {
		t.Errorf("no edits: %s", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("edits that overlap were taken")
		}
	}()
	Append(nil, body, a, a, b)
}

func BenchmarkGlance(b *testing.B) {
	g := NewGlance("error", "", "finish_reason", "null", "index", "0")
	text := []byte(`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1732000000,"model":"gpt-5","choices":[{"index":0,"delta":{"content":" world"},"finish_reason":null}]}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if !g.Ordinary(text) {
			b.Fatal("not ordinary")
		}
	}
}
