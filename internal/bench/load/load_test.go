package load

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/caddy-aiproxy/aiproxy/internal/bench/mock"
	"github.com/caddy-aiproxy/aiproxy/internal/bench/script"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func lookup(t testing.TB, name string) *script.Exchange {
	t.Helper()
	x, err := script.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func startMock(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var server mock.Server
	done := make(chan error, 1)
	go func() { done <- server.Serve(ln) }()
	t.Cleanup(func() {
		ln.Close()
		server.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

// The generator and the mock agree on every exchange, to the byte.
func TestAgainstMock(t *testing.T) {
	addr := startMock(t)
	for _, c := range []struct {
		name            string
		conns, requests int
	}{
		{script.Call1K, 8, 400}, {script.Call100K, 2, 20}, {script.Call1M, 2, 6},
		{script.Stream, 4, 40}, {script.StreamEdit, 4, 40}, {script.SlowInstant, 10, 20},
	} {
		x := lookup(t, c.name)
		r, err := Run(t.Context(), Plan{Addr: addr, Key: script.UpstreamKey, Exchange: x, Conns: c.conns, Requests: c.requests})
		if err != nil {
			t.Fatal(err)
		}
		if r.Requests != c.requests || len(r.Latency) != c.requests || !slices.IsSorted(r.Latency) || r.PerSecond() <= 0 {
			t.Errorf("%s: %d requests, %d latencies, %v per second", c.name, r.Requests, len(r.Latency), r.PerSecond())
		}
		tokens, lags := 0, 0
		if x.Streamed() {
			tokens = c.requests
		}
		if x.Stamped {
			lags = c.requests * x.Chunks
		}
		if len(r.FirstToken) != tokens || len(r.Lag) != lags {
			t.Errorf("%s: %d first tokens, %d lags", c.name, len(r.FirstToken), len(r.Lag))
		}
		if tokens > 0 && (r.FirstToken[0] <= 0 || Quantile(r.FirstToken, 1) > Quantile(r.Latency, 1)) {
			t.Errorf("%s: first token after %v to %v, all after %v", c.name, r.FirstToken[0], Quantile(r.FirstToken, 1), Quantile(r.Latency, 1))
		}
	}
}

func TestBounds(t *testing.T) {
	addr := startMock(t)
	plan := Plan{Addr: addr, Key: script.UpstreamKey, Exchange: lookup(t, script.Call1K), Conns: 3}
	if _, err := Run(t.Context(), plan); err == nil {
		t.Error("a plan without an end was run")
	}
	if _, err := Run(t.Context(), Plan{Addr: addr, Exchange: plan.Exchange, Requests: 1}); err == nil {
		t.Error("a plan without clients was run")
	}
	each := plan
	each.PerConn, each.Ramp = 2, 3*time.Millisecond
	if r, err := Run(t.Context(), each); err != nil || r.Requests != 6 {
		t.Errorf("two requests of each of three clients: %+v, %v", r, err)
	}
	timed := plan
	timed.Duration = 20 * time.Millisecond
	if r, err := Run(t.Context(), timed); err != nil || r.Requests == 0 || r.Elapsed < timed.Duration {
		t.Errorf("for 20 ms: %+v, %v", r, err)
	}
	timed.Duration = time.Nanosecond
	if r, err := Run(t.Context(), timed); err != nil || r.Requests != 3 {
		t.Errorf("for no time at all: %+v, %v", r, err)
	}
}

func TestCancelled(t *testing.T) {
	// A server that takes requests and never answers.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(io.Discard, conn)
			}()
		}
	}()
	plan := Plan{Addr: ln.Addr().String(), Exchange: lookup(t, script.Call1K), Conns: 3, PerConn: 1, Patience: 20 * time.Millisecond}
	if _, err := Run(t.Context(), plan); err == nil || !strings.Contains(err.Error(), "not finished after 20ms") {
		t.Errorf("out of patience: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	plan.Patience = time.Minute
	if _, err := Run(ctx, plan); err == nil {
		t.Error("a cancelled run has no error")
	}
	ln.Close()
	if _, err := Run(t.Context(), plan); err == nil {
		t.Error("a run against a closed port has no error")
	}
}

// What the mock refuses reaches the caller with its reason.
func TestRefusalIsTold(t *testing.T) {
	addr := startMock(t)
	_, err := Run(t.Context(), Plan{Addr: addr, Key: script.ClientKey, Exchange: lookup(t, script.Call1K), Conns: 1, Requests: 1})
	if err == nil || !strings.Contains(err.Error(), "401") || !strings.Contains(err.Error(), "the key is not the channel's") {
		t.Errorf("error %v", err)
	}
	altered := *lookup(t, script.Call1K)
	altered.Body = bytes.Replace(altered.Body, []byte("handler"), []byte("Handler"), 1)
	_, err = Run(t.Context(), Plan{Addr: addr, Key: script.UpstreamKey, Exchange: &altered, Conns: 1, Requests: 1})
	if err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("error %v", err)
	}
}

// Every way in which an answer can be wrong ends the run. The server is
// net/http's, so that this also holds the generator against its framing.
func TestWrongAnswers(t *testing.T) {
	call, stream, stamped := lookup(t, script.Call1K), lookup(t, script.Stream), lookup(t, script.SlowInstant)
	events := func(x *script.Exchange) (list []string) {
		for _, e := range x.Events(x.AsksUsage) {
			list = append(list, string(e.Bytes))
		}
		return list
	}
	without := func(list []string, i int) []string { return slices.Delete(slices.Clone(list), i, i+1) }
	twice := func(list []string, i int) []string { return slices.Insert(slices.Clone(list), i, list[i]) }
	swap := func(list []string, i, j int) []string {
		list = slices.Clone(list)
		list[i], list[j] = list[j], list[i]
		return list
	}
	answer := string(call.Answer)
	zeros := strings.Repeat("0", script.StampDigits)
	now := fmt.Sprint(time.Now().UnixNano())
	restamp := func(stamp string) []string {
		list := events(stamped)
		for i := range list {
			list[i] = strings.Replace(list[i], zeros, now, 1)
		}
		list[3] = strings.Replace(list[3], now, stamp, 1)
		return list
	}
	const sse = "text/event-stream"
	for _, c := range []struct {
		name   string
		x      *script.Exchange
		kind   string
		status int
		pieces []string
		says   string // of the error, empty for a right answer
	}{
		{"right", call, "application/json", 200, []string{answer}, ""},
		{"right in pieces", call, "application/json", 200, []string{answer[:100], answer[100:]}, ""},
		{"right stream", stream, sse, 200, events(stream), ""},
		{"right stamps", stamped, sse, 200, restamp(now), ""},
		{"a wrong byte", call, "application/json", 200, []string{strings.Replace(answer, "chatcmpl", "chatcmpL", 1)}, "byte 14 of the answer differs"},
		{"a byte short", call, "application/json", 200, []string{answer[:len(answer)-1]}, "the answer ends after"},
		{"a byte long", call, "application/json", 200, []string{answer + "\n"}, "the answer is longer"},
		{"empty", call, "application/json", 200, nil, "the answer ends after 0"},
		{"a wrong status", call, "application/json", 502, []string{`{"error":"mine"}`}, `502 Bad Gateway: {"error":"mine"}`},
		{"created", call, "application/json", 201, []string{answer}, "201 Created"},
		{"a long error", call, "application/json", 500, []string{strings.Repeat("e", 5000)}, "500 Internal Server Error: eee"},
		{"not a stream", stream, "application/json", 200, events(stream), "content type"},
		{"a stream", call, sse, 200, []string{answer}, "content type"},
		{"a lost chunk", stream, sse, 200, without(events(stream), 50), "differs"},
		{"a lost last chunk", stream, sse, 200, events(stream)[:103], "the answer ends after"},
		{"a chunk twice", stream, sse, 200, twice(events(stream), 50), "differs"},
		{"chunks swapped", stream, sse, 200, swap(events(stream), 50, 51), "differs"},
		{"usage lost", stream, sse, 200, without(events(stream), 102), "differs"},
		{"a comment put in", stream, sse, 200, append([]string{": ping\n\n"}, events(stream)...), "byte 0 of the answer differs"},
		{"[DONE] twice", stream, sse, 200, twice(events(stream), 103), "the answer is longer"},
		{"letters in a stamp", stamped, sse, 200, restamp(strings.Repeat("x", script.StampDigits)), "stamp 2: "},
		{"a stamp of long ago", stamped, sse, 200, restamp("1000000000000000000"), "late"},
		{"a stamp too short", stamped, sse, 200, restamp(now[1:]), "stamp 2: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || !bytes.Equal(body, c.x.Body) || r.Header.Get("Authorization") != "Bearer key" || r.URL.Path != script.Path {
					http.Error(w, "the request is wrong", http.StatusTeapot)
					return
				}
				w.Header().Set("Content-Type", c.kind)
				w.WriteHeader(c.status)
				for _, p := range c.pieces {
					io.WriteString(w, p)
					if len(c.pieces) > 1 {
						w.(http.Flusher).Flush()
					}
				}
			}))
			defer server.Close()
			_, err := Run(t.Context(), Plan{Addr: server.Listener.Addr().String(), Key: "key", Exchange: c.x, Conns: 1, Requests: 2})
			switch {
			case c.says == "" && err != nil:
				t.Error(err)
			case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
		})
	}
}

