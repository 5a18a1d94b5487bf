package script

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func lookup(t testing.TB, name string) *Exchange {
	t.Helper()
	x, err := Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestBodies(t *testing.T) {
	sizes := map[string]int{Call1K: 1 << 10, Call100K: 100 << 10, Call1M: 1 << 20, Stream: 1 << 10, StreamEdit: 1 << 10,
		Slow: 1 << 10, SlowShort: 1 << 10, SlowInstant: 1 << 10}
	if len(sizes) != len(exchanges()) {
		t.Fatalf("%d exchanges, %d in the table", len(exchanges()), len(sizes))
	}
	for name, size := range sizes {
		x := lookup(t, name)
		if len(x.Body) != size {
			t.Errorf("%s: body of %d bytes, want %d", name, len(x.Body), size)
		}
		var body struct {
			Model         string
			Stream        bool
			StreamOptions struct {
				IncludeUsage bool `json:"include_usage"`
			} `json:"stream_options"`
			Messages []struct{ Role, Content string }
		}
		if err := json.Unmarshal(x.Body, &body); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if body.Model != Model || body.Stream != x.Streamed() || body.StreamOptions.IncludeUsage != x.AsksUsage {
			t.Errorf("%s: model %q, stream %v, usage %v", name, body.Model, body.Stream, body.StreamOptions.IncludeUsage)
		}
		if len(body.Messages) < 2 || body.Messages[len(body.Messages)-1].Content == "" {
			t.Errorf("%s: %d messages", name, len(body.Messages))
		}
		if found, err := Recognise(x.Body); err != nil || found != x {
			t.Errorf("%s: recognised as %v, %v", name, found, err)
		}
		if !x.Streamed() && !json.Valid(x.Answer) {
			t.Errorf("%s: the answer is not JSON: %s", name, x.Answer)
		}
	}
}

func TestLargeBodiesCarryEscapes(t *testing.T) {
	body := lookup(t, Call100K).Body
	for _, want := range []string{`\n`, `\"`, `\\`, `\u00fc`, `\ud83d`, "Köln", `\u003c`} {
		if bytes.Count(body, []byte(want)) < 10 {
			t.Errorf("%q is rare in the prompt", want)
		}
	}
}

func TestUnknown(t *testing.T) {
	if _, err := Lookup("call-2k"); err == nil {
		t.Error("an exchange that is not there was found")
	}
	if _, err := Recognise([]byte(`{"model":"bench-model"}`)); err == nil {
		t.Error("a body without a tag was recognised")
	}
}

func TestCheck(t *testing.T) {
	option := `,"stream_options":{"include_usage":true}`
	insert := func(x *Exchange, what string) []byte {
		return []byte(strings.Replace(string(x.Body), `,"stream":true`, `,"stream":true`+what, 1))
	}
	edit, asks, call := lookup(t, StreamEdit), lookup(t, Stream), lookup(t, Call1K)
	flipped := bytes.Clone(edit.Body)
	flipped[700] ^= 1
	flippedAndAsked := insert(edit, option)
	flippedAndAsked[100] ^= 1
	for _, c := range []struct {
		name  string
		x     *Exchange
		body  []byte
		usage bool
		ok    bool
	}{
		{"as sent", call, call.Body, false, true},
		{"as sent, stream", edit, edit.Body, false, true},
		{"as sent, asking", asks, asks.Body, true, true},
		{"option put in", edit, insert(edit, option), true, true},
		{"option put in at the front", edit, []byte("{" + option[1:] + "," + string(edit.Body[1:])), true, true},
		{"option put in at the end", edit, []byte(string(edit.Body[:len(edit.Body)-1]) + option + "}"), true, true},
		{"option twice", asks, insert(asks, option), false, false},
		{"something else put in", edit, insert(edit, `,"n":1`), false, false},
		{"too much put in", edit, insert(edit, option+strings.Repeat(" ", 64)), false, false},
		{"a byte wrong", edit, flipped, false, false},
		{"a byte wrong beside the option", edit, flippedAndAsked, false, false},
		{"a byte short", call, call.Body[:len(call.Body)-1], false, false},
		{"a byte long", call, append(bytes.Clone(call.Body), ' '), false, false},
	} {
		usage, err := c.x.Check(c.body)
		if usage != c.usage || (err == nil) != c.ok {
			t.Errorf("%s: usage %v, error %v", c.name, usage, err)
		}
	}
}

func TestCheckAnyPlace(t *testing.T) {
	x := lookup(t, StreamEdit)
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(x.Body)).Draw(t, "at")
		body := slices.Concat(x.Body[:at], []byte(`,"stream_options":{"include_usage":true}`), x.Body[at:])
		if usage, err := x.Check(body); !usage || err != nil {
			t.Fatalf("put in at %d: %v, %v", at, usage, err)
		}
		wrong := rapid.IntRange(0, len(x.Body)-1).Draw(t, "wrong")
		flipped := bytes.Clone(x.Body)
		flipped[wrong] ^= 0x20
		if _, err := x.Check(flipped); err == nil {
			t.Fatalf("byte %d was flipped and not noticed", wrong)
		}
	})
}

