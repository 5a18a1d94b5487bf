package relay

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// drip says a text once an interval, n times.
func drip(text string, every time.Duration, n int) []step {
	var steps []step
	for range n {
		steps = append(steps, pause(every), say(text))
	}
	return steps
}

// TestLimits: first_token is 60 s, idle 30 s and total 600 s.
func TestLimits(t *testing.T) {
	const second = time.Second
	noContent := "upstream: no content in time"
	silent := "upstream: silent for too long"
	tooLong := "upstream: took too long in all"
	whole := strings.Repeat("x", 100)
	tests := []struct {
		name   string
		stream bool
		reply  reply
		after  time.Duration
		status int
		body   string
		result string // the outcome's error
	}{
		{"headers late", true, reply{wait: 59 * second, body: stream("cA", "t")}, 59 * second, 200, sseOf("cA", "t"), ""},
		{"no headers", true, reply{wait: 61 * second}, 60 * second, 504, errorBody(protocol.KindUpstreamTimeout, noContent), noContent},
		{"no bytes", true, eventStream(hang), 60 * second, 504, errorBody(protocol.KindUpstreamTimeout, noContent), noContent},
		{"held events prolong nothing", true, eventStream(drip(sseOf("h"), 7*second, 100)...), 60 * second, 504,
			errorBody(protocol.KindUpstreamTimeout, noContent), noContent},
		{"comments prolong nothing", true, eventStream(drip(": wait\n", 7*second, 100)...), 60 * second, 504,
			errorBody(protocol.KindUpstreamTimeout, noContent), noContent},
		{"slow but steady", true, eventStream(append(drip(sseOf("cA"), 29*second, 10), say(sseOf("t")))...), 290 * second, 200,
			strings.Repeat(sseOf("cA"), 10) + sseOf("t"), ""},
		{"comments break a silence", true, eventStream(append(append(stream("cA"), drip(":\n\n", 29*second, 5)...), stream("t")...)...), 145 * second, 200,
			sseOf("cA") + strings.Repeat(":\n\n", 5) + sseOf("t"), ""},
		{"silent after content", true, eventStream(say(sseOf("h", "cA")), hang), 30 * second, 200,
			sseOf("h", "cA") + breakOf(protocol.KindUpstreamTimeout, silent), silent},
		{"silent inside an event", true, eventStream(say(sseOf("cA")), say("data: cHal"), hang), 30 * second, 200,
			sseOf("cA") + breakOf(protocol.KindUpstreamTimeout, silent), silent},
		{"endless", true, eventStream(append(drip(sseOf("cA"), 19*second, 100), stream("t")...)...), 600 * second, 200,
			strings.Repeat(sseOf("cA"), 31) + breakOf(protocol.KindUpstreamTimeout, tooLong), tooLong},

		{"answer late", false, reply{wait: 599 * second, body: []step{say("{}")}}, 599 * second, 200, "{}", ""},
		{"no answer", false, reply{wait: 601 * second}, 600 * second, 504, errorBody(protocol.KindUpstreamTimeout, tooLong), tooLong},
		{"answer falls silent", false, reply{body: []step{say(`{"a":`), hang}}, 30 * second, 504,
			errorBody(protocol.KindUpstreamTimeout, silent), silent},
		{"answer slow but steady", false, reply{body: drip("x", 5*second, 100)}, 500 * second, 200, whole, ""},
		{"answer endless", false, reply{body: drip("x", 19*second, 100)}, 600 * second, 504,
			errorBody(protocol.KindUpstreamTimeout, tooLong), tooLong},
		{"refusal falls silent", false, reply{status: 500, body: []step{say(`{"error":`), hang}}, refusalTime, 502,
			errorBody(protocol.KindUpstream, "upstream answered with the status 500"), "upstream answered with the status 500"},
		{"refusal drips", false, reply{status: 400, body: drip("{", second, 100)}, refusalTime, 400,
			errorBody(protocol.KindInvalid, "upstream answered with the status 400"), "upstream answered with the status 400"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, 1).script(1, tt.reply)
				w.call.Request.Stream = tt.stream
				start := time.Now()
				w.do().got(tt.status, tt.body)
				result := OK
				if tt.result != "" {
					result = Errored
				}
				w.result(result, tt.result)
				// Where a write is among it, the fake clock may be a tick late.
				if took := time.Since(start); took < tt.after || took > tt.after+2*time.Millisecond {
					t.Errorf("took %v, want %v", took, tt.after)
				}
				if w.out.Duration < tt.after {
					t.Errorf("the outcome says %v", w.out.Duration)
				}
			})
		})
	}
}

// TestLimitsAndTheNextChannel: who is silent is left for the next channel, but
// the total is the call's.
func TestLimitsAndTheNextChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, 1).streamed().script(1, eventStream(hang)).script(2, reply{wait: time.Hour}).
			script(3, eventStream(pause(59*time.Second), say(sseOf("cA", "t"))))
		start := time.Now()
		w.do().got(200, sseOf("cA", "t")).has("Aiproxy-Attempts", "3")
		w.tried(
			Tried{Channel: "c1", Key: 1, Status: 200, Reason: "no content in time"},
			Tried{Channel: "c2", Key: 1, Reason: "no content in time"},
			Tried{Channel: "c3", Key: 1, Status: 200},
		)
		if took := time.Since(start); took != 179*time.Second {
			t.Errorf("took %v", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3, 1).streamed().script(1, eventStream(hang)).script(2, eventStream(hang))
		w.relay.Total = 90 * time.Second
		start := time.Now()
		w.do().got(504, errorBody(protocol.KindUpstreamTimeout, "upstream: took too long in all"))
		if took := time.Since(start); took != 90*time.Second || len(w.out.Attempts) != 2 {
			t.Errorf("took %v, %d attempts", took, len(w.out.Attempts))
		}
	})
}