// Connections that break are errors, whenever it happens.
func TestBrokenConnections(t *testing.T) {
	x := lookup(t, script.Stream)
	var raw bytes.Buffer
	raw.WriteString("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _, e := range x.Events(true) {
		fmt.Fprintf(&raw, "%x\r\n%s\r\n", len(e.Bytes), e.Bytes)
	}
	whole := raw.String() + "0\r\n\r\n"
	for _, c := range []struct {
		name, sent string
		ok         bool
	}{
		{"never", whole, true},
		{"before the head", "", false},
		{"in the head", whole[:20], false},
		{"in an event", whole[:1000], false},
		{"before the last chunk", raw.String(), false},
		{"after bytes too many", whole + "HTTP", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			done := make(chan struct{})
			go func() {
				defer close(done)
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				io.ReadFull(conn, make([]byte, len(Request(ln.Addr().String(), "key", x))))
				io.WriteString(conn, c.sent)
			}()
			_, err = Run(t.Context(), Plan{Addr: ln.Addr().String(), Key: "key", Exchange: x, Conns: 1, Requests: 1})
			if (err == nil) != c.ok {
				t.Errorf("error %v", err)
			}
			<-done
		})
	}
}

// However an answer is cut, the check takes the right one and refuses one
// with any other byte in it.
func TestCheckInPieces(t *testing.T) {
	wanted := lookup(t, script.SlowInstant).Wanted()
	right := bytes.Clone(wanted.Data)
	isStamp := map[int]bool{}
	for _, at := range wanted.Stamps {
		script.PutStamp(right[at:], time.Now())
		for i := range script.StampDigits {
			isStamp[at+i] = true
		}
	}
	feed := func(t *rapid.T, data []byte) (*check, error) {
		c := &check{wanted: wanted}
		c.begin()
		for len(data) > 0 {
			n := rapid.IntRange(1, min(len(data), 400)).Draw(t, "piece")
			if err := c.take(data[:n]); err != nil {
				return c, err
			}
			data = data[n:]
		}
		return c, c.end()
	}
	rapid.Check(t, func(t *rapid.T) {
		c, err := feed(t, right)
		if err != nil || len(c.lag) != len(wanted.Stamps) || c.first.IsZero() {
			t.Fatalf("the right answer: %v, %d lags", err, len(c.lag))
		}
		at := rapid.IntRange(0, len(right)-1).Filter(func(i int) bool { return !isStamp[i] }).Draw(t, "at")
		wrong := bytes.Clone(right)
		wrong[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		if _, err := feed(t, wrong); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("byte %d of the answer", at)) {
			t.Fatalf("byte %d is wrong: %v", at, err)
		}
		cut := rapid.IntRange(0, len(right)-1).Draw(t, "cut")
		if _, err := feed(t, right[:cut]); err == nil {
			t.Fatalf("cut at %d and not noticed", cut)
		}
	})
}

