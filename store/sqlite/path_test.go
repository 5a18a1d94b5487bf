package sqlite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestIdentity(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	for _, dir := range []string{"data", "other"} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"link":               "data",
		"chain":              "link",
		"dangling.db":        "other/new.db",
		"data/up.db":         "../other/new.db",
		"absolute.db":        filepath.Join(root, "other", "new.db"),
		"dangling":           "nowhere/at/all",
		"dangling-by-link":   "chain/../other/new.db", // .. of data, where chain leads
		"loop-a":             "loop-b",
		"loop-b":             "loop-a",
		"dangling-to-itself": "dangling-to-itself",
	} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	write(t, "data/there.db", "")

	for _, test := range []struct{ path, want string }{
		{"data/there.db", "data/there.db"},
		{"data/new.db", "data/new.db"},
		{"./data/../data//new.db", "data/new.db"},
		{filepath.Join(root, "data", "new.db"), "data/new.db"},
		{"link/there.db", "data/there.db"},
		{"chain/new.db", "data/new.db"},
		{"chain/deep/er/new.db", "data/deep/er/new.db"},
		{"dangling.db", "other/new.db"},
		{"link/up.db", "other/new.db"},
		{"absolute.db", "other/new.db"},
		{"dangling/new.db", "nowhere/at/all/new.db"},
		{"dangling-by-link", "other/new.db"},
	} {
		got, err := driverFor(test.path).Identity()
		if err != nil {
			t.Errorf("%q: %v", test.path, err)
		} else if want := filepath.Join(root, filepath.FromSlash(test.want)); got != want {
			t.Errorf("%q is %q, not %q", test.path, got, want)
		}
	}
	for _, path := range []string{"loop-a", "loop-a/new.db", "dangling-to-itself", "data/there.db/new.db"} {
		if got, err := driverFor(path).Identity(); err == nil {
			t.Errorf("%q is %q, no error", path, got)
		} else if !strings.Contains(err.Error(), path) {
			t.Errorf("the error does not name %q: %v", path, err)
		}
	}

	entries, err := os.ReadDir("data")
	if err != nil || len(entries) != 2 { // there.db, up.db
		t.Errorf("asking for identities left %v, %v", entries, err)
	}
	if _, err := os.Lstat("nowhere"); err == nil {
		t.Error("asking for identities made a folder")
	}

	// The file that is opened is the one that was named.
	mustOpen(t, "dangling.db")
	if _, err := os.Stat("other/new.db"); err != nil {
		t.Error(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
