package relay

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/routing"
)

// split gives each part to a read of its own.
func split(parts ...string) []step {
	var steps []step
	for _, p := range parts {
		steps = append(steps, say(p))
	}
	return steps
}

func TestStream(t *testing.T) {
	reset := errors.New("connection reset by peer")
	broke := breakOf(protocol.KindUpstream, "upstream: connection broke")
	tests := []struct {
		name   string
		steps  []step
		want   string
		result Result
		reason string
	}{
		{"at once", stream("h", "cA", "cB", "t"), sseOf("h", "cA", "cB", "t"), OK, ""},
		{"event by event", split(sseOf("h"), sseOf("cA"), sseOf("cB"), sseOf("t")), sseOf("h", "cA", "cB", "t"), OK, ""},
		{"held inside", stream("cA", "h", "h", "cB", "t"), sseOf("cA", "h", "h", "cB", "t"), OK, ""},
		{"odd framing", split("\ufeffdata: h\r\n\r\n", ": a comment\n\n", "data: cA\r\rdata: cB\n\n", "data: t\n\n"),
			"\ufeffdata: h\r\n\r\n: a comment\n\ndata: cA\r\rdata: cB\n\ndata: t\n\n", OK, ""},
		{"taken out", stream("x", "cA", "x", "cB", "x", "t"), sseOf("cA", "cB", "t"), OK, ""},
		{"terminal alone", stream("h", "t"), sseOf("h", "t"), OK, ""},
		{"after the terminal", stream("cA", "t", "cB", "fupstream:late"), sseOf("cA", "t"), OK, ""},
		{"after the terminal it breaks", append(stream("cA", "t"), breaks(reset)), sseOf("cA", "t"), OK, ""},
		{"no terminal, finished", stream("cA", "d"), sseOf("cA", "d", "tEND"), OK, ""},
		{"no terminal, not finished", stream("cA", "cB"), sseOf("cA", "cB") + broke, Errored, "upstream: connection broke"},
		{"no blank line at the end", split(sseOf("cA"), "data: d\n"), sseOf("cA") + "data: d\n" + sseOf("tEND"), OK, ""},
		{"half an event at the end", split(sseOf("cA"), "data: cHal"), sseOf("cA") + broke, Errored, "upstream: connection broke"},
		{"finished, then a line without its end", split(sseOf("cA", "d"), "data: t"), sseOf("cA", "d", "tEND"), OK, ""},
		{"finished, then breaks inside an event", append(split(sseOf("cA", "d"), "data: t"), breaks(io.ErrUnexpectedEOF)), sseOf("cA", "d") + broke, Errored, "upstream: connection broke"},
		{"breaks", append(stream("h", "cA"), breaks(reset)), sseOf("h", "cA") + broke, Errored, "upstream: connection broke"},
		{"breaks inside an event", append(split(sseOf("cA"), "data: cHal"), breaks(io.ErrUnexpectedEOF)), sseOf("cA") + broke, Errored, "upstream: connection broke"},
		{"finished, then breaks", append(stream("d"), breaks(reset)), sseOf("d") + broke, Errored, "upstream: connection broke"},
		{"failure after content", stream("cA", "fcredential:their words", "cB"), sseOf("cA", "fcredential:their words"), Errored, "their words"},
		{"event over the limit", split(sseOf("cA"), "data: c"+strings.Repeat("x", 1<<20)), sseOf("cA") +
			breakOf(protocol.KindUpstream, "upstream: event over the limit"), Errored, "upstream: event over the limit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 2, 1).streamed().script(1, eventStream(tt.steps...)).do()
			w.got(200, tt.want).result(tt.result, tt.reason)
			w.tried(Tried{Channel: "c1", Key: 1, Status: 200, Reason: tt.reason})
			w.has("Content-Type", "text/event-stream").has("Cache-Control", "no-cache").has("X-Accel-Buffering", "no")
			w.has("Content-Length", "").has("Aiproxy-Channel", "c1").has("Aiproxy-Attempts", "1").has("X-Should-Retry", "")
			if w.client.unflushed != "" {
				t.Errorf("not flushed: %q", w.client.unflushed)
			}
		})
	}
}

