package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSpread(t *testing.T) {
	var b Book
	if _, ok := b.Spread("a", "s", CPU); ok {
		t.Error("an empty book has a reading")
	}
	for _, v := range []float64{5, 1, 4} {
		b.Add("a", "s", CPU, v)
	}
	b.Add("a", "other", CPU, 100)
	b.Add("a", "s", P99, 100)
	b.Add("b", "s", CPU, 100)
	if s, ok := b.Spread("a", "s", CPU); !ok || s != (Spread{Median: 4, Min: 1, Max: 5, Rounds: 3}) {
		t.Errorf("%+v, %v", s, ok)
	}
	b.Add("a", "s", CPU, 2)
	if s, _ := b.Spread("a", "s", CPU); s.Median != 3 {
		t.Errorf("median of four: %v", s.Median)
	}
}

func TestMedianIsInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(0, 1e6), 1, 9).Draw(t, "values")
		var b Book
		for _, v := range values {
			b.Add("a", "s", CPU, v)
		}
		s, ok := b.Spread("a", "s", CPU)
		below, above := 0, 0
		for _, v := range values {
			if v < s.Median {
				below++
			}
			if v > s.Median {
				above++
			}
		}
		if !ok || s.Median < s.Min || s.Median > s.Max || below > len(values)/2 || above > len(values)/2 {
			t.Fatalf("%+v of %v", s, values)
		}
	})
}

func TestJudge(t *testing.T) {
	var b Book
	b.Add("a", "gateway", CPU, 80)
	b.Add("a", "caddy", CPU, 100)
	b.Add("a", "gateway", Growth, 12)
	b.Add("a", "gateway", PerStream, 64)
	b.Add("a", "caddy", Idle, 5)
	for _, c := range []struct {
		goal    Goal
		met, ok bool
		ratio   float64
		says    string
	}{
		{Goal{Case: "a", Measure: CPU, Factor: 0.8}, true, true, 0.8, "at most 0.80 ×"},
		{Goal{Case: "a", Measure: CPU, Factor: 0.79}, false, true, 0.8, "at most 0.79 ×"},
		{Goal{Case: "a", Measure: CPU, Factor: NoWorse}, true, true, 0.8, "no worse (1.10 ×)"},
		{Goal{Case: "a", Measure: Growth, Limit: 10}, false, true, 0, "at most 10 %"},
		{Goal{Case: "a", Measure: PerStream, Limit: 64}, true, true, 0, "at most 64 KiB"},
		{Goal{Case: "a", Measure: PerStream, Factor: 2}, false, false, 0, "at most 2.00 ×"},
		{Goal{Case: "a", Measure: Idle, Factor: 2}, false, false, 0, "at most 2.00 ×"},
		{Goal{Case: "b", Measure: CPU, Factor: 2}, false, false, 0, "at most 2.00 ×"},
	} {
		v, ok := c.goal.Judge(&b, "gateway", "caddy")
		if ok != c.ok || (ok && (v.Met != c.met || v.Ratio != c.ratio)) || c.goal.String() != c.says {
			t.Errorf("%+v, %q: %+v, %v", c.goal, c.goal, v, ok)
		}
	}
}

func TestMarkdown(t *testing.T) {
	var b Book
	for _, v := range []float64{81.04, 79, 80} {
		b.Add("1 KB", "gateway", CPU, v)
		b.Add("1 KB", "caddy", CPU, v+20)
	}
	b.Add("1 KB", "gateway", Throughput, 12345.6)
	b.Add("memory", "gateway", Growth, -0.5)
	b.Add("memory", "caddy", Growth, 0.25)
	r := Report{
		Title: "Bench", Facts: []string{"Machine: two cores"}, Subject: "gateway", Yardstick: "caddy", Book: &b,
		Goals: []Goal{
			{Case: "1 KB", Measure: CPU, Factor: 0.7},
			{Case: "memory", Measure: Growth, Limit: 10},
			{Case: "not run", Measure: CPU, Factor: 1},
		},
		Notes: []string{"A note."},
	}
	want := `# Bench

- Machine: two cores

## Goals: 1 of 2 met

| case | measure | gateway | caddy | ratio | goal | met |
|---|---|---:|---:|---:|---|---|
| 1 KB | CPU per request, µs | 80.0 | 100 | 0.80 | at most 0.70 × | no |
| memory | growth, % | -0.50 | 0.25 | – | at most 10 % | yes |

## All measures: median (least to most)

| case | measure | gateway | caddy | ratio | rounds |
|---|---|---:|---:|---:|---:|
| 1 KB | CPU per request, µs | 80.0 (79.0 to 81.0) | 100 (99.0 to 101) | 0.80 | 3 |
| 1 KB | requests per second | 12346 | – | – | 1 |
| memory | growth, % | -0.50 | 0.25 | – | 1 |

## Notes

- A note.
`
	if diff := cmp.Diff(want, r.Markdown()); diff != "" {
		t.Error(diff)
	}
}

func TestMarkdownWithoutGoals(t *testing.T) {
	var b Book
	b.Add("a", "caddy", Idle, 0)
	r := Report{Title: "Bench", Subject: "gateway", Yardstick: "caddy", Book: &b, Goals: []Goal{{Case: "a", Measure: Idle, Factor: 1}}}
	want := "# Bench\n\n\n## All measures: median (least to most)\n\n| case | measure | gateway | caddy | ratio | rounds |\n" +
		"|---|---|---:|---:|---:|---:|\n| a | idle memory, MiB | – | 0.00 | – | 1 |\n"
	if diff := cmp.Diff(want, r.Markdown()); diff != "" {
		t.Error(diff)
	}
}
