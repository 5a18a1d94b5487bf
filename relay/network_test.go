package relay

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/routing"
)

// network is a gateway between real servers on loopback. A client that sends
// the header Whole asks for no stream.
type network struct {
	t        *testing.T
	world    *world
	upstream *httptest.Server
	gateway  *httptest.Server
	client   *http.Client
	// dialled counts the connections made to the upstream.
	dialled atomic.Int32
	results chan Outcome
}

// patient is what a test waits at most for what has to happen soon.
const patient = 10 * time.Second

func newNetwork(t *testing.T, http2 bool, upstream http.HandlerFunc) *network {
	n := &network{t: t, world: newWorld(t, 1, 1).streamed(), results: make(chan Outcome, 100)}
	n.upstream = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A server sees that its client has left only once it has read all.
		io.Copy(io.Discard, r.Body)
		upstream(w, r)
	}))
	n.upstream.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			n.dialled.Add(1)
		}
	}
	n.upstream.Start()
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 100}
	base, err := url.Parse(n.upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	n.world.channels[0].BaseURL, n.world.channels[0].Transport = base, transport
	catalogue := routing.NewCatalogue(n.world.channels, nil)

	n.gateway = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		plan, refusal := catalogue.Plan(routing.Call{Model: model, Sets: []string{routing.DefaultSet},
			Protocol: protocol.Chat, Operation: protocol.Generate})
		if refusal != nil {
			t.Error(refusal)
			return
		}
		call := n.world.call
		request := *call.Request
		request.Stream = r.Header.Get("Whole") == ""
		call.Request, call.Header, call.Plan = &request, r.Header, plan
		n.results <- n.world.relay.Do(r.Context(), w, &call)
	}))
	n.gateway.EnableHTTP2 = http2
	if http2 {
		n.gateway.StartTLS()
	} else {
		n.gateway.Start()
	}
	n.client = n.gateway.Client()
	t.Cleanup(func() {
		n.client.CloseIdleConnections()
		n.gateway.Close()
		transport.CloseIdleConnections()
		n.upstream.Close()
		if taken := n.world.relay.Budget.Taken(); taken != 0 {
			t.Errorf("%d bytes of the budget were not given back", taken)
		}
	})
	return n
}

// get calls the gateway; the client's headers are pairs.
func (n *network) get(ctx context.Context, pairs ...string) *http.Response {
	n.t.Helper()
	req, err := http.NewRequestWithContext(ctx, "POST", n.gateway.URL, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header = head(pairs...)
	resp, err := n.client.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	return resp
}

// outcome waits for a call's.
func (n *network) outcome() Outcome {
	n.t.Helper()
	select {
	case o := <-n.results:
		return o
	case <-time.After(patient):
		n.t.Fatal("the call does not end")
		return Outcome{}
	}
}

// serveStream says texts, each flushed.
func serveStream(w http.ResponseWriter, texts ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, s := range texts {
		io.WriteString(w, s)
		w.(http.Flusher).Flush()
	}
}

// both runs a test over HTTP/1.1 and HTTP/2.
func both(t *testing.T, f func(t *testing.T, http2 bool)) {
	t.Run("h1", func(t *testing.T) { f(t, false) })
	t.Run("h2", func(t *testing.T) { f(t, true) })
}

func TestNetworkStream(t *testing.T) {
	both(t, func(t *testing.T, http2 bool) {
		n := newNetwork(t, http2, func(w http.ResponseWriter, r *http.Request) { serveStream(w, sseOf("h"), sseOf("cA"), sseOf("t")) })
		resp := n.get(t.Context())
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != sseOf("h", "cA", "t") || (resp.ProtoMajor == 2) != http2 {
			t.Errorf("%s %q, %v", resp.Proto, body, err)
		}
		if o := n.outcome(); o.Result != OK {
			t.Errorf("%+v", o)
		}
	})
}

// TestNetworkReuse: after a stream's end its connection serves the next call.
// A loaded machine may take longer than drain now and then, so a few new
// connections are forgiven; without a drain each stream would make one.
func TestNetworkReuse(t *testing.T) {
	n := newNetwork(t, false, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Accept") == "end":
			serveStream(w, sseOf("cA", "d"))
		case r.Header.Get("Accept") == "refuse":
			w.WriteHeader(400)
			io.WriteString(w, theirs)
		default:
			serveStream(w, sseOf("cA", "t"))
		}
	})
	const rounds = 10
	for range rounds {
		for _, accept := range []string{"", "end", "refuse"} {
			resp := n.get(t.Context(), "Accept", accept)
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Error(err)
			}
			resp.Body.Close()
			n.outcome()
		}
	}
	if got := n.dialled.Load(); got > rounds/2 {
		t.Errorf("%d connections were made for %d calls", got, 3*rounds)
	}
}

