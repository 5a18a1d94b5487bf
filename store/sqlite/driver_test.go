package sqlite

import (
	"encoding/json"
	"go/build"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func TestUnmarshalCaddyfile(t *testing.T) {
	for _, test := range []struct {
		input string
		path  string
		err   string // part of the error
	}{
		{input: "sqlite", path: ""},
		{input: "sqlite {\n}", path: ""},
		{input: "sqlite a.db", path: "a.db"},
		{input: "sqlite {\n\tpath a.db\n}", path: "a.db"},
		{input: "sqlite {\n\tpath {env.DATA}/a.db\n}", path: "{env.DATA}/a.db"},
		{input: "sqlite a.db b.db", err: "wrong argument count"},
		{input: "sqlite {\n\tpath\n}", err: "wrong argument count"},
		{input: "sqlite {\n\tpath a.db b.db\n}", err: "wrong argument count"},
		{input: "sqlite {\n\tpath \"\"\n}", err: "path is empty"},
		{input: "sqlite {\n\tpath }", err: "closing brace"},
		{input: "sqlite {\n\tpath a.db }", err: "wrong argument count"},
		{input: "sqlite {\n\tpath a.db\n\tpath b.db\n}", err: `path is set twice: "a.db" and "b.db"`},
		{input: "sqlite a.db {\n\tpath b.db\n}", err: `path is set twice: "a.db" and "b.db"`},
		{input: "sqlite {\n\tfile a.db\n}", err: `unknown option "file" of the sqlite store, expected path, at Testfile:2`},
	} {
		var d Driver
		err := d.UnmarshalCaddyfile(caddyfile.NewTestDispenser(test.input))
		switch {
		case test.err == "" && err != nil:
			t.Errorf("%q: %v", test.input, err)
		case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
			t.Errorf("%q: the error is %v, not about %q", test.input, err, test.err)
		case err == nil && d.Path != test.path:
			t.Errorf("%q: path %q, not %q", test.input, d.Path, test.path)
		}
	}
}

// TestModule goes the way of a config: by the module's name, through JSON.
func TestModule(t *testing.T) {
	t.Setenv("SQLITE_TEST_FOLDER", "/some/folder")
	for _, test := range []struct{ config, path, err string }{
		{config: `{}`, path: filepath.Join(caddy.AppDataDir(), "aiproxy", "aiproxy.db")},
		{config: `{"path": "x.db"}`, path: "x.db"},
		{config: `{"path": "{env.SQLITE_TEST_FOLDER}/x.db"}`, path: "/some/folder/x.db"},
		{config: `{"path": "{env.SQLITE_TEST_UNSET}"}`, err: `expanding path "{env.SQLITE_TEST_UNSET}"`},
		{config: `{"path": "{no.such.placeholder}"}`, err: "expanding path"},
		{config: `{"file": "x.db"}`, err: "unknown field"},
	} {
		ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
		module, err := ctx.LoadModuleByID("aiproxy.stores.sqlite", json.RawMessage(test.config))
		cancel()
		switch {
		case test.err == "" && err != nil:
			t.Errorf("%s: %v", test.config, err)
		case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
			t.Errorf("%s: the error is %v, not about %q", test.config, err, test.err)
		case err == nil && module.(*Driver).Path != test.path:
			t.Errorf("%s: path %q, not %q", test.config, module.(*Driver).Path, test.path)
		case err == nil && module.(*Driver).lockWait != lockWait:
			t.Errorf("%s: waits %v for the lock", test.config, module.(*Driver).lockWait)
		}
	}
}

// TestImports holds that the guest knows its driver and its host alone.
func TestImports(t *testing.T) {
	pkg, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"github.com/caddy-aiproxy/aiproxy/store", "github.com/caddyserver/caddy/v2",
		"github.com/pressly/goose/v3", "modernc.org/sqlite", "golang.org/x/sys"}
	for _, name := range pkg.Imports {
		if strings.Contains(strings.Split(name, "/")[0], ".") && !slices.ContainsFunc(allowed, func(prefix string) bool {
			return name == prefix || strings.HasPrefix(name, prefix+"/") && prefix != allowed[0]
		}) {
			t.Errorf("the package imports %q", name)
		}
	}
}
