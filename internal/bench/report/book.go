// Package report keeps the readings of a bench run, takes their medians,
// holds them against goals and writes them down. It measures nothing.
package report

import "slices"

// Measure is a kind of reading. Less is better, for all but the throughput.
type Measure struct {
	Name, Unit string
}

// The measures.
var (
	CPU        = Measure{"CPU per request", "µs"}
	P50        = Measure{"latency p50", "ms"}
	P99        = Measure{"latency p99", "ms"}
	FirstP50   = Measure{"first token p50", "ms"}
	FirstP99   = Measure{"first token p99", "ms"}
	LagP50     = Measure{"chunk late by p50", "ms"}
	LagP99     = Measure{"chunk late by p99", "ms"}
	Throughput = Measure{"requests per second", ""}
	RSS        = Measure{"resident memory", "MiB"}
	PerStream  = Measure{"memory per stream", "KiB"}
	FirstStart = Measure{"start to first answer, new folder", "ms"}
	Start      = Measure{"start to first answer", "ms"}
	Idle       = Measure{"idle memory", "MiB"}
	Early      = Measure{"resident memory early", "MiB"}
	Late       = Measure{"resident memory late", "MiB"}
	Growth     = Measure{"growth", "%"}
)

type key struct {
	group, subject string
	measure        Measure
}

// Book holds readings by case, subject and measure, in the order in which
// they first came. It is not safe for concurrent use.
type Book struct {
	readings map[key][]float64
	cases    []string
	measures map[string][]Measure
}

// Add writes down one reading; rounds repeat it.
func (b *Book) Add(group, subject string, m Measure, value float64) {
	if b.readings == nil {
		b.readings, b.measures = map[key][]float64{}, map[string][]Measure{}
	}
	if !slices.Contains(b.cases, group) {
		b.cases = append(b.cases, group)
	}
	if !slices.Contains(b.measures[group], m) {
		b.measures[group] = append(b.measures[group], m)
	}
	k := key{group, subject, m}
	b.readings[k] = append(b.readings[k], value)
}

// Spread is what is kept of several rounds.
type Spread struct {
	Median, Min, Max float64
	Rounds           int
}

// Spread returns the median and the ends of what was added; ok is false
// where nothing was.
func (b *Book) Spread(group, subject string, m Measure) (s Spread, ok bool) {
	list := slices.Sorted(slices.Values(b.readings[key{group, subject, m}]))
	n := len(list)
	if n == 0 {
		return Spread{}, false
	}
	return Spread{Median: (list[(n-1)/2] + list[n/2]) / 2, Min: list[0], Max: list[n-1], Rounds: n}, true
}
