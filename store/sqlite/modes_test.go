//go:build !windows

package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(dir, "test.db")
	s := mustOpen(t, path)
	if _, err := s.SetMeta(t.Context(), "k", "v"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{
		filepath.Dir(dir): 0o700, dir: 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, path + ".lock": 0o600,
	} {
		info, err := os.Stat(name)
		if err != nil {
			t.Error(err)
		} else if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %v, not %v", filepath.Base(name), got, want)
		}
	}

	// What the operator has set is left alone.
	if err := errors.Join(s.Close(), os.Chmod(dir, 0o750), os.Chmod(path, 0o640)); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, path)
	for name, want := range map[string]os.FileMode{dir: 0o750, path: 0o640} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, not %v (%v)", filepath.Base(name), info.Mode().Perm(), want, err)
		}
	}
}