// TestSplitAnywhere cuts a stream's bytes in two at each place.
func TestSplitAnywhere(t *testing.T) {
	text := "data: h\r\n\r\ndata: cA\n\n: c\n\ndata: cB\r\rdata: t\n\n"
	for i := range len(text) + 1 {
		newWorld(t, 1, 1).streamed().script(1, eventStream(split(text[:i], text[i:])...)).do().got(200, text).result(OK, "")
	}
}

// TestEachEventIsSentAtOnce: events that come one by one go one by one, those
// that come together go together.
func TestEachEventIsSentAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 1).streamed()
		w.script(1, eventStream(say(sseOf("h")), pause(time.Second), say(sseOf("h")), pause(time.Second), say(sseOf("cA")), pause(time.Second),
			say(sseOf("cB")), pause(time.Second), say(sseOf("cC", "cD")+"data: c"), pause(time.Second), say("E\n\n"+sseOf("t")), hang))
		start := time.Now()
		w.do().result(OK, "")
		want := []string{sseOf("h", "h", "cA"), sseOf("cB"), sseOf("cC", "cD"), sseOf("cE", "t")}
		if strings.Join(w.client.flushed, "|") != strings.Join(want, "|") {
			t.Errorf("flushed: %q", w.client.flushed)
		}
		for i, d := range []time.Duration{2, 3, 4, 5} {
			if at := w.client.flushedAt[i].Sub(start); at != d*time.Second {
				t.Errorf("flush %d came after %v", i+1, at)
			}
		}
		if w.out.FirstToken != 2*time.Second {
			t.Errorf("first token after %v", w.out.FirstToken)
		}
	})
}

// TestBurst: what comes together is gathered, up to a bound.
func TestBurst(t *testing.T) {
	event := "c" + strings.Repeat("x", 1000)
	var all []string
	for range 200 {
		all = append(all, event)
	}
	w := newWorld(t, 1, 1).streamed().script(1, eventStream(stream(append(all, "t")...)...)).do()
	w.got(200, sseOf(append(all, "t")...))
	for i, b := range w.client.flushed {
		if len(b) > maxPending+2000 {
			t.Errorf("write %d has %d bytes", i+1, len(b))
		}
	}
	if n := len(w.client.flushed); n > 60 {
		t.Errorf("%d writes for 200 KB that were there", n)
	}
}

// TestNothingBeforeContent: whatever goes wrong before the first content,
// nothing of the attempt reaches the client and the next channel is asked.
func TestNothingBeforeContent(t *testing.T) {
	for name, steps := range map[string][]step{
		"failure":         stream("h", "foverloaded:busy"),
		"failure first":   stream("fupstream:boom"),
		"ends":            stream("h", "h"),
		"ends at once":    nil,
		"breaks":          append(stream("h"), breaks(errors.New("reset"))),
		"breaks in event": append(split("data: ch"), breaks(errors.New("reset"))),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2, 1).streamed().script(1, eventStream(steps...))
			w.upstreams[0].script[0].header.Set("Openai-Version", "first")
			w.script(2, eventStream(stream("h2", "cHi", "t")...)).do()
			w.got(200, sseOf("h2", "cHi", "t")).result(OK, "").has("Aiproxy-Channel", "c2").has("Aiproxy-Attempts", "2").has("Openai-Version", "")
		})
	}
}

