package openai

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/adaptors/adaptortest"
	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddyserver/caddy/v2"
)

func provisioned(t *testing.T, a Adaptor) *Adaptor {
	t.Helper()
	if err := a.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	return &a
}

func TestSend(t *testing.T) {
	upstream := adaptortest.NewUpstream(t)
	tests := []struct {
		name    string
		adaptor Adaptor
		call    adaptors.Call
		uri     string
		header  http.Header
	}{
		{
			name: "chat",
			call: adaptors.Call{
				Call:   protocol.Call{Protocol: protocol.Chat, Operation: protocol.Generate},
				Key:    "sk-1",
				Header: http.Header{"User-Agent": {"sdk/1"}, "Openai-Beta": {"x=1"}},
				Body:   []byte(`{"model":"gpt-5"}`),
			},
			uri: "/openai/v1/chat/completions",
			header: http.Header{
				"Accept-Encoding": {"identity"},
				"Authorization":   {"Bearer sk-1"},
				"Content-Length":  {"17"},
				"Content-Type":    {"application/json"},
				"Openai-Beta":     {"x=1"},
				"User-Agent":      {"sdk/1"},
			},
		},
		{
			name:    "responses with an account and a query",
			adaptor: Adaptor{Organization: "org-1", Project: "proj-1"},
			call: adaptors.Call{
				Call:   protocol.Call{Protocol: protocol.Responses, Operation: protocol.Generate},
				Key:    "sk-1",
				Header: http.Header{"Openai-Project": {"of the client"}},
				Query:  url.Values{"api-version": {"preview"}},
				Body:   []byte(`{}`),
			},
			uri: "/openai/v1/responses?api-version=preview",
			header: http.Header{
				"Accept-Encoding":     {"identity"},
				"Authorization":       {"Bearer sk-1"},
				"Content-Length":      {"2"},
				"Content-Type":        {"application/json"},
				"Openai-Organization": {"org-1"},
				"Openai-Project":      {"proj-1"},
				"User-Agent":          {"aiproxy"},
			},
		},
		{
			name:    "embeddings without a key",
			adaptor: Adaptor{Provider: "ollama"},
			call: adaptors.Call{
				Call: protocol.Call{Protocol: protocol.Chat, Operation: protocol.Embed},
				Body: []byte(`{}`),
			},
			uri: "/openai/v1/embeddings",
			header: http.Header{
				"Accept-Encoding": {"identity"},
				"Content-Length":  {"2"},
				"Content-Type":    {"application/json"},
				"User-Agent":      {"aiproxy"},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.call.BaseURL = upstream.Base("/openai/v1")
			adaptortest.Send(t, provisioned(t, tt.adaptor), &tt.call)
			want := adaptortest.Received{
				Method: "POST", URI: tt.uri, Host: upstream.URL.Host,
				Body: string(tt.call.Body), Length: int64(len(tt.call.Body)), Header: tt.header,
			}
			if diff := cmp.Diff(want, upstream.Last); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestSendRefusesOtherOperations(t *testing.T) {
	upstream := adaptortest.NewUpstream(t)
	a := provisioned(t, Adaptor{})
	for _, c := range []protocol.Call{
		{Protocol: protocol.Messages, Operation: protocol.Generate},
		{Protocol: protocol.Chat, Operation: protocol.CountTokens},
		{Protocol: protocol.Responses, Operation: protocol.Embed},
	} {
		_, err := a.Send(context.Background(), http.DefaultTransport, &adaptors.Call{Call: c, BaseURL: upstream.URL})
		if !errors.Is(err, adaptors.ErrNotSent) {
			t.Errorf("%s %s: %v", c.Protocol, c.Operation, err)
		}
	}
	if upstream.Last.Method != "" {
		t.Error("the upstream was called")
	}
}

func TestSendFollowsNoRedirect(t *testing.T) {
	server := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusTemporaryRedirect))
	defer server.Close()
	base, _ := url.Parse(server.URL)
	resp, err := provisioned(t, Adaptor{}).Send(context.Background(), http.DefaultTransport, &adaptors.Call{
		Call: protocol.Call{Protocol: protocol.Chat, Operation: protocol.Generate}, BaseURL: base, Key: "sk-1",
	})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestProvision(t *testing.T) {
	t.Setenv("AIPROXY_TEST_ORG", "org-env")
	a := provisioned(t, Adaptor{Organization: "{env.AIPROXY_TEST_ORG}"})
	if diff := cmp.Diff([]string{"org-env"}, a.organization); diff != "" {
		t.Error(diff)
	}
	for name, a := range map[string]Adaptor{
		`unknown provider "none"`:             {Provider: "none"},
		`organization: `:                      {Organization: "{env.AIPROXY_TEST_UNSET}"},
		`project: "a\nb" cannot be sent as`:   {Project: "a\nb"},
		`organization: "ö" cannot be sent as`: {Organization: "ö"},
	} {
		if err := a.Provision(caddy.Context{}); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%v, want %s…", err, name)
		}
	}
}

func TestUnmarshalCaddyfile(t *testing.T) {
	tests := []struct {
		name, input string
		want        Adaptor
		err         string
	}{
		{name: "name alone", input: "openai"},
		{name: "empty block", input: "openai {\n}"},
		{
			name:  "all options",
			input: "openai {\n\tprovider deepseek\n\torganization org-1\n\tproject {env.P}\n}",
			want:  Adaptor{Provider: "deepseek", Organization: "org-1", Project: "{env.P}"},
		},
		{name: "argument", input: "openai deepseek", err: `adaptor openai takes no arguments; got "deepseek"`},
		{name: "unknown option", input: "openai {\n\tprovidr x\n}", err: `unknown option "providr" of adaptor openai; it has organization, project, provider`},
		{name: "unknown provider", input: "openai {\n\tprovider none\n}", err: `unknown provider "none"; known are openai, compatible, `},
		{name: "twice", input: "openai {\n\tproject a\n\tproject b\n}", err: `option "project" of adaptor openai is given twice`},
		{name: "no value", input: "openai {\n\tproject\n}", err: `project: expected a value`},
		{name: "empty value", input: "openai {\n\tproject \"\"\n}", err: `project: expected a value`},
		{name: "two values", input: "openai {\n\tproject a b\n}", err: `project: unexpected argument "b"`},
		{name: "closing brace on the line", input: "openai {\n\tproject a }\n}", err: `project: a "}" has to stand on a line of its own`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := adaptortest.Unmarshal("openai", tt.input)
			switch {
			case tt.err == "" && err != nil:
				t.Fatal(err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Fatalf("error %v, want %s", err, tt.err)
			case tt.err == "":
				if diff := cmp.Diff(&tt.want, m, cmp.AllowUnexported(Adaptor{})); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func BenchmarkSend(b *testing.B) {
	var a Adaptor
	if err := a.Provision(caddy.Context{}); err != nil {
		b.Fatal(err)
	}
	base, _ := url.Parse(a.DefaultBaseURL())
	resp := &http.Response{}
	transport := roundTripper(func(*http.Request) (*http.Response, error) { return resp, nil })
	client := http.Header{
		"Accept": {"application/json"}, "Authorization": {"Bearer x"}, "Content-Type": {"application/json"},
		"User-Agent": {"OpenAI/JS 7.57.0"}, "X-Stainless-Lang": {"js"}, "X-Stainless-Os": {"Linux"},
		"Content-Length": {"1024"}, "Accept-Encoding": {"gzip"}, "Connection": {"keep-alive"},
	}
	body := make([]byte, 1024)
	b.ReportAllocs()
	for b.Loop() {
		call := adaptors.Call{
			Call:    protocol.Call{Protocol: protocol.Chat, Operation: protocol.Generate},
			BaseURL: base, Key: "sk-1", Body: body, Header: adaptors.OutgoingHeader(client),
		}
		if _, err := a.Send(context.Background(), transport, &call); err != nil {
			b.Fatal(err)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
