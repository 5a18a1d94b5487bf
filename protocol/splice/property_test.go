package splice

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The parts of odd texts: what other encoders write, and what only tests do.
var (
	oddSpaces  = []string{"", "", "", " ", "\n", "\t", "\r\n  "}
	oddScalars = []string{
		"null", "true", "false", "0", "-0", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
		"1e400", "1.10E-7", "0.10000000000000000000000001", `""`, `"a"`, `"\\"`, `"\\\""`, `"\u0041\/"`,
		`"\ud83d\ude00"`, `"\ud800"`, "\"\xff\xfe\"", `"{[,:"`, `"]}"`, `"\"model\":\"x\""`, `"` + strings.Repeat(`\\`, 9) + `"`,
	}
	// keys that mean none of testNames, some of them the same
	oddKeys = []string{
		`""`, `"a"`, `"\u0061"`, `"A"`, `"models"`, `"mode"`, `"model "`, `"\"model\""`, `"model\\"`, `"m\u00f6del"`,
		`"\ud800"`, "\"\xff\"", `"stream-options"`, `"` + strings.Repeat(`\u0061`, 40) + `"`,
	}
)

func oddSpace(t *rapid.T) string { return rapid.SampledFrom(oddSpaces).Draw(t, "space") }

// oddValue draws a JSON value; names may come up inside of it.
func oddValue(t *rapid.T, level int) string {
	kind := 0
	if level < 4 {
		kind = rapid.IntRange(0, 3).Draw(t, "kind")
	}
	if kind < 2 {
		return rapid.SampledFrom(oddScalars).Draw(t, "scalar")
	}
	var b strings.Builder
	n := rapid.IntRange(0, 3).Draw(t, "elements")
	for i := range n {
		if i > 0 {
			b.WriteString("," + oddSpace(t))
		}
		if kind == 2 {
			key := rapid.SampledFrom(slices.Concat(oddKeys, []string{`"model"`, `"Stream"`})).Draw(t, "key")
			b.WriteString(key + oddSpace(t) + ":" + oddSpace(t))
		}
		b.WriteString(oddValue(t, level+1) + oddSpace(t))
	}
	if kind == 2 {
		return "{" + oddSpace(t) + b.String() + "}"
	}
	return "[" + oddSpace(t) + b.String() + "]"
}

// oddObject draws an object, and says what its members of testNames are.
func oddObject(t *rapid.T) (string, map[string]string) {
	type pair struct{ key, value string }
	var pairs []pair
	for range rapid.IntRange(0, 5).Draw(t, "others") {
		pairs = append(pairs, pair{rapid.SampledFrom(oddKeys).Draw(t, "key"), oddValue(t, 1)})
	}
	named := map[string]string{}
	for _, name := range testNames.names {
		if rapid.Bool().Draw(t, name) {
			named[name] = oddValue(t, 1)
			pairs = append(pairs, pair{`"` + name + `"`, named[name]})
		}
	}
	pairs = rapid.Permutation(pairs).Draw(t, "order")
	var b strings.Builder
	b.WriteString(oddSpace(t) + "{" + oddSpace(t))
	for i, p := range pairs {
		if i > 0 {
			b.WriteString("," + oddSpace(t))
		}
		b.WriteString(p.key + oddSpace(t) + ":" + oddSpace(t) + p.value + oddSpace(t))
	}
	return b.String() + "}" + oddSpace(t), named
}

func TestOddObjects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, named := oddObject(t)
		body := []byte(text)
		o, err := Scan(body, testNames, 0)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if diff := cmp.Diff(named, found(o)); diff != "" {
			t.Fatalf("%q: values (-want +got):\n%s", text, diff)
		}
		checkEdits(t, o, oddValue(t, 1))
		if string(body) != text {
			t.Fatalf("%q: the body was changed to %q", text, body)
		}
	})
}

// A name that is spelled otherwise or given twice is refused, whatever else is
// in the object.
func TestAmbiguousObjects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(testNames.names).Draw(t, "name")
		at := rapid.IntRange(0, len(name)-1).Draw(t, "at")
		before, letter, after := name[:at], name[at:at+1], name[at+1:]
		first := rapid.SampledFrom([]string{
			`"` + before + unicodeEscape(letter) + after + `":0`,
			`"` + strings.ToUpper(name[:at+1]) + after + `":[]`,
			`"` + name + `":"a", "` + name + `":"b"`,
		}).Draw(t, "fault")
		text, _ := oddObject(t)
		rest := text[strings.Index(text, "{")+1:]
		if list, _ := members([]byte(text)); len(list) > 0 {
			rest = "," + rest
		}
		_, err := Scan([]byte("{"+first+rest), testNames, 0)
		m, ok := err.(*MemberError)
		if !ok || m.Name != name {
			t.Fatalf("%q: error = %v, want a MemberError of %q", "{"+first+rest, err, name)
		}
	})
}

// tester is what testing.T and rapid.T have in common.
type tester interface {
	Helper()
	Fatalf(string, ...any)
}

// checkEdits makes each edit that is possible on a scanned object: nothing but
// the member meant may change. value is the JSON to be put in.
func checkEdits(t tester, o Object, value string) {
	t.Helper()
	if out := Apply(o.Body); !bytes.Equal(out, o.Body) {
		t.Fatalf("%q: without edits it becomes %q", o.Body, out)
	}
	before, valid := members(o.Body)
	check := func(what string, e Edit, want []member) {
		t.Helper()
		out := Apply(o.Body, e)
		if !bytes.HasPrefix(out, o.Body[:e.Start]) || !bytes.HasSuffix(out, o.Body[e.End:]) ||
			string(out[e.Start:len(out)-len(o.Body)+e.End]) != e.Text {
			t.Fatalf("%q: %s changes more than its span: %q", o.Body, what, out)
		}
		if !valid {
			return
		}
		after, ok := members(out)
		if !ok {
			t.Fatalf("%q: %s makes it invalid: %q", o.Body, what, out)
		}
		if diff := cmp.Diff(want, after); diff != "" {
			t.Fatalf("%q: %s (-want +got):\n%s", o.Body, what, diff)
		}
	}
	check("Add", o.Add(`"new"`, value), append(slices.Clone(before), member{"new", value}))
	for i, name := range o.names.names {
		if o.Value(i) == nil {
			continue
		}
		at := slices.IndexFunc(before, func(m member) bool { return m.Key == name })
		if valid && at < 0 {
			t.Fatalf("%q: %q was found, encoding/json does not know it", o.Body, name)
		}
		set, cut := slices.Clone(before), before
		if valid {
			set[at].Value = value
			cut = slices.Delete(slices.Clone(before), at, at+1)
		}
		check("Set "+name, o.Set(i, value), set)
		check("Cut "+name, o.Cut(i), cut)
	}
}