// TestNetworkBrokenIsNotReused: a stream that was left before its end closes
// the connection, and the upstream's handler sees it.
func TestNetworkBrokenIsNotReused(t *testing.T) {
	left := make(chan struct{}, 10)
	n := newNetwork(t, false, func(w http.ResponseWriter, r *http.Request) {
		serveStream(w, sseOf("cA", "fupstream:boom"))
		<-r.Context().Done()
		left <- struct{}{}
	})
	for range 2 {
		resp := n.get(t.Context())
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != sseOf("cA", "fupstream:boom") {
			t.Errorf("%q, %v", body, err)
		}
		n.outcome()
		select {
		case <-left:
		case <-time.After(patient):
			t.Fatal("the upstream's request goes on")
		}
	}
	if got := n.dialled.Load(); got != 2 {
		t.Errorf("%d connections were made", got)
	}
}

// TestNetworkClientLeaves: the upstream's call ends when the client leaves,
// before headers, before content and after it.
func TestNetworkClientLeaves(t *testing.T) {
	for _, when := range []string{"headers", "content", "stream", "answer"} {
		t.Run(when, func(t *testing.T) {
			both(t, func(t *testing.T, http2 bool) {
				arrived, ended := make(chan struct{}), make(chan struct{})
				n := newNetwork(t, http2, func(w http.ResponseWriter, r *http.Request) {
					switch when {
					case "content":
						serveStream(w, sseOf("h"))
					case "stream":
						serveStream(w, sseOf("h", "cA"))
					case "answer":
						serveStream(w, `{"half":`)
					}
					close(arrived)
					<-r.Context().Done()
					close(ended)
				})
				ctx, leave := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				wg.Go(func() {
					req, err := http.NewRequestWithContext(ctx, "POST", n.gateway.URL, nil)
					if err != nil {
						t.Error(err)
						return
					}
					if when == "answer" {
						req.Header.Set("Whole", "yes")
					}
					resp, err := n.client.Do(req)
					if err != nil {
						return
					}
					defer resp.Body.Close()
					body, _ := io.ReadAll(resp.Body)
					if when == "stream" && !strings.HasPrefix(sseOf("h", "cA"), string(body)) {
						t.Errorf("the client got %q", body)
					}
				})
				<-arrived
				leave()
				select {
				case <-ended:
				case <-time.After(patient):
					t.Fatal("the upstream's request goes on")
				}
				if o := n.outcome(); o.Result != ClientGone || o.Status != 499 {
					t.Errorf("%+v", o)
				}
				wg.Wait()
			})
		})
	}
}

// TestNetworkClientReadsNothing: the sockets' buffers are full, and idle cuts
// the call. It is long enough for a loaded machine to fill them.
func TestNetworkClientReadsNothing(t *testing.T) {
	both(t, func(t *testing.T, http2 bool) {
		t.Parallel()
		event := sseOf("c" + strings.Repeat("x", 8<<10))
		n := newNetwork(t, http2, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, event); err != nil {
					return
				}
			}
		})
		n.world.relay.Idle = 2 * time.Second
		resp := n.get(t.Context())
		defer resp.Body.Close()
		if o := n.outcome(); o.Result != ClientGone {
			t.Errorf("%+v", o)
		}
	})
}

// TestNetworkConnectionAfterALimit: what ended one call leaves no deadline on
// the client's connection, which goes on to the next.
func TestNetworkConnectionAfterALimit(t *testing.T) {
	both(t, func(t *testing.T, http2 bool) {
		n := newNetwork(t, http2, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept") == "good" {
				serveStream(w, sseOf("cA", "t"))
				return
			}
			serveStream(w, sseOf("cA"))
			<-r.Context().Done()
		})
		n.world.relay.Idle = 20 * time.Millisecond
		n.world.call.Ping = 3 * time.Millisecond
		broke := breakOf(protocol.KindUpstreamTimeout, "upstream: silent for too long")
		for i := range 20 {
			resp := n.get(t.Context())
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || strings.ReplaceAll(string(body), pinged, "") != sseOf("cA")+broke {
				t.Fatalf("call %d: %q, %v", i, body, err)
			}
			n.outcome()
			resp = n.get(t.Context(), "Accept", "good")
			body, err = io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || strings.ReplaceAll(string(body), pinged, "") != sseOf("cA", "t") {
				t.Fatalf("call %d after a limit: %q, %v", i, body, err)
			}
			n.outcome()
		}
	})
}
