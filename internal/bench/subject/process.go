package subject

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/caddy-aiproxy/aiproxy/internal/bench/load"
	"github.com/caddy-aiproxy/aiproxy/internal/bench/script"
)

// Limits of a process's life.
const (
	startPatience = 30 * time.Second
	stopPatience  = 10 * time.Second
)

// Process is a running subject.
type Process struct {
	Kind Kind
	// Addr is where it serves.
	Addr string
	// Started is the time from exec to the first right answer.
	Started time.Duration

	dir  string
	cmd  *exec.Cmd
	gone chan struct{} // closed when the process has ended
}

// Start runs binary as k in dir, which it makes where it is not there, and
// returns when the first request was answered rightly. The process is ended
// by Stop, or by the kernel when the bench dies.
func Start(ctx context.Context, k Kind, binary, dir, upstream string) (*Process, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, []byte(k.Caddyfile(dir, addr, upstream)), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()

	p := &Process{Kind: k, Addr: addr, dir: dir, gone: make(chan struct{})}
	p.cmd = exec.Command(binary, "run", "--config", file, "--adapter", "caddyfile")
	p.cmd.Dir = dir
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir,
		"XDG_DATA_HOME=" + filepath.Join(dir, "data"), "XDG_CONFIG_HOME=" + filepath.Join(dir, "config")}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = dieWithParent()
	start := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait()
		close(p.gone)
	}()
	if err := p.firstAnswer(ctx); err != nil {
		p.Stop()
		return nil, fmt.Errorf("%s did not serve: %w\n%s", k.Name, err, p.logTail())
	}
	p.Started = time.Since(start)
	return p, nil
}

func (p *Process) firstAnswer(ctx context.Context) error {
	x, err := script.Lookup(script.Call1K)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		_, err := load.Run(ctx, load.Plan{Addr: p.Addr, Key: p.Kind.Key, Exchange: x, Conns: 1, Requests: 1, Patience: 10 * time.Second})
		if err == nil {
			return nil
		}
		select {
		case <-p.gone:
			return errors.New("the process ended")
		case <-ctx.Done():
			return err
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// Stop ends the process, politely at first, and waits for it. It may be
// called more than once.
func (p *Process) Stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.gone:
		return
	case <-time.After(stopPatience):
	}
	p.cmd.Process.Kill()
	<-p.gone
}

// Alive says an error when the process has ended by itself.
func (p *Process) Alive() error {
	select {
	case <-p.gone:
		return fmt.Errorf("%s ended: %v\n%s", p.Kind.Name, p.cmd.ProcessState, p.logTail())
	default:
		return nil
	}
}

// logTail is the end of what the process wrote.
func (p *Process) logTail() []byte {
	text, err := os.ReadFile(filepath.Join(p.dir, "log"))
	if err != nil {
		return nil
	}
	return text[max(0, len(text)-4096):]
}

// CPU is the processor time, user and system, that the process has used.
func (p *Process) CPU() (time.Duration, error) { return CPU(p.cmd.Process.Pid) }

// RSS is the resident memory of the process in bytes.
func (p *Process) RSS() (int64, error) { return rss(p.cmd.Process.Pid) }

func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}
