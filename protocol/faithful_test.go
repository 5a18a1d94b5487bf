package protocol_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// oddValue draws JSON that a decoder and an encoder would not give back as it
// was: numbers over 2^63, escapes, lone surrogates, duplicate members, spaces.
func oddValue(depth int) *rapid.Generator[string] {
	plain := rapid.SampledFrom([]string{
		"9223372036854775808", "-0", "1e400", "1E+2", "0.10", "1.0", "true", "null", `""`, `"\u00e9"`, `"é"`, `"\ud800"`, `"\/"`,
		`"a\"model\":\"up\"b"`, `"\\"`, `"\\\""`, `"[DONE]"`, `"data: x\n\n"`, `"` + "\u2028" + `"`, `"<&>"`, `{}`, `[ ]`, `"error"`, `"usage"`,
	})
	if depth == 0 {
		return plain
	}
	array := rapid.Custom(func(t *rapid.T) string {
		return "[" + strings.Join(rapid.SliceOfN(oddValue(depth-1), 0, 3).Draw(t, "items"), " ,") + "]"
	})
	object := rapid.Custom(func(t *rapid.T) string { return oddObject(t, depth-1, nil) })
	return rapid.OneOf(plain, plain, array, object)
}

// oddObject draws an object with the members given, among others, in any order.
func oddObject(t *rapid.T, depth int, own []string) string {
	var list []string
	for i := range rapid.IntRange(0, 4).Draw(t, "members") {
		key := rapid.SampledFrom([]string{`"x"`, `"x"`, `"y\u0041"`, `""`, `"model "`, `"models"`, `"é"`}).Draw(t, fmt.Sprint("key", i))
		space := rapid.SampledFrom([]string{"", " ", "\t"}).Draw(t, "space")
		list = append(list, key+space+":"+space+oddValue(depth).Draw(t, "value"))
	}
	list = rapid.Permutation(append(list, own...)).Draw(t, "order")
	return "{" + strings.Join(list, ",") + "}"
}

// A request goes out as it came, and with its edits taken back it is the
// client's again. The same is so of answers.
func TestBodiesAreFaithful(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := protocol.Protocol(rapid.IntRange(1, 4).Draw(t, "protocol"))
		codec := codecs[p]
		marked := func(model string) string {
			if p == protocol.Gemini {
				return `"model":"models/` + model + `"`
			}
			return `"model":"` + model + `"`
		}
		body := oddObject(t, 2, []string{marked("\x00")})
		client, upstream := strings.ReplaceAll(body, "\x00", "m"), strings.ReplaceAll(body, "\x00", "up")
		req, e := codec.Read(call(p, protocol.Embed), []byte(client))
		if p == protocol.Responses || p == protocol.Messages {
			req, e = codec.Read(call(p, protocol.Generate), []byte(client))
		}
		if e != nil {
			t.Fatalf("%s: %v", client, e)
		}
		if out, _ := codec.RequestEdits(req, "m", true); string(out) != client {
			t.Fatalf("no edits: %s became %s", client, out)
		}
		out, edits := codec.RequestEdits(req, "up", true)
		if string(out) != upstream {
			t.Fatalf("%s became\n%s, expected\n%s", client, out, upstream)
		}
		if back := codec.AnswerEdits(protocol.Embed, []byte(upstream), edits); string(back) != client {
			t.Fatalf("answer %s became\n%s, expected\n%s", upstream, back, client)
		}
		if same := codec.AnswerEdits(protocol.Embed, []byte(client), edits); string(same) != client {
			t.Fatalf("answer %s became %s", client, same)
		}
	})
}

// Events come out as they went in; where there are edits, all else does.
func TestEventsAreFaithful(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		end := rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "end")
		stream := codecs[protocol.Chat].Stream(protocol.Edits{ClientModel: "m", UpstreamModel: "up", Usage: true}, false)
		plain := codecs[protocol.Chat].Stream(protocol.Edits{ClientModel: "m", UpstreamModel: "m"}, false)
		for i := range rapid.IntRange(1, 4).Draw(t, "events") {
			choices := `"choices":[` + oddObject(t, 1, []string{`"delta":{"content":` + oddValue(0).Draw(t, "text") + `}`}) + `]`
			data := oddObject(t, 2, []string{`"model":"` + "\x00" + `"`, choices})
			head := rapid.SampledFrom([]string{"", ": hi" + end, "id: 1" + end}).Draw(t, "head")
			event := func(data string) []byte { return []byte(head + "data: " + data + end + end) }
			want := event(strings.ReplaceAll(data, "\x00", "m"))
			out, _ := stream.Event(event(strings.ReplaceAll(data, "\x00", "up")))
			if !bytes.Equal(out, want) {
				t.Fatalf("event %d became\n%q, expected\n%q", i, out, want)
			}
			// usage that was asked for by us is cut, wherever it is
			cut := strings.Replace(data, choices, choices+`,"usage":null`, 1)
			if out, _ = stream.Event(event(strings.ReplaceAll(cut, "\x00", "m"))); !bytes.Equal(out, want) {
				t.Fatalf("event %d became\n%q, expected\n%q", i, out, want)
			}
			if out, _ = plain.Event(want); !bytes.Equal(out, want) {
				t.Fatalf("event %d became\n%q, expected\n%q", i, out, want)
			}
		}
	})
}
