package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/internal/upstream"
)

// odd is JSON that a decoder and an encoder would not give back as it is: key
// order, numbers beyond 64 bits, escapes, lone surrogates, duplicates, spaces.
const odd = `"zeta" : {"b":1,"a":9223372036854775808,"a":-0.0,"":1E400, "é":[ ]},	"\u006Fdd":"\ud83d\ude00 \u003c\/ \ud800 <>&",
 "alpha":18446744073709551616.10,"alpha":{"nested":{"model":"x","stream":"y"}}, "nothing":null`

// oddRequest is a shape's request with odd members around the usual ones.
func oddRequest(s shape, model, prompt string, streamed bool) []byte {
	streaming := ""
	if streamed {
		streaming = s.streaming
	}
	body := strings.NewReplacer("MODEL", model, "PROMPT", prompt, "STREAM", streaming).Replace(s.body)
	return []byte(" {\n" + odd + " ,\t" + body[1:len(body)-1] + " } \n")
}

func TestBytesAreTheClientsAndTheUpstreams(t *testing.T) {
	s := stage.open(t)
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			t.Parallel()
			u := s.upstreams[shape.vendor]
			for _, v := range versions {
				client := s.gateway.dial(t, v)
				mark := fmt.Sprintf("bytes of %s over %s", shape.name, v)
				want := []byte("{ " + odd + ",\"model\" : \"another-model\" }\n\n")
				u.On(mark, upstream.Reply{AnyBody: true, Body: want})
				body := oddRequest(shape, shape.model, mark, false)
				got := send(t, client, http.MethodPost, s.gateway.base(v)+strings.Replace(shape.path, "MODEL", shape.model, 1), body,
					append([]string{"Authorization", "Bearer " + clientKey}, shape.headers...)...)
				if got.status != 200 || !bytes.Equal(got.body, want) {
					t.Errorf("%s: the client got %d %q", v, got.status, got.body)
				}
				if r := u.Find(mark); r == nil || !bytes.Equal(r.Body, body) {
					t.Errorf("%s: the upstream got %+v", v, r)
				}
			}
		})
	}
}

func TestStreamsAreByteForByte(t *testing.T) {
	s := stage.open(t)
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			t.Parallel()
			u := s.upstreams[shape.vendor]
			for i, split := range []int{0, 1, 7} {
				mark := fmt.Sprintf("stream of %s cut by %d", shape.name, i)
				whole := upstream.Reply{Thinking: "hm", Text: hello, Tools: []upstream.Tool{{Name: "weather", Arguments: `{"n":9223372036854775808,"n":1}`}}, Chunks: 3}
				// What the vendor sends is read from the upstream itself.
				u.On(mark, whole)
				want := directly(t, u, shape, mark)
				cut := whole
				cut.Split = split
				again := "the same through the gateway: " + strings.ToUpper(mark)
				u.On(again, cut)
				got := shape.call(t, s.gateway.Plain, s.gateway.dial(t, h1), shape.model, again, true)
				if got.status != 200 || !bytes.Equal(got.body, want) {
					t.Errorf("cut by %d: got %d\n%s\nwant\n%s", split, got.status, got.body, want)
				}
			}
		})
	}
}

// directly asks an upstream without the gateway, as the gateway would.
func directly(t *testing.T, u *upstream.Server, s shape, prompt string) []byte {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	fill := strings.NewReplacer("MODEL", s.model, "PROMPT", prompt, "STREAM", s.streaming)
	path := fill.Replace(s.stream)
	path = path[strings.Index(path[1:], "/")+1:]
	headers := []string{"Authorization", "Bearer " + u.Key}
	switch u.Vendor {
	case upstream.Anthropic:
		headers = []string{"X-Api-Key", u.Key, "Anthropic-Version", "2023-06-01"}
	case upstream.Gemini:
		headers = []string{"X-Goog-Api-Key", u.Key}
	}
	got := send(t, client, http.MethodPost, u.URL+path, []byte(fill.Replace(s.body)), headers...)
	if got.status != 200 {
		t.Fatalf("the upstream answered %d %s", got.status, got.body)
	}
	return got.body
}

// TestMappedModelIsTheOnlyEdit asks for a model that upstream has another name
// for.
func TestMappedModelIsTheOnlyEdit(t *testing.T) {
	s := stage.open(t)
	for _, shape := range shapes {
		for _, streamed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/streamed=%v", shape.name, streamed), func(t *testing.T) {
				t.Parallel()
				u := s.upstreams[shape.vendor]
				alias := "an/alias:of-" + shape.vendor.String()
				mark := fmt.Sprintf("mapped %s %v", shape.name, streamed)
				u.On(mark, upstream.Reply{AnyBody: true, Text: "mapped"})
				body := oddRequest(shape, alias, mark, streamed)
				path := shape.path
				if streamed {
					path = shape.stream
				}
				got := send(t, s.gateway.dial(t, h1), http.MethodPost, s.gateway.Plain+strings.Replace(path, "MODEL", alias, 1), body,
					append([]string{"Authorization", "Bearer " + clientKey}, shape.headers...)...)
				if got.status != 200 || !bytes.Contains(got.body, []byte(alias)) || bytes.Contains(got.body, []byte(`"`+shape.model+`"`)) {
					t.Errorf("the client got %d %s", got.status, got.body)
				}
				want := bytes.Replace(body, []byte(alias), []byte(shape.model), 1)
				r := u.Find(mark)
				if r == nil {
					t.Fatal("nothing reached the upstream")
				}
				if !bytes.Equal(r.Body, want) {
					t.Errorf("the upstream got\n%s\nwant\n%s", r.Body, want)
				}
				if shape.vendor == upstream.Gemini && !strings.Contains(r.Path, shape.model) {
					t.Errorf("the upstream was called at %s", r.Path)
				}
			})
		}
	}
}

// TestUsageIsAskedForAndTakenOut: a stream of chat without stream_options gets
// them upstream, and what they bring is taken out again.
func TestUsageIsAskedForAndTakenOut(t *testing.T) {
	s := stage.open(t)
	u := s.upstreams[upstream.OpenAI]
	mark := "usage was not asked for"
	u.On(mark, upstream.Text(hello))
	body := `{"model":"gpt-5","stream":true,"messages":[{"role":"user","content":"` + mark + `"}]}`
	got := send(t, s.gateway.dial(t, h1), http.MethodPost, s.gateway.Plain+"/v1/chat/completions", []byte(body), "Authorization", "Bearer "+clientKey)
	if got.status != 200 || bytes.Contains(got.body, []byte("usage")) || !bytes.HasSuffix(got.body, []byte("data: [DONE]\n\n")) {
		t.Errorf("the client got %d %s", got.status, got.body)
	}
	if r := u.Find(mark); r == nil || !bytes.Contains(r.Body, []byte(`"include_usage":true`)) {
		t.Errorf("the upstream got %+v", r)
	}
}