// TestClientContextEnds: a client that leaves ends the attempt at once, and no
// other is made. (world.do checks that the upstream's request has ended.)
func TestClientContextEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		stream bool
		reply  reply
		body   string
	}{
		"before headers":   {true, reply{wait: time.Hour}, ""},
		"before content":   {true, eventStream(say(sseOf("h")), hang), ""},
		"after content":    {true, eventStream(say(sseOf("cA")), hang), sseOf("cA")},
		"before an answer": {false, reply{wait: time.Hour}, ""},
		"inside an answer": {false, reply{body: []step{say("{"), hang}}, ""},
		"inside a refusal": {false, reply{status: 500, body: []step{say("{"), hang}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2, 2).script(1, tt.reply)
				w.call.Request.Stream = tt.stream
				ctx, leave := context.WithTimeout(t.Context(), 5*time.Second)
				defer leave()
				w.ctx = ctx
				start := time.Now()
				w.do().result(ClientGone, "")
				if w.client.body != tt.body || tt.body == "" && w.client.status != 0 {
					t.Errorf("the client got %d %q", w.client.status, w.client.body)
				}
				if took := time.Since(start); took != 5*time.Second {
					t.Errorf("took %v", took)
				}
				if len(w.out.Attempts) != 1 || w.out.Attempts[0].Reason != "client left" || w.out.Status != 499 {
					t.Errorf("the outcome is %+v", w.out)
				}
			})
		})
	}
}

// TestRestIsKeptWhereTheClientLeft: the 429 was seen, whoever waited for it.
func TestRestIsKeptWhereTheClientLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 1).script(1, reply{status: 429, header: head("Retry-After", "60"), body: []step{hang}})
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		w.ctx = ctx
		w.do().result(ClientGone, "")
		if left := w.channels[0].Keys[0].Rest.Left(time.Now()); left != time.Minute {
			t.Errorf("the key rests for %v", left)
		}
	})
}

// TestSlowClientIsNoSilence: the time that the client takes for an event is
// not counted against the upstream.
func TestSlowClientIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 1).streamed().
			script(1, eventStream(append(append(stream("cA"), drip(sseOf("cB"), 20*time.Second, 5)...), stream("t")...)...))
		w.client.onWrite = func(int) error { time.Sleep(20 * time.Second); return nil }
		w.do().got(200, sseOf("cA", "cB", "cB", "cB", "cB", "cB", "t")).result(OK, "")
	})
}

// TestClientTakesNothing: a client that reads nothing is cut, whatever it does
// not read.
func TestClientTakesNothing(t *testing.T) {
	tests := map[string]struct {
		stream bool
		stall  int
		reply  reply
		most   time.Duration
	}{
		"a stream's event":        {true, 2, eventStream(append(stream("cA"), drip(sseOf("cB"), time.Second, 100)...)...), 31 * time.Second},
		"a stream's last words":   {true, 2, eventStream(say(sseOf("cA")), hang), 62 * time.Second},
		"a stream's end":          {true, 2, eventStream(say(sseOf("cA")), pause(time.Second), say(sseOf("t"))), 32 * time.Second},
		"an answer":               {false, 1, good(`{"a":1}`), 31 * time.Second},
		"an answer's second half": {false, 2, good(strings.Repeat("x", 2*maxPiece)), 31 * time.Second},
		"a refusal":               {false, 1, reply{status: 400, body: []step{say(theirs)}}, 31 * time.Second},
		"our own error":           {true, 1, reply{status: 500}, 31 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, 1).script(1, tt.reply)
				w.call.Request.Stream = tt.stream
				w.client.stall = tt.stall
				start := time.Now()
				w.do().result(ClientGone, "")
				if took := time.Since(start); took > tt.most {
					t.Errorf("took %v", took)
				}
				w.quiet(time.Hour)
			})
		})
	}
}

// TestDrainIsShort: an upstream that goes on after its last event holds the
// client for 50 ms at most.
func TestDrainIsShort(t *testing.T) {
	for name, steps := range map[string][]step{
		"silent":          {hang},
		"comments":        drip(":\n", 10*time.Millisecond, 1000),
		"events":          drip(sseOf("cB"), 10*time.Millisecond, 1000),
		"an endless line": drip("data: ", 10*time.Millisecond, 1000),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, 1).streamed().script(1, eventStream(append(stream("cA", "t"), steps...)...))
				w.call.Ping = 5 * time.Millisecond
				start := time.Now()
				w.do().got(200, sseOf("cA", "t")).result(OK, "")
				if took := time.Since(start); took > drain+time.Millisecond {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// TestDrainToTheEnd: a body that ends is read to its end, so that its
// connection can be used again.
func TestDrainToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 1).streamed().script(1, eventStream(append(stream("cA", "t"), pause(40*time.Millisecond))...)).do()
		if !w.upstreams[0].bodies[0].eof {
			t.Error("the body was not read to its end")
		}
	})
}
