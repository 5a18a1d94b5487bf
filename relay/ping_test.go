package relay

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
)

func TestPings(t *testing.T) {
	const second = time.Second
	p := func(n int) string { return strings.Repeat(pinged, n) }
	broke := breakOf(protocol.KindUpstream, "upstream: connection broke")
	tests := []struct {
		name     string
		before   bool
		channels [][]step
		want     string
	}{
		{name: "after content alone", channels: [][]step{{pause(50 * second), say(sseOf("h", "cA")), pause(25 * second), say(sseOf("t"))}},
			want: sseOf("h", "cA") + p(2) + sseOf("t")},
		{name: "before content by option", before: true, channels: [][]step{{pause(35 * second), say(sseOf("h", "cA")), pause(25 * second), say(sseOf("t"))}},
			want: p(3) + sseOf("h", "cA") + p(2) + sseOf("t")},
		{name: "while events come", channels: [][]step{append(append(stream("cA"), drip(sseOf("cB"), 9*second, 3)...), say(sseOf("t")))},
			want: sseOf("cA", "cB", "cB", "cB", "t")},
		{name: "held events are none of the client's", before: true, channels: [][]step{append(drip(sseOf("h"), 4*second, 4), say(sseOf("cA", "t")))},
			want: p(1) + sseOf("h", "h", "h", "h", "cA", "t")},
		{name: "while events are taken out", channels: [][]step{append(append(stream("cA"), drip(sseOf("x"), 4*second, 6)...), say(sseOf("t")))},
			want: sseOf("cA") + p(2) + sseOf("t")},
		{name: "then it breaks", channels: [][]step{{say(sseOf("cA")), pause(15 * second), breaks(errors.New("reset"))}},
			want: sseOf("cA") + p(1) + broke},
		{name: "then the next channel", before: true, channels: [][]step{{pause(15 * second), say(sseOf("h1", "fupstream:boom"))}, {pause(15 * second), say(sseOf("h2", "cA", "t"))}},
			want: p(2) + sseOf("h2", "cA", "t")},
		{name: "then none is left", before: true, channels: [][]step{{pause(15 * second), say(sseOf("h1", "fupstream:boom"))}},
			want: p(1) + breakOf(protocol.KindUpstream, "boom")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, len(tt.channels), 1).streamed()
				w.call.Ping, w.call.PingBeforeContent = 10*time.Second, tt.before
				for i, steps := range tt.channels {
					w.script(i+1, eventStream(steps...))
				}
				w.do().got(200, tt.want)
				w.quiet(time.Hour)
			})
		})
	}
}

func TestNoPings(t *testing.T) {
	for _, every := range []time.Duration{0, -1} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 1, 1).streamed().script(1, eventStream(pause(20*time.Second), say(sseOf("cA")), pause(20*time.Second), say(sseOf("t"))))
			w.call.Ping, w.call.PingBeforeContent = every, true
			w.do().got(200, sseOf("cA", "t"))
		})
	}
}

// TestPingBeforeHeaders: many upstreams keep their headers back until the first
// token, which is when a client wants its pings.
func TestPingBeforeHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := eventStream(stream("cA", "t")...)
		r.wait, r.header = 25*time.Second, head("Content-Type", "text/event-stream", "Openai-Version", "late")
		w := newWorld(t, 2, 1).streamed().script(1, reply{wait: 15 * time.Second, err: adaptors.ErrNotSent}).script(2, r)
		w.call.Ping, w.call.PingBeforeContent = 10*time.Second, true
		w.do().got(200, strings.Repeat(pinged, 3)+sseOf("cA", "t"))
		w.has("Content-Type", "text/event-stream").has("Aiproxy-Channel", "c1").has("Aiproxy-Attempts", "1")
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 1).streamed().script(1, reply{wait: 15 * time.Second, status: 400, body: []step{say(theirs)}})
		w.call.Ping, w.call.PingBeforeContent = 10*time.Second, true
		w.do().got(200, pinged+breakOf(protocol.KindInvalid, "upstream answered with the status 400"))
		w.result(Errored, "upstream answered with the status 400")
	})
}

// TestPingsProlongNothing: our own pings are no sign of life of the upstream.
func TestPingsProlongNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 1).streamed().script(1, eventStream(say(sseOf("cA")), hang))
		w.call.Ping = time.Second
		start := time.Now()
		w.do().got(200, sseOf("cA")+strings.Repeat(pinged, 29)+breakOf(protocol.KindUpstreamTimeout, "upstream: silent for too long"))
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("took %v", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 1).streamed().script(1, eventStream(hang))
		w.call.Ping, w.call.PingBeforeContent = time.Second, true
		w.do().got(200, strings.Repeat(pinged, 59)+breakOf(protocol.KindUpstreamTimeout, "upstream: no content in time"))
	})
}

// TestPingsAndEventsTogether is for the race detector, in real time: pings as
// often as events, before and after content, and through a failover.
func TestPingsAndEventsTogether(t *testing.T) {
	for range 5 {
		w := newWorld(t, 2, 1).streamed()
		w.call.Ping, w.call.PingBeforeContent = time.Millisecond, true
		w.script(1, eventStream(append(drip(sseOf("h"), time.Millisecond, 20), stream("foverloaded:busy")...)...))
		w.script(2, eventStream(append(append(drip(sseOf("h"), time.Millisecond, 10), drip(sseOf("cA", "cB"), time.Millisecond, 30)...), stream("t")...)...))
		w.client.onWrite = func(n int) error {
			if n%3 == 0 {
				time.Sleep(500 * time.Microsecond)
			}
			return nil
		}
		w.do().result(OK, "")
		got := strings.ReplaceAll(w.client.body, pinged, "")
		if want := strings.Repeat(sseOf("h"), 10) + strings.Repeat(sseOf("cA", "cB"), 30) + sseOf("t"); got != want {
			t.Errorf("between the pings: %q", got)
		}
		w.quiet(3 * time.Millisecond)
	}
}

// TestPingThatIsNotTaken, in real time since a mutex is waited for: a client
// that reads nothing is cut in a ping too, whatever the upstream does then.
func TestPingThatIsNotTaken(t *testing.T) {
	for name, steps := range map[string][]step{
		"silent upstream":      {say(sseOf("cA")), hang},
		"upstream breaks":      {say(sseOf("cA")), pause(30 * time.Millisecond), breaks(errors.New("reset"))},
		"upstream ends":        {say(sseOf("cA")), pause(30 * time.Millisecond), say(sseOf("t"))},
		"fails before content": {pause(30 * time.Millisecond), say(sseOf("fupstream:boom"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1, 1).streamed().script(1, eventStream(steps...))
			w.relay.FirstToken, w.relay.Idle = 50*time.Millisecond, 50*time.Millisecond
			w.call.Ping, w.call.PingBeforeContent = 5*time.Millisecond, true
			w.client.stall = 2
			w.do().result(ClientGone, "")
			w.quiet(5 * time.Millisecond)
		})
	}
}
