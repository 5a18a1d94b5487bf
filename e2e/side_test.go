package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/openai/openai-go/v3"
	"google.golang.org/genai"
)

func TestCountTokens(t *testing.T) {
	s := stage.open(t)
	for _, v := range versions {
		t.Run(string(v), func(t *testing.T) {
			t.Parallel()
			base, client := s.gateway.base(v), s.gateway.dial(t, v)
			claude := newAnthropic(base, clientKey, client, 0)
			count, err := claude.Messages.CountTokens(limit(t), anthropic.MessageCountTokensParams{
				Model: "claude-sonnet-4-5", Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(sayHello))},
			})
			if err != nil || count.InputTokens != 123 {
				t.Errorf("messages: got %+v, %v", count, err)
			}
			tokens, err := newGemini(t, base, clientKey, client).Models.CountTokens(limit(t), "gemini-2.5-flash", genai.Text(sayHello), nil)
			if err != nil || tokens.TotalTokens != 123 {
				t.Errorf("gemini: got %+v, %v", tokens, err)
			}
		})
	}
}

func TestEmbeddings(t *testing.T) {
	s := stage.open(t)
	for _, v := range versions {
		t.Run(string(v), func(t *testing.T) {
			t.Parallel()
			base, client := s.gateway.base(v), s.gateway.dial(t, v)
			gpt := newOpenAI(base, clientKey, client, 0)
			got, err := gpt.Embeddings.New(limit(t), openai.EmbeddingNewParams{
				Model: "text-embedding-3-small", Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"a", "b"}},
			})
			if err != nil || len(got.Data) != 2 || !slices.Equal(got.Data[1].Embedding, []float64{0.5, -0.25, 1}) {
				t.Errorf("openai: got %+v, %v", got, err)
			}
			// The client's EmbedContent is the vendor's batchEmbedContents.
			batch, err := newGemini(t, base, clientKey, client).Models.EmbedContent(limit(t), "gemini-embedding-001",
				append(genai.Text("a"), genai.Text("b")...), nil)
			if err != nil || len(batch.Embeddings) != 2 || !slices.Equal(batch.Embeddings[1].Values, []float32{0.5, -0.25, 1}) {
				t.Errorf("gemini: got %+v, %v", batch, err)
			}
			for _, version := range []string{"v1", "v1beta"} {
				one := send(t, client, http.MethodPost, base+"/"+version+"/models/gemini-embedding-001:embedContent",
					[]byte(`{"content":{"parts":[{"text":"a"}]}}`), "X-Goog-Api-Key", clientKey)
				if one.status != 200 || string(one.body) != "{\"embedding\": {\"values\": [0.5,-0.25,0]}}\n" {
					t.Errorf("embedContent under %s: got %d %s", version, one.status, one.body)
				}
			}
		})
	}
}

// TestModels lists and gets models in the shape of each client. The stage's
// aliases hold a slash and a colon.
func TestModels(t *testing.T) {
	s := stage.open(t)
	const alias = "an/alias:of-openai"
	for _, v := range versions {
		t.Run(string(v), func(t *testing.T) {
			t.Parallel()
			base, client := s.gateway.base(v), s.gateway.dial(t, v)
			wanted := func(got []string, err error) {
				t.Helper()
				for _, name := range []string{"gpt-5", "claude-sonnet-4-5", "gemini-2.5-flash", alias} {
					if !slices.Contains(got, name) {
						t.Errorf("%q is not in %q (%v)", name, got, err)
					}
				}
			}
			var names []string
			gpt := newOpenAI(base, clientKey, client, 0)
			list, err := gpt.Models.List(limit(t))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range list.Data {
				names = append(names, m.ID)
			}
			wanted(names, err)
			for _, name := range []string{"gpt-5", alias} {
				if one, err := gpt.Models.Get(limit(t), name); err != nil || one.ID != name || one.Object != "model" {
					t.Errorf("openai: got %+v, %v", one, err)
				}
			}

			names = nil
			claude := newAnthropic(base, clientKey, client, 0)
			pager := claude.Models.ListAutoPaging(limit(t), anthropic.ModelListParams{Limit: anthropic.Int(2)})
			for pager.Next() {
				names = append(names, pager.Current().ID)
			}
			wanted(names, pager.Err())
			if one, err := claude.Models.Get(limit(t), "claude-sonnet-4-5", anthropic.ModelGetParams{}); err != nil || one.ID != "claude-sonnet-4-5" || one.Type != "model" {
				t.Errorf("anthropic: got %+v, %v", one, err)
			}

			names = nil
			google := newGemini(t, base, clientKey, client)
			for m, err := range google.Models.All(limit(t)) {
				if err != nil {
					t.Fatal(err)
				}
				names = append(names, strings.TrimPrefix(m.Name, "models/"))
			}
			wanted(names, nil)
			if one, err := google.Models.Get(limit(t), "gemini-2.5-flash", nil); err != nil || one.Name != "models/gemini-2.5-flash" {
				t.Errorf("gemini: got %+v, %v", one, err)
			}
		})
	}
}

