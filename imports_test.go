package aiproxy

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/caddy-aiproxy/aiproxy"

// room is what the packages below a folder may import of this module and of
// others; the standard library is free to all.
type room struct {
	// path is the folder, and everything below it unless a longer path has a
	// room of its own.
	path string
	// ours are the folders of this module that it may import.
	ours []string
	// others are the modules' paths, by prefix.
	others []string
}

// caddyGrammar reads the tokens of a Caddyfile.
const caddyGrammar = "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

var (
	caddyCore = []string{"github.com/caddyserver/caddy/v2", "go.uber.org/zap"}

	// rooms is the import rule of the house. The longest path that fits a
	// package is its room; the root is "".
	rooms = []room{
		{path: "protocol", ours: []string{"protocol"}},
		{path: "store", ours: []string{"store"}},
		{path: "store/journal", others: []string{"golang.org/x/sys"}},
		{path: "store/storetest", ours: []string{"store"}, others: []string{
			"github.com/google/go-cmp", "pgregory.net/rapid"}},
		{path: "store/sqlite", ours: []string{"store"}, others: append([]string{
			"modernc.org/sqlite", "github.com/pressly/goose/v3", "golang.org/x/sys"}, caddyCore...)},
		// The grammar of a block, which the guests share, is all of Caddy here.
		{path: "adaptors", ours: []string{"protocol", "adaptors"}, others: []string{
			"github.com/klauspost/compress", "github.com/andybalholm/brotli", caddyGrammar}},
		{path: "adaptors/adaptortest", ours: []string{"adaptors"}, others: []string{caddyGrammar}},
		{path: "adaptors/openai", ours: []string{"protocol", "adaptors"}, others: caddyCore},
		{path: "adaptors/anthropic", ours: []string{"protocol", "adaptors"}, others: caddyCore},
		{path: "adaptors/gemini", ours: []string{"protocol", "adaptors"}, others: caddyCore},
		{path: "adaptors/echo", ours: []string{"protocol", "adaptors"}, others: append([]string{
			"github.com/tiktoken-go/tokenizer"}, caddyCore...)},
		{path: "routing", ours: []string{"protocol", "adaptors", "routing"}},
		{path: "tenancy", ours: []string{"protocol", "store", "tenancy"}},
		{path: "relay", ours: []string{"protocol", "adaptors", "routing", "tenancy", "relay"}},
		{path: "", ours: []string{""}, others: append([]string{
			"github.com/caddyserver/certmagic", "github.com/google/uuid", "github.com/spf13/cobra",
			"github.com/dustin/go-humanize", "github.com/prometheus/client_golang"}, caddyCore...)},
		{path: "cmd", ours: []string{""}, others: caddyCore},
		// Test upstreams and the bench: no guest, no root.
		{path: "internal", ours: []string{"internal", "protocol"}},
		{path: "internal/upstream"},
		{path: "internal/bench", ours: []string{"internal/bench"}, others: []string{"golang.org/x/sys"}},
	}

	// withHTTPServer may import Caddy's HTTP server.
	withHTTPServer = []string{""}
)

// TestImports holds the import rule over all packages but tests.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	count := 0
	for {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&pkg); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		count++
		path := folder(pkg.ImportPath)
		for _, imported := range pkg.Imports {
			if reason := forbidden(path, imported); reason != "" {
				t.Errorf("%s imports %s: %s", pkg.ImportPath, imported, reason)
			}
		}
	}
	if count < 15 {
		t.Fatalf("go list named %d packages only", count)
	}
}

// TestImportsCatches shows that the rule can fail.
func TestImportsCatches(t *testing.T) {
	for _, c := range []struct{ from, imports string }{
		{"protocol", module + "/adaptors"},
		{"protocol/chat", "github.com/caddyserver/caddy/v2"},
		{"tenancy", module + "/routing"},
		{"adaptors", module + "/tenancy"},
		{"relay", "github.com/caddyserver/caddy/v2/modules/caddyhttp"},
		{"adaptors/openai", "github.com/caddyserver/caddy/v2/modules/caddyhttp"},
		{"relay", module + "/adaptors/openai"},
		{"store/sqlite", module},
		{"unheard/of", module + "/protocol"},
		{"adaptors", "github.com/caddyserver/caddy/v2"},
		{"adaptors/adaptortest", module + "/adaptors/openai"},
		{"adaptors/openai", module + "/adaptors/echo"},
		{"internal/upstream", module + "/protocol"},
		{"internal/bench/load", module + "/internal/upstream"},
		{"internal/bench", module},
		{"store/storetest", module + "/store/sqlite"},
		{"protocol", "golang.org/x/sys/unix"},
	} {
		if forbidden(c.from, c.imports) == "" {
			t.Errorf("%s may import %s", c.from, c.imports)
		}
	}
}

func folder(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
}

func below(path, parent string) bool {
	return path == parent || parent == "" || strings.HasPrefix(path, parent+"/")
}

// forbidden says why a package may not import another; empty: it may.
func forbidden(path, imported string) string {
	if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
		return ""
	}
	var own *room
	for i := range rooms {
		r := &rooms[i]
		if (r.path == path || r.path != "" && below(path, r.path)) && (own == nil || len(r.path) > len(own.path)) {
			own = r
		}
	}
	if own == nil {
		return "its folder has no room in the rule"
	}
	if imported == module || strings.HasPrefix(imported, module+"/") {
		target := folder(imported)
		if target == "" && path != "cmd/aiproxy" {
			return "nobody imports root"
		}
		if isGuest(target) && path != "" && !below(path, target) {
			return "only root imports a guest"
		}
		for _, o := range own.ours {
			if below(target, o) {
				return ""
			}
		}
		return "not a room that it may use"
	}
	if strings.Contains(imported, "/modules/caddyhttp") && !slices.Contains(withHTTPServer, path) {
		return "Caddy's HTTP server is known to root alone"
	}
	for _, o := range own.others {
		if below(imported, o) {
			return ""
		}
	}
	return "not a library of its room"
}

func isGuest(path string) bool {
	switch path {
	case "adaptors/adaptortest", "store/storetest": // what tests of guests share
		return false
	}
	return strings.HasPrefix(path, "adaptors/") || strings.HasPrefix(path, "store/")
}
