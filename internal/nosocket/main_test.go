//go:build linux

package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// The test binary is also the command that nosocket runs: this variable says
// what it is to do.
const role = "NOSOCKET_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "guarded quiet":
		become("quiet")
	case "guarded listen":
		become("listen")
	case "listen":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			os.Exit(3)
		}
		l.Close()
	}
	os.Exit(0)
}

// become runs this binary again under the filter.
func become(next string) {
	os.Setenv(role, next)
	if err := run([]string{os.Args[0]}); err != nil {
		println(err.Error())
	}
	os.Exit(4)
}

func TestSocketIsDeadly(t *testing.T) {
	for _, c := range []struct {
		role   string
		killed bool
	}{
		{"listen", false},
		{"guarded quiet", false},
		{"guarded listen", true},
	} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), role+"="+c.role)
		out, err := cmd.CombinedOutput()
		if !c.killed {
			if err != nil {
				t.Errorf("%s: %v\n%s", c.role, err, out)
			}
			continue
		}
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			t.Errorf("%s: %v, want a signal\n%s", c.role, err, out)
			continue
		}
		if status := exit.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGSYS {
			t.Errorf("%s: %v, want SIGSYS\n%s", c.role, err, out)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	for _, args := range [][]string{nil, {"/nowhere/to/be/found"}} {
		if err := run(args); err == nil {
			t.Errorf("run(%q) gives no error", args)
		}
	}
}
