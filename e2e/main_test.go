package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// binary is the gateway under test.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run builds the gateway, runs the tests, and looks for what they left behind.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "aiproxy-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "making a folder:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	if binary = os.Getenv("AIPROXY_BIN"); binary == "" {
		binary = filepath.Join(dir, "aiproxy")
		if err := build(binary); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	code := m.Run()
	if err := stage.close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "left behind by the tests:", err)
			return 1
		}
	}
	return code
}

// build compiles the gateway as it is in the checkout, with the race detector.
func build(to string) error {
	cmd := exec.Command("go", "build", "-race", "-o", to, "./cmd/aiproxy")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the gateway: %w\n%s", err, out)
	}
	return nil
}