// TestUnknownModelInEachShape gets a model that is not there.
func TestUnknownModelInEachShape(t *testing.T) {
	s := stage.open(t)
	for _, c := range []struct {
		protocol, path string
		headers        []string
	}{
		{"chat", "/v1/models/no-such-model", []string{"Authorization", "Bearer " + clientKey}},
		{"messages", "/v1/models/no-such-model", []string{"X-Api-Key", clientKey, "Anthropic-Version", "2023-06-01"}},
		{"gemini", "/v1beta/models/no-such-model", []string{"X-Goog-Api-Key", clientKey}},
		{"gemini", "/v1/models/no-such-model?key=" + clientKey, nil},
	} {
		got := send(t, s.gateway.dial(t, h1), http.MethodGet, s.gateway.Plain+c.path, nil, c.headers...)
		if _, message := refusalIn(t, c.protocol, got); got.status != 404 || !strings.Contains(message, "no-such-model") {
			t.Errorf("%s %s: got %d %s", c.protocol, c.path, got.status, got.body)
		}
	}
}

// TestClientsAreNotTurnedAwayTwice: after the gateway's own attempts the SDKs
// do not try again by themselves, though that is their default.
func TestClientsAreNotTurnedAwayTwice(t *testing.T) {
	s := stage.open(t)
	for _, d := range dialects {
		if d.name == "gemini" {
			continue // its client does not retry unless it is told to
		}
		t.Run(d.name, func(t *testing.T) {
			client := s.gateway.dial(t, h1)
			calls := &counter{inner: client.Transport}
			counted := &http.Client{Transport: calls}
			_, err := d.connect(t, s.gateway.Plain, clientKey, counted, -1).speak(limit(t), turn{model: d.model, prompt: fail503}, false, func(string) {})
			n, header := calls.seen()
			if status, _, _ := d.failure(err); status != 503 || n != 1 {
				t.Errorf("%d calls, %v", n, err)
			}
			if header.Get("X-Should-Retry") != "false" || header.Get("X-Request-Id") == "" {
				t.Errorf("headers %v", header)
			}
		})
	}
}

// TestHeadersOfAnswers: what belongs to the account stays there, what helps
// the client comes.
func TestHeadersOfAnswers(t *testing.T) {
	s := stage.open(t)
	for _, shape := range shapes {
		for _, streamed := range []bool{false, true} {
			mark := fmt.Sprintf("headers of %s %v", shape.name, streamed)
			reply := rules[2].reply
			reply.Header = http.Header{
				"Set-Cookie": {"session=account"}, "X-Ratelimit-Remaining-Requests": {"7"}, "Anthropic-Ratelimit-Tokens-Limit": {"9"},
				"Openai-Organization": {"org-secret"}, "X-Custom": {"kept"},
			}
			s.upstreams[shape.vendor].On(mark, reply)
			got := shape.call(t, s.gateway.Plain, s.gateway.dial(t, h1), shape.model, mark, streamed)
			if got.status != 200 {
				t.Fatalf("%s: %d %s", mark, got.status, got.body)
			}
			for name := range reply.Header {
				if kept := name == "X-Custom"; (got.header.Get(name) != "") != kept {
					t.Errorf("%s: %s: %q", mark, name, got.header.Get(name))
				}
			}
			if got.header.Get("X-Request-Id") == "" || got.header.Get("Aiproxy-Channel") != shape.vendor.String() || got.header.Get("Aiproxy-Attempts") != "1" {
				t.Errorf("%s: headers %v", mark, got.header)
			}
		}
	}
}

// TestHeadersOfRequests: the client's own go out by an allow-list.
func TestHeadersOfRequests(t *testing.T) {
	s := stage.open(t)
	sent := []string{
		"Cookie", "a=b", "X-Forwarded-For", "10.1.2.3", "Origin", "https://app.example.com", "Referer", "https://app.example.com/",
		"Openai-Organization", "org-of-client", "Openai-Project", "project-of-client", "Aiproxy-Group", "acme", "Via", "1.1 proxy",
		"User-Agent", "agent/1.0", "Anthropic-Beta", "one,two", "Openai-Beta", "assistants=v2",
	}
	want := map[string]http.Header{
		"chat":     {"User-Agent": {"agent/1.0"}, "Openai-Beta": {"assistants=v2"}},
		"messages": {"User-Agent": {"agent/1.0"}, "Anthropic-Beta": {"one,two"}, "Anthropic-Version": {"2023-06-01"}},
		"gemini":   {"User-Agent": {"agent/1.0"}},
	}
	for _, shape := range shapes {
		mark := "headers out of " + shape.name
		asked := shape
		asked.headers = append(slices.Clone(sent), shape.headers...)
		got := asked.call(t, s.gateway.Plain, s.gateway.dial(t, h1), shape.model, mark, false)
		r := s.upstreams[shape.vendor].Find(mark)
		if got.status != 200 || r == nil {
			t.Fatalf("%s: got %d %s", mark, got.status, got.body)
		}
		for name, value := range want[shape.name] {
			if !slices.Equal(r.Header[name], value) {
				t.Errorf("%s: %s arrived as %q", mark, name, r.Header[name])
			}
		}
		// What must not arrive is the upstream's to note; the stage's end tells.
	}
}
