package relay

import (
	"bufio"
	"context"
	"fmt"
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

// rawUpstream answers each connection with bytes as they are, then closes it;
// reset makes that a RST.
func rawUpstream(t *testing.T, text string, reset bool) *url.URL {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			r := bufio.NewReader(conn)
			if req, err := http.ReadRequest(r); err == nil {
				io.Copy(io.Discard, req.Body)
			}
			io.WriteString(conn, text)
			if reset {
				// What was not read yet may be lost with it: no test counts on
				// the bytes before a reset.
				conn.(*net.TCPConn).SetLinger(0)
			}
			conn.Close()
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return &url.URL{Scheme: "http", Host: l.Addr().String()}
}

// TestNetworkBreaks is what really comes off a broken wire.
func TestNetworkBreaks(t *testing.T) {
	const plain, events = "Content-Type: application/json\r\n", "Content-Type: text/event-stream\r\n"
	chunk := func(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }
	broke := breakOf(protocol.KindUpstream, "upstream: connection broke")
	none := errorBody(protocol.KindUpstream, "upstream: connection broke")
	tests := []struct {
		name   string
		stream bool
		says   string
		reset  bool
		status int
		body   string
	}{
		{"closes at once", false, "", false, 502, none},
		{"resets at once", false, "", true, 502, none},
		{"half a header", false, "HTTP/1.1 200 OK\r\nContent-Ty", false, 502, none},
		{"no HTTP", false, "SSH-2.0-OpenSSH_9.6\r\n", false, 502, none},
		{"a header bomb", false, "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-Bomb: "+strings.Repeat("x", 1000)+"\r\n", 20_000) + "\r\n", false, 502, none},
		{"truncated", false, "HTTP/1.1 200 OK\r\n" + plain + "Content-Length: 100\r\n\r\n{\"half\":", false, 502, none},
		{"truncated by a reset", false, "HTTP/1.1 200 OK\r\n" + plain + "Content-Length: 100\r\n\r\n{\"half\":", true, 502, none},
		{"truncated chunks", false, "HTTP/1.1 200 OK\r\n" + plain + "Transfer-Encoding: chunked\r\n\r\n" + chunk(`{"half":`), false, 502, none},
		{"garbled chunks", false, "HTTP/1.1 200 OK\r\n" + plain + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}", false, 502, none},
		{"garbled gzip", false, "HTTP/1.1 200 OK\r\n" + plain + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", false, 502,
			errorBody(protocol.KindUpstream, "upstream: sent a garbled body")},
		{"ends with the connection", false, "HTTP/1.0 200 OK\r\n" + plain + "\r\n{}", false, 200, "{}"},
		{"a redirect", false, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", false, 502,
			errorBody(protocol.KindUpstream, "upstream answered with the status 302")},
		{"switches protocols", false, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello", false, 502,
			errorBody(protocol.KindUpstream, "upstream answered with the status 101")},
		{"hints first", false, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n" + plain + "Content-Length: 2\r\n\r\n{}", false, 200, "{}"},

		{"stream: before content", true, "HTTP/1.1 200 OK\r\n" + events + "Transfer-Encoding: chunked\r\n\r\n" + chunk(sseOf("h")), false, 502, none},
		{"stream: before content by a reset", true, "HTTP/1.1 200 OK\r\n" + events + "Transfer-Encoding: chunked\r\n\r\n" + chunk(sseOf("h")), true, 502, none},
		{"stream: after content", true, "HTTP/1.1 200 OK\r\n" + events + "Transfer-Encoding: chunked\r\n\r\n" + chunk(sseOf("cA")) + "5\r\nda", false, 200, sseOf("cA") + broke},
		{"stream: ends with the connection", true, "HTTP/1.0 200 OK\r\n" + events + "\r\n" + sseOf("cA", "t"), false, 200, sseOf("cA", "t")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newNetwork(t, false, func(http.ResponseWriter, *http.Request) {})
			n.world.channels[0].BaseURL = rawUpstream(t, tt.says, tt.reset)
			whole := "yes"
			if tt.stream {
				whole = ""
			}
			resp := n.get(t.Context(), "Whole", whole)
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.status || string(body) != tt.body {
				t.Errorf("got %d %q, %v", resp.StatusCode, body, err)
			}
			n.outcome()
		})
	}
}

// TestNetworkDialError: nobody listens.
func TestNetworkDialError(t *testing.T) {
	n := newNetwork(t, false, func(http.ResponseWriter, *http.Request) {})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	n.world.channels[0].BaseURL = &url.URL{Scheme: "http", Host: addr}
	resp := n.get(t.Context())
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 502 || strings.Contains(string(body), addr) {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
	n.outcome()
}
