package relay

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/routing"
)

const quotedKey = "sk-of-the-channel"

// TestKeyInARefusal: an upstream that quotes the channel's key in its error
// does not tell it to the client.
func TestKeyInARefusal(t *testing.T) {
	for _, status := range []int{400, 404, 500} {
		w := newWorld(t, 1, 1).script(1, reply{status: status, body: []step{say(`{"error":"no ` + quotedKey + ` here"}`)}})
		w.channels[0].Keys[0].Value = quotedKey
		w.do().got(status, `{"error":"no [key] here"}`)
	}
}

// TestKeyInAnEvent: nor where it is said inside a stream.
func TestKeyInAnEvent(t *testing.T) {
	f := told(&protocol.Error{Kind: protocol.KindInvalid, Message: "no " + quotedKey}, quotedKey)
	if f.err.Message != "no [key]" || strings.Contains(f.reason, quotedKey) {
		t.Errorf("told %q for the reason %q", f.err.Message, f.reason)
	}
	if got := string(masked([]byte("short"), "short")); got != "short" {
		t.Errorf("a key too short to be one was masked: %q", got)
	}
}

// TestBadKeyOfGoogle: a wrong key is the operator's matter also where the
// upstream says so with the status 400.
func TestBadKeyOfGoogle(t *testing.T) {
	resp := &http.Response{StatusCode: 400, Header: http.Header{}}
	f := refused(resp, []byte(`{"error":{"code":400,"details":[{"reason":"API_KEY_INVALID"}]}}`), time.Now())
	if f.final || f.body != nil || f.verdict != routing.KeyFailed || f.err.Kind != protocol.KindUpstream {
		t.Errorf("the fault is %+v", f)
	}
	if f := refused(resp, []byte(`{"error":{"code":400}}`), time.Now()); !f.final || f.body == nil {
		t.Errorf("any other 400 is %+v", f)
	}
}

// TestStreamsShareTheBudget: events held back, and one that does not end, take
// from the budget for all bodies, and give it back.
func TestStreamsShareTheBudget(t *testing.T) {
	held := strings.Repeat("h", 40<<10)
	for name, steps := range map[string][]step{
		"held back": stream(held, held, held, held, held, held, held, held, "cA", "t"),
		"one event": split("data: c"+strings.Repeat("x", 300<<10), "\n\n", sseOf("t")),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, 1).script(1, eventStream(steps...)).streamed()
			w.relay.Budget = NewBudget(100 << 10)
			w.do()
			if w.out.Result != Errored || !strings.Contains(w.out.Error, "no memory") {
				t.Errorf("with a small budget: %+v", w.out)
			}
			if taken := w.relay.Budget.Taken(); taken != 0 {
				t.Errorf("%d bytes are still taken", taken)
			}
			w = newWorld(t, 1, 1).script(1, eventStream(steps...)).streamed()
			w.relay.Budget = NewBudget(8 << 20)
			w.do().result(OK, "")
			if taken := w.relay.Budget.Taken(); taken != 0 {
				t.Errorf("%d bytes are still taken", taken)
			}
		})
	}
}

// TestAdaptorsRefusal: what an adaptor finds wrong with a call is the client's
// to hear, and no other channel is asked.
func TestAdaptorsRefusal(t *testing.T) {
	refusal := &protocol.Error{Kind: protocol.KindInvalid, Message: "no such path", Param: "model"}
	w := newWorld(t, 2, 1).script(1, reply{err: fmt.Errorf("%w: %w", adaptors.ErrNotSent, refusal)})
	w.do().result(Errored, "no such path")
	if len(w.out.Attempts) != 1 || w.out.Status >= 500 {
		t.Errorf("the outcome is %+v", w.out)
	}
}