// TestFailureBeforeContent is what an upstream's error event means where it
// comes before content.
func TestFailureBeforeContent(t *testing.T) {
	tests := []struct {
		event  string
		status int
		kind   protocol.Kind
		told   string
		then   string // who is asked next
		rest   bool
		reason string
	}{
		{"finvalid:too many tokens", 400, protocol.KindInvalid, "too many tokens", "", false, "error event: too many tokens"},
		{"flarge:too long", 413, protocol.KindTooLarge, "too long", "", false, "error event: too long"},
		{"frate:slow down", 429, protocol.KindRateLimited, "slow down", "c1", true, "error event: slow down"},
		{"foverloaded:busy", 503, protocol.KindOverloaded, "busy", "c2", false, "error event: busy"},
		{"fupstream:boom", 502, protocol.KindUpstream, "boom", "c2", false, "error event: boom"},
		{"fcredential:key sk-1 is wrong", 502, protocol.KindUpstream, "upstream refused the channel's credential", "c1", false, "error event: refused the channel's credential"},
		{"fforbidden:org-1 may not", 502, protocol.KindUpstream, "upstream refused the channel's credential", "c1", false, "error event: refused the channel's credential"},
	}
	for _, tt := range tests {
		t.Run(tt.event, func(t *testing.T) {
			failed := eventStream(stream("h", tt.event)...)
			alone := newWorld(t, 1, 1).streamed().script(1, failed).do()
			alone.got(tt.status, errorBody(tt.kind, tt.told)).result(Errored, tt.told).has("Content-Type", "application/json")
			alone.tried(Tried{Channel: "c1", Key: 1, Status: 200, Reason: tt.reason})
			if rests := alone.channels[0].Keys[0].Rest.Left(time.Now()) > 0; rests != tt.rest {
				t.Errorf("the key rests: %v", rests)
			}
			two := newWorld(t, 2, 2).streamed().script(1, failed)
			answer := eventStream(stream("cHi", "t")...)
			switch tt.then {
			case "c1":
				two.script(1, answer)
			case "c2":
				two.script(2, answer)
			default:
				two.do().got(tt.status, errorBody(tt.kind, tt.told))
				return
			}
			two.do().got(200, sseOf("cHi", "t")).has("Aiproxy-Channel", tt.then)
		})
	}
}

// TestLongFailureIsCut: an upstream's words fill no log.
func TestLongFailureIsCut(t *testing.T) {
	w := newWorld(t, 1, 1).streamed().script(1, eventStream(stream("fupstream:"+strings.Repeat("é", 100_000))...)).do()
	if n := len([]rune(w.out.Attempts[0].Reason)); n > maxReason+20 {
		t.Errorf("the reason has %d characters", n)
	}
}

func TestStreamContentType(t *testing.T) {
	for kind, want := range map[string]string{
		"text/event-stream":                "text/event-stream",
		"text/event-stream; charset=utf-8": "text/event-stream; charset=utf-8",
		"text/plain":                       "text/plain",
		"":                                 "text/event-stream",
	} {
		r := eventStream(stream("cA", "t")...)
		r.header = head("Content-Type", kind)
		if kind == "" {
			r.header = nil
		}
		newWorld(t, 1, 1).streamed().script(1, r).do().got(200, sseOf("cA", "t")).has("Content-Type", want)
	}
}

func TestArrayStream(t *testing.T) {
	array := func(steps ...step) reply {
		return reply{header: head("Content-Type", "application/json; charset=UTF-8"), body: steps}
	}
	broke := breakOf(protocol.KindUpstream, "upstream: connection broke")
	tests := []struct {
		name   string
		reply  reply
		status int
		want   string
	}{
		{"whole", array(say(`[{"e":"h"}` + "\n,\r\n" + `{"e":"cA"},{"e":"cB"}` + "\n]\n")), 200,
			`[{"e":"h"}` + "\n,\r\n" + `{"e":"cA"},{"e":"cB"}` + "\n]"},
		{"bit by bit", array(split(`[`, `{"e":`, `"cA"}`, `,`, `{"e":"cB"}`, `]`)...), 200, `[{"e":"cA"},{"e":"cB"}]`},
		{"broken off", array(split(`[{"e":"cA"}`, `,{"e":"c`)...), 200, `[{"e":"cA"}` + broke},
		{"garbled after content", array(split(`[{"e":"cA"}`, `}`)...), 200,
			`[{"e":"cA"}` + breakOf(protocol.KindUpstream, "upstream: sent a garbled body")},
		{"garbled", array(say(`{"e":"cA"}`)), 502, errorBody(protocol.KindUpstream, "upstream: sent a garbled body")},
		{"failure", array(say(`[{"e":"fupstream:boom"}]`)), 502, errorBody(protocol.KindUpstream, "boom")},
		{"events instead", eventStream(stream("cA")...), 502,
			errorBody(protocol.KindUpstream, `upstream: answered a stream with the content type "text/event-stream"`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 1, 1).streamed().script(1, tt.reply)
			w.call.Request.Array = true
			w.do().got(tt.status, tt.want)
			if tt.status == 200 {
				w.has("Content-Type", "application/json; charset=UTF-8")
			}
		})
	}
}

