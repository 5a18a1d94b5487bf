package protocol_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/sse"
)

// FuzzRead: no body makes a codec panic, and what it takes it hands on as it
// was, or, edited, as JSON that names the upstream's model.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{`{"model":"m"}`, `{"model":"m","stream":true,"stream_options":{"include_usage":false}}`, `{"requests":[{"model":"models/m"}]}`,
		`{"generateContentRequest":{"model":"m"}}`, `{"model":"m","model":"m"}`, `{"\u006dodel":"m"}`, `{"model":"m",}`, `{"a":[{"b":"\\"}],"model":"m"}`} {
		f.Add([]byte(seed), uint8(1), uint8(protocol.Generate))
		f.Add([]byte(seed), uint8(4), uint8(protocol.BatchEmbed))
		f.Add([]byte(seed), uint8(4), uint8(protocol.CountTokens))
	}
	f.Fuzz(func(t *testing.T, body []byte, p, op uint8) {
		c := call(protocol.Protocol(p%4+1), protocol.Operation(op%5))
		codec := codecs[c.Protocol]
		req, e := codec.Read(c, body)
		if e != nil {
			if e.Kind != protocol.KindInvalid || e.Message == "" {
				t.Fatalf("error %+v", e)
			}
			return
		}
		if out, edits := codec.RequestEdits(req, req.Model, false); !bytes.Equal(out, body) || edits.Mapped() || edits.Usage {
			t.Fatalf("no edits: %q became %q", body, out)
		}
		out, edits := codec.RequestEdits(req, "up/stream", true)
		if !json.Valid(body) {
			return // faults inside values are the upstream's to refuse
		}
		if !json.Valid(out) {
			t.Fatalf("%q became %q", body, out)
		}
		again := c
		if c.Protocol == protocol.Gemini {
			again.Model = "up/stream"
		}
		second, e := codec.Read(again, out)
		if e != nil || second.Model != "up/stream" || second.Stream != req.Stream {
			t.Fatalf("%q became %q, which reads as %+v, %v", body, out, second, e)
		}
		if _, edits2 := codec.RequestEdits(second, "up/stream", true); edits2.Usage {
			t.Fatalf("usage is asked for twice: %q, %+v", out, edits)
		}
	})
}

// FuzzAnswerEdits: no answer makes a codec panic, one that needs no edits stays
// as it is, and one that is JSON stays JSON.
func FuzzAnswerEdits(f *testing.F) {
	for _, seed := range []string{`{"model":"up"}`, `{"modelVersion":"models/up"}`, `{"model":"up","model":"up"}`, `<html>`, `{"model":"u\u0070"} `} {
		f.Add([]byte(seed), uint8(0))
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, body []byte, p uint8) {
		codec := codecs[protocol.Protocol(p%4+1)]
		before := bytes.Clone(body)
		if out := codec.AnswerEdits(protocol.Generate, body, protocol.Edits{ClientModel: "up", UpstreamModel: "up"}); !bytes.Equal(out, before) {
			t.Fatalf("%q became %q", before, out)
		}
		out := codec.AnswerEdits(protocol.Generate, body, protocol.Edits{ClientModel: "m", UpstreamModel: "up"})
		if !bytes.Equal(body, before) {
			t.Fatal("the body was written to")
		}
		if json.Valid(before) && !json.Valid(out) {
			t.Fatalf("%q became %q", before, out)
		}
	})
}

// FuzzStream: no stream makes a codec panic; without edits what comes out is
// what went in; a failure always has a message; and the text of an event is in
// the event.
func FuzzStream(f *testing.F) {
	for _, path := range recordings(f) {
		rec := record(f, path)
		for p := range uint8(4) {
			f.Add(rec.body, p, rec.array)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, p uint8, array bool) {
		p = p%4 + 1
		array = array && protocol.Protocol(p) == protocol.Gemini
		for _, edits := range []protocol.Edits{{}, {ClientModel: "m", UpstreamModel: "gpt-5", Usage: true}} {
			stream := codecs[protocol.Protocol(p)].Stream(edits, array)
			events := sse.NewReader(bytes.NewReader(body), 0)
			if array {
				events = sse.NewArrayReader(bytes.NewReader(body), 0)
			}
			for {
				raw, err := events.Next()
				if err != nil {
					break
				}
				before := bytes.Clone(raw)
				out, class := stream.Event(raw)
				text := stream.Text([]byte("x"), raw)
				// lines of data are joined by LF, however they end
				if text[0] != 'x' || !subsequence(text[1:], raw) && bytes.IndexByte(raw, '\r') < 0 {
					t.Fatalf("text of %q is %q", before, text)
				}
				if u, _, _ := stream.Usage(); u.Input < 0 || u.Output < 0 {
					t.Fatalf("usage after %q is %+v", before, u)
				}
				if !bytes.Equal(raw, before) {
					t.Fatalf("event %q was written to", before)
				}
				if class == protocol.Failure {
					if e := stream.Failure(); e == nil || e.Message == "" {
						t.Fatalf("failure %+v of %q", e, before)
					}
					break
				}
				if edits == (protocol.Edits{}) && !bytes.Equal(out, before) {
					t.Fatalf("%q became %q", before, out)
				}
				if class == protocol.Terminal {
					break
				}
			}
			stream.End()
			if out := stream.Break(&protocol.Error{Message: "m"}); len(out) == 0 {
				t.Fatal("a break without bytes")
			}
		}
	})
}
