package echo

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestCount(t *testing.T) {
	// The numbers are those of OpenAI's own tokenizer for o200k_base.
	tests := []struct {
		text string
		want int
	}{
		{"", 0},
		{"hello world", 2},
		{"Hello, world!", 4},
		{"antidisestablishmentarianism", 6},
		{"お誕生日おめでとう", 8},
	}
	for _, tt := range tests {
		if got := count(tt.text); got != tt.want {
			t.Errorf("%q: %d, want %d", tt.text, got, tt.want)
		}
	}
	long := strings.Repeat("a b ", maxCounted/4) + strings.Repeat("c", 4000)
	if got, want := count(long), count(long[:maxCounted])+1000; got != want {
		t.Errorf("of a long text: %d, want %d", got, want)
	}
}

func TestLimit(t *testing.T) {
	tests := []struct {
		text   string
		most   int
		want   string
		tokens int
		cut    bool
	}{
		{"one two three", 0, "one two three", 3, false},
		{"one two three", 3, "one two three", 3, false},
		{"one two three", 2, "one two", 2, true},
		{"", 1, "", 0, false},
	}
	for _, tt := range tests {
		text, tokens, cut := limit(tt.text, tt.most)
		if text != tt.want || tokens != tt.tokens || cut != tt.cut {
			t.Errorf("%q at most %d: %q, %d, %v", tt.text, tt.most, text, tokens, cut)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text, most := rapid.String().Draw(t, "text"), rapid.IntRange(1, 20).Draw(t, "most")
		got, tokens, cut := limit(text, most)
		if !utf8.ValidString(got) || tokens > most || cut != (count(text) > most) || !cut && got != text {
			t.Fatalf("%q, %d, %v", got, tokens, cut)
		}
	})
}

func TestSplit(t *testing.T) {
	tests := []struct {
		text string
		n    int
		want []string
	}{
		{"one two\n three ", 0, []string{"one", " two", "\n three", " "}},
		{"  one", 0, []string{"  one"}},
		{"", 0, []string{""}},
		{"", 5, []string{""}},
		{"abcdef", 1, []string{"abcdef"}},
		{"abcdef", 3, []string{"ab", "cd", "ef"}},
		{"abcde", 2, []string{"abc", "de"}},
		{"äöü", 9, []string{"ä", "ö", "ü"}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, split(tt.text, tt.n)); diff != "" {
			t.Errorf("%q into %d (-want +got)\n%s", tt.text, tt.n, diff)
		}
	}
	if got := len(split(strings.Repeat("a ", 5000), 0)); got != maxChunks {
		t.Errorf("5000 words make %d pieces", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		text, n := rapid.String().Draw(t, "text"), rapid.IntRange(0, 50).Draw(t, "n")
		pieces := split(text, n)
		if strings.Join(pieces, "") != text {
			t.Fatalf("%q is not %q", pieces, text)
		}
		if want := max(1, min(n, utf8.RuneCountInString(text))); n > 0 && len(pieces) != want {
			t.Fatalf("%d pieces, want %d", len(pieces), want)
		}
		for _, p := range pieces {
			if !utf8.ValidString(p) {
				t.Fatalf("%q is cut inside a character", p)
			}
		}
	})
}

func TestTexts(t *testing.T) {
	tests := []struct {
		json        string
		said, other []string
	}{
		{`"hi"`, []string{"hi"}, nil},
		{`null`, nil, nil},
		{`7`, nil, nil},
		{`""`, nil, nil},
		{`["a",{"type":"text","text":"b"}]`, []string{"a", "b"}, nil},
		{`{"text":"one"}`, []string{"one"}, nil},
		{`[{"type":"image_url","image_url":{"url":"x"}}]`, nil, nil},
		{`[{"text":"hm","thought":true}]`, nil, []string{"hm"}},
		{`[{"type":"refusal","refusal":"no"}]`, nil, []string{"no"}},
		{`[{"type":"tool_result","content":[{"type":"text","text":"rain"}]}]`, nil, []string{"rain"}},
		{`[{"type":"tool_use","input":{"a": 1}}]`, nil, []string{`{"a": 1}`}},
		{`[{"functionCall":{"name":"f"}},{"functionResponse":{"r":1}}]`, nil, []string{`{"name":"f"}`, `{"r":1}`}},
		{`[{"text":5}]`, nil, nil},
		// Deeper than any protocol goes.
		{`{"content":{"content":{"content":{"content":"x"}}}}`, nil, nil},
	}
	for _, tt := range tests {
		var got texts
		if err := json.Unmarshal([]byte(tt.json), &got); err != nil {
			t.Errorf("%s: %v", tt.json, err)
		}
		if diff := cmp.Diff(texts{tt.said, tt.other}, got, cmp.AllowUnexported(texts{})); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.json, diff)
		}
	}
}