func TestClientLeaves(t *testing.T) {
	gone := errors.New("broken pipe")
	for name, steps := range map[string][]step{
		"while content":     {say(sseOf("cA")), say(sseOf("cB")), say(sseOf("cC")), hang},
		"at the terminal":   {say(sseOf("cA")), say(sseOf("t"))},
		"at its end":        {say(sseOf("cA")), pause(time.Second), say(sseOf("d"))},
		"at a failure":      {say(sseOf("cA")), say(sseOf("fupstream:boom"))},
		"at the last words": {say(sseOf("cA")), breaks(errors.New("reset"))},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2, 1).streamed().script(1, eventStream(steps...))
				w.client.onWrite = func(n int) error {
					if n > 1 {
						return gone
					}
					return nil
				}
				w.do().got(200, sseOf("cA")).result(ClientGone, "")
				w.tried(Tried{Channel: "c1", Key: 1, Status: 200, Reason: "client left"})
				if w.out.Status != 499 {
					t.Errorf("status %d", w.out.Status)
				}
			})
		})
	}
}

// noFlush is a ResponseWriter that cannot flush.
type noFlush struct{ http.ResponseWriter }

func TestWriterThatCannotFlush(t *testing.T) {
	w := newWorld(t, 1, 1).streamed().script(1, eventStream(stream("cA", "t")...))
	plan, _ := routing.NewCatalogue(w.channels, nil).Plan(routing.Call{Model: model, Sets: []string{routing.DefaultSet},
		Protocol: protocol.Chat, Operation: protocol.Generate})
	w.call.Plan = plan
	out := w.relay.Do(w.ctx, noFlush{w.client}, &w.call)
	if out.Result != OK || w.client.body != sseOf("cA", "t") {
		t.Errorf("%+v: %q", out, w.client.body)
	}
}

// TestStreamUsage: whether the upstream is asked for usage is the adaptor's to
// say, and each attempt is edited for its own channel.
func TestStreamUsage(t *testing.T) {
	w := newWorld(t, 2, 1).streamed().script(1, reply{err: adaptors.ErrNotSent}).script(2, eventStream(stream("cA", "t")...))
	seen := &seenEdits{}
	w.call.Codec = seen
	w.channels[0].Adaptor = adaptor{usage: true}
	w.channels[1].Map = map[string]string{model: "its-model"}
	w.do().got(200, sseOf("cA", "t"))
	want := []protocol.Edits{
		{ClientModel: model, UpstreamModel: model, Usage: true},
		{ClientModel: model, UpstreamModel: "its-model"},
	}
	if len(seen.edits) != 2 || seen.edits[0] != want[0] || seen.edits[1] != want[1] {
		t.Errorf("streams were made with %+v", seen.edits)
	}
}

// seenEdits keeps the edits with which streams are made.
type seenEdits struct {
	codec
	edits []protocol.Edits
}

func (s *seenEdits) Stream(e protocol.Edits, array bool) protocol.Stream {
	s.edits = append(s.edits, e)
	return s.codec.Stream(e, array)
}
