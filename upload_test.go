package aiproxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// deadlines is a ResponseWriter that notes the deadlines that are set.
type deadlines struct {
	http.ResponseWriter
	set []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}

// TestUploadLooks drives the watch by hand: a client is given up after a pause
// in which nothing came, and not before.
func TestUploadLooks(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps string // r: a read; l: the timer fires
		set   int
	}{
		{"nothing comes", "l", 1},
		{"something comes, then nothing", "rll", 1},
		{"something comes in each pause", "rlrlrlrrrlrl", 0},
		{"it never looked", "rrr", 0},
	} {
		d := &deadlines{ResponseWriter: httptest.NewRecorder()}
		u := watchUpload(d, strings.NewReader(strings.Repeat("x", 100)), time.Hour)
		for _, step := range c.steps {
			if step == 'l' {
				u.look()
			} else if n, err := u.Read(make([]byte, 1)); n != 1 || err != nil {
				t.Fatalf("read %d, %v", n, err)
			}
		}
		if len(d.set) != c.set {
			t.Errorf("%s: %d deadlines are set, expected %d", c.name, len(d.set), c.set)
		}
		u.stop()
		u.look() // a timer that fired before it was stopped
		if len(d.set) != c.set {
			t.Errorf("%s: a deadline is set after the end", c.name)
		}
	}
}

// TestUploadEmptyReads: reads that bring nothing are no progress.
func TestUploadEmptyReads(t *testing.T) {
	d := &deadlines{ResponseWriter: httptest.NewRecorder()}
	u := watchUpload(d, strings.NewReader("x"), time.Hour)
	defer u.stop()
	if n, err := u.Read(nil); n != 0 || err != nil {
		t.Fatalf("read %d, %v", n, err)
	}
	u.look()
	if len(d.set) != 1 {
		t.Errorf("%d deadlines are set", len(d.set))
	}
}

// short is a gate that gives up after a short pause.
func short(t *testing.T, limits string) *gate {
	return newGate(t, strings.Replace(gateApp, "{", `{"limits": {`+limits+`},`, 1), "")
}

// begin sends what it is given over a connection of its own.
func begin(t *testing.T, address, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}

func head(path, more string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + ci + "\r\n" + more + "\r\n\r\n"
}

// TestStalledUploads is 408 in every protocol, as announced and chunked,
// before the first byte and after some.
func TestStalledUploads(t *testing.T) {
	g := short(t, `"upload": "50ms"`)
	server := httptest.NewServer(g)
	defer server.Close()
	address := server.Listener.Addr().String()
	for _, call := range calls {
		for _, sent := range []string{
			head(named(call.path, "echo"), "Content-Length: 100"),
			head(named(call.path, "echo"), "Content-Length: 100") + `{"model":`,
			head(named(call.path, "echo"), "Transfer-Encoding: chunked"),
			head(named(call.path, "echo"), "Transfer-Encoding: chunked") + "9\r\n{\"model\":\r\n",
			head(named(call.path, "echo"), "Transfer-Encoding: chunked") + "ffff\r\n{",
		} {
			conn := begin(t, address, sent)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Errorf("%s: %v", call.path, err)
				continue
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != http.StatusRequestTimeout || !resp.Close {
				t.Errorf("%s: got %d %s, closed %t, %v", call.path, resp.StatusCode, body, resp.Close, err)
			}
			if _, message := errorOf(t, call.protocol, resp.StatusCode, body); !strings.Contains(message, "in time") {
				t.Errorf("%s: the message is %q", call.path, message)
			}
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				t.Errorf("%s: the connection is left open", call.path)
			}
		}
	}
	if taken := g.app.relay.Budget.Taken(); taken != 0 {
		t.Errorf("%d bytes are taken", taken)
	}
}

// TestStalledStream of HTTP/2 is 408 too, and the connection goes on.
func TestStalledStream(t *testing.T) {
	g := short(t, `"upload": "50ms"`)
	server := httptest.NewUnstartedServer(g)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	client := server.Client()
	reused := 0
	for _, call := range calls {
		in, out := io.Pipe()
		go io.WriteString(out, `{"model":`)
		trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
			if info.Reused {
				reused++
			}
		}}
		r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "POST", server.URL+named(call.path, "echo"), in)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer sk-ci")
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		out.Close()
		if err != nil || resp.ProtoMajor != 2 || resp.StatusCode != http.StatusRequestTimeout {
			t.Errorf("%s: got HTTP/%d %d %s, %v", call.path, resp.ProtoMajor, resp.StatusCode, body, err)
			continue
		}
		errorOf(t, call.protocol, resp.StatusCode, body)
	}
	if reused != len(calls)-1 {
		t.Errorf("of %d calls %d had the connection of the one before", len(calls), reused)
	}
}

