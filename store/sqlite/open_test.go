package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-aiproxy/aiproxy/store"
)

func TestPragmas(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "with space, % and #?.db")).(*database)
	for _, test := range []struct {
		db           *sql.DB
		pragma, want string
	}{
		{s.writer, "journal_mode", "wal"},
		{s.writer, "synchronous", "1"},
		{s.writer, "foreign_keys", "1"},
		{s.writer, "busy_timeout", "5000"},
		{s.reader, "journal_mode", "wal"},
		{s.reader, "query_only", "1"},
		{s.reader, "busy_timeout", "5000"},
	} {
		var got string
		if err := test.db.QueryRow("PRAGMA " + test.pragma).Scan(&got); err != nil || got != test.want {
			t.Errorf("%s is %q, not %q (%v)", test.pragma, got, test.want, err)
		}
	}
}

func TestRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	s := mustOpen(t, path)
	if _, err := s.Bootstrap(t.Context(), store.Group{Name: "g"}, store.Token{ID: "t", Group: "g", Hash: [32]byte{1}}, store.Change{Action: "bootstrap"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetMeta(t.Context(), "check", "value"); err != nil {
		t.Fatal(err)
	}
	before, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(path + suffix); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("after Close there is a %s file (%v)", suffix, err)
		}
	}

	s = mustOpen(t, path)
	after, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("changed by a restart (-before +after):\n%s", diff)
	}
	if value, err := s.Meta(t.Context(), "check"); value != "value" {
		t.Errorf("the value is %q, %v", value, err)
	}
	if made, err := s.Bootstrap(t.Context(), store.Group{Name: "h"}, store.Token{ID: "u", Hash: [32]byte{2}}, store.Change{}); made || err != nil {
		t.Errorf("bootstrap again: %v, %v", made, err)
	}
}

// TestRevisionsSurviveDeletes: revisions grow on after all rows are gone and
// the program was started anew.
func TestRevisionsSurviveDeletes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	var last int64
	for range 3 {
		s := mustOpen(t, path)
		g, err := s.PutGroup(t.Context(), store.Group{Name: "g"}, 0, store.Change{})
		if err != nil || g.Revision <= last {
			t.Fatalf("revision %d after %d, %v", g.Revision, last, err)
		}
		last = g.Revision
		if err := s.DeleteGroup(t.Context(), "g", 0, store.Change{}); err != nil {
			t.Fatal(err)
		}
		// As retention will do.
		if _, err := s.(*database).writer.Exec("DELETE FROM audit"); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRefused opens files that are not to be opened, and looks that they stay
// as they are and are not kept locked.
func TestRefused(t *testing.T) {
	execute := func(t *testing.T, path string, statements ...string) {
		db, err := connect(path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, s := range statements {
			if _, err := db.Exec(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, test := range []struct {
		name string
		make func(t *testing.T, path string)
		want string
		is   error
	}{
		{name: "newer", is: store.ErrNewer, want: "its version is 99999, this program knows up to 1",
			make: func(t *testing.T, path string) {
				if err := mustOpen(t, path).Close(); err != nil {
					t.Fatal(err)
				}
				execute(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)",
					"PRAGMA journal_mode = delete")
			}},
		{name: "text", want: "not a SQLite database, or is damaged",
			make: func(t *testing.T, path string) { write(t, path, strings.Repeat("no database ", 1000)) }},
		{name: "damaged", want: "the database is damaged",
			make: func(t *testing.T, path string) {
				if err := mustOpen(t, path).Close(); err != nil {
					t.Fatal(err)
				}
				content, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				for i := 100; i < len(content); i++ { // all but the header
					content[i] = 0xee
				}
				write(t, path, string(content))
			}},
		{name: "foreign tables", want: "a database of another program",
			make: func(t *testing.T, path string) { execute(t, path, "CREATE TABLE songs (title TEXT)") }},
		{name: "foreign mark", want: "a database of another program (application id 0x10)",
			make: func(t *testing.T, path string) { execute(t, path, "PRAGMA application_id = 16") }},
		{name: "folder", want: "test.db",
			make: func(t *testing.T, path string) {
				if err := os.Mkdir(path, 0o700); err != nil {
					t.Fatal(err)
				}
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			test.make(t, path)
			before, _ := os.ReadFile(path)
			for range 2 { // the second time shows that no lock was left
				s, err := driverFor(path).Open(t.Context())
				if err == nil {
					s.Close()
					t.Fatal("it was opened")
				}
				if s != nil {
					t.Errorf("a failed Open returns %v", s)
				}
				if test.is != nil && !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
					t.Errorf("the error is %q, which does not name the path and %q", err, test.want)
				}
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

// TestHalfMade opens files as a crash may leave them.
func TestHalfMade(t *testing.T) {
	for name, statements := range map[string][]string{
		"empty file":             nil,
		"marked":                 {"PRAGMA application_id = 1634300024"},
		"before the first table": {"PRAGMA application_id = 1634300024", "PRAGMA journal_mode = wal"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			write(t, path, "")
			db, err := connect(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range statements {
				if _, err := db.Exec(s); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := mustOpen(t, path).PutGroup(t.Context(), store.Group{Name: "g"}, 0, store.Change{}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOpenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(t.TempDir(), "test.db")
	if s, err := driverFor(path).Open(ctx); !errors.Is(err, context.Canceled) || s != nil {
		t.Errorf("opened under an ended context: %v, %v", s, err)
	}
	mustOpen(t, path)
}

// TestCloseWaits holds a transaction open: Close does not end before it.
func TestCloseWaits(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "test.db")).(*database)
	inside, release, closed := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	written := make(chan error, 1)
	go func() {
		written <- s.change(context.Background(), store.Change{Action: "slow"}, func(*sql.Tx, store.Change) error {
			close(inside)
			<-release
			return nil
		})
	}()
	<-inside
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		t.Errorf("closed during a change: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	close(release)
	if err := errors.Join(<-written, <-closed); err != nil {
		t.Error(err)
	}
}
