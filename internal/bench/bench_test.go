package main

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-aiproxy/aiproxy/internal/bench/fake"
	"github.com/caddy-aiproxy/aiproxy/internal/bench/report"
	"github.com/caddy-aiproxy/aiproxy/internal/bench/script"
)

// The test's binary plays all three parts: the bench starts it as the mock
// and, in the place of Caddy, as both subjects.
func TestMain(m *testing.M) {
	fake.Main()
	if len(os.Args) == 2 && os.Args[1] == "mock" {
		if err := serveMock(); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// tiny makes a run of all cases take a second or two.
func tiny(o *options) {
	o.rounds, o.streams, o.requests = 1, 8, 100
	o.warmup, o.duration, o.settle, o.ramp = 5*time.Millisecond, 20*time.Millisecond, time.Millisecond, time.Millisecond
	o.slow = script.SlowInstant
}

func TestBench(t *testing.T) {
	dir := t.TempDir()
	o, err := parse([]string{"-binary", os.Args[0], "-out", dir})
	if err != nil {
		t.Fatal(err)
	}
	tiny(&o)
	var out strings.Builder
	if err := bench(t.Context(), o, &out); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, c := range cases {
		for _, g := range c.goals {
			row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(c.title) + ` \| ` + regexp.QuoteMeta(g.Measure.Name) + `.* \| (yes|no) \|$`)
			if !row.MatchString(text) {
				t.Errorf("%s: no verdict on %s", c.name, g.Measure.Name)
			}
		}
	}
	for _, never := range []string{os.TempDir() + "/", script.ClientKey, script.UpstreamKey, "NaN", "Inf"} {
		if strings.Contains(text, never) {
			t.Errorf("the report contains %q", never)
		}
	}
	if host, err := os.Hostname(); err == nil && len(host) > 3 && strings.Contains(text, host) {
		t.Error("the report names the machine")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil || len(files) != 1 || !regexp.MustCompile(`^\d{4}-\d\d-\d\d-\S+\.md$`).MatchString(filepath.Base(files[0])) {
		t.Fatalf("reports %v, %v", files, err)
	}
	if kept, err := os.ReadFile(files[0]); err != nil || string(kept) != text {
		t.Errorf("the file differs from what was printed: %v", err)
	}
}

func TestBenchOneSubject(t *testing.T) {
	o, err := parse([]string{"-binary", os.Args[0], "-case", "1k,start", "-subjects", "reverse_proxy"})
	if err != nil {
		t.Fatal(err)
	}
	tiny(&o)
	o.rounds = 2
	var out strings.Builder
	if err := bench(t.Context(), o, &out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "## Goals") || !strings.Contains(out.String(), "idle memory") {
		t.Errorf("report:\n%s", out.String())
	}
}

func TestProfile(t *testing.T) {
	dir := t.TempDir()
	heap, cpu := filepath.Join(dir, "heap"), filepath.Join(dir, "cpu")
	o, err := parse([]string{"-binary", os.Args[0], "-case", "slow", "-heap", heap, "-profile", cpu})
	if err != nil {
		t.Fatal(err)
	}
	tiny(&o)
	if err := bench(t.Context(), o, &strings.Builder{}); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{heap, cpu} {
		if text, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(text), "\x1f\x8b") {
			t.Errorf("%s: %d bytes, %v", filepath.Base(file), len(text), err)
		}
	}
}

// A subject that answers wrongly fails the run, and nothing is left behind.
func TestBenchFails(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	o, err := parse([]string{"-binary", os.Args[0], "-case", "1k"})
	if err != nil {
		t.Fatal(err)
	}
	tiny(&o)
	o.kinds[0].Key = "sk-wrong"
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	var out strings.Builder
	err = bench(ctx, o, &out)
	if err == nil || !strings.Contains(err.Error(), "round 1, gateway: gateway did not serve") {
		t.Errorf("error %v", err)
	}
	if out.Len() > 0 {
		t.Errorf("a report was made: %s", out.String())
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"", ""},
		{"-short", ""},
		{"-rounds 3 -duration 2s -streams 10 -requests 100", ""},
		{"-case 1k,stream -subjects gateway", ""},
		{"-case 1k -profile f -heap g", ""},
		{"-case 2k", `no case "2k"; there are 1k, stream, stream-edit, 100k, 1m, slow, start, memory`},
		{"-subjects nginx", `no subject "nginx"; there are gateway and reverse_proxy`},
		{"-profile f", "-profile and -heap want exactly one -case"},
		{"-case 1k,100k -heap f", "-profile and -heap want exactly one -case"},
		{"-rounds -1", "-rounds -1"},
		{"-duration -1s", "-duration -1s"},
		{"-requests 5", "-requests 5: at least 10"},
		{"more", `unexpected argument "more"`},
	} {
		o, err := parse(strings.Fields(c.args))
		said := ""
		if err != nil {
			said = err.Error()
		} else if len(o.cases) == 0 || len(o.kinds) == 0 || o.rounds < 1 || o.duration <= 0 {
			t.Errorf("%q: %+v", c.args, o)
		}
		if said != c.says {
			t.Errorf("%q: error %q, want %q", c.args, said, c.says)
		}
	}
	o, err := parse(strings.Fields("-short -rounds 3 -duration 2s -streams 10 -requests 100"))
	if err != nil || o.rounds != 3 || o.duration != 2*time.Second || o.streams != 10 || o.requests != 100 || o.slow != script.SlowShort {
		t.Errorf("%+v, %v", o.settings, err)
	}
	if _, err := parse([]string{"-h"}); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("help: %v", err)
	}
}

// The goals are those of the project's issue, no more lenient.
func TestGoals(t *testing.T) {
	want := map[string]float64{
		"1k CPU per request": 0.8, "1k latency p99": 1.1,
		"stream CPU per request": 1, "stream first token p50": 1.1, "stream first token p99": 1.1,
		"stream-edit CPU per request": 1, "100k CPU per request": 0.9, "1m CPU per request": 1.2,
		"slow memory per stream": 64, "slow chunk late by p50": 1.1, "slow chunk late by p99": 1.1,
		"start start to first answer": 1.5, "start start to first answer, new folder": 1.5, "start idle memory": 1.5,
		"memory growth": 10,
	}
	for _, c := range cases {
		for _, g := range c.goals {
			name := c.name + " " + g.Measure.Name
			if want[name] != g.Factor+g.Limit {
				t.Errorf("%s: %v", name, g)
			}
			if (g.Measure == report.PerStream || g.Measure == report.Growth) != (g.Limit > 0) {
				t.Errorf("%s: a limit of its own and a factor are mixed up", name)
			}
			delete(want, name)
		}
	}
	if len(want) > 0 {
		t.Errorf("goals that are missing: %v", want)
	}
}

func TestMachineIsNotNamed(t *testing.T) {
	if k := kernel(); !regexp.MustCompile(`^\d+(\.\d+)+$`).MatchString(k) {
		t.Errorf("kernel %q", k)
	}
	if cpuModel() == "" {
		t.Error("no processor")
	}
}
