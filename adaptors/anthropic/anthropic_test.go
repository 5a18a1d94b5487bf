package anthropic

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddy-aiproxy/aiproxy/adaptors/adaptortest"
	"github.com/caddy-aiproxy/aiproxy/protocol"
)

func TestSend(t *testing.T) {
	upstream := adaptortest.NewUpstream(t)
	generate := protocol.Call{Protocol: protocol.Messages, Operation: protocol.Generate}
	tests := []struct {
		name   string
		call   adaptors.Call
		uri    string
		header http.Header
	}{
		{
			name: "messages with the defaults",
			call: adaptors.Call{Call: generate, Key: "sk-ant", Body: []byte(`{"a":1}`)},
			uri:  "/v1/messages",
			header: http.Header{
				"Accept-Encoding":   {"identity"},
				"Anthropic-Version": {"2023-06-01"},
				"Content-Length":    {"7"},
				"Content-Type":      {"application/json"},
				"User-Agent":        {"aiproxy"},
				"X-Api-Key":         {"sk-ant"},
			},
		},
		{
			name: "the client's version and betas",
			call: adaptors.Call{
				Call: generate, Key: "sk-ant", Body: []byte(`{}`),
				Header: http.Header{"Anthropic-Version": {"2024-01-01"}, "Anthropic-Beta": {"a,b", "c"}},
				Query:  url.Values{"beta": {"true"}},
			},
			uri: "/v1/messages?beta=true",
			header: http.Header{
				"Accept-Encoding":   {"identity"},
				"Anthropic-Beta":    {"a,b", "c"},
				"Anthropic-Version": {"2024-01-01"},
				"Content-Length":    {"2"},
				"Content-Type":      {"application/json"},
				"User-Agent":        {"aiproxy"},
				"X-Api-Key":         {"sk-ant"},
			},
		},
		{
			name: "count_tokens without a key",
			call: adaptors.Call{
				Call: protocol.Call{Protocol: protocol.Messages, Operation: protocol.CountTokens}, Body: []byte(`{}`),
			},
			uri: "/v1/messages/count_tokens",
			header: http.Header{
				"Accept-Encoding":   {"identity"},
				"Anthropic-Version": {"2023-06-01"},
				"Content-Length":    {"2"},
				"Content-Type":      {"application/json"},
				"User-Agent":        {"aiproxy"},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.call.BaseURL = upstream.Base("/v1")
			adaptortest.Send(t, new(Adaptor), &tt.call)
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
	for _, c := range []protocol.Call{
		{Protocol: protocol.Chat, Operation: protocol.Generate},
		{Protocol: protocol.Messages, Operation: protocol.Embed},
	} {
		_, err := new(Adaptor).Send(context.Background(), nil, &adaptors.Call{Call: c})
		if !errors.Is(err, adaptors.ErrNotSent) {
			t.Errorf("%s %s: %v", c.Protocol, c.Operation, err)
		}
	}
}

func TestWhatItSpeaks(t *testing.T) {
	a := new(Adaptor)
	if diff := cmp.Diff([]protocol.Protocol{protocol.Messages}, a.Protocols()); diff != "" {
		t.Error(diff)
	}
	if got := a.DefaultBaseURL(); got != "https://api.anthropic.com/v1" {
		t.Errorf("base URL %s", got)
	}
	if !a.NeedsKey() || a.StreamUsage() {
		t.Errorf("needs key %v, stream usage %v", a.NeedsKey(), a.StreamUsage())
	}
	for op := protocol.OperationNone; op <= protocol.Live; op++ {
		want := op == protocol.Generate || op == protocol.CountTokens
		if got := a.Serves(protocol.Messages, op); got != want {
			t.Errorf("serves %s: %v", op, got)
		}
		if a.Serves(protocol.Chat, op) {
			t.Errorf("serves %s in chat", op)
		}
	}
}

func TestUnmarshalCaddyfile(t *testing.T) {
	tests := []struct{ name, input, err string }{
		{"name alone", "anthropic", ""},
		{"empty block", "anthropic {\n}", ""},
		{"argument", "anthropic claude", `adaptor anthropic takes no arguments; got "claude"`},
		{"option", "anthropic {\n\tversion 1\n}", `adaptor anthropic has no options; got "version"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := adaptortest.Unmarshal("anthropic", tt.input)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}
