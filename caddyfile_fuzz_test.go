package aiproxy

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// seeds returns what the goldens that adapt have inside their global option.
// The rest of a Caddyfile is Caddy's own grammar.
func seeds(t testing.TB) []string {
	files, err := filepath.Glob("testdata/caddyfile/*.caddyfiletest")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		input, _, _ := strings.Cut(string(data), separator)
		input, global := strings.CutPrefix(input, "{\n\taiproxy {\n")
		block, _, closed := strings.Cut(input, "\n\t}\n}\n")
		if global && closed {
			blocks = append(blocks, block+"\n}\n")
		}
	}
	if len(blocks) < 10 {
		t.Fatalf("%d seeds only", len(blocks))
	}
	return blocks
}

// read gives the block to the grammar. It reports a panic by itself, a value
// beside an error, and a second reading that differs; adapted says that the
// grammar took the block.
func read(t interface{ Fatalf(string, ...any) }, block string) (adapted bool) {
	tokens, err := caddyfile.Tokenize([]byte("aiproxy {\n"+block), "Caddyfile")
	if err != nil {
		return false
	}
	d := caddyfile.NewDispenser(tokens)
	value, err := parseGlobalOption(d, nil)
	if err != nil {
		if value != nil {
			t.Fatalf("both a value and the error %v", err)
		}
		return false
	}
	d.Reset()
	again, err := parseGlobalOption(d, nil)
	if err != nil {
		t.Fatalf("read again: %v", err)
	}
	first, _ := json.Marshal(value)
	second, _ := json.Marshal(again)
	if !bytes.Equal(first, second) {
		t.Fatalf("read again it differs:\n%s\n%s", first, second)
	}
	return true
}

// FuzzCaddyfile gives the grammar any text. It is slow, since all of Caddy is
// instrumented; TestCaddyfileShuffled makes more of its time.
func FuzzCaddyfile(f *testing.F) {
	for _, block := range seeds(f) {
		f.Add(block)
	}
	f.Fuzz(func(t *testing.T, block string) { read(t, block) })
}

// TestCaddyfileShuffled gives the grammar Caddyfiles of its own words with
// some changed for others, left out or doubled, in lines and in blocks that
// often do not fit.
func TestCaddyfileShuffled(t *testing.T) {
	blocks := seeds(t)
	for _, block := range blocks {
		if !read(t, block) {
			t.Errorf("a golden's block is refused:\n%s", block)
		}
	}
	// Line ends are words like any other.
	split := func(block string) []string {
		return strings.Fields(strings.ReplaceAll(block, "\n", " \\n "))
	}
	var words []string
	for _, block := range blocks {
		words = append(words, split(block)...)
	}
	words = append(words, "{", "}", `""`, "-1", "0", "99999999999999999999", "\\n", "import", "<<EOF", "`", `"`)
	var adapted, refused int
	rapid.Check(t, func(t *rapid.T) {
		text := split(rapid.SampledFrom(blocks).Draw(t, "block"))
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			if len(text) == 0 {
				break
			}
			at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			word := rapid.SampledFrom(words).Draw(t, "word")
			switch rapid.IntRange(0, 2).Draw(t, "change") {
			case 0:
				text[at] = word
			case 1:
				text = append(text[:at], text[at+1:]...)
			case 2:
				text = append(text[:at:at], append([]string{word}, text[at:]...)...)
			}
		}
		if read(t, strings.ReplaceAll(strings.Join(text, " "), "\\n", "\n")) {
			adapted++
		} else {
			refused++
		}
	})
	if !t.Failed() && (adapted == 0 || refused == 0) {
		t.Errorf("%d adapted and %d refused: the changes are none", adapted, refused)
	}
}
