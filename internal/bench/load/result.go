package load

import (
	"slices"
	"time"
)

// Result is what a Run measured. The series are sorted.
type Result struct {
	Requests int
	Elapsed  time.Duration
	// Reconnects is how often the server closed a connection in due form.
	Reconnects int
	// Latency is from the first byte sent to the last one received.
	Latency []time.Duration
	// FirstToken, of streams, is from the first byte sent until the first
	// content event was complete.
	FirstToken []time.Duration
	// Lag, of stamped streams, is from the upstream's write of an event to
	// its arrival.
	Lag []time.Duration
}

func merge(clients []*client, elapsed time.Duration) *Result {
	r := &Result{Elapsed: elapsed}
	for _, c := range clients {
		r.Requests += c.done
		r.Reconnects += c.reconnects
		r.Latency = append(r.Latency, c.latency...)
		r.FirstToken = append(r.FirstToken, c.firstToken...)
		r.Lag = append(r.Lag, c.check.lag...)
	}
	slices.Sort(r.Latency)
	slices.Sort(r.FirstToken)
	slices.Sort(r.Lag)
	return r
}

// PerSecond is the throughput.
func (r *Result) PerSecond() float64 { return float64(r.Requests) / r.Elapsed.Seconds() }

// Quantile returns the value below which the share q of a sorted series
// lies (nearest rank), 0 for an empty one.
func Quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	i := int(q*float64(len(sorted)) + 0.9999999)
	return sorted[min(max(i-1, 0), len(sorted)-1)]
}
