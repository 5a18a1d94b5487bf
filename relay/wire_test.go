package relay

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

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
