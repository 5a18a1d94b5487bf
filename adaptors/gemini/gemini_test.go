package gemini

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

func TestSendAddresses(t *testing.T) {
	upstream := adaptortest.NewUpstream(t)
	tests := []struct {
		name          string
		op            protocol.Operation
		model         string
		stream, array bool
		query         url.Values
		uri           string
	}{
		{name: "generate", op: protocol.Generate, model: "gemini-2.5-flash", uri: "/models/gemini-2.5-flash:generateContent"},
		{name: "events", op: protocol.Generate, model: "g", stream: true, uri: "/models/g:streamGenerateContent?alt=sse"},
		{name: "array", op: protocol.Generate, model: "g", stream: true, array: true, uri: "/models/g:streamGenerateContent"},
		{
			name: "events, asked for twice", op: protocol.Generate, model: "g", stream: true,
			query: url.Values{"alt": {"sse"}}, uri: "/models/g:streamGenerateContent?alt=sse",
		},
		{
			name: "array, asked for by name", op: protocol.Generate, model: "g", stream: true, array: true,
			query: url.Values{"alt": {"json"}}, uri: "/models/g:streamGenerateContent",
		},
		{
			name: "whole answers have no form", op: protocol.Generate, model: "g",
			query: url.Values{"alt": {"sse"}}, uri: "/models/g:generateContent",
		},
		{
			name: "other parameters pass, credentials do not", op: protocol.Generate, model: "g", stream: true,
			query: url.Values{
				"key": {"secret"}, "$key": {"secret"}, "access_token": {"secret"}, "oauth_token": {"secret"},
				"$alt": {"proto"}, "callback": {"f"}, "prettyPrint": {"false"}, "fields": {"candidates(content)"},
			},
			uri: "/models/g:streamGenerateContent?alt=sse&fields=candidates%28content%29&prettyPrint=false",
		},
		{name: "count", op: protocol.CountTokens, model: "g", uri: "/models/g:countTokens"},
		{name: "a stream is of generate alone", op: protocol.CountTokens, model: "g", stream: true, uri: "/models/g:countTokens"},
		{name: "embed", op: protocol.Embed, model: "e", uri: "/models/e:embedContent"},
		{name: "batch", op: protocol.BatchEmbed, model: "e", uri: "/models/e:batchEmbedContents"},
		{name: "tuned", op: protocol.Generate, model: "tunedModels/x-1", uri: "/tunedModels/x-1:generateContent"},
		{name: "collection", op: protocol.Generate, model: "models/g", uri: "/models/g:generateContent"},
		{name: "slash", op: protocol.Generate, model: "org/name", uri: "/models/org/name:generateContent"},
		{name: "colon", op: protocol.Generate, model: "llama3:8b", uri: "/models/llama3:8b:generateContent"},
		{name: "escaped", op: protocol.Generate, model: "a b?c#d%2F", uri: "/models/a%20b%3Fc%23d%252F:generateContent"},
		{name: "letters", op: protocol.Generate, model: "modèle", uri: "/models/mod%C3%A8le:generateContent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			adaptortest.Send(t, new(Adaptor), &adaptors.Call{
				// The version that the client called under does not matter.
				Call:    protocol.Call{Protocol: protocol.Gemini, Operation: tt.op, Version: "v1", Array: tt.array},
				BaseURL: upstream.Base("/v1beta"), UpstreamModel: tt.model,
				Stream: tt.stream, Query: tt.query, Body: []byte(`{}`),
			})
			if want := "/v1beta" + tt.uri; upstream.Last.URI != want {
				t.Errorf("got  %s\nwant %s", upstream.Last.URI, want)
			}
			if tt.query.Has("key") && tt.query.Get("key") != "secret" {
				t.Error("the client's query was changed")
			}
		})
	}
}

func TestSend(t *testing.T) {
	upstream := adaptortest.NewUpstream(t)
	adaptortest.Send(t, new(Adaptor), &adaptors.Call{
		Call:    protocol.Call{Protocol: protocol.Gemini, Operation: protocol.Generate},
		BaseURL: upstream.Base("/v1beta"), UpstreamModel: "g", Key: "AIza",
		Header: http.Header{"X-Goog-Api-Client": {"genai-js/3.1"}}, Body: []byte(`{"contents":[]}`),
	})
	want := adaptortest.Received{
		Method: "POST", URI: "/v1beta/models/g:generateContent", Host: upstream.URL.Host,
		Body: `{"contents":[]}`, Length: 15,
		Header: http.Header{
			"Accept-Encoding":   {"identity"},
			"Content-Length":    {"15"},
			"Content-Type":      {"application/json"},
			"User-Agent":        {"aiproxy"},
			"X-Goog-Api-Client": {"genai-js/3.1"},
			"X-Goog-Api-Key":    {"AIza"},
		},
	}
	if diff := cmp.Diff(want, upstream.Last); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSendRefusesPathsForModels(t *testing.T) {
	for _, model := range []string{"", "/", "a/", "/a", "..", "../files/1", "tunedModels/../x", "a//b", "./a", "models/"} {
		_, err := new(Adaptor).Send(context.Background(), nil, &adaptors.Call{
			Call: protocol.Call{Protocol: protocol.Gemini, Operation: protocol.Generate}, UpstreamModel: model,
		})
		var e *protocol.Error
		if !errors.Is(err, adaptors.ErrNotSent) || !errors.As(err, &e) || e.Kind != protocol.KindInvalid || e.Param != "model" {
			t.Errorf("%q: %v", model, err)
		}
	}
}

func TestSendRefusesOtherOperations(t *testing.T) {
	for _, c := range []protocol.Call{
		{Protocol: protocol.Chat, Operation: protocol.Generate},
		{Protocol: protocol.Gemini, Operation: protocol.ListModels},
	} {
		_, err := new(Adaptor).Send(context.Background(), nil, &adaptors.Call{Call: c, UpstreamModel: "g"})
		if !errors.Is(err, adaptors.ErrNotSent) {
			t.Errorf("%s %s: %v", c.Protocol, c.Operation, err)
		}
	}
}

func TestWhatItSpeaks(t *testing.T) {
	a := new(Adaptor)
	if diff := cmp.Diff([]protocol.Protocol{protocol.Gemini}, a.Protocols()); diff != "" {
		t.Error(diff)
	}
	if got := a.DefaultBaseURL(); got != "https://generativelanguage.googleapis.com/v1beta" {
		t.Errorf("base URL %s", got)
	}
	if !a.NeedsKey() || a.StreamUsage() {
		t.Errorf("needs key %v, stream usage %v", a.NeedsKey(), a.StreamUsage())
	}
	for op := protocol.OperationNone; op <= protocol.Live; op++ {
		want := op >= protocol.Generate && op <= protocol.BatchEmbed
		if got := a.Serves(protocol.Gemini, op); got != want {
			t.Errorf("serves %s: %v", op, got)
		}
		if a.Serves(protocol.Messages, op) {
			t.Errorf("serves %s in messages", op)
		}
	}
}

func TestUnmarshalCaddyfile(t *testing.T) {
	tests := []struct{ name, input, err string }{
		{"name alone", "gemini", ""},
		{"argument", "gemini pro", `adaptor gemini takes no arguments; got "pro"`},
		{"closing brace", "gemini }", `adaptor gemini takes no arguments; got "}"`},
		{"option", "gemini {\n\tkey 1\n}", `adaptor gemini has no options; got "key"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := adaptortest.Unmarshal("gemini", tt.input)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}
