package aiproxy

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseMembers(t *testing.T) {
	deep := strings.Repeat(`{"a":`, maxAdminDepth) + "1" + strings.Repeat("}", maxAdminDepth)
	for _, test := range []struct{ body, says string }{
		{`{}`, ""},
		{` {"a":[{"b":1},{"b":2}],"c":null} `, ""},
		{`{"a":{"b":1},"b":2}`, ""},
		{deep, ""},
		{`{"a":` + deep + `}`, "nested deeper"},
		{strings.Repeat("[", 100000), "nested deeper"},
		{``, "ends too early"},
		{` `, "ends too early"},
		{`{"a":`, "ends too early"},
		{`{"a":1,"a":2}`, `"a" is there twice`},
		{`{"a":1,"\u0061":2}`, `"a" is there twice`},
		{`{"a":{"b":{"c":1,"c":1}}}`, `"a.b.c" is there twice`},
		{`{"a":[{"b":1,"b":1}]}`, `"a.b" is there twice`},
		{`{"a":1}{}`, "goes on"},
		{`{"a":1} x`, "goes on"},
		{`{a:1}`, "not as expected"},
		{`{"a":01}`, "not as expected"},
		{`[]`, "not a JSON object"},
		{`"a"`, "not a JSON object"},
		{"{\"a\":\"\xff\"}", "UTF-8"},
	} {
		_, err := parseMembers([]byte(test.body))
		switch {
		case test.says == "" && err != nil:
			t.Errorf("%.60s: %v", test.body, err)
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
			t.Errorf("%.60s: got %v, expected %q", test.body, err, test.says)
		}
	}
}

// TestMergeValue has the examples of RFC 7396, appendix A, whose targets are
// objects or whose patches replace them.
func TestMergeValue(t *testing.T) {
	for _, test := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"a":1,"e":null}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{`{"n":9007199254740993}`, `{"m":1e400}`, `{"m":1e400,"n":9007199254740993}`},
	} {
		if got := string(mergeValue(json.RawMessage(test[0]), json.RawMessage(test[1]))); got != test[2] {
			t.Errorf("%s + %s: got %s, expected %s", test[0], test[1], got, test[2])
		}
	}
}

// TestMergeKeepsNull: at the top a null is told from an absent member, and
// decodes as one.
func TestMergeKeepsNull(t *testing.T) {
	merged := members{"name": json.RawMessage(`"a"`), "sets": json.RawMessage(`["x"]`)}.merge(members{"sets": json.RawMessage("null")})
	var doc groupDoc
	if err := merged.decode(&doc); err != nil || doc.Name != "a" || doc.Sets != nil {
		t.Errorf("got %+v, %v", doc, err)
	}
	var keys keyList
	if err := json.Unmarshal([]byte("null"), &keys); err != nil || !keys.given || keys.values != nil {
		t.Errorf("keys: null reads as %+v, %v", keys, err)
	}
}

// TestMergeTwice: a patch leaves nothing of itself to do.
func TestMergeTwice(t *testing.T) {
	value := rapid.Deferred(func() *rapid.Generator[any] { return jsonValue(3) })
	rapid.Check(t, func(t *rapid.T) {
		target, _ := json.Marshal(value.Draw(t, "target"))
		patch, _ := json.Marshal(value.Draw(t, "patch"))
		once := mergeValue(target, patch)
		if twice := mergeValue(once, patch); !sameJSON(once, twice) {
			t.Fatalf("once %s, twice %s", once, twice)
		}
		if nothing := mergeValue(once, json.RawMessage(`{}`)); strings.HasPrefix(string(once), "{") && !sameJSON(once, nothing) {
			t.Fatalf("an empty patch makes %s of %s", nothing, once)
		}
	})
}

func jsonValue(depth int) *rapid.Generator[any] {
	kinds := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.IntRange(-5, 5).AsAny(), rapid.StringMatching("[a-c]{0,2}").AsAny(),
	}
	if depth > 0 {
		inner := jsonValue(depth - 1)
		kinds = append(kinds, rapid.SliceOfN(inner, 0, 3).AsAny(), rapid.MapOfN(rapid.StringMatching("[a-d]"), inner, 0, 3).AsAny())
	}
	return rapid.OneOf(kinds...)
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// FuzzMembers: whatever comes, there is an answer; what is taken is one object
// whose members have one meaning each.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{`{}`, `{"name":"a","sets":["b"]}`, `{"keys":[{}]}`, `{"a":1,"a":2}`, `[`, `{"a":"\ud800"}`, `{"":{"":[null,true,1e9]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		given, err := parseMembers(body)
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("%q is taken", body)
		}
		var doc channelDoc
		known := given.known(reflect.TypeFor[channelDoc]()) == nil
		if known && given.decode(&doc) == nil {
			if _, err := json.Marshal(doc); err != nil && len(doc.Adaptor) == 0 {
				t.Fatalf("%q decodes to what cannot be written: %v", body, err)
			}
		}
	})
}
