package relay

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/protocol"
)

// theirs is an upstream's error as JSON, page the same from a web server.
const (
	theirs = `{"error":{"message":"as the upstream says it"}}`
	page   = "<html><body>Oops</body></html>"
)

// TestUpstreamStatus is what each status of an upstream means: to the client,
// where nobody else can be asked; to the plan; and to the key.
func TestUpstreamStatus(t *testing.T) {
	own := func(kind protocol.Kind, status int) string {
		return errorBody(kind, fmt.Sprintf("upstream answered with the status %d", status))
	}
	const (
		stop    = "stop"    // the client gets it at once
		channel = "channel" // the next channel is asked
		key     = "key"     // the next key is asked
	)
	tests := []struct {
		status int
		header []string
		body   string
		// what the client gets; an empty body is the upstream's
		gets  int
		as    string
		then  string
		rest  time.Duration
		retry string // the client's Retry-After
	}{
		{status: 400, gets: 400, then: stop},
		{status: 400, body: page, gets: 400, as: own(protocol.KindInvalid, 400), then: stop},
		{status: 401, gets: 502, as: own(protocol.KindUpstream, 401), then: key},
		{status: 402, gets: 502, as: own(protocol.KindUpstream, 402), then: key},
		{status: 403, gets: 502, as: own(protocol.KindUpstream, 403), then: key},
		{status: 404, gets: 404, then: channel},
		{status: 404, body: page, gets: 404, as: own(protocol.KindModelNotFound, 404), then: channel},
		{status: 405, gets: 405, then: stop},
		{status: 408, gets: 408, then: channel},
		{status: 409, gets: 409, then: channel},
		{status: 413, gets: 413, then: stop},
		{status: 413, body: page, gets: 413, as: own(protocol.KindTooLarge, 413), then: stop},
		{status: 415, gets: 415, then: stop},
		{status: 422, gets: 422, then: stop},
		{status: 425, gets: 425, then: channel},
		{status: 429, gets: 429, then: key, rest: time.Second, retry: "1"},
		{status: 429, header: []string{"Retry-After", "7"}, gets: 429, then: key, rest: 7 * time.Second, retry: "7"},
		{status: 429, header: []string{"Retry-After", "0.25"}, gets: 429, then: key, rest: 250 * time.Millisecond, retry: "1"},
		{status: 429, header: []string{"Retry-After-Ms", "1500"}, gets: 429, then: key, rest: 1500 * time.Millisecond, retry: "2"},
		{status: 429, header: []string{"Retry-After", "9", "Retry-After-Ms", "20"}, gets: 429, then: key, rest: 20 * time.Millisecond, retry: "1"},
		{status: 429, header: []string{"Retry-After", "Sat, 01 Jan 2000 00:01:00 GMT"}, gets: 429, then: key, rest: time.Minute, retry: "60"},
		{status: 429, header: []string{"Retry-After", "soon"}, gets: 429, then: key, rest: time.Second, retry: "1"},
		{status: 429, header: []string{"Retry-After", "86400"}, gets: 429, then: key, rest: time.Hour, retry: "86400"},
		{status: 429, header: []string{"Retry-After", "1e300"}, gets: 429, then: key, rest: time.Hour, retry: "1000000"},
		{status: 429, body: page, gets: 429, as: own(protocol.KindRateLimited, 429), then: key, rest: time.Second, retry: "1"},
		{status: 500, gets: 500, then: channel},
		{status: 500, header: []string{"Retry-After", "7"}, gets: 500, then: channel},
		{status: 500, body: page, gets: 502, as: own(protocol.KindUpstream, 500), then: channel},
		{status: 500, body: " \r\n", gets: 502, as: own(protocol.KindUpstream, 500), then: channel},
		{status: 502, gets: 502, then: channel},
		{status: 503, gets: 503, then: channel},
		{status: 503, header: []string{"Retry-After", "3"}, gets: 503, then: channel, rest: 3 * time.Second, retry: "3"},
		{status: 503, body: page, gets: 503, as: own(protocol.KindOverloaded, 503), then: channel},
		{status: 504, gets: 504, then: channel},
		{status: 504, body: page, gets: 504, as: own(protocol.KindUpstreamTimeout, 504), then: channel},
		{status: 529, gets: 529, then: channel},
		{status: 529, header: []string{"Retry-After-Ms", "3000"}, gets: 529, then: channel, rest: 3 * time.Second, retry: "3"},
		{status: 600, gets: 502, as: own(protocol.KindUpstream, 600), then: channel},
		{status: 301, header: []string{"Location", "http://elsewhere.test/"}, gets: 502, as: own(protocol.KindUpstream, 301), then: channel},
		{status: 307, header: []string{"Location", "/"}, gets: 502, as: own(protocol.KindUpstream, 307), then: channel},
		{status: 304, gets: 502, as: own(protocol.KindUpstream, 304), then: channel},
		{status: 99, gets: 502, as: own(protocol.KindUpstream, 99), then: channel},
	}
	for _, streamed := range []bool{false, true} {
		for _, tt := range tests {
			if tt.body == "" {
				tt.body = theirs
			}
			if tt.as == "" {
				tt.as = tt.body
			}
			refusal := reply{status: tt.status, header: head(append(tt.header, "Content-Type", "application/json")...), body: []step{say(tt.body)}}
			name := strings.Join(append([]string{fmt.Sprint(tt.status)}, tt.header...), " ")
			if tt.body == page {
				name += " page"
			}
			if streamed {
				name += " of a stream"
			}
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					world := func(n, keys int) *world {
						w := newWorld(t, n, keys)
						w.call.Request.Stream = streamed
						return w
					}
					answer, body := good("{}"), "{}"
					if streamed {
						answer, body = eventStream(stream("cHi", "t")...), sseOf("cHi", "t")
					}

					alone := world(1, 1).script(1, refusal).do()
					alone.got(tt.gets, tt.as).has("Retry-After", tt.retry).has("X-Should-Retry", "false")
					alone.has("Aiproxy-Channel", "c1").has("Aiproxy-Attempts", "1").has("Content-Type", "application/json")
					alone.has("Location", "")
					alone.tried(Tried{Channel: "c1", Key: 1, Status: tt.status, Reason: fmt.Sprint("status ", tt.status)})
					alone.result(Errored, fmt.Sprintf("upstream answered with the status %d", tt.status))
					if rest := alone.channels[0].Keys[0].Rest.Left(time.Now()); max(rest, 0) != tt.rest {
						t.Errorf("the key rests for %v, want %v", rest, tt.rest)
					}

					two := world(2, 2).script(1, refusal)
					switch tt.then {
					case stop:
						two.do().got(tt.gets, tt.as)
					case channel:
						two.script(2, answer).do().got(200, body).has("Aiproxy-Channel", "c2").has("Retry-After", "")
					case key:
						two.script(1, answer).do().got(200, body).has("Aiproxy-Channel", "c1")
						if k := two.upstreams[0].asked; k[0].key == k[1].key {
							t.Errorf("both attempts used %s", k[0].key)
						}
					}
				})
			})
		}
	}
}

