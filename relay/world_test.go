package relay

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/routing"
)

// world is a relay, its client and its upstreams, one a channel: c1 is asked
// first, then c2, and so on.
type world struct {
	t         testing.TB
	relay     *Relay
	call      Call
	ctx       context.Context
	client    *client
	channels  []*routing.Channel
	upstreams []*upstream
	out       Outcome
}

// tb is what of a test the world needs; rapid has it too.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// model is the client's name of the model in all calls.
const model = "the-model"

// newWorld returns a world of n channels with as many keys each, and a call
// that is not streamed.
func newWorld(t testing.TB, n, keys int) *world {
	w := &world{
		t: t,
		relay: &Relay{
			Attempts: 5, FirstToken: time.Minute, Idle: 30 * time.Second, Total: 10 * time.Minute,
			Event: 1 << 20, Answer: 1 << 20, Budget: NewBudget(64 << 20),
		},
		ctx:    context.Background(),
		client: newClient(),
	}
	w.call = Call{
		Request: &protocol.Request{
			Call:  protocol.Call{Protocol: protocol.Chat, Operation: protocol.Generate},
			Body:  []byte(`{"model":"the-model"}`),
			Model: model,
		},
		Codec:     codec{},
		Header:    http.Header{},
		RequestID: "id-1",
	}
	for i := range n {
		u := &upstream{}
		ch := &routing.Channel{
			Name: fmt.Sprint("c", i+1), Adaptor: adaptor{}, Transport: u,
			BaseURL: &url.URL{Scheme: "http", Host: "upstream.test"},
			Models:  []string{model}, Protocols: []protocol.Protocol{protocol.Chat},
			Priority: -i, Weight: 1, Sets: []string{routing.DefaultSet},
		}
		for k := range keys {
			ch.Keys = append(ch.Keys, routing.Key{Position: k + 1, Value: fmt.Sprintf("key-%d-%d", i+1, k+1), Rest: new(routing.Rest)})
		}
		w.channels = append(w.channels, ch)
		w.upstreams = append(w.upstreams, u)
	}
	return w
}

// streamed makes the call a streamed one.
func (w *world) streamed() *world {
	w.call.Request.Stream = true
	return w
}

// script appends to what an upstream, from 1, says.
func (w *world) script(i int, replies ...reply) *world {
	w.upstreams[i-1].script = append(w.upstreams[i-1].script, replies...)
	return w
}

// do makes the call, and checks what holds for every call.
func (w *world) do() *world {
	w.t.Helper()
	w.run(w.t)
	return w
}

func (w *world) run(t tb) {
	t.Helper()
	plan, refusal := routing.NewCatalogue(w.channels, nil).Plan(routing.Call{
		Model: model, Sets: []string{routing.DefaultSet}, Protocol: protocol.Chat, Operation: w.call.Request.Operation,
	})
	if refusal != nil {
		t.Fatalf("no plan: %v", refusal)
	}
	w.call.Plan = plan
	w.out = w.relay.Do(w.ctx, w.client, &w.call)

	w.client.mu.Lock()
	defer w.client.mu.Unlock()
	w.client.returned = true
	for _, f := range w.client.faults {
		t.Errorf("client: %s", f)
	}
	if taken := w.relay.Budget.Taken(); taken != 0 {
		t.Errorf("%d bytes of the budget were not given back", taken)
	}
	requests := 0
	for i, u := range w.upstreams {
		requests += len(u.asked)
		if u.failure != "" {
			t.Errorf("c%d: %s", i+1, u.failure)
		}
		for n, b := range u.bodies {
			if !b.closed {
				t.Errorf("c%d: body %d was not closed", i+1, n+1)
			}
		}
		for n, ctx := range u.ctxs {
			if ctx.Err() == nil {
				t.Errorf("c%d: request %d is not over", i+1, n+1)
			}
		}
	}
	if len(w.out.Attempts) != requests {
		t.Errorf("%d attempts are noted, %d were made", len(w.out.Attempts), requests)
	}
	if w.out.Result == "" {
		t.Errorf("the outcome has no result: %+v", w.out)
	}
	if w.out.Result != ClientGone && w.out.Status != w.client.status {
		t.Errorf("the outcome says %d, the client got %d", w.out.Status, w.client.status)
	}
}

// quiet fails if anything touches the client from now on for a while.
func (w *world) quiet(d time.Duration) {
	w.t.Helper()
	time.Sleep(d)
	w.client.mu.Lock()
	defer w.client.mu.Unlock()
	for _, f := range w.client.faults {
		w.t.Errorf("after the end: %s", f)
	}
}

// got fails unless the client got that.
func (w *world) got(status int, body string) *world {
	w.t.Helper()
	if w.client.status != status || w.client.body != body {
		w.t.Errorf("the client got %d %q\nwant %d %q", w.client.status, w.client.body, status, body)
	}
	return w
}

// result fails unless the call ended so.
func (w *world) result(r Result, message string) *world {
	w.t.Helper()
	if w.out.Result != r || w.out.Error != message {
		w.t.Errorf("the outcome is %q %q, want %q %q", w.out.Result, w.out.Error, r, message)
	}
	return w
}

// tried fails unless these attempts were made: channel, key, status, reason.
func (w *world) tried(want ...Tried) *world {
	w.t.Helper()
	if len(want) != len(w.out.Attempts) {
		w.t.Errorf("attempts: %+v, want %+v", w.out.Attempts, want)
		return w
	}
	for i, a := range w.out.Attempts {
		a.Duration = 0
		if a != want[i] {
			w.t.Errorf("attempt %d: %+v, want %+v", i+1, a, want[i])
		}
	}
	return w
}

// header fails unless the client got this header; empty: not at all.
func (w *world) has(name, want string) *world {
	w.t.Helper()
	if got := w.client.sent.Get(name); got != want {
		w.t.Errorf("%s: %q, want %q", name, got, want)
	}
	return w
}

// errorBody is the codec's error with the world's request id.
func errorBody(kind protocol.Kind, message string) string {
	return string(codec{}.ErrorBody(&protocol.Error{Kind: kind, Message: message}, "id-1"))
}

// good is an answer that is relayed.
func good(body string) reply {
	return reply{header: head("Content-Type", "application/json"), body: []step{say(body)}}
}

// events is a stream that is relayed.
func eventStream(steps ...step) reply {
	return reply{header: head("Content-Type", "text/event-stream"), body: steps}
}
