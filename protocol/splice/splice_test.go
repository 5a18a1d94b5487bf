package splice

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var testNames = NewNames("model", "stream", "stream_options")

// found returns the values of an object by name.
func found(o Object) map[string]string {
	values := map[string]string{}
	for i, name := range o.names.names {
		if v := o.Value(i); v != nil {
			values[name] = string(v)
		}
	}
	return values
}

func TestScan(t *testing.T) {
	tests := []struct {
		name, body string
		want       map[string]string
	}{
		{"all", `{"model":"a","stream":true,"stream_options":{"include_usage":false}}`,
			map[string]string{"model": `"a"`, "stream": "true", "stream_options": `{"include_usage":false}`}},
		{"empty object", "{}", map[string]string{}},
		{"white space", " \t\r\n{ \"model\" : \"a\" , \"stream\"\n:\tnull } \r\n", map[string]string{"model": `"a"`, "stream": "null"}},
		{"only at the top", `{"x":{"model":"no"},"y":[{"model":"no"}]}`, map[string]string{}},
		{"not in strings", `{"x":"\",\"model\":\"no","model":"yes\\"}`, map[string]string{"model": `"yes\\"`}},
		{"brackets in strings", `{"x":["}]",{"]":"["}],"model":1}`, map[string]string{"model": "1"}},
		{"unknown members twice", `{"x":1,"x":2,"\u0078":3,"X":4,"model":"a"}`, map[string]string{"model": `"a"`}},
		{"numbers", `{"a":-0,"b":9223372036854775808,"c":1.50e+99,"d":0E0,"model":12345678901234567890.0}`,
			map[string]string{"model": "12345678901234567890.0"}},
		{"surrogates in other members", `{"\ud800":"\udfff","model":"\ud83d\ude00"}`, map[string]string{"model": `"\ud83d\ude00"`}},
		{"invalid UTF-8 in other members", "{\"\xff\":\"\xfe\",\"model\":\"a\"}", map[string]string{"model": `"a"`}},
		{"names inside of names", `{"mode":1,"models":2,"Model_":3,"xmodel":4}`, map[string]string{}},
		{"a long key with escapes", `{"` + strings.Repeat(`\u006d`, 50) + `":1}`, map[string]string{}},
		{"an empty key", `{"":1,"model":2}`, map[string]string{"model": "2"}},
		{"faults below the top are the upstream's", `{"x":[1 2,,{"a" "b"}],"model":"a"}`, map[string]string{"model": `"a"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := Scan([]byte(tt.body), testNames, 0)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, found(o)); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
		})
	}
}

func TestScanSyntax(t *testing.T) {
	tests := []struct {
		name, body, message string
		offset              int
	}{
		{"nothing", "", "empty body, expected an object", 0},
		{"white space alone", " \n", "empty body, expected an object", 2},
		{"byte order mark", "\ufeff{}", "byte order mark before the object", 0},
		{"array", "[{}]", "found '[', expected an object", 0},
		{"string", `"{}"`, `found '"', expected an object`, 0},
		{"null", "null", "found 'n', expected an object", 0},
		{"control byte", "\x00{}", "found byte 0x00, expected an object", 0},
		{"open", "{", "unexpected end, expected a member's name", 1},
		{"no name", "{1:2}", "found '1', expected a member's name", 1},
		{"name in single quotes", "{'model':1}", "found '\\'', expected a member's name", 1},
		{"name not closed", `{"model`, "unterminated string", 1},
		{"name with the escape of no decoder", `{"mo\del":1}`, "invalid escape", 4},
		{"name with a short escape", `{"\u12":1}`, "invalid escape", 2},
		{"no colon", `{"a" 1}`, "found '1', expected ':' after a member's name", 5},
		{"end before the colon", `{"a"`, "unexpected end, expected ':' after a member's name", 4},
		{"no value", `{"a":}`, "expected a value", 5},
		{"end before the value", `{"a":`, "unexpected end, expected a value", 5},
		{"no comma", `{"a":1 "b":2}`, "found '\"', expected ',' or '}' after a member", 7},
		{"comma at the end", `{"a":1,}`, "found '}', expected a member's name", 7},
		{"comma at the start", `{,"a":1}`, "found ',', expected a member's name", 1},
		{"not closed", `{"a":1`, "unexpected end, expected ',' or '}' after a member", 6},
		{"closed by the other bracket", `{"a":1]`, "found ']', expected ',' or '}' after a member", 6},
		{"short literal", `{"model":tru}`, "expected a value", 9},
		{"long literal", `{"model":truer}`, "found 'r', expected ',' or '}' after a member", 13},
		{"literal in capitals", `{"stream":True}`, "expected a value", 10},
		{"not a number", `{"a":NaN}`, "expected a value", 5},
		{"leading zero", `{"a":01}`, "found '1', expected ',' or '}' after a member", 6},
		{"leading plus", `{"a":+1}`, "expected a value", 5},
		{"minus alone", `{"a":-}`, "expected a value", 5},
		{"minus at the end", `{"a":-`, "expected a value", 5},
		{"no fraction", `{"a":1.}`, "found '}', expected a digit", 7},
		{"no exponent", `{"a":1e+`, "unexpected end, expected a digit", 8},
		{"string not closed", `{"a":"b}`, "unterminated string", 5},
		{"string closed by an escaped quote", `{"a":"b\"}`, "unterminated string", 5},
		{"nested string not closed", `{"a":["b}`, "unterminated string", 6},
		{"nested not closed", `{"a":[{}`, "'[' is never closed", 5},
		{"mismatch", `{"a":[}]}`, "'}' closes a bracket of the other kind", 6},
		{"other mismatch", `{"a":{"b":[1}]}`, "'}' closes a bracket of the other kind", 12},
		{"comment", `{"a":[/*"*/],"model":1}`, "found '/', expected a value", 6},
		{"nested single quotes", `{"a":['"'],"model":1}`, "found '\\'', expected a value", 6},
		{"two objects", `{} {}`, "found '{', expected nothing after the object", 3},
		{"trailing bracket", `{}}`, "found '}', expected nothing after the object", 2},
		{"trailing zero byte", "{}\x00", "found byte 0x00, expected nothing after the object", 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Scan([]byte(tt.body), testNames, 0)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("error = %v, want a SyntaxError", err)
			}
			if diff := cmp.Diff(&SyntaxError{tt.offset, tt.message}, syntax); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestScanMembers(t *testing.T) {
	const (
		twice   = "is given twice"
		escaped = "is written with escapes in its name"
		letters = "is written in another letter case"
	)
	tests := []struct {
		name, body string
		want       MemberError
	}{
		{"twice", `{"model":"a","x":1,"model":"a"}`, MemberError{"model", 19, twice}},
		{"escape", `{"mod\u0065l":"a"}`, MemberError{"model", 1, escaped}},
		{"escape in capitals", `{"\u006D\u006F\u0064\u0065\u006C":"a"}`, MemberError{"model", 1, escaped}},
		{"all escapes of the longest name", `{"` + unicodeEscape("stream_options") + `":1}`, MemberError{"stream_options", 1, escaped}},
		{"escape and another case", `{"\u004dodel":"a"}`, MemberError{"model", 1, escaped}},
		{"escaped long s", `{"\u017ftream":true}`, MemberError{"stream", 1, escaped}},
		{"case", `{"x":1,"Model":"a"}`, MemberError{"model", 7, letters}},
		{"capitals", `{"STREAM":true}`, MemberError{"stream", 1, letters}},
		{"long s", `{"ſtream":true}`, MemberError{"stream", 1, letters}},
		{"case after the right one", `{"stream":true,"Stream":false}`, MemberError{"stream", 15, letters}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Scan([]byte(tt.body), testNames, 0)
			var member *MemberError
			if !errors.As(err, &member) {
				t.Fatalf("error = %v, want a MemberError", err)
			}
			if diff := cmp.Diff(tt.want, *member); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("kelvin sign", func(t *testing.T) {
		_, err := Scan([]byte("{\"top_\u212a\":1}"), NewNames("top_k"), 0)
		if want := `"top_k" is written in another letter case (at byte 1)`; err == nil || err.Error() != want {
			t.Errorf("error = %v, want %s", err, want)
		}
	})
}

// unicodeEscape writes each letter of an ASCII string as \uXXXX.
func unicodeEscape(s string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for i := range len(s) {
		b.WriteString(`\u00` + string(digits[s[i]>>4]) + string(digits[s[i]&15]))
	}
	return b.String()
}

func TestScanDepth(t *testing.T) {
	nested := func(levels int) []byte {
		// the object itself is one level; braces and brackets take turns
		open, end := "", ""
		for i := 1; i < levels; i++ {
			if i%3 == 0 {
				open, end = open+`{"a":`, "}"+end
			} else {
				open, end = open+"[", "]"+end
			}
		}
		return []byte(`{"x":` + open + "0" + end + `,"model":"m"}`)
	}
	for _, tt := range []struct{ limit, max int }{
		{0, DefaultDepth}, {-1, DefaultDepth}, {1, 1}, {2, 2}, {64, 64}, {65, 65}, {MaxDepth, MaxDepth}, {1 << 40, MaxDepth},
	} {
		o, err := Scan(nested(tt.max), testNames, tt.limit)
		if err != nil || string(o.Value(0)) != `"m"` {
			t.Errorf("limit %d, %d levels: model = %s, error = %v", tt.limit, tt.max, o.Value(0), err)
		}
		_, err = Scan(nested(tt.max+1), testNames, tt.limit)
		var depth *DepthError
		if !errors.As(err, &depth) || depth.Limit != tt.max {
			t.Errorf("limit %d, %d levels: error = %v, want a DepthError of limit %d", tt.limit, tt.max+1, err, tt.max)
		}
	}
	_, err := Scan([]byte(`{"a":[[[`+strings.Repeat("[", 1<<20)), testNames, 3)
	if want := "JSON at byte 7 is nested more than 3 levels deep"; err == nil || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
}

func TestScanAllocates(t *testing.T) {
	body := prompt(1 << 10)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := Scan(body, testNames, 0); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("a scan allocates %v times, want 0", n)
	}
}

func TestNewNames(t *testing.T) {
	many := strings.Split(strings.Repeat("x,", MaxNames)+"x", ",")
	NewNames(many[:MaxNames]...)
	for name, names := range map[string][]string{"too many": many, "quote": {`a"b`}, "not ASCII": {"modèl"}, "control": {"a\n"}} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Errorf("NewNames(%q) did not panic", names)
				}
			}()
			NewNames(names...)
		})
	}
}