// TestNoAnswer is an upstream that does not answer, and that another is asked.
func TestNoAnswer(t *testing.T) {
	reset := errors.New("read tcp 10.1.2.3:443: connection reset by peer")
	tests := []struct {
		name    string
		reply   reply
		stream  bool
		status  int // the upstream's
		reason  string
		kind    protocol.Kind
		stopped bool
	}{
		{name: "dial error", reply: reply{err: fmt.Errorf("%w: dial tcp 10.1.2.3:443: refused", adaptors.ErrNotSent)}, reason: "not reached"},
		{name: "reset before headers", reply: reply{err: reset}, reason: "connection broke"},
		{name: "reset inside the body", reply: reply{body: []step{say(`{"half":`), breaks(reset)}}, status: 200, reason: "connection broke"},
		{name: "truncated body", reply: reply{length: 100, body: []step{say(`{"half":`), breaks(io.ErrUnexpectedEOF)}}, status: 200, reason: "connection broke"},
		{name: "garbled gzip", reply: reply{header: head("Content-Encoding", "gzip"), body: []step{say("no gzip at all")}}, status: 200, reason: "sent a garbled body"},
		{name: "unknown coding", reply: reply{header: head("Content-Encoding", "rot13"), body: []step{say("{}")}}, status: 200, reason: `unknown content coding "rot13"`},
		{name: "nothing", reply: reply{}, status: 200, reason: "answered with nothing"},
		{name: "no content", reply: reply{status: 204}, status: 204, reason: "answered with nothing"},
		{name: "a web page", reply: reply{header: head("Content-Type", "text/html; charset=utf-8"), body: []step{say(page)}}, status: 200, reason: "answered with a web page"},
		{name: "over the limit", reply: reply{body: []step{say(strings.Repeat("x", 1<<20+1))}}, status: 200, reason: "answer over the limit", stopped: true},
		{name: "announced over the limit", reply: reply{length: 1 << 21, body: []step{say("{}")}}, status: 200, reason: "answer over the limit", stopped: true},
		{name: "refusal cut short", reply: reply{status: 500, body: []step{say(`{"half":`), breaks(reset)}}, status: 500, reason: "status 500"},

		{name: "stream: dial error", stream: true, reply: reply{err: adaptors.ErrNotSent}, reason: "not reached"},
		{name: "stream: a web page", stream: true, reply: reply{header: head("Content-Type", "text/html"), body: []step{say(page)}}, status: 200, reason: `answered a stream with the content type "text/html"`},
		{name: "stream: a whole answer", stream: true, reply: good("{}"), status: 200, reason: `answered a stream with the content type "application/json"`},
		{name: "stream: nothing", stream: true, reply: eventStream(), status: 200, reason: "connection broke"},
		{name: "stream: garbled gzip", stream: true, reply: reply{header: head("Content-Encoding", "gzip"), body: []step{say("no gzip at all")}}, status: 200, reason: "sent a garbled body"},
		{name: "stream: reset before content", stream: true, reply: eventStream(say(sseOf("h1", "h2")), breaks(reset)), status: 200, reason: "connection broke"},
		{name: "stream: ends before content", stream: true, reply: eventStream(stream("h1", "h2")...), status: 200, reason: "connection broke"},
		{name: "stream: event over the limit", stream: true, reply: eventStream(say("data: h" + strings.Repeat("x", 1<<20))), status: 200, reason: "event over the limit"},
		{name: "stream: held over the limit", stream: true, reply: eventStream(
			say(sseOf("h"+strings.Repeat("x", 1<<19))), say(sseOf("h"+strings.Repeat("x", 1<<19)))), status: 200, reason: "event over the limit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.kind == 0 {
				tt.kind = protocol.KindUpstream
			}
			first := Tried{Channel: "c1", Key: 1, Status: tt.status, Reason: tt.reason}
			new := func(n int) *world {
				w := newWorld(t, n, 2)
				w.call.Request.Stream = tt.stream
				return w.script(1, tt.reply)
			}
			alone := new(1).do().tried(first)
			if tt.status != 500 {
				alone.got(502, errorBody(tt.kind, "upstream: "+tt.reason)).result(Errored, "upstream: "+tt.reason)
			}
			if strings.Contains(alone.client.body, "10.1.2.3") || strings.Contains(alone.client.body, "upstream.test") {
				t.Errorf("the client is told of the upstream's address: %s", alone.client.body)
			}

			two := new(2)
			if tt.stopped {
				two.do().got(502, errorBody(tt.kind, "upstream: "+tt.reason))
				return
			}
			second := Tried{Channel: "c2", Key: 1, Status: 200}
			if tt.stream {
				two.script(2, eventStream(stream("cHi", "t")...)).do().got(200, sseOf("cHi", "t")).tried(first, second)
				return
			}
			two.script(2, good("{}")).do().got(200, "{}").has("Aiproxy-Channel", "c2").has("Aiproxy-Attempts", "2").tried(first, second)
		})
	}
}

