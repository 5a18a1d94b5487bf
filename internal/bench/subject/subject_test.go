package subject

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-aiproxy/aiproxy/internal/bench/fake"
	"github.com/caddy-aiproxy/aiproxy/internal/bench/mock"
)

func TestMain(m *testing.M) {
	fake.Main()
	os.Exit(m.Run())
}

func TestCaddyfiles(t *testing.T) {
	for _, c := range []struct {
		kind Kind
		want string
	}{
		{Gateway, `{
	admin unix//dir/admin.sock
	auto_https off
	aiproxy {
		store sqlite {
			path /dir/bench.db
		}
		channel mock {
			adaptor openai
			base_url http://127.0.0.1:2/v1
			key sk-mock--FEDCBAzyxwvutsrqponmlkjihgfedcba9876543210
			models bench-model
		}
		group bench
		token bench load {
			key sk-bench-0123456789abcdefghijklmnopqrstuvwxyzABCDEF
		}
	}
}

http://127.0.0.1:1 {
	bind 127.0.0.1
	aiproxy
}
`},
		{ReverseProxy, `{
	admin unix//dir/admin.sock
	auto_https off
}

http://127.0.0.1:1 {
	bind 127.0.0.1
	reverse_proxy 127.0.0.1:2 {
		flush_interval -1
		transport http {
			keepalive_idle_conns 4096
			keepalive_idle_conns_per_host 4096
		}
	}
}
`},
	} {
		if diff := cmp.Diff(c.want, c.kind.Caddyfile("/dir", "127.0.0.1:1", "127.0.0.1:2")); diff != "" {
			t.Errorf("%s: %s", c.kind.Name, diff)
		}
	}
	if len(Gateway.Key) != len(ReverseProxy.Key) {
		t.Error("the keys differ in length")
	}
}

func startMock(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var server mock.Server
	done := make(chan error, 1)
	go func() { done <- server.Serve(ln) }()
	t.Cleanup(func() {
		ln.Close()
		server.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

func TestProcess(t *testing.T) {
	upstream := startMock(t)
	for _, k := range []Kind{Gateway, ReverseProxy} {
		p, err := Start(t.Context(), k, os.Args[0], shortDir(t), upstream)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Stop()
		if p.Started <= 0 || p.Started > startPatience {
			t.Errorf("%s: started in %v", k.Name, p.Started)
		}
		used, err := p.CPU()
		if err != nil || used <= 0 || used > time.Minute {
			t.Errorf("%s: processor time %v, %v", k.Name, used, err)
		}
		if size, err := p.RSS(); err != nil || size < 1<<20 || size > 1<<30 {
			t.Errorf("%s: %d bytes, %v", k.Name, size, err)
		}
		var heap bytes.Buffer
		if err := p.Profile(t.Context(), "heap", &heap); err != nil || !bytes.HasPrefix(heap.Bytes(), []byte{0x1f, 0x8b}) {
			t.Errorf("%s: heap profile of %d bytes, %v", k.Name, heap.Len(), err)
		}
		if err := p.Profile(t.Context(), "nothing", io.Discard); err == nil {
			t.Errorf("%s: a profile that is not there", k.Name)
		}
		if err := p.Alive(); err != nil {
			t.Error(err)
		}
		pid := p.cmd.Process.Pid
		p.Stop()
		p.Stop()
		if err := p.Alive(); err == nil {
			t.Errorf("%s: alive after Stop", k.Name)
		}
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%s: process %d after Stop: %v", k.Name, pid, err)
		}
		if _, err := p.CPU(); err == nil {
			t.Errorf("%s: processor time of an ended process", k.Name)
		}
		if _, err := p.RSS(); err == nil {
			t.Errorf("%s: memory of an ended process", k.Name)
		}
	}
}

// A subject that ends by itself is told with what it wrote.
func TestProcessEnds(t *testing.T) {
	broken := ReverseProxy
	broken.site = "\trespond no\n"
	_, err := Start(t.Context(), broken, os.Args[0], shortDir(t), "127.0.0.1:1")
	if err == nil || !strings.Contains(err.Error(), "the process ended") || !strings.Contains(err.Error(), "fake: no ") {
		t.Errorf("error %v", err)
	}
	if _, err := Start(t.Context(), broken, filepath.Join(t.TempDir(), "none"), shortDir(t), "127.0.0.1:1"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestClocks(t *testing.T) {
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	busy, err := Busy()
	if err != nil || busy <= 0 {
		t.Fatalf("busy %v, %v", busy, err)
	}
	n := 0
	for i := range 10_000_000 {
		n ^= i
	}
	after, err := CPU(os.Getpid())
	if err != nil || after <= before {
		t.Errorf("processor time %v, then %v, %v (%d)", before, after, err, n)
	}
	later, err := Busy()
	if err != nil || later < busy {
		t.Errorf("busy %v, then %v, %v", busy, later, err)
	}
}

// shortDir is a folder whose name leaves room for a socket in it.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "subject")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
