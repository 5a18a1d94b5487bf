package splice

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// testShape has all that a shape can say.
var testShape = func() *Shape {
	text := &Shape{Text: true}
	once := &Shape{Text: true, Once: true}
	s := &Shape{Members: map[string]*Shape{
		"text": text, "json": {JSON: true}, "both": {Text: true, JSON: true},
		"a": once, "b": once, "last": {Text: true, Last: true},
		"items":  {Item: true, Text: true, Members: map[string]*Shape{"text": text}},
		"source": {Types: map[string]*Shape{"text": {Members: map[string]*Shape{"data": text}}, "none": {}}, Members: map[string]*Shape{"other": text}},
	}}
	s.Members["deep"] = s
	return s
}()

func TestTexts(t *testing.T) {
	for _, c := range []struct {
		body  string
		want  string // pieces, parted by '|'
		items int
	}{
		{``, "", 0},
		{`{}`, "", 0},
		{` { } `, "", 0},
		{`[]`, "", 0},
		{`"text"`, "", 0},
		{`{"text":"a"}`, "a", 0},
		{` { "x" : [ { "text":"no" } , 1e3 ] , "text" : "a" } `, "a", 0},
		{`{"text":""}`, "", 0},
		{`{"text":null,"json":null,"items":null,"source":null}`, "", 0},
		{`{"text":7,"json":true,"items":1.5}`, "", 0},
		{`{"text":["a",["b",{"text":"no"}],1,"c"]}`, "a|b|c", 0},
		{`[{"text":"a"},{"text":"b"}]`, "a|b", 0},
		{`{"text":"q\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800x"}`, "q\"\\/\b\f\n\r\t\u00e9\U0001f600\ufffdx", 0},
		{`{"text":"odd \x \u12 \\"}`, `odd \x \u12 \`, 0},
		{`{"t\u0065xt":"no","Text":"no","text ":"no"}`, "", 0},
		{`{"text":"a","text":"b"}`, "a|b", 0},
		{`{"json":{ "a" : [ 1 , "x \" y\n" , { } ] }}`, `{"a":[1,"x " y` + "\n" + `",{}]}`, 0},
		{`{"json":{ },"both":[ ]}`, "", 0},
		{`{"json":"no","both":"yes"}`, "yes", 0},
		{`{"both":[1]}`, "[1]", 0},
		{`{"a":"x","b":"x","a":"y"}`, "x", 0},
		{`{"a":"","b":"x"}`, "x", 0},
		{`{"a":null,"b":"x","deep":{"a":"z"}}`, "x|z", 0},
		{`{"text":"a","last":"b","text":"c"}`, "a|b", 0},
		{`[{"last":1},{"text":"c"}]`, "", 0},
		{`{"items":"one"}`, "one", 1},
		{`{"items":["one",{"text":"two"},{},3,null,[{"text":"four"}]]}`, "one|two|four", 4},
		{`{"source":{"type":"text","data":"a","other":"b"}}`, "a", 0},
		{`{"source":{"data":"a","type":"text"}}`, "a", 0},
		{`{"source":{"type":"none","data":"a","other":"b"}}`, "", 0},
		{`{"source":{"type":"base64","data":"a","other":"b"}}`, "b", 0},
		{`{"source":{"type":7,"data":"a","other":"b"}}`, "b", 0},
		{`{"source":{"other":"b","type"`, "b", 0},
		{`{"deep":{"deep":{"text":"a"}}}`, "a", 0},

		// what breaks off gives what is there
		{`{"text":"a","x":"unfin`, "a", 0},
		{`{"text":"unfin`, "unfin", 0},
		{`{"text":"unfin\`, `unfin\`, 0},
		{`{"json":{"a":["unfin`, `{"a":["unfin`, 0},
		{`{"json":{`, `{`, 0},
		{`{"items":[{"text":"a"},{"text":"b"}`, "a|b", 2},
		{`{"items":[{"text":"a"} {"text":"b"}`, "a", 1},
		{`{"text":"a" "text":"b"}`, "a", 0},
		{`{"text":"a",}`, "a", 0},
		{`{"text"`, "", 0},
		{`{"text":`, "", 0},
		{`{text:"a"}`, "", 0},
		{`{"x":[}],"text":"a"}`, "", 0},
		{`{"x":` + strings.Repeat("[", 2000), "", 0},
		{strings.Repeat(`{"deep":`, 20) + `{"text":"a"}` + strings.Repeat("}", 20), "a", 0},
		{strings.Repeat(`{"deep":`, 40) + `{"text":"too deep"}` + strings.Repeat("}", 40), "", 0},
	} {
		var got []string
		items := testShape.Texts([]byte(c.body), func(piece []byte) { got = append(got, string(piece)) })
		if diff := cmp.Diff(c.want, strings.Join(got, "|")); diff != "" || items != c.items {
			t.Errorf("%.80s: %d items, expected %d; -want +got:\n%s", c.body, items, c.items, diff)
		}
	}
}

// Append leaves the escapes, and unescaped it reads as Texts does, but for the
// white space of JSON.
func TestShapeAppend(t *testing.T) {
	for _, c := range [][2]string{
		{`{"text":"a\n\u00e9","x":"no","both":"b"}`, `a\n\u00e9b`},
		{`{"json":{ "a": "x\"" }}`, `{ "a": "x\"" }`},
		{`{"x":1}`, ``},
		{`{"text":"unfin`, `unfin`},
		{`{"text":"a"} and more`, `a`},
	} {
		got := testShape.Append([]byte("before "), []byte(c[0]))
		if string(got) != "before "+c[1] {
			t.Errorf("%s: appended %q", c[0], got)
		}
	}
	dst := make([]byte, 0, 64)
	body := []byte(`{"x":{"text":"no"},"text":"some text","json":{"a":1}}`)
	if n := testing.AllocsPerRun(100, func() { dst = testShape.Append(dst[:0], body) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A string reads as encoding/json has it, in one piece or many.
func TestUnescape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "text")
		encoded, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		inner := encoded[1 : len(encoded)-1]
		if got := Unescape(nil, inner); string(got) != want {
			t.Fatalf("%s: %q", inner, got)
		}
		var pieces []string
		body := append(append([]byte(`{"text":`), encoded...), '}')
		testShape.Texts(body, func(p []byte) { pieces = append(pieces, string(p)) })
		if got := strings.Join(pieces, "|"); got != want {
			t.Fatalf("%s: %q", body, got)
		}
	})
}

// FuzzShape: no text makes a shape panic; what it gives was in the text; and of
// valid JSON a cut gives no more than the whole.
func FuzzShape(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), 3)
	}
	f.Add([]byte(`{"text":["a","\u00e9"],"json":{"a": "b"},"items":[{"text":"x"}],"source":{"type":"text","data":"d"},"last":"z"}`), 40)
	f.Fuzz(func(t *testing.T, body []byte, cut int) {
		before := bytes.Clone(body)
		length := func(b []byte) (n, items int) {
			items = testShape.Texts(b, func(p []byte) {
				if len(p) == 0 {
					t.Fatalf("%q: a piece without text", b)
				}
				n += len(p)
			})
			return n, items
		}
		n, items := length(body)
		// an escape that is cut stays as it is written: at most 12 bytes
		if cut = max(min(cut, len(body)), 0); json.Valid(body) {
			if n2, items2 := length(body[:cut]); n2 > n+12 || items2 > items {
				t.Fatalf("%q: %d bytes and %d items, and up to %d: %d and %d", body, n, items, cut, n2, items2)
			}
		}
		out := testShape.Append([]byte("x"), body)
		if out[0] != 'x' || len(out) > len(body)+1 {
			t.Fatalf("%q: appended %q", body, out)
		}
		if !bytes.Equal(body, before) {
			t.Fatal("the body was written to")
		}
	})
}

func BenchmarkTexts(b *testing.B) {
	body := []byte(`{"x":"` + strings.Repeat("media", 1<<12) + `","items":[` + strings.Repeat(`{"role":"user","text":"some words of a message\n"},`, 100) + `{}]}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		n := 0
		if testShape.Texts(body, func(p []byte) { n += len(p) }) != 101 || n != 2400 {
			b.Fatal(n)
		}
	}
}
