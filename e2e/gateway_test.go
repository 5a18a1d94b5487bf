package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// clientKey is the key of the token that the gateways of these tests declare,
// unless their Caddyfile says otherwise.
const clientKey = "sk-e2e-0123456789abcdef0123456789abcdef"

// gateway is one process of the binary.
type gateway struct {
	// Plain and TLS are the sites' addresses, without a slash at the end.
	Plain, TLS string
	// Admin is Caddy's admin endpoint.
	Admin string
	dir   string
	ports []int
	cmd   *exec.Cmd
	out   output
	done  chan struct{}
}

// config is a Caddyfile in its parts.
type config struct {
	// App is what stands inside the global option aiproxy.
	App string
	// Site is what stands inside the directive aiproxy, with its braces' lines
	// left out; empty for the bare directive.
	Site string
	// PlainOnly leaves out the site over TLS.
	PlainOnly bool
}

// Caddyfile writes the whole file. The site over plain HTTP and the one over
// TLS have the same directive.
func (c config) Caddyfile(g *gateway, admin, plain, secure int) string {
	g.Admin = fmt.Sprintf("http://127.0.0.1:%d", admin)
	g.Plain = fmt.Sprintf("http://127.0.0.1:%d", plain)
	g.TLS = fmt.Sprintf("https://localhost:%d", secure)
	directive := "aiproxy"
	if c.Site != "" {
		directive = "aiproxy {\n" + indent(c.Site) + "}"
	}
	file := fmt.Sprintf(`{
	admin 127.0.0.1:%d
	skip_install_trust
	auto_https disable_redirects
	persist_config off
	aiproxy {
%s	}
}

http://127.0.0.1:%d, http://localhost:%[3]d {
%s}
`, admin, indent(indent(c.App)), plain, indent(directive))
	if c.PlainOnly {
		g.TLS = ""
		return file
	}
	return file + fmt.Sprintf(`
https://localhost:%d {
	bind 127.0.0.1
	tls internal
%s}
`, secure, indent(directive))
}

// indent puts a tab before each line that is not empty.
func indent(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		if strings.TrimSpace(line) != "" {
			b.WriteString("\t" + strings.TrimRight(line, "\n") + "\n")
		}
	}
	return b.String()
}

// reload loads another configuration into the running gateway, at the same
// addresses.
func (g *gateway) reload(t *testing.T, c config) {
	t.Helper()
	file := c.Caddyfile(g, g.ports[0], g.ports[1], g.ports[2])
	g.call(t, http.MethodPost, "/load", file, http.StatusOK)
}

// call calls the admin endpoint, expects a status, and returns the body.
func (g *gateway) call(t *testing.T, method, path, body string, status int) []byte {
	t.Helper()
	kind := "application/json"
	if path == "/load" {
		kind = "text/caddyfile"
	}
	got := send(t, g.dial(t, h1), method, g.Admin+path, []byte(body), "Content-Type", kind)
	if got.status != status {
		t.Fatalf("%s %s %s: got %d %s, want %d", method, path, body, got.status, got.body, status)
	}
	return got.body
}

// start runs the gateway for one test; the test fails where its output tells
// of a race or a panic, or holds a key.
func start(t *testing.T, c config) *gateway {
	t.Helper()
	g, err := launch(t.TempDir(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the gateway's output:\n%s", g.out.tail())
		}
	})
	return g
}

// launch starts the gateway in a folder of its own and waits until it is
// ready. A port that somebody took meanwhile is another try.
func launch(dir string, c config) (*gateway, error) {
	for try := 1; ; try++ {
		g, err := launchOnce(dir, c)
		if err == nil || try == 3 || !strings.Contains(err.Error(), "address already in use") {
			return g, err
		}
	}
}

func launchOnce(dir string, c config) (*gateway, error) {
	g := &gateway{dir: dir, done: make(chan struct{})}
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	g.ports = ports
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, []byte(c.Caddyfile(g, ports[0], ports[1], ports[2])), 0o600); err != nil {
		return nil, err
	}
	g.cmd = exec.Command(binary, "run", "--config", file)
	g.cmd.Dir = dir
	g.cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+filepath.Join(dir, "data"),
		"XDG_CONFIG_HOME="+filepath.Join(dir, "config"), "GORACE=halt_on_error=0")
	g.cmd.Stdout, g.cmd.Stderr = &g.out, &g.out
	if err := g.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the gateway: %w", err)
	}
	go func() {
		defer close(g.done)
		_ = g.cmd.Wait()
	}()
	if err := g.wait(); err != nil {
		_ = g.stop()
		return nil, fmt.Errorf("%w\n%s", err, g.out.tail())
	}
	return g, nil
}

// wait returns when both sites answer that they are ready.
func (g *gateway) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, url := range []string{g.Plain, g.TLS} {
		for url != "" {
			err := g.ready(ctx, url)
			if err == nil {
				break
			}
			select {
			case <-g.done:
				return errors.New("the gateway ended before it was ready")
			case <-ctx.Done():
				return fmt.Errorf("the gateway is not ready: %w", err)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}

func (g *gateway) ready(ctx context.Context, url string) error {
	client, err := g.client(h1)
	if strings.HasPrefix(url, "https:") {
		client, err = g.client(h2)
	}
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/aiproxy/ready", nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("ready answers %s", answer.Status)
	}
	return nil
}

// stop ends the process in good order, and says what its output or its end
// tells of faults.
func (g *gateway) stop() error {
	var faults []error
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-g.done:
	case <-time.After(20 * time.Second):
		_ = g.cmd.Process.Signal(syscall.SIGQUIT)
		<-g.done
		faults = append(faults, errors.New("the gateway did not end within 20s of SIGTERM"))
	}
	if code := g.cmd.ProcessState.ExitCode(); code != 0 {
		faults = append(faults, fmt.Errorf("the gateway ended with the code %d", code))
	}
	return errors.Join(append(faults, g.out.faults()...)...)
}

// goroutines is how many the gateway has, as its admin endpoint tells.
func (g *gateway) goroutines() (int, error) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	answer, err := client.Get(g.Admin + "/debug/pprof/goroutine?debug=1")
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	n := 0
	if _, err := fmt.Fscanf(answer.Body, "goroutine profile: total %d", &n); err != nil {
		return 0, fmt.Errorf("reading the profile of goroutines: %w", err)
	}
	return n, nil
}

// output is what a process wrote.
type output struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write keeps what the process writes.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.Write(p)
}

func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}

// tail is the last part of the output.
func (o *output) tail() string {
	all := o.text()
	return all[max(0, len(all)-20_000):]
}

// faults lists what must never be in the output.
func (o *output) faults() (found []error) {
	all := o.text()
	for _, never := range []string{"DATA RACE", "panic", "fatal error", clientKey, "upstream-key-of-"} {
		if at := strings.Index(all, never); at >= 0 {
			found = append(found, fmt.Errorf("the gateway's output holds %q:\n%s", never, all[max(0, at-200):min(len(all), at+4000)]))
		}
	}
	return found
}

// freePorts returns ports of the loopback address that nobody listens on.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}
