package splice

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// seeds are bodies of all sorts: what clients send, and what breaks scanners.
var seeds = []string{
	"", " ", "{}", " { } ", "[]", "null", "\ufeff{}", "{}{}", "{", `{"`, `{"a`, `{"a":`, `{"a":"\`, `{"a":[{`,
	`{"model":"gpt-5","messages":[{"role":"user","content":"hi \"you\" \\"}],"stream":true,"stream_options":{"include_usage":true}}`,
	`{"stream_options":{"include_usage":true,"Include_usage":1},"model":["x",{}]}`,
	`{"stream_options":[{"include_usage":true},{"a":[]}],"model":[]}`,
	`{"model":1,"model":2}`, `{"Model":1}`, `{"\u006dodel":1}`, `{"mod\el":1}`, "{\"\u017ftream\":1}", "{\"\xff\":1,\"model\":\"\xfe\"}",
	`{"a":9223372036854775808,"b":-0.0e+10,"c":"\ud800","d":01}`, `{"model":tru}`, `{"model":1e}`, `{"a":[}]}`, `{"a":[/*"*/]}`,
	"{ \"a\" : [ 1 , 2 ] ,\r\n\t\"model\" : \"\" }\n", `{"a":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + `}`,
}

func FuzzScan(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		text := string(body)
		o, err := Scan(body, testNames, 0)
		if string(body) != text {
			t.Fatalf("%q: the body was changed to %q", text, body)
		}
		list, valid := members(body)
		if err != nil {
			checkScanError(t, body, list, valid, err)
			return
		}
		for i, name := range testNames.names {
			if v := o.Value(i); valid {
				want := meant(list, name)
				if len(want) > 1 || (len(want) == 0) != (v == nil) {
					t.Fatalf("%q: %s = %q, encoding/json finds %q", body, name, v, want)
				}
				if len(want) == 1 && (want[0].Key != name || want[0].Value != string(v)) {
					t.Fatalf("%q: %s = %q, encoding/json finds %q", body, name, v, want)
				}
			}
			// whatever is inside: no panic, and nothing outside of the value
			s := o.Values[i]
			inside := func(sub Object) {
				for n, v := range sub.Values {
					if v.End != 0 && (v.Start <= s.Start || v.End >= s.End || len(sub.Value(n)) == 0) {
						t.Fatalf("%q: span %v lies outside of %v", body, v, s)
					}
				}
			}
			names := NewNames("include_usage", "a")
			if sub, err := o.Sub(i, names, 0); err == nil {
				inside(sub)
			} else if valid && s.End != 0 && body[s.Start] == '{' {
				wantMemberError(t, body, err)
			}
			err := o.Elements(i, names, 0, func(e Object) bool { inside(e); return true })
			if err != nil && valid && s.End != 0 && body[s.Start] == '[' {
				wantMemberError(t, body, err)
			}
		}
	})
}

func wantMemberError(t *testing.T, body []byte, err error) {
	t.Helper()
	var m *MemberError
	if !errors.As(err, &m) {
		t.Fatalf("%q: valid JSON is refused: %v", body, err)
	}
}

// checkScanError holds an error against what encoding/json says: a valid
// object may be refused for its depth or an ambiguous member alone.
func checkScanError(t *testing.T, body []byte, list []member, valid bool, err error) {
	t.Helper()
	var (
		syntax *SyntaxError
		depth  *DepthError
		m      *MemberError
	)
	switch {
	case errors.As(err, &syntax):
		if valid {
			t.Fatalf("%q: a valid object is refused: %v", body, err)
		}
		if syntax.Offset < 0 || syntax.Offset > len(body) {
			t.Fatalf("%q: offset out of the body: %v", body, err)
		}
	case errors.As(err, &depth):
		if valid && levels(body) <= DefaultDepth {
			t.Fatalf("%q: %d levels: %v", body, levels(body), err)
		}
	case errors.As(err, &m):
		if !valid {
			return
		}
		key, raw, ok := keyAt(body, m.Offset)
		if !ok || !strings.EqualFold(key, m.Name) || raw == `"`+m.Name+`"` && len(meant(list, m.Name)) < 2 {
			t.Fatalf("%q: member %s is not ambiguous: %v", body, raw, err)
		}
	default:
		t.Fatalf("%q: error of type %T", body, err)
	}
}

func FuzzApply(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), `"new value"`)
		f.Add([]byte(s), `{"model":[1]}`)
	}
	f.Fuzz(func(t *testing.T, body []byte, value string) {
		o, err := Scan(body, testNames, 0)
		// a RawMessage comes without the white space around it
		if err != nil || !json.Valid([]byte(value)) || strings.Trim(value, " \t\r\n") != value {
			return
		}
		checkEdits(t, o, value)
	})
}