// TestConnectionHeader is of HTTP/1 alone: the later versions forbid it.
func TestConnectionHeader(t *testing.T) {
	g := short(t, `"body": 1`)
	for major, want := range map[int]string{1: "close", 2: "", 3: ""} {
		r := httptest.NewRequest("POST", "/v1/messages", strings.NewReader("{}"))
		r.ProtoMajor = major
		r.Header.Set("Authorization", "Bearer sk-ci")
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		wantError(t, fmt.Sprintf("HTTP/%d", major), w, protocol.Messages, protocol.KindTooLarge, "1 bytes")
		if got := w.Header().Get("Connection"); got != want {
			t.Errorf("HTTP/%d: Connection is %q, expected %q", major, got, want)
		}
	}
}

// TestTooLargeIsRead: the client reads why, although it never sent the most of
// what it announced, or was cut short while it sent.
func TestTooLargeIsRead(t *testing.T) {
	g := short(t, `"body": 1000`)
	server := httptest.NewServer(g)
	defer server.Close()
	address := server.Listener.Addr().String()
	conn := begin(t, address, head("/v1/messages", "Expect: 100-continue\r\nContent-Length: 1000000000"))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Fatalf("got %v, %v", resp, err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	errorOf(t, protocol.Messages, resp.StatusCode, body)

	for _, length := range []int{1001, 4 << 20} {
		resp, err := http.Post(server.URL+"/v1/messages?key=x", "application/json", struct{ io.Reader }{strings.NewReader(strings.Repeat(" ", length))})
		if err != nil {
			t.Errorf("%d bytes without a key: %v", length, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != 401 {
			t.Errorf("%d bytes without a key: got %d", length, resp.StatusCode)
		}
	}
}

// TestClientLeaves breaks uploads off: their memory comes back.
func TestClientLeaves(t *testing.T) {
	g := newGate(t, "", "")
	var inside atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inside.Add(1)
		defer inside.Add(-1)
		g.ServeHTTP(w, r)
	}))
	defer server.Close()
	budget := g.app.relay.Budget
	var conns []net.Conn
	for _, call := range calls {
		conns = append(conns, begin(t, server.Listener.Addr().String(), head(named(call.path, "echo"), "Content-Length: 100000")+`{"model":`))
	}
	eventually(t, "every upload", func() bool { return budget.Taken() == int64(len(calls))*(64<<10) })
	for i, conn := range conns {
		if i%2 == 0 {
			conn.(*net.TCPConn).SetLinger(0) // a reset, not a farewell
		}
		conn.Close()
	}
	eventually(t, "the end of every upload", func() bool { return inside.Load() == 0 })
	if taken := budget.Taken(); taken != 0 {
		t.Errorf("%d bytes are taken", taken)
	}
}

// TestManyUploads begins 2,000 uploads at once that announce 32 MiB each, 62
// GiB in all, and send little: what they hold stays within the budget, and
// those that it does not hold are refused.
func TestManyUploads(t *testing.T) {
	const uploads, memory = 2000, 64 << 20
	g := short(t, fmt.Sprintf(`"memory": %d`, memory))
	server := httptest.NewServer(g)
	defer server.Close()
	address := server.Listener.Addr().String()
	budget := g.app.relay.Budget
	before := heap()
	var refused, broken atomic.Int64
	var wg sync.WaitGroup
	conns := make([]net.Conn, uploads)
	for i := range conns {
		call := calls[i%len(calls)]
		conns[i] = begin(t, address, head(named(call.path, "echo"), "Content-Length: 33554432")+`{"model":"echo"`)
		wg.Go(func() {
			resp, err := http.ReadResponse(bufio.NewReader(conns[i]), nil)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				broken.Add(1)
				return
			}
			body, err := io.ReadAll(resp.Body)
			want := protocol.KindOverloaded.In(call.protocol).Status
			if err != nil || resp.StatusCode != want || resp.Header.Get("Retry-After") != "1" {
				t.Errorf("got %d %s, %v", resp.StatusCode, body, err)
			}
			errorOf(t, call.protocol, resp.StatusCode, body)
			refused.Add(1)
		})
		if taken := budget.Taken(); taken > memory {
			t.Fatalf("%d bytes are taken of %d", taken, memory)
		}
	}
	const held = memory / (64 << 10)
	eventually(t, "the last refusal", func() bool { return refused.Load()+broken.Load() >= uploads-held })
	if taken := budget.Taken(); taken != memory {
		t.Errorf("%d bytes are taken of %d", taken, memory)
	}
	grown := heap() - before
	t.Logf("%d uploads: %d refused, the heap grew by %d KiB", uploads, refused.Load(), grown>>10)
	// Beside the bodies there is what net/http keeps for 2,000 connections, at
	// both ends.
	if grown > memory+uploads*(32<<10) {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	for _, conn := range conns {
		conn.Close()
	}
	wg.Wait()
	if broken.Load() > 0 {
		t.Errorf("%d uploads had no answer", broken.Load())
	}
	eventually(t, "the memory", func() bool { return budget.Taken() == 0 })
	if w := g.ask("POST", calls[0].path, named(calls[0].body, "echo"), ci); w.Code != 200 {
		t.Errorf("afterwards: got %d %s", w.Code, w.Body)
	}
}

// heap is what is in use of it after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