func TestBudgetSpent(t *testing.T) {
	w := newWorld(t, 2, 1).script(1, good(`{"a":1}`))
	w.relay.Budget = NewBudget(10)
	w.do().got(503, errorBody(protocol.KindOverloaded, "upstream: no memory left for its answer"))

	// An error's body that does not fit is replaced by our own words, and the
	// next channel is asked all the same.
	w = newWorld(t, 1, 1).script(1, reply{status: 500, body: []step{say(theirs)}})
	w.relay.Budget = NewBudget(10)
	w.do().got(502, errorBody(protocol.KindUpstream, "upstream answered with the status 500"))
}

func TestLongRefusalIsNotRelayed(t *testing.T) {
	w := newWorld(t, 1, 1).script(1, reply{status: 400, body: []step{say("{" + strings.Repeat(" ", maxRefusal) + "}")}})
	w.do().got(400, errorBody(protocol.KindInvalid, "upstream answered with the status 400"))
}

// TestRefusalContentType: an error that looks like JSON goes as such, whatever
// its upstream called it.
func TestRefusalContentType(t *testing.T) {
	for theirType, want := range map[string]string{
		"application/json":                "application/json",
		"application/json; charset=UTF-8": "application/json; charset=UTF-8",
		"text/html":                       "application/json",
		"":                                "application/json",
	} {
		newWorld(t, 1, 1).script(1, reply{status: 400, header: head("Content-Type", theirType), body: []step{say(theirs)}}).
			do().got(400, theirs).has("Content-Type", want)
	}
}

func TestAllKeysRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2, 1)
		w.channels[0].Keys[0].Rest.Set(time.Now(), 90*time.Second)
		w.channels[1].Keys[0].Rest.Set(time.Now(), 20500*time.Millisecond)
		message := "every channel of this model is rate limited upstream at the moment"
		w.do().got(429, errorBody(protocol.KindRateLimited, message)).result(Errored, message).tried()
		w.has("Retry-After", "21").has("Aiproxy-Channel", "").has("Aiproxy-Attempts", "").has("X-Should-Retry", "")

		time.Sleep(21 * time.Second)
		w.client = newClient()
		w.script(2, good("{}")).do().got(200, "{}").has("Aiproxy-Channel", "c2")
	})
}

// TestARestHoldsForTheNextCall: the key that answered 429 is left alone, the
// other one of the channel is used.
func TestARestHoldsForTheNextCall(t *testing.T) {
	w := newWorld(t, 1, 2).script(1, reply{status: 429, header: head("Retry-After", "60")}, good("{}"), good("{}"), good("{}"))
	for range 3 {
		w.client = newClient()
		w.run(noAttempts{t})
		w.got(200, "{}")
	}
	resting := w.upstreams[0].asked[0].key
	for _, a := range w.upstreams[0].asked[1:] {
		if a.key == resting {
			t.Errorf("%s was used while it rests", a.key)
		}
	}
}

// noAttempts leaves out the check that counts requests, for several calls of
// one world.
type noAttempts struct{ *testing.T }

func (n noAttempts) Errorf(format string, args ...any) {
	n.Helper()
	if !strings.Contains(format, "attempts are noted") {
		n.T.Errorf(format, args...)
	}
}

