package relay

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
)

// behaviour is one thing that an upstream may do.
type behaviour struct {
	reply reply
	// relayed is what the client sees where it gets this answer; empty: it
	// does not, or as an error.
	relayed string
	// final: nobody else is asked.
	final bool
}

func drawStream(t *rapid.T) behaviour {
	var before, text []string
	for range rapid.IntRange(0, 3).Draw(t, "held") {
		before = append(before, "h"+rapid.StringMatching(`[a-z]{0,5}`).Draw(t, "held text"))
	}
	for range rapid.IntRange(1, 4).Draw(t, "content") {
		text = append(text, rapid.SampledFrom([]string{"c", "h"}).Draw(t, "class")+rapid.StringMatching(`[a-z]{0,5}`).Draw(t, "text"))
	}
	text[0] = "c" + text[0]
	sent := sseOf(append(before, text...)...)
	b := behaviour{}
	switch rapid.IntRange(0, 6).Draw(t, "ends") {
	case 0:
		b.relayed = sent + sseOf("t")
		sent = b.relayed
	case 1:
		b.relayed, sent = sent+sseOf("d", "tEND"), sent+sseOf("d")
	case 2:
		b.relayed = sent + sseOf("!upstream:upstream: connection broke")
	case 3:
		sent += sseOf("fupstream:boom")
		b.relayed = sent
	case 4:
		b.relayed = sent + sseOf("t")
		sent = b.relayed + sseOf("cLate", "h", "t")
	case 5: // fails before content
		sent = sseOf(append(before, rapid.SampledFrom([]string{"fupstream:x", "foverloaded:x", "finvalid:x"}).Draw(t, "kind"))...)
		b.final = strings.Contains(sent, "finvalid")
	case 6: // ends before content
		sent = sseOf(before...)
	}
	var steps []step
	for len(sent) > 0 {
		n := rapid.IntRange(1, len(sent)).Draw(t, "read")
		steps, sent = append(steps, say(sent[:n])), sent[n:]
		if rapid.IntRange(0, 3).Draw(t, "pause") == 0 {
			steps = append(steps, pause(time.Duration(rapid.IntRange(1, 9).Draw(t, "seconds"))*time.Second))
		}
	}
	b.reply = eventStream(steps...)
	return b
}

func drawAnswer(t *rapid.T) behaviour {
	if rapid.Bool().Draw(t, "whole") {
		text := "{" + rapid.StringMatching(`[a-z]{0,50}`).Draw(t, "answer") + "}"
		return behaviour{reply: good(text), relayed: text}
	}
	return behaviour{reply: good("{"), relayed: "{"}
}

func drawBehaviour(t *rapid.T, streamed bool) behaviour {
	switch rapid.IntRange(0, 7).Draw(t, "behaviour") {
	case 0:
		return behaviour{reply: reply{err: adaptors.ErrNotSent}}
	case 1:
		return behaviour{reply: reply{err: errors.New("reset"), wait: time.Second}}
	case 2:
		status := rapid.SampledFrom([]int{302, 400, 401, 404, 413, 422, 429, 500, 503, 529}).Draw(t, "status")
		final := status == 400 || status == 413 || status == 422
		return behaviour{reply: reply{status: status, body: []step{say(fmt.Sprintf(`{"status":%d}`, status))}}, final: final}
	case 3:
		return behaviour{reply: reply{body: []step{breaks(errors.New("reset"))}}}
	case 4:
		r := reply{header: head("Content-Type", "text/html"), body: []step{say(page)}}
		return behaviour{reply: r}
	}
	if streamed {
		return drawStream(t)
	}
	return drawAnswer(t)
}

// TestAnySequence: whatever the upstreams do, the client gets exactly one
// well-formed answer: that of the first upstream that has one, byte for byte,
// or one error; nobody is asked after it; and (in world.run) headers go once,
// and all that was taken is given back.
func TestAnySequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// In a bubble a test may not be asked for its deadline.
		rapid.Check(struct{ rapid.TB }{t}, func(rt *rapid.T) {
			n := rapid.IntRange(1, 4).Draw(rt, "channels")
			w := newWorld(t, n, 1)
			w.call.Request.Stream = rapid.Bool().Draw(rt, "streamed")
			w.relay.Attempts = rapid.IntRange(1, 5).Draw(rt, "attempts")
			pings := w.call.Request.Stream && rapid.Bool().Draw(rt, "pings")
			if pings {
				w.call.Ping = 2 * time.Second
				w.call.PingBeforeContent = rapid.Bool().Draw(rt, "before content")
			}
			want, asked := "", 0
			for i := range n {
				b := drawBehaviour(rt, w.call.Request.Stream)
				w.script(i+1, b.reply)
				if asked == i && i < w.relay.Attempts && want == "" {
					want = b.relayed
					asked++
					if b.final {
						asked = i + 1
						for j := i + 1; j < n; j++ {
							w.script(j+1, reply{err: errors.New("nobody may ask")})
						}
						break
					}
				}
			}
			w.run(rt)

			got := w.client.body
			if pings {
				got = strings.ReplaceAll(got, pinged, "")
			}
			if len(w.out.Attempts) != asked {
				rt.Fatalf("%d attempts were made, want %d: %+v", len(w.out.Attempts), asked, w.out.Attempts)
			}
			switch {
			case want != "":
				if w.client.status != 200 || got != want {
					rt.Fatalf("the client got %d %q, want %q", w.client.status, got, want)
				}
			case w.client.status == 200:
				// Pings had committed the status: one error event.
				if !w.call.PingBeforeContent || !strings.HasPrefix(got, "data: !") || strings.Count(got, "\n\n") != 1 {
					rt.Fatalf("the client got 200 %q", got)
				}
			default:
				if w.client.status < 400 || !strings.HasPrefix(got, "{") || !strings.HasSuffix(got, "}") || len(w.client.writes) != 1 {
					rt.Fatalf("the client got %d %q", w.client.status, got)
				}
			}
			if (w.out.Result == OK) == (w.out.Error != "") {
				rt.Fatalf("the outcome is %q %q", w.out.Result, w.out.Error)
			}
		})
	})
}