func TestEvents(t *testing.T) {
	for _, name := range []string{Stream, StreamEdit, Slow} {
		x := lookup(t, name)
		asked, bare := x.Events(true), x.Events(false)
		if len(asked) != x.Chunks+4 || len(bare) != x.Chunks+3 {
			t.Fatalf("%s: %d and %d events", name, len(asked), len(bare))
		}
		for _, e := range asked {
			data, ok := bytes.CutPrefix(e.Bytes, []byte("data: "))
			data, ok2 := bytes.CutSuffix(data, []byte("\n\n"))
			if !ok || !ok2 || (string(data) != "[DONE]" && !json.Valid(data)) {
				t.Fatalf("%s: event %q", name, e.Bytes)
			}
		}
		// What a gateway does that asked on its own: cut the nulls, drop the
		// event of usage alone.
		var cut [][]byte
		for _, e := range asked {
			if !bytes.Contains(e.Bytes, []byte(`"choices":[]`)) {
				cut = append(cut, bytes.Replace(e.Bytes, []byte(`,"usage":null`), nil, 1))
			}
		}
		for i, e := range bare {
			if !bytes.Equal(e.Bytes, cut[i]) {
				t.Fatalf("%s: event %d: %q and %q", name, i, e.Bytes, cut[i])
			}
		}
	}
}

func TestWanted(t *testing.T) {
	x := lookup(t, SlowInstant)
	w := x.Wanted()
	if len(w.Stamps) != x.Chunks || !w.Streamed {
		t.Fatalf("%d stamps of %d, streamed %v", len(w.Stamps), x.Chunks, w.Streamed)
	}
	zeros := strings.Repeat("0", StampDigits)
	for _, at := range w.Stamps {
		if got := string(w.Data[at-1 : at+StampDigits+1]); got != `"`+zeros+`"` {
			t.Errorf("stamp at %d stands in %q", at, got)
		}
	}
	if first := w.Data[:w.First]; bytes.Count(first, []byte("\n\n")) != 2 || !bytes.HasSuffix(first, []byte("\n\n")) {
		t.Errorf("the first content event ends in %q", first)
	}
	if call := lookup(t, Call1K).Wanted(); call.Streamed || call.First != len(call.Data) {
		t.Errorf("of a call: first %d of %d", call.First, len(call.Data))
	}
}

func TestPutStamp(t *testing.T) {
	buf := []byte("<" + strings.Repeat("0", StampDigits) + ">")
	PutStamp(buf[1:], time.Unix(1754000000, 42))
	if string(buf) != "<1754000000000000042>" {
		t.Errorf("%s", buf)
	}
}