// A server may end a connection if it says so; the client opens another.
func TestReconnects(t *testing.T) {
	x := lookup(t, script.Call1K)
	served := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served++
		w.Header().Set("Content-Type", "application/json")
		if served%2 == 0 {
			w.Header().Set("Connection", "close")
		}
		w.Write(x.Answer)
	}))
	defer server.Close()
	r, err := Run(t.Context(), Plan{Addr: server.Listener.Addr().String(), Key: "key", Exchange: x, Conns: 1, Requests: 5})
	if err != nil || r.Requests != 5 || r.Reconnects != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestQuantile(t *testing.T) {
	series := []time.Duration{10, 20, 30, 40}
	for _, c := range []struct {
		of   []time.Duration
		q    float64
		want time.Duration
	}{
		{nil, .5, 0}, {series, 0, 10}, {series, .25, 10}, {series, .5, 20}, {series, .51, 30}, {series, .99, 40}, {series, 1, 40},
		{series[:1], .99, 10},
	} {
		if got := Quantile(c.of, c.q); got != c.want {
			t.Errorf("quantile %v of %v: %v, want %v", c.q, c.of, got, c.want)
		}
	}
}

func TestRequestIsHTTP(t *testing.T) {
	x := lookup(t, script.Stream)
	got := Request("127.0.0.1:1", "k", x)
	head, body, ok := bytes.Cut(got, []byte("\r\n\r\n"))
	if !ok || !bytes.Equal(body, x.Body) || !bytes.Contains(head, []byte("Accept: text/event-stream")) {
		t.Errorf("request %.300q", got)
	}
}

// What the generator and the mock cost together: the floor under the
// latencies of a bench run.
func BenchmarkAgainstMock(b *testing.B) {
	addr := startMock(b)
	for _, name := range []string{script.Call1K, script.Stream, script.Call1M} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			if _, err := Run(b.Context(), Plan{Addr: addr, Key: script.UpstreamKey, Exchange: lookup(b, name), Conns: 4, Requests: b.N}); err != nil {
				b.Fatal(err)
			}
		})
	}
}
