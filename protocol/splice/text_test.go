package splice

import (
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestText(t *testing.T) {
	tests := []struct{ in, want string }{
		{`""`, ""},
		{`"gpt-5"`, "gpt-5"},
		{`"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t"},
		{`"a\u00e9\u4e2d"`, "a\u00e9\u4e2d"},
		{`"\ud83d\uDE00"`, "\U0001f600"},
		{"\"\u00e9\U0001f600\ufffd\"", "\u00e9\U0001f600\ufffd"},
		{`"\ufffd"`, "\ufffd"},
		{`"\u0000"`, "\x00"},
		{"\"\x7f\"", "\x7f"},
	}
	for _, tt := range tests {
		got, err := Text([]byte(tt.in))
		if err != nil || got != tt.want {
			t.Errorf("Text(%s) = %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
}

func TestTextErrors(t *testing.T) {
	tests := []struct {
		in   string
		want SyntaxError
	}{
		{"", SyntaxError{0, "not a string"}},
		{`"`, SyntaxError{0, "not a string"}},
		{"null", SyntaxError{0, "not a string"}},
		{`{"a":"b"}`, SyntaxError{0, "not a string"}},
		{`"a"b"`, SyntaxError{2, "string ends early"}},
		{`"a\"`, SyntaxError{2, "invalid escape"}},
		{`"\x41"`, SyntaxError{1, "invalid escape"}},
		{`"\u12"`, SyntaxError{1, "invalid escape"}},
		{`"\u12g4"`, SyntaxError{1, "invalid escape"}},
		{`"\ud800"`, SyntaxError{1, "lone surrogate"}},
		{`"a\udc00\ud800"`, SyntaxError{2, "lone surrogate"}},
		{`"\ud800\u0041"`, SyntaxError{1, "lone surrogate"}},
		{`"\ud800\uzzzz"`, SyntaxError{1, "lone surrogate"}},
		{`"\ud800A"`, SyntaxError{1, "lone surrogate"}},
		{"\"a\xff\"", SyntaxError{2, "invalid UTF-8"}},
		{"\"\xed\xa0\x80\"", SyntaxError{1, "invalid UTF-8"}},
		{"\"\xe2\x82\"", SyntaxError{1, "invalid UTF-8"}},
		{"\"a\nb\"", SyntaxError{2, "control character in a string"}},
		{"\"\x00\"", SyntaxError{1, "control character in a string"}},
	}
	for _, tt := range tests {
		got, err := Text([]byte(tt.in))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || *syntax != tt.want || got != "" {
			t.Errorf("Text(%q) = %q, %v, want %v", tt.in, got, err, &tt.want)
		}
	}
}

func TestQuote(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", `""`},
		{"gpt-5", `"gpt-5"`},
		{`a"b\c`, `"a\"b\\c"`},
		{"<b>&amp;", `"<b>&amp;"`},
		{"a\n\x01<", `"a\n\u0001<"`},
		{"\u00e9\U0001f600", "\"\u00e9\U0001f600\""},
		{"\u2028", `"\u2028"`},
		{"\xff", `"\ufffd"`},
	}
	for _, tt := range tests {
		if got := Quote(tt.in); got != tt.want {
			t.Errorf("Quote(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestQuoteAndTextAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		quoted := Quote(s)
		if got, err := Text([]byte(quoted)); err != nil || got != s {
			t.Fatalf("Text(%s) = %q, %v, want %q", quoted, got, err, s)
		}
		// the escapes of another encoder mean the same
		other, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Text(other); err != nil || got != s {
			t.Fatalf("Text(%s) = %q, %v, want %q", other, got, err, s)
		}
	})
}

func FuzzText(f *testing.F) {
	for _, s := range []string{`""`, `"a\u0041\ud83d\ude00"`, `"\ud800"`, "\"\xff\"", `"\"`, "null", `"\u00`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		got, err := Text(value)
		if err != nil {
			return
		}
		var want string
		if err := json.Unmarshal(value, &want); err != nil || got != want {
			t.Errorf("Text(%q) = %q, encoding/json has %q, %v", value, got, want, err)
		}
		if !utf8.ValidString(got) {
			t.Errorf("Text(%q) = %q is invalid UTF-8", value, got)
		}
	})
}
