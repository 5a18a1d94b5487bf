package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/internal/upstream"
)

// trouble is what the first channel does; the second is well.
type trouble struct {
	name     string
	reply    upstream.Reply
	streamed bool
	// refused is an upstream that nobody listens at.
	refused bool
}

var troubles = []trouble{
	{name: "500", reply: upstream.Fail(500)},
	{name: "503", reply: upstream.Fail(503), streamed: true},
	{name: "429", reply: upstream.RateLimited(60)},
	{name: "429 streamed", reply: upstream.RateLimited(60), streamed: true},
	{name: "refused", refused: true},
	{name: "garbled", reply: upstream.Reply{Encoding: upstream.Garbled}},
	{name: "header bomb", reply: upstream.HeaderBomb(2 << 20)},
	{name: "error event", reply: upstream.Reply{Fault: upstream.FailEvent}, streamed: true},
	{name: "cut", reply: upstream.Reply{Fault: upstream.Cut}, streamed: true},
	{name: "no end", reply: upstream.Reply{Fault: upstream.NoEnd}, streamed: true},
	{name: "silent", reply: upstream.Reply{Fault: upstream.Stall}, streamed: true},
}

func TestFailoverBeforeContent(t *testing.T) {
	app, good := strings.Builder{}, map[upstream.Vendor]*upstream.Server{}
	for _, c := range cast {
		good[c.vendor] = upstream.New(t, c.vendor)
		good[c.vendor].Otherwise(upstream.Text("from the second"))
	}
	bad := map[string]*upstream.Server{}
	for _, d := range dialects {
		for i, tr := range troubles {
			u := upstream.New(t, d.vendor)
			u.Otherwise(tr.reply)
			if tr.refused {
				u.URL = "http://127.0.0.1:1/v1"
			}
			name := fmt.Sprintf("%s-%d", d.name, i)
			bad[name] = u
			// Both channels serve a name of this trouble's own.
			app.WriteString(channel("bad-"+name, u, "map "+name+" "+d.model, "priority 2"))
			app.WriteString(channel("good-"+name, good[d.vendor], "map "+name+" "+d.model, "priority 1"))
		}
	}
	app.WriteString("group acme\n" + token("acme", "ci", clientKey) + block("retry", "first_token 2s", "idle 2s"))
	g := start(t, config{App: app.String()})
	for _, d := range dialects {
		for i, tr := range troubles {
			t.Run(d.name+"/"+tr.name, func(t *testing.T) {
				name := fmt.Sprintf("%s-%d", d.name, i)
				calls := &counter{inner: g.dial(t, h1).Transport}
				client := d.connect(t, g.Plain, clientKey, &http.Client{Transport: calls}, 0)
				got, err := client.speak(limit(t), turn{model: name, prompt: "hi"}, tr.streamed, func(string) {})
				if err != nil || got.text != "from the second" {
					t.Fatalf("got %+v, %v", got, err)
				}
				_, header := calls.seen()
				if header.Get("Aiproxy-Channel") != "good-"+name || header.Get("Aiproxy-Attempts") != "2" {
					t.Errorf("channel %q after %q attempts", header.Get("Aiproxy-Channel"), header.Get("Aiproxy-Attempts"))
				}
				if n := len(bad[name].Requests()); n != 1 && !tr.refused {
					t.Errorf("the first channel was asked %d times", n)
				}
				if !strings.HasPrefix(tr.name, "429") {
					return
				}
				// A channel over its limit rests: it is not asked again.
				if got, err = client.speak(limit(t), turn{model: name, prompt: "hi"}, tr.streamed, func(string) {}); err != nil || got.text != "from the second" {
					t.Errorf("got %+v, %v", got, err)
				}
				if n := len(bad[name].Requests()); n != 1 {
					t.Errorf("a resting channel was asked: %d requests", n)
				}
			})
		}
	}
}

// TestNoFailoverForTheClientsFault: a 400 goes back at once.
func TestNoFailoverForTheClientsFault(t *testing.T) {
	first, second := upstream.New(t, upstream.OpenAI), upstream.New(t, upstream.OpenAI)
	first.Otherwise(upstream.Reply{Status: 400, Message: "the client's fault"})
	g := start(t, config{App: channel("first", first, "models gpt-5", "priority 2") + channel("second", second, "models gpt-5", "priority 1") +
		"group acme\n" + token("acme", "ci", clientKey)})
	got := shapes[0].call(t, g.Plain, g.dial(t, h1), "gpt-5", "hi", false)
	want := "{\n  \"error\": {\n    \"message\": \"the client's fault\",\n    \"type\": \"invalid_request_error\",\n    \"param\": null,\n    \"code\": null\n  }\n}"
	if got.status != 400 || string(got.body) != want {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if n := len(second.Requests()); n != 0 {
		t.Errorf("the second channel was asked %d times", n)
	}
}

// TestErrorAfterContent: once a client has seen content, an upstream's fault
// is an error of the client's protocol, no second answer and no false end.
func TestErrorAfterContent(t *testing.T) {
	for _, d := range dialects {
		first, second := upstream.New(t, d.vendor), upstream.New(t, d.vendor)
		g := start(t, config{App: channel("first", first, "models "+d.model, "priority 2") + channel("second", second, "models "+d.model, "priority 1") +
			"group acme\n" + token("acme", "ci", clientKey) + block("retry", "idle 1s")})
		for _, fault := range []upstream.Fault{upstream.FailEvent, upstream.Cut, upstream.NoEnd, upstream.Stall} {
			t.Run(fmt.Sprintf("%s/%d", d.name, fault), func(t *testing.T) {
				first.Otherwise(upstream.Reply{Text: "some words", Chunks: 5, Fault: fault, After: 3})
				var seen strings.Builder
				client := d.connect(t, g.Plain, clientKey, g.dial(t, h1), 0)
				got, err := client.speak(limit(t), turn{model: d.model, prompt: "hi"}, true, func(s string) { seen.WriteString(s) })
				if err == nil || seen.String() != "some w" {
					t.Errorf("saw %q, then %+v, %v", seen.String(), got, err)
				}
				t.Logf("the client was told: %v", err)
			})
		}
		if n := len(second.Requests()); n != 0 {
			t.Errorf("%s: the second channel was asked %d times", d.name, n)
		}
	}
}
