package splice

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSub(t *testing.T) {
	sub := NewNames("include_usage")
	tests := []struct{ name, body, want, err string }{
		{"found", `{"stream_options": {"x":[{}], "include_usage" : true} }`, "true", ""},
		{"absent inside", `{"stream_options":{}}`, "", ""},
		{"missing", `{}`, "", `"stream_options" is missing (at byte 0)`},
		{"null", `{"stream_options":null}`, "", `"stream_options" is not an object (at byte 18)`},
		{"array", `{"stream_options":[]}`, "", `"stream_options" is not an object (at byte 18)`},
		{"twice", `{"stream_options":{"include_usage":true,"include_usage":false}}`, "",
			`"stream_options.include_usage" is given twice (at byte 40)`},
		{"case", `{"stream_options":{"Include_Usage":true}}`, "",
			`"stream_options.include_usage" is written in another letter case (at byte 19)`},
		{"no colon", `{"stream_options":{"a" 1}}`, "", "invalid JSON at byte 23: found '1', expected ':' after a member's name"},
		{"comma at the end", `{"stream_options":{"a":1,}}`, "", "invalid JSON at byte 25: found '}', expected a member's name"},
		{"deep", `{"stream_options":{"a":[[[]]]}}`, "", "JSON at byte 25 is nested more than 3 levels deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := Scan([]byte(tt.body), testNames, 0)
			if err != nil {
				t.Fatal(err)
			}
			s, err := o.Sub(2, sub, 3)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Fatalf("error = %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil || string(s.Value(0)) != tt.want {
				t.Errorf("include_usage = %q, error = %v, want %q", s.Value(0), err, tt.want)
			}
		})
	}
}

func TestSubEdits(t *testing.T) {
	body := []byte(`{"stream_options": { "include_usage" : false }, "model":"a"}`)
	o, err := Scan(body, testNames, 0)
	if err != nil {
		t.Fatal(err)
	}
	s, err := o.Sub(2, NewNames("include_usage"), 0)
	if err != nil {
		t.Fatal(err)
	}
	got := string(Apply(body, o.Set(0, `"b"`), s.Set(0, "true"), s.Add(`"x"`, "1")))
	if want := `{"stream_options": { "include_usage" : true,"x":1 }, "model":"b"}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestElements(t *testing.T) {
	names, model := NewNames("requests"), NewNames("model")
	tests := []struct {
		name, body string
		want       []string
		err        string
	}{
		{"none", `{"requests":[ ]}`, nil, ""},
		{"one", `{"requests":[{"model":"a"}]}`, []string{`"a"`}, ""},
		{"white space", `{"requests": [ {"model":"a"} , {} ,{"x":["]"],"model":"b"}` + "\n]}", []string{`"a"`, "", `"b"`}, ""},
		{"missing", `{}`, nil, `"requests" is missing (at byte 0)`},
		{"object", `{"requests":{}}`, nil, `"requests" is not an array (at byte 12)`},
		{"number", `{"requests":[{"model":"a"},1]}`, []string{`"a"`}, `"requests[1]" is not an object (at byte 27)`},
		{"array", `{"requests":[[]]}`, nil, `"requests[0]" is not an object (at byte 13)`},
		{"comma at the end", `{"requests":[{},]}`, []string{""}, `"requests[1]" is not an object (at byte 16)`},
		{"no comma", `{"requests":[{} {}]}`, []string{""}, "invalid JSON at byte 16: found '{', expected ',' or ']' after an element"},
		{"twice", `{"requests":[{},{"model":"a","model":"b"}]}`, []string{""}, `"requests[1].model" is given twice (at byte 29)`},
		{"escape", `{"requests":[{"mode\u006c":"a"}]}`, nil, `"requests[0].model" is written with escapes in its name (at byte 14)`},
		{"fault inside", `{"requests":[{"a":}]}`, nil, "invalid JSON at byte 18: expected a value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := Scan([]byte(tt.body), names, 0)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			err = o.Elements(0, model, 0, func(e Object) bool {
				got = append(got, string(e.Value(0)))
				return true
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("models (-want +got):\n%s", diff)
			}
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err) {
				t.Errorf("error = %v, want %q", err, tt.err)
			}
		})
	}
}

func TestElementsStops(t *testing.T) {
	o, err := Scan([]byte(`{"requests":[{},{},3]}`), NewNames("requests"), 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := o.Elements(0, testNames, 0, func(Object) bool { n++; return n < 2 }); err != nil || n != 2 {
		t.Errorf("%d elements, error %v; want 2 and none", n, err)
	}
}

func TestElementsEdits(t *testing.T) {
	const n = 1000
	body := []byte(`{"requests":[` + strings.Repeat(`{"model":"a"}, `, n) + `{"model" : "b" }]}`)
	o, err := Scan(body, NewNames("requests"), 0)
	if err != nil {
		t.Fatal(err)
	}
	var edits []Edit
	if err := o.Elements(0, NewNames("model"), 0, func(e Object) bool {
		edits = append(edits, e.Set(0, `"models/long"`))
		return true
	}); err != nil {
		t.Fatal(err)
	}
	want := `{"requests":[` + strings.Repeat(`{"model":"models/long"}, `, n) + `{"model" : "models/long" }]}`
	if got := string(Apply(body, edits...)); got != want {
		t.Errorf("got %s", got)
	}
}
