package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-aiproxy/aiproxy/internal/upstream"
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/chat"
	"github.com/caddy-aiproxy/aiproxy/protocol/gemini"
	"github.com/caddy-aiproxy/aiproxy/protocol/messages"
	"github.com/caddy-aiproxy/aiproxy/protocol/responses"
)

var codecs = map[string]protocol.Codec{
	"chat": chat.Codec{}, "responses": responses.Codec{}, "messages": messages.Codec{}, "gemini": gemini.Codec{},
}

// TestPings: a slow upstream's silence is filled after the first content, and
// the official clients read over what fills it.
func TestPings(t *testing.T) {
	for _, before := range []bool{false, true} {
		site, app := "ping 30ms", strings.Builder{}
		if before {
			site += "\nping before_content"
		}
		for _, c := range cast {
			u := upstream.New(t, c.vendor)
			u.Otherwise(upstream.Reply{Text: hello, Chunks: 3, Delay: 150 * time.Millisecond, Gap: 75 * time.Millisecond})
			app.WriteString(channel(c.vendor.String(), u, "models "+c.models))
		}
		app.WriteString("group acme\n" + token("acme", "ci", clientKey))
		g := start(t, config{App: app.String(), Site: site})
		for _, d := range dialects {
			for _, v := range versions {
				t.Run(fmt.Sprintf("before=%v/%s/%s", before, d.name, v), func(t *testing.T) {
					t.Parallel()
					got, err := d.connect(t, g.base(v), clientKey, g.dial(t, v), 0).speak(limit(t), turn{model: d.model, prompt: "hi"}, true, func(string) {})
					if err != nil || got.text != hello {
						t.Errorf("got %+v, %v", got, err)
					}
				})
			}
		}
		for _, shape := range shapes {
			t.Run(fmt.Sprintf("before=%v/bytes of %s", before, shape.name), func(t *testing.T) {
				t.Parallel()
				got := shape.call(t, g.Plain, g.dial(t, h1), shape.model, "hi", true)
				// The same without the silence.
				u := upstream.New(t, shape.vendor)
				u.Otherwise(upstream.Reply{Text: hello, Chunks: 3})
				want := directly(t, u, shape, "hi")
				if len(got.body) <= len(want) {
					t.Errorf("no ping in %q", got.body)
				}
				// Without the pings it is the upstream's stream.
				if rest := withoutPings(shape.name, string(got.body)); rest != withoutPings(shape.name, string(want)) {
					t.Errorf("got\n%q\nwant\n%q", rest, want)
				}
				if first := bytes.HasPrefix(got.body, want[:10]); first == before {
					t.Errorf("the stream begins with %q", got.body[:min(len(got.body), 60)])
				}
			})
		}
	}
}

// withoutPings takes out what only keeps a stream alive.
func withoutPings(name, stream string) string {
	switch name {
	case "chat", "responses":
		return strings.ReplaceAll(stream, ": ping\n", "")
	case "array":
		return strings.Join(strings.Fields(stream), "")
	}
	end := "\n\n"
	if name == "gemini" {
		end = "\r\n\r\n"
	}
	var kept strings.Builder
	// Before the first event nobody knows yet how upstream ends its lines.
	for event := range strings.SplitAfterSeq(strings.TrimLeft(stream, "\n"), end) {
		if event != end && !strings.HasPrefix(event, "event: ping") {
			kept.WriteString(event)
		}
	}
	return kept.String()
}

// TestClientsReadOverPings hands the codecs' pings to the clients between all
// events, with every way of cutting the connection's bytes left to chance
// taken out: one write an event, and all in one write.
func TestClientsReadOverPings(t *testing.T) {
	for _, d := range dialects {
		u := upstream.New(t, d.vendor)
		u.Otherwise(upstream.Reply{Text: hello, Chunks: 3})
		for _, whole := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/whole=%v", d.name, whole), func(t *testing.T) {
				base := serve(t, pinging(u, codecs[d.name], whole))
				client := &http.Client{Transport: &http.Transport{}}
				defer client.CloseIdleConnections()
				got, err := d.connect(t, base, u.Key, client, 0).speak(limit(t), turn{model: d.model, prompt: "hi"}, true, func(string) {})
				if err != nil || got.text != hello {
					t.Errorf("got %+v, %v", got, err)
				}
			})
		}
	}
}

// pinging relays to an upstream and puts the codec's ping around its events.
func pinging(u *upstream.Server, codec protocol.Codec, whole bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		root := strings.TrimSuffix(strings.TrimSuffix(u.URL, "/v1beta"), "/v1")
		out, err := http.NewRequestWithContext(r.Context(), r.Method, root+r.URL.RequestURI(), r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		out.Header = r.Header.Clone()
		resp, err := http.DefaultTransport.RoundTrip(out)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		body, _ := io.ReadAll(resp.Body)
		w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		w.WriteHeader(resp.StatusCode)
		stream, end := codec.Stream(protocol.Edits{}, false), "\n\n"
		if strings.Contains(string(body), "\r\n\r\n") {
			end = "\r\n\r\n"
		}
		for event := range strings.SplitAfterSeq(string(body), end) {
			if event == "" {
				continue
			}
			sent, class := stream.Event([]byte(event))
			_, _ = w.Write(sent)
			if class == protocol.Terminal {
				break
			}
			if !whole {
				_ = http.NewResponseController(w).Flush()
			}
			_, _ = w.Write(stream.Ping())
		}
	})
}

// serve runs a handler for one test.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + l.Addr().String()
}
