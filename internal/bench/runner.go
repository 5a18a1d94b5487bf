package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/caddy-aiproxy/aiproxy/internal/bench/load"
	"github.com/caddy-aiproxy/aiproxy/internal/bench/report"
	"github.com/caddy-aiproxy/aiproxy/internal/bench/script"
	"github.com/caddy-aiproxy/aiproxy/internal/bench/subject"
)

// runner carries out the rounds of a run.
type runner struct {
	settings
	dir, binary, upstream string
	mockPid               int
	book                  *report.Book
	notes                 []string
	// others are the shares of the machine that went to processes outside
	// the bench, one for each measured load.
	others []float64
}

// rounds measures every case as often as it wants, the subjects in turn.
// Every measurement has a process and a folder of its own, so that none
// inherits the heap of another.
func (r *runner) rounds(ctx context.Context, list []*benchCase, kinds []subject.Kind) error {
	for _, c := range list {
		n := r.settings.rounds
		if c.once {
			n = 1
		}
		for round := range n {
			for _, k := range kinds {
				dir := filepath.Join(r.dir, fmt.Sprintf("%s-%d-%s", c.name, round+1, k.Name))
				begun := time.Now()
				err := c.measure(ctx, r, c, k, dir)
				os.RemoveAll(dir)
				if err != nil {
					return fmt.Errorf("%s, round %d, %s: %w", c.title, round+1, k.Name, err)
				}
				log.Printf("%-12s round %d  %-14s %5.1f s", c.name, round+1, k.Name, time.Since(begun).Seconds())
			}
		}
	}
	return nil
}

func (r *runner) start(ctx context.Context, k subject.Kind, dir string) (*subject.Process, error) {
	return subject.Start(ctx, k, r.binary, dir, r.upstream)
}

func (r *runner) plan(p *subject.Process, exchange string, conns int) (load.Plan, error) {
	x, err := script.Lookup(exchange)
	return load.Plan{Addr: p.Addr, Key: p.Kind.Key, Exchange: x, Conns: conns}, err
}

// watch runs a plan and says what processor time it took of p. Requests in
// flight at the end of the plan are finished first, so the time is that of
// whole requests.
func (r *runner) watch(ctx context.Context, p *subject.Process, plan load.Plan) (time.Duration, *load.Result, error) {
	before, err := r.clocks(p)
	if err != nil {
		return 0, nil, err
	}
	result, err := load.Run(ctx, plan)
	if err != nil {
		if gone := p.Alive(); gone != nil {
			err = fmt.Errorf("%w; %w", err, gone)
		}
		return 0, nil, err
	}
	if result.Reconnects > 0 {
		r.notes = append(r.notes, fmt.Sprintf("%s closed a connection after %d of %d answers (%s).",
			p.Kind.Name, result.Reconnects, result.Requests, plan.Exchange.Name))
	}
	after, err := r.clocks(p)
	if err != nil {
		return 0, nil, err
	}
	ours := after.subject - before.subject + after.mock - before.mock + after.self - before.self
	wall := after.at.Sub(before.at)
	r.others = append(r.others, max(0, float64(after.busy-before.busy-ours)/float64(wall)/float64(cores())))
	return after.subject - before.subject, result, nil
}

type clocks struct {
	at                        time.Time
	subject, mock, self, busy time.Duration
}

func (r *runner) clocks(p *subject.Process) (c clocks, err error) {
	c.at = time.Now()
	if c.busy, err = subject.Busy(); err != nil {
		return c, err
	}
	if c.mock, err = subject.CPU(r.mockPid); err != nil {
		return c, err
	}
	if c.self, err = subject.CPU(os.Getpid()); err != nil {
		return c, err
	}
	c.subject, err = p.CPU()
	return c, err
}

func save(ctx context.Context, p *subject.Process, what, file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return p.Profile(ctx, what, f)
}

// build makes the gateway's binary from the checkout that the bench was
// started in.
func build(ctx context.Context, file string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", file, "./cmd/aiproxy")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build ./cmd/aiproxy: %w", err)
	}
	return nil
}
