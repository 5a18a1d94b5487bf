package aiproxy

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// wrappers make a Caddyfile of a snippet in the documentation, by the word
// after ```caddyfile.
var wrappers = map[string]string{
	"":          "%s",
	"global":    "{\n\taiproxy {\n%s\t}\n}\n",
	"directive": ":8080 {\n\taiproxy {\n%s\t}\n}\n",
}

var (
	block = regexp.MustCompile("(?ms)^([ \t]*)```caddyfile[ \t]*([a-z]*)\n(.*?)^[ \t]*```[ \t]*$")
	// unknownOption finds the list that an unknown option is answered with.
	unknownOption = regexp.MustCompile(`unknown option "[a-z]+" of [^:]*, expected one of: ([a-z_, ]+), at `)
)

// TestDocsAdapt adapts every Caddyfile of the documentation.
func TestDocsAdapt(t *testing.T) {
	files, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("README.md"); err == nil {
		files = append(files, "README.md")
	}
	count := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if opened, found := strings.Count(string(text), "```caddyfile"), len(block.FindAll(text, -1)); opened != found {
			t.Errorf("%s opens %d blocks, %d of them are read", file, opened, found)
		}
		for _, at := range block.FindAllSubmatchIndex(text, -1) {
			count++
			indent, word, snippet := string(text[at[2]:at[3]]), string(text[at[4]:at[5]]), string(text[at[6]:at[7]])
			line := strings.Count(string(text[:at[0]]), "\n") + 1
			t.Run(fmt.Sprintf("%s:%d", filepath.Base(file), line), func(t *testing.T) {
				wrapper, ok := wrappers[word]
				if !ok {
					t.Fatalf("no wrapper %q", word)
				}
				snippet = strings.ReplaceAll("\n"+snippet, "\n"+indent, "\n")[1:]
				if _, err := adapt(fmt.Sprintf(wrapper, snippet)); err != nil {
					t.Errorf("%v\n%s", err, snippet)
				}
			})
		}
	}
	if count < 20 {
		t.Errorf("%d Caddyfiles only are in the documentation", count)
	}
}

// TestDocsNameEveryOption holds the reference against the grammar, whose
// options are in the goldens of its errors.
func TestDocsNameEveryOption(t *testing.T) {
	reference, err := os.ReadFile("docs/caddyfile.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/caddyfile/errors/*.caddyfiletest")
	if err != nil {
		t.Fatal(err)
	}
	lists := 0
	for _, file := range files {
		golden, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		match := unknownOption.FindSubmatch(golden)
		if match == nil {
			continue
		}
		lists++
		for name := range strings.SplitSeq(string(match[1]), ", ") {
			if !regexp.MustCompile("`" + name + "[` ]").Match(reference) {
				t.Errorf("docs/caddyfile.md does not explain the option %s (of %s)", name, filepath.Base(file))
			}
		}
	}
	if lists < 8 {
		t.Errorf("%d lists of options only are in the goldens", lists)
	}
}
