package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddy-aiproxy/aiproxy/internal/bench/report"
	"github.com/caddy-aiproxy/aiproxy/internal/bench/script"
	"github.com/caddy-aiproxy/aiproxy/internal/bench/subject"
)

// benchCase is one row of the table.
type benchCase struct {
	// name is what -case takes, title what the report says.
	name, title string
	// exchange and conns are the load.
	exchange string
	conns    int
	// once cases are measured in one round only.
	once    bool
	measure func(context.Context, *runner, *benchCase, subject.Kind, string) error
	goals   []report.Goal
}

var cases = []*benchCase{
	{
		name: "1k", title: "1 KB prompt, 64 connections", exchange: script.Call1K, conns: 64,
		measure: throughput,
		goals: []report.Goal{
			{Measure: report.CPU, Factor: 0.8},
			{Measure: report.P99, Factor: report.NoWorse},
		},
	},
	{
		name: "stream", title: "stream of 100 chunks, 16 connections", exchange: script.Stream, conns: 16,
		measure: throughput,
		goals: []report.Goal{
			{Measure: report.CPU, Factor: 1.0},
			{Measure: report.FirstP50, Factor: report.NoWorse},
			{Measure: report.FirstP99, Factor: report.NoWorse},
		},
	},
	{
		// The client does not ask for usage: the gateway does, and takes out
		// of the answer what comes of it. reverse_proxy has less to carry.
		name: "stream-edit", title: "the same stream, usage not asked for", exchange: script.StreamEdit, conns: 16,
		measure: throughput,
		goals:   []report.Goal{{Measure: report.CPU, Factor: 1.0}},
	},
	{
		name: "100k", title: "100 KB prompt, 16 connections", exchange: script.Call100K, conns: 16,
		measure: throughput,
		goals:   []report.Goal{{Measure: report.CPU, Factor: 0.9}},
	},
	{
		name: "1m", title: "1 MB prompt, 8 connections", exchange: script.Call1M, conns: 8,
		measure: throughput,
		goals:   []report.Goal{{Measure: report.CPU, Factor: 1.2}},
	},
	{
		name: "slow", title: "slow streams at once", exchange: script.Slow,
		measure: slowStreams,
		goals: []report.Goal{
			{Measure: report.PerStream, Limit: 64},
			{Measure: report.LagP50, Factor: report.NoWorse},
			{Measure: report.LagP99, Factor: report.NoWorse},
		},
	},
	{
		name: "start", title: "start and idle", exchange: script.Call1K, conns: 1,
		measure: startAndIdle,
		goals: []report.Goal{
			{Measure: report.Start, Factor: 1.5},
			{Measure: report.FirstStart, Factor: 1.5},
			{Measure: report.Idle, Factor: 1.5},
		},
	},
	{
		name: "memory", title: "memory over many requests", exchange: script.Call1K, conns: 64, once: true,
		measure: memory,
		goals:   []report.Goal{{Measure: report.Growth, Limit: 10}},
	},
}

// pick returns the cases of a comma-separated list, all for an empty one.
func pick(list string) ([]*benchCase, error) {
	if list == "" {
		return cases, nil
	}
	var out []*benchCase
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(cases, func(c *benchCase) bool { return c.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no case %q; there are %s", name, strings.Join(caseNames(), ", "))
		}
		out = append(out, cases[i])
	}
	return out, nil
}

func caseNames() (names []string) {
	for _, c := range cases {
		names = append(names, c.name)
	}
	return names
}

// settings are the flags that shape the load.
type settings struct {
	rounds   int
	warmup   time.Duration
	duration time.Duration
	streams  int
	requests int
	slow     string        // exchange of the slow streams
	ramp     time.Duration // over which they are opened
	settle   time.Duration // before idle memory is read
}

var (
	full = settings{rounds: 5, warmup: time.Second, duration: 4 * time.Second, streams: 2000, requests: 200_000,
		slow: script.Slow, ramp: 2 * time.Second, settle: time.Second}
	short = settings{rounds: 1, warmup: 300 * time.Millisecond, duration: time.Second, streams: 200, requests: 10_000,
		slow: script.SlowShort, ramp: 500 * time.Millisecond, settle: 300 * time.Millisecond}
)
