package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/caddy-aiproxy/aiproxy/internal/bench/report"
	"github.com/caddy-aiproxy/aiproxy/internal/bench/subject"
)

func cores() int { return runtime.NumCPU() }

// publish writes the report to stdout and, where -out says so, to a file.
func publish(ctx context.Context, r *runner, o options, took time.Duration, stdout io.Writer) error {
	commit := commit(ctx)
	date := time.Now().UTC().Format(time.DateOnly)
	rep := &report.Report{
		Title:     fmt.Sprintf("Bench of %s, commit %s", date, commit),
		Facts:     append(machine(o.binary), settingsFacts(r, o, took)...),
		Subject:   subject.Gateway.Name,
		Yardstick: subject.ReverseProxy.Name,
		Goals:     goals(o.cases),
		Book:      r.book,
		Notes:     r.notes,
	}
	text := rep.Markdown()
	if _, err := io.WriteString(stdout, text); err != nil {
		return err
	}
	if o.out == "" {
		return nil
	}
	file := o.out
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		file = filepath.Join(file, date+"-"+commit+".md")
	}
	return os.WriteFile(file, []byte(text), 0o644)
}

// goals are those of the cases, each with its case's title.
func goals(list []*benchCase) (out []report.Goal) {
	for _, c := range list {
		for _, g := range c.goals {
			g.Case = c.title
			out = append(out, g)
		}
	}
	return out
}

// commit is the checkout's, marked where tracked files differ from it.
func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--exclude=*", "--abbrev=9", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// machine says what the figures hold for, without naming the machine.
func machine(binary string) []string {
	facts := []string{fmt.Sprintf("Machine: %s, %d cores, Linux %s", cpuModel(), cores(), kernel())}
	if info, err := buildinfo.ReadFile(binary); err == nil {
		line := "Binary: " + info.GoVersion
		for _, dep := range info.Deps {
			if dep.Path == "github.com/caddyserver/caddy/v2" {
				line += ", Caddy " + dep.Version
			}
		}
		facts = append(facts, line)
	}
	return facts
}

func settingsFacts(r *runner, o options, took time.Duration) []string {
	facts := []string{fmt.Sprintf("Settings: %d interleaved rounds, loads of %v after %v, %d slow streams, %d requests in the memory case; %v in all",
		o.rounds, o.duration, o.warmup, o.streams, o.requests, took.Round(time.Second))}
	if n := len(r.others); n > 0 {
		list := slices.Sorted(slices.Values(r.others))
		facts = append(facts, fmt.Sprintf("Other processes took %.0f %% of the machine while it was loaded (median; at most %.0f %%)",
			100*list[n/2], 100*list[n-1]))
	}
	return facts
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range bytes.Lines(text) {
		if name, value, ok := strings.Cut(string(line), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// kernel is the version's number alone; what follows it may name a machine.
func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "of unknown version"
	}
	number, _, _ := strings.Cut(strings.TrimSpace(string(text)), "-")
	return number
}
