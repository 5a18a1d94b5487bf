package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddy-aiproxy/aiproxy/internal/bench/load"
	"github.com/caddy-aiproxy/aiproxy/internal/bench/report"
	"github.com/caddy-aiproxy/aiproxy/internal/bench/subject"
)

const mib = 1 << 20

// throughput loads a fresh subject, warm, and reads what a request costs.
func throughput(ctx context.Context, r *runner, c *benchCase, k subject.Kind, dir string) error {
	p, err := r.start(ctx, k, dir)
	if err != nil {
		return err
	}
	defer p.Stop()
	plan, err := r.plan(p, c.exchange, c.conns)
	if err != nil {
		return err
	}
	plan.Duration = r.warmup
	if _, err := load.Run(ctx, plan); err != nil {
		return err
	}
	plan.Duration = r.duration
	used, result, err := r.watch(ctx, p, plan)
	if err != nil {
		return err
	}
	size, err := p.RSS()
	if err != nil {
		return err
	}
	add := func(m report.Measure, v float64) { r.book.Add(c.title, k.Name, m, v) }
	add(report.CPU, us(used)/float64(result.Requests))
	add(report.P50, ms(load.Quantile(result.Latency, .5)))
	add(report.P99, ms(load.Quantile(result.Latency, .99)))
	if len(result.FirstToken) > 0 {
		add(report.FirstP50, ms(load.Quantile(result.FirstToken, .5)))
		add(report.FirstP99, ms(load.Quantile(result.FirstToken, .99)))
	}
	add(report.Throughput, result.PerSecond())
	add(report.RSS, float64(size)/mib)
	return nil
}

// slowStreams opens many streams on a fresh subject and reads the peak of its
// memory over what it took when idle, and how late the chunks came.
func slowStreams(ctx context.Context, r *runner, c *benchCase, k subject.Kind, dir string) error {
	p, err := r.start(ctx, k, dir)
	if err != nil {
		return err
	}
	defer p.Stop()
	if err := sleep(ctx, r.settle); err != nil {
		return err
	}
	idle, err := p.RSS()
	if err != nil {
		return err
	}
	plan, err := r.plan(p, r.slow, r.streams)
	if err != nil {
		return err
	}
	plan.PerConn, plan.Ramp = 1, r.ramp
	peak := sample(p, 250*time.Millisecond)
	used, result, err := r.watch(ctx, p, plan)
	highest := peak()
	if err != nil {
		return err
	}
	if result.Requests != r.streams {
		return fmt.Errorf("%d streams of %d", result.Requests, r.streams)
	}
	add := func(m report.Measure, v float64) { r.book.Add(c.title, k.Name, m, v) }
	add(report.PerStream, float64(highest-idle)/float64(r.streams)/1024)
	add(report.LagP50, ms(load.Quantile(result.Lag, .5)))
	add(report.LagP99, ms(load.Quantile(result.Lag, .99)))
	add(report.CPU, us(used)/float64(result.Requests))
	add(report.FirstP50, ms(load.Quantile(result.FirstToken, .5)))
	add(report.FirstP99, ms(load.Quantile(result.FirstToken, .99)))
	return nil
}

// sample reads the memory of p every so often until the returned function is
// called, which gives the highest reading.
func sample(p *subject.Process, every time.Duration) (stop func() int64) {
	quit, done := make(chan struct{}), make(chan int64)
	go func() {
		var highest int64
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				done <- highest
				return
			case <-tick.C:
				// A process that is gone shows as a failed request.
				if n, err := p.RSS(); err == nil {
					highest = max(highest, n)
				}
			}
		}
	}()
	return func() int64 {
		close(quit)
		return <-done
	}
}

// startAndIdle starts a subject in a new folder, then again in that folder.
func startAndIdle(ctx context.Context, r *runner, c *benchCase, k subject.Kind, dir string) error {
	first, err := r.start(ctx, k, dir)
	if err != nil {
		return err
	}
	first.Stop()
	p, err := r.start(ctx, k, dir)
	if err != nil {
		return err
	}
	defer p.Stop()
	if err := sleep(ctx, r.settle); err != nil {
		return err
	}
	idle, err := p.RSS()
	if err != nil {
		return err
	}
	r.book.Add(c.title, k.Name, report.FirstStart, ms(first.Started))
	r.book.Add(c.title, k.Name, report.Start, ms(p.Started))
	r.book.Add(c.title, k.Name, report.Idle, float64(idle)/mib)
	return nil
}

// memorySamples is how often memory is read over the requests of the case;
// the first reading is of a heap that still finds its size, then come three
// early and, at the end, three late ones.
const memorySamples = 10

func memory(ctx context.Context, r *runner, c *benchCase, k subject.Kind, dir string) error {
	p, err := r.start(ctx, k, dir)
	if err != nil {
		return err
	}
	defer p.Stop()
	plan, err := r.plan(p, c.exchange, c.conns)
	if err != nil {
		return err
	}
	plan.Requests, plan.Patience = r.requests/memorySamples, 5*time.Minute
	var sizes [memorySamples]float64
	var said []string
	for i := range sizes {
		if _, err := load.Run(ctx, plan); err != nil {
			return err
		}
		size, err := p.RSS()
		if err != nil {
			return err
		}
		sizes[i] = float64(size) / mib
		said = append(said, fmt.Sprintf("%.1f", sizes[i]))
	}
	early := (sizes[1] + sizes[2] + sizes[3]) / 3
	late := (sizes[memorySamples-3] + sizes[memorySamples-2] + sizes[memorySamples-1]) / 3
	r.book.Add(c.title, k.Name, report.Early, early)
	r.book.Add(c.title, k.Name, report.Late, late)
	r.book.Add(c.title, k.Name, report.Growth, 100*(late/early-1))
	r.notes = append(r.notes, fmt.Sprintf("Resident memory of %s, MiB, after each %d of %d requests: %s.",
		k.Name, plan.Requests, r.requests, strings.Join(said, ", ")))
	return nil
}

// profile loads a subject once more, outside the measured rounds, and keeps
// its profiles: processor time while it works, then what lives on the heap under load.
func (r *runner) profile(ctx context.Context, c *benchCase, k subject.Kind, cpu, heap string) error {
	p, err := r.start(ctx, k, filepath.Join(r.dir, "profile"))
	if err != nil {
		return err
	}
	defer p.Stop()
	conns, exchange := c.conns, c.exchange
	if c.name == "slow" {
		conns, exchange = r.streams, r.slow
	}
	plan, err := r.plan(p, exchange, conns)
	if err != nil {
		return err
	}
	seconds := max(1, int(r.duration.Seconds()))
	plan.Duration = r.warmup + time.Duration(seconds)*time.Second + 500*time.Millisecond
	loaded := make(chan error, 1)
	go func() {
		_, err := load.Run(ctx, plan)
		loaded <- err
	}()
	err = sleep(ctx, r.warmup)
	if err == nil && cpu != "" {
		err = save(ctx, p, fmt.Sprintf("profile?seconds=%d", seconds), cpu)
	}
	if err == nil && heap != "" {
		err = save(ctx, p, "heap?gc=1", heap)
	}
	if e := <-loaded; err == nil {
		err = e
	}
	return err
}

func us(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
