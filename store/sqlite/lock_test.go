package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-aiproxy/aiproxy/store"
)

// childPath names the database that a child process is to open.
const childPath = "SQLITE_TEST_CHILD_PATH"

// TestChild is no test: in a child process it opens the database, makes a
// group in it and holds it until its standard input ends.
func TestChild(t *testing.T) {
	path := os.Getenv(childPath)
	if path == "" {
		return
	}
	s := mustOpen(t, path)
	if _, err := s.PutGroup(t.Context(), store.Group{Name: "by child"}, 0, store.Change{}); err != nil {
		t.Fatal(err)
	}
	fmt.Println("open")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		t.Error(err)
	}
}

// startChild starts another process that holds the database.
func startChild(t *testing.T, path string) (child *exec.Cmd, stdin io.WriteCloser) {
	t.Helper()
	child = exec.Command(os.Args[0], "-test.run=^TestChild$")
	child.Env = append(os.Environ(), childPath+"="+path)
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		child.Process.Kill() //nolint:errcheck // it may have ended
		child.Wait()         //nolint:errcheck // and may have been killed
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); strings.TrimSpace(line) != "open" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	return child, stdin
}

func TestSecondProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	child, _ := startChild(t, path)

	_, err := driverFor(path).Open(t.Context())
	if err == nil || !strings.Contains(err.Error(), "in use by another process (waited 100ms)") || !strings.Contains(err.Error(), path) {
		t.Errorf("the error is %v", err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	_, err = (&Driver{Path: path, lockWait: time.Hour}).Open(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the error of a wait that was ended is %v", err)
	}

	// However the process ends, the database is free afterwards and nothing is lost.
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	s, err := (&Driver{Path: path, lockWait: time.Minute}).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Group(t.Context(), "by child"); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestWaits opens while another process still has the database, and gets it
// when that one lets go.
func TestWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	child, stdin := startChild(t, path)
	time.AfterFunc(20*time.Millisecond, func() { stdin.Close() })
	s, err := (&Driver{Path: path, lockWait: time.Minute}).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), child.Wait()); err != nil {
		t.Error(err)
	}
}

// TestSameProcess: the lock holds inside a process too, through a link as well.
func TestSameProcess(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "test.db")
	s := mustOpen(t, path)
	if err := os.Symlink("test.db", filepath.Join(dir, "link.db")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"test.db", "link.db"} {
		if _, err := driverFor(filepath.Join(dir, name)).Open(t.Context()); err == nil {
			t.Errorf("%s was opened twice", name)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, path)
}
