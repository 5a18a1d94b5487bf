package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// each runs a test for every protocol over every version of HTTP, streamed and
// not.
func each(t *testing.T, f func(t *testing.T, s *theatre, d dialect, v version, streamed bool, client speaker)) {
	s := stage.open(t)
	for _, d := range dialects {
		for _, v := range versions {
			for _, streamed := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/streamed=%v", d.name, v, streamed), func(t *testing.T) {
					t.Parallel()
					client := d.connect(t, s.gateway.base(v), clientKey, s.gateway.dial(t, v), 0)
					f(t, s, d, v, streamed, client)
				})
			}
		}
	}
}

// limit bounds a call that should be over long before.
func limit(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestText(t *testing.T) {
	finishes := map[string]string{"chat": "stop", "responses": "completed", "messages": "end_turn", "gemini": "STOP"}
	each(t, func(t *testing.T, _ *theatre, d dialect, _ version, streamed bool, client speaker) {
		var pieces []string
		got, err := client.speak(limit(t), turn{model: d.model, prompt: sayHello}, streamed, func(s string) { pieces = append(pieces, s) })
		if err != nil {
			t.Fatal(err)
		}
		if got.text != hello || got.finish != finishes[d.name] || got.model != d.model || got.input != 123 || got.output != 45 {
			t.Errorf("got %+v", got)
		}
		if streamed && (len(pieces) != 5 || strings.Join(pieces, "") != hello) {
			t.Errorf("the stream came as %q", pieces)
		}
	})
}

func TestTools(t *testing.T) {
	finishes := map[string]string{"chat": "tool_calls", "responses": "completed", "messages": "tool_use", "gemini": "STOP"}
	each(t, func(t *testing.T, _ *theatre, d dialect, _ version, streamed bool, client speaker) {
		ask := turn{model: d.model, prompt: callTool, tools: true}
		called, err := client.speak(limit(t), ask, streamed, func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		if len(called.tools) != 1 || called.tools[0].Name != "weather" || called.finish != finishes[d.name] {
			t.Fatalf("got %+v", called)
		}
		var arguments struct {
			City string
			Days int
		}
		if err := json.Unmarshal([]byte(called.tools[0].Arguments), &arguments); err != nil || arguments.City != "Köln" || arguments.Days != 2 {
			t.Fatalf("arguments %s: %v", called.tools[0].Arguments, err)
		}
		ask.before, ask.result = &called, toolResult
		got, err := client.speak(limit(t), ask, streamed, func(string) {})
		if err != nil || got.text != "Take an umbrella." {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestErrorsAreTheClientsOwn(t *testing.T) {
	kinds := map[string]map[int]string{
		"chat":      {400: "invalid_request_error", 404: "invalid_request_error", 429: "", 405: "invalid_request_error"},
		"responses": {400: "invalid_request_error", 404: "invalid_request_error", 429: "", 405: "invalid_request_error"},
		"messages":  {400: "invalid_request_error", 404: "not_found_error", 429: "rate_limit_error"},
		"gemini":    {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"},
	}
	each(t, func(t *testing.T, _ *theatre, d dialect, _ version, streamed bool, client speaker) {
		for _, c := range []struct {
			turn   turn
			status int
			words  string
		}{
			{turn{model: d.model, prompt: fail400}, 400, "the upstream's own words"},
			{turn{model: d.model, prompt: fail404}, 404, ""},
			{turn{model: "no-such-model", prompt: sayHello}, 404, "no-such-model"},
			{turn{model: d.limited, prompt: sayHello}, 429, ""},
		} {
			got, err := client.speak(limit(t), c.turn, streamed, func(s string) { t.Errorf("a failed call said %q", s) })
			if err == nil {
				t.Errorf("%+v: no error, but %+v", c.turn, got)
				continue
			}
			status, kind, message := d.failure(err)
			if status != c.status || !strings.Contains(message, c.words) || kinds[d.name][status] != "" && kind != kinds[d.name][status] {
				t.Errorf("%+v: got %d %q %q (%v), want %d", c.turn, status, kind, message, err, c.status)
			}
		}
	})
}

func TestCancelReachesTheUpstream(t *testing.T) {
	each(t, func(t *testing.T, s *theatre, d dialect, v version, streamed bool, client speaker) {
		prompt := dawdle
		if streamed {
			prompt = stall
		}
		// The mark finds this test's request among all that upstream gets.
		mark := strings.ReplaceAll(t.Name(), "/", " ")
		ctx, cancel := context.WithCancel(limit(t))
		defer cancel()
		var left time.Time
		leave := func() {
			if left.IsZero() {
				left = time.Now()
				cancel()
			}
		}
		u := s.upstreams[d.vendor]
		if !streamed {
			go func() {
				for u.Find(mark) == nil && ctx.Err() == nil {
					time.Sleep(5 * time.Millisecond)
				}
				leave()
			}()
		}
		got, err := client.speak(ctx, turn{model: d.model, prompt: prompt + ". " + mark}, streamed, func(string) { leave() })
		// Over h3 the error is of QUIC's own.
		if err == nil || v != h3 && !errors.Is(err, context.Canceled) {
			t.Errorf("got %+v, %v", got, err)
		}
		request := u.Find(mark)
		if request == nil {
			t.Fatal("nothing reached the upstream")
		}
		at, ok := request.Gone(5 * time.Second)
		if !ok {
			t.Fatal("the upstream was never told that the client left")
		}
		took := at.Sub(left)
		t.Logf("%s over %s: upstream saw it after %s", d.name, v, took)
		if took > 2*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestBrokenStreamIsAnError(t *testing.T) {
	each(t, func(t *testing.T, _ *theatre, d dialect, _ version, streamed bool, client speaker) {
		if !streamed {
			return
		}
		var seen strings.Builder
		got, err := client.speak(limit(t), turn{model: d.model, prompt: breakOff}, streamed, func(s string) { seen.WriteString(s) })
		if err == nil {
			t.Errorf("a broken stream ended well: %+v", got)
		}
		if seen.String() != "some w" && seen.String() != "some " && seen.String() != "some wo" {
			t.Errorf("before the break came %q", seen.String())
		}
		t.Logf("%s: %v", d.name, err)
	})
}
