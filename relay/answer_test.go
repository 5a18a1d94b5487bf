package relay

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

func TestAnswer(t *testing.T) {
	body := "{\"b\":1, \"a\":18446744073709551616,\"a\":\"\\ud83d\"}\n"
	r := good(body)
	r.status = 201
	r.header = head("Content-Type", "application/json; charset=utf-8", "X-Request-Id", "up-1", "Openai-Version", "2020-10-01",
		"Set-Cookie", "a=b", "X-Ratelimit-Remaining-Tokens", "3", "Openai-Organization", "ours", "Transfer-Encoding", "chunked",
		"Aiproxy-Channel", "theirs", "Retry-After", "9")
	w := newWorld(t, 1, 1).script(1, r).do()
	w.got(201, body).result(OK, "").tried(Tried{Channel: "c1", Key: 1, Status: 201})
	w.has("Content-Type", "application/json; charset=utf-8").has("Openai-Version", "2020-10-01")
	w.has("Content-Length", "47").has("Aiproxy-Channel", "c1").has("Aiproxy-Attempts", "1")
	for _, name := range []string{"Set-Cookie", "X-Ratelimit-Remaining-Tokens", "Openai-Organization", "Transfer-Encoding", "X-Request-Id", "Retry-After", "X-Should-Retry"} {
		w.has(name, "")
	}
	if len(w.client.flushed) != 0 {
		t.Error("an answer that is not streamed is not flushed")
	}
	if o := w.out; o.UpstreamRequestID != "up-1" || o.FirstToken <= 0 || o.Duration < o.FirstToken {
		t.Errorf("the outcome is %+v", o)
	}
}

func TestRequestGoesOut(t *testing.T) {
	w := newWorld(t, 1, 1).script(1, good("{}"))
	w.call.Header = head("User-Agent", "sdk", "Authorization", "Bearer client", "Cookie", "a=b", "X-Forwarded-For", "10.0.0.1", "Openai-Beta", "x")
	w.do()
	a := w.upstreams[0].asked[0]
	if a.body != `{"model":"the-model"}` || a.key != "key-1-1" {
		t.Errorf("the upstream got %+v", a)
	}
	if a.header.Get("User-Agent") != "sdk" || a.header.Get("Openai-Beta") != "x" || a.header.Get("Cookie") != "" || a.header.Get("X-Forwarded-For") != "" {
		t.Errorf("the upstream got %v", a.header)
	}
	if w.call.Header.Get("Authorization") != "Bearer client" {
		t.Error("the client's header was changed")
	}
}

// TestSecondAttemptHasItsOwnHeader: the first channel's key does not go to the
// second one's vendor.
func TestSecondAttemptHasItsOwnHeader(t *testing.T) {
	w := newWorld(t, 2, 1).script(1, reply{status: 500}).script(2, good("{}")).do()
	first, second := w.upstreams[0].asked[0], w.upstreams[1].asked[0]
	if first.key != "key-1-1" || second.key != "key-2-1" || len(second.header["Authorization"]) != 1 {
		t.Errorf("keys %q and %q", first.key, second.header["Authorization"])
	}
}

func TestMappedModel(t *testing.T) {
	w := newWorld(t, 2, 1)
	w.channels[0].Map = map[string]string{model: "its-model"}
	w.script(1, reply{status: 500}).script(2, good(`{"model":"its-model"}`)).do()
	if got := w.upstreams[0].asked[0].body; got != `{"model":"its-model"}` {
		t.Errorf("the first upstream got %s", got)
	}
	if got := w.upstreams[1].asked[0].body; got != `{"model":"the-model"}` {
		t.Errorf("the second upstream got %s", got)
	}
	w.got(200, `{"model":"its-model"}`) // it is not this channel's map that names it

	w = newWorld(t, 1, 1).script(1, good(`{"model":"its-model"}`))
	w.channels[0].Map = map[string]string{model: "its-model"}
	w.do().got(200, `{"model":"the-model"}`).has("Content-Length", "21")
}

func TestHideChannel(t *testing.T) {
	for _, r := range []reply{good("{}"), {status: 500}} {
		w := newWorld(t, 1, 1).script(1, r)
		w.call.HideChannel = true
		w.do().has("Aiproxy-Channel", "").has("Aiproxy-Attempts", "1")
	}
}

func TestCompressedAnswer(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(`{"a":1}`)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	r := reply{header: head("Content-Encoding", "gzip", "Content-Type", "application/json"), length: int64(b.Len()), body: []step{say(b.String())}}
	newWorld(t, 1, 1).script(1, r).do().got(200, `{"a":1}`).has("Content-Encoding", "").has("Content-Length", "7")

	// What it is decoded to counts against the limit, not what was sent.
	b.Reset()
	z.Reset(&b)
	if _, err := z.Write(make([]byte, 2<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	r.length, r.body = int64(b.Len()), []step{say(b.String())}
	newWorld(t, 1, 1).script(1, r).do().got(502, errorBody(protocol.KindUpstream, "upstream: answer over the limit"))
}

// TestLargeAnswer goes out in pieces, and whole.
func TestLargeAnswer(t *testing.T) {
	for _, n := range []int{maxPiece - 1, maxPiece, maxPiece + 1, 3*maxPiece + 7} {
		body := strings.Repeat("0123456789abcdef", n/16+1)[:n]
		w := newWorld(t, 1, 1).script(1, good(body)).do()
		if w.client.body != body || len(w.client.writes) != (n+maxPiece-1)/maxPiece {
			t.Errorf("%d bytes came as %d in %d writes", n, len(w.client.body), len(w.client.writes))
		}
	}
}

func TestWriteFails(t *testing.T) {
	for name, r := range map[string]reply{
		"answer":  good("{}"),
		"refusal": {status: 400, body: []step{say(theirs)}},
		"fault":   {err: errors.New("reset")},
	} {
		w := newWorld(t, 1, 1).script(1, r)
		w.client.onWrite = func(int) error { return errors.New("broken pipe") }
		w.do().result(ClientGone, "")
		if w.out.Status != 499 {
			t.Errorf("%s: status %d", name, w.out.Status)
		}
	}
}

func TestQueryGoesToTheAdaptor(t *testing.T) {
	w := newWorld(t, 1, 1).script(1, good("{}"))
	w.channels[0].Adaptor = queryAdaptor{}
	w.call.Query = url.Values{"beta": {"true"}}
	w.do().got(200, "{}")
	if got := w.upstreams[0].asked[0].header.Get("Query"); got != "beta=true" {
		t.Errorf("the query is %q", got)
	}
}

var _ http.ResponseWriter = (*client)(nil)
