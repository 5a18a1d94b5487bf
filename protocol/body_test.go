package protocol_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

const lastKind = protocol.KindUpstreamTimeout

// TestErrorBodies holds the status and the bytes of each kind in each protocol.
func TestErrorBodies(t *testing.T) {
	var b strings.Builder
	for p := protocol.Chat; p <= protocol.Gemini; p++ {
		for kind := protocol.KindInternal; kind <= lastKind; kind++ {
			e := &protocol.Error{Kind: kind, Message: "it is \"so\""}
			fmt.Fprintf(&b, "%s %s %d %s\n", p, kind, codecs[p].Status(kind), codecs[p].ErrorBody(e, "req_1"))
		}
		full := &protocol.Error{Kind: protocol.KindRateLimited, Message: "slow", Param: "model", Code: "insufficient_quota", RetryAfter: 1500 * time.Millisecond}
		fmt.Fprintf(&b, "%s full %s\n", p, codecs[p].ErrorBody(full, ""))
	}
	const golden = "testdata/errors.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestKindsOutOfRange(t *testing.T) {
	if got := (lastKind + 1).String(); got != "unknown" {
		t.Errorf("String is %q", got)
	}
	if got := (lastKind + 1).In(protocol.Messages).Status; got != 500 {
		t.Errorf("status is %d", got)
	}
	if got := protocol.KindInvalid.In(protocol.None).Type; got != "invalid_request_error" {
		t.Errorf("type without a protocol is %q", got)
	}
}

// Whatever an error's strings hold, its body is one line of JSON.
func TestErrorBodyIsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wild := rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })
		e := &protocol.Error{
			Kind:    protocol.Kind(rapid.IntRange(0, int(lastKind)).Draw(t, "kind")),
			Message: wild.Draw(t, "message"), Param: wild.Draw(t, "param"), Code: wild.Draw(t, "code"),
			RetryAfter: time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "retry")),
		}
		p := protocol.Protocol(rapid.IntRange(0, 4).Draw(t, "protocol"))
		body := protocol.ErrorBody(p, e, wild.Draw(t, "id"))
		var shape struct{ Error struct{ Message string } }
		if err := json.Unmarshal(body, &shape); err != nil {
			t.Fatalf("%v: %q", err, body)
		}
		if !utf8.Valid(body) || strings.ContainsAny(string(body), "\r\n") {
			t.Fatalf("not one line of UTF-8: %q", body)
		}
		if utf8.ValidString(e.Message) && shape.Error.Message != e.Message {
			t.Fatalf("message is %q, not %q", shape.Error.Message, e.Message)
		}
	})
}

func TestFailureKind(t *testing.T) {
	for status, want := range map[int]protocol.Kind{
		400: protocol.KindInvalid, 401: protocol.KindUnauthenticated, 402: protocol.KindForbidden, 403: protocol.KindForbidden, 404: protocol.KindUpstream, 408: protocol.KindUpstreamTimeout,
		413: protocol.KindTooLarge, 422: protocol.KindInvalid, 429: protocol.KindRateLimited, 500: protocol.KindUpstream,
		502: protocol.KindUpstream, 503: protocol.KindOverloaded, 504: protocol.KindUpstreamTimeout, 529: protocol.KindOverloaded,
	} {
		if got := protocol.FailureKind(status); got != want {
			t.Errorf("%d is %s, expected %s", status, got, want)
		}
	}
}

func TestParseFailure(t *testing.T) {
	for data, want := range map[string]protocol.Error{
		`{"type":"rate_limit_error","message":"m"}`:                                          {Kind: protocol.KindRateLimited, Message: "m"},
		`{"code":"context_length_exceeded","type":"server_error","message":"m","param":"p"}`: {Kind: protocol.KindInvalid, Message: "m", Param: "p", Code: "context_length_exceeded"},
		`{"code":"invalid_api_key","type":"invalid_request_error","message":"m"}`:            {Kind: protocol.KindUnauthenticated, Message: "m", Code: "invalid_api_key"},
		`{"code":503,"status":"UNAVAILABLE","message":"m"}`:                                  {Kind: protocol.KindOverloaded, Message: "m"},
		`{"code":429,"message":"m"}`:                                                         {Kind: protocol.KindRateLimited, Message: "m"},
		`{}`:                                                                                 {Kind: protocol.KindUpstream, Message: "upstream sent an error without a message"},
		`{"message":"a","message":"b"}`:                                                      {Kind: protocol.KindUpstream, Message: "upstream sent an error that cannot be read"},
		`[]`:                                                                                 {Kind: protocol.KindUpstream, Message: "upstream sent an error that cannot be read"},
	} {
		if diff := cmp.Diff(want, *protocol.ParseFailure([]byte(data))); diff != "" {
			t.Errorf("%s: -want +got:\n%s", data, diff)
		}
	}
}

func TestWords(t *testing.T) {
	for p := protocol.Chat; p <= protocol.Gemini; p++ {
		if got, ok := protocol.Parse(p.String()); got != p || !ok {
			t.Errorf("%s is parsed as %s", p, got)
		}
	}
	for _, name := range []string{"", "unknown", "Chat"} {
		if got, ok := protocol.Parse(name); got != protocol.None || ok {
			t.Errorf("%q is parsed as %s", name, got)
		}
	}
	if protocol.Live.String() != "live" || (protocol.Live+1).String() != "unknown" || (protocol.Gemini+1).String() != "unknown" {
		t.Error("the words do not end with live and unknown")
	}
	var err error = &protocol.Error{Message: "m"}
	if err.Error() != "m" {
		t.Errorf("an error reads %q", err)
	}
}

// TestControlsInAModel: a model's name goes into logs and paths.
func TestControlsInAModel(t *testing.T) {
	for _, value := range []string{`"a\r\nb"`, `"a\u0000"`, `"\u007f"`, `"\u0085"`} {
		if model, err := protocol.MemberModel("model", []byte(value)); err == nil || err.Param != "model" {
			t.Errorf("%s is taken as %q", value, model)
		}
	}
	if model, err := protocol.MemberModel("model", []byte(`"a/b:c é"`)); err != nil || model != "a/b:c é" {
		t.Errorf("got %q, %v", model, err)
	}
}