func TestAttemptsAreLimited(t *testing.T) {
	for limit, want := range map[int]int{-1: 1, 0: 1, 1: 1, 2: 2, 3: 3, 9: 3} {
		w := newWorld(t, 3, 1)
		for i := range 3 {
			w.script(i+1, reply{status: 500, body: []step{say(fmt.Sprintf(`{"from":%d}`, i+1))}})
		}
		w.relay.Attempts = limit
		w.do().got(500, fmt.Sprintf(`{"from":%d}`, want)).has("Aiproxy-Attempts", fmt.Sprint(want))
		if w.out.Channel != w.channels[want-1] {
			t.Errorf("limit %d: the outcome names %s", limit, w.out.Channel.Name)
		}
	}
}

// TestLastRefusalIsTold: where all fail, the client gets the last one's words.
func TestLastRefusalIsTold(t *testing.T) {
	w := newWorld(t, 3, 1).
		script(1, reply{status: 500, body: []step{say(`{"from":1}`)}}).
		script(2, reply{err: adaptors.ErrNotSent}).
		script(3, reply{status: 429, header: head("Retry-After", "5"), body: []step{say(`{"from":3}`)}})
	w.do().got(429, `{"from":3}`).has("Retry-After", "5").has("Aiproxy-Channel", "c3")
	w.tried(
		Tried{Channel: "c1", Key: 1, Status: 500, Reason: "status 500"},
		Tried{Channel: "c2", Key: 1, Reason: "not reached"},
		Tried{Channel: "c3", Key: 1, Status: 429, Reason: "status 429"},
	)
}

// TestRefusalOutlivesSilence: what an upstream said is told rather than that a
// later one could not be reached.
func TestRefusalOutlivesSilence(t *testing.T) {
	w := newWorld(t, 2, 1).
		script(1, reply{status: 429, header: head("Retry-After", "7"), body: []step{say(`{"from":1}`)}}).
		script(2, reply{err: adaptors.ErrNotSent})
	w.do().got(429, `{"from":1}`).has("Retry-After", "7").has("Aiproxy-Attempts", "2")
}

// TestOutcomeIsOfTheLastAttempt: nothing of an earlier attempt is taken for
// the last one's.
func TestOutcomeIsOfTheLastAttempt(t *testing.T) {
	w := newWorld(t, 2, 1).
		script(1, reply{status: 500, header: head("X-Request-Id", "first")}).
		script(2, reply{err: adaptors.ErrNotSent})
	w.channels[1].Map = map[string]string{model: "its-model"}
	w.do()
	if w.out.UpstreamRequestID != "" || w.out.UpstreamModel != "its-model" || w.out.Channel.Name != "c2" {
		t.Errorf("the outcome is %+v", w.out)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name, value string
		want        time.Duration
	}{
		{"Retry-After", "", 0},
		{"Retry-After", "0", 0},
		{"Retry-After", "-5", 0},
		{"Retry-After", "2", 2 * time.Second},
		{"Retry-After", "NaN", 0},
		{"Retry-After", "Inf", maxRetryAfter * time.Second},
		{"Retry-After", "99999999999999999999", maxRetryAfter * time.Second},
		{"Retry-After", now.Add(90 * time.Second).Format(http.TimeFormat), 90 * time.Second},
		{"Retry-After", now.Add(-90 * time.Second).Format(http.TimeFormat), 0},
		{"Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT", maxRetryAfter * time.Second},
		{"Retry-After", "1h", 0},
		{"Retry-After-Ms", "1", time.Millisecond},
		{"Retry-After-Ms", "1e30", maxRetryAfter * time.Second},
		{"Retry-After-Ms", "-1", 0},
		{"Retry-After-Ms", "NaN", 0},
	} {
		if got := retryAfter(head(tt.name, tt.value), now); got != tt.want {
			t.Errorf("%s: %s is %v, want %v", tt.name, tt.value, got, tt.want)
		}
	}
}

func TestRetryAfterSeconds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "1", 0: "1", 1: "1", time.Second: "1", time.Second + 1: "2", time.Hour: "3600",
	} {
		if got := RetryAfterSeconds(d); got != want {
			t.Errorf("%v is %s, want %s", d, got, want)
		}
	}
}
