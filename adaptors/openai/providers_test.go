package openai

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/protocol"
)

func TestProvidersTable(t *testing.T) {
	if providers[0].name != "openai" || providers[1].name != "compatible" {
		t.Errorf("the table begins with %q and %q", providers[0].name, providers[1].name)
	}
	names := make([]string, 0, len(providers))
	for _, row := range providers {
		names = append(names, row.name)
		if row.name == "" || strings.ToLower(row.name) != row.name || strings.ContainsAny(row.name, " {}\"") {
			t.Errorf("%q cannot be written in a Caddyfile", row.name)
		}
		if len(row.protocols) == 0 {
			t.Errorf("%s speaks nothing", row.name)
		}
		for _, p := range row.protocols {
			if p != protocol.Chat && p != protocol.Responses {
				t.Errorf("%s: protocol %s is not this adaptor's", row.name, p)
			}
		}
		if row.noGenerate && row.noEmbeddings {
			t.Errorf("%s does nothing", row.name)
		}
		if row.baseURL == "" {
			if !row.noKey {
				t.Errorf("%s: the operator's own server need not want a key", row.name)
			}
			continue
		}
		u, err := url.Parse(row.baseURL)
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		local := u.Hostname() == "localhost"
		if u.Scheme != "https" && !local || local != row.noKey {
			t.Errorf("%s: %s with noKey %v", row.name, row.baseURL, row.noKey)
		}
		if strings.HasSuffix(u.Path, "/") || u.RawQuery != "" || u.User != nil {
			t.Errorf("%s: %s is not a plain base URL", row.name, row.baseURL)
		}
	}
	if sorted := names[2:]; !slices.IsSorted(sorted) {
		t.Errorf("not sorted: %q", sorted)
	}
	if slices.Sort(names); len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("a name twice in %q", names)
	}
}

func TestFindUnknownListsAll(t *testing.T) {
	_, err := find("opanai")
	if err == nil {
		t.Fatal("no error")
	}
	for _, row := range providers {
		if !strings.Contains(err.Error(), row.name) {
			t.Errorf("%v does not list %s", err, row.name)
		}
	}
	if !strings.Contains(err.Error(), `"opanai"`) {
		t.Errorf("%v does not name the offending value", err)
	}
}

func TestProviderQuirks(t *testing.T) {
	tests := []struct {
		provider                              string
		protocols                             []protocol.Protocol
		chat, responses, embed, usage, needed bool
	}{
		{"", []protocol.Protocol{protocol.Chat, protocol.Responses}, true, true, true, true, true},
		{"openai", []protocol.Protocol{protocol.Chat, protocol.Responses}, true, true, true, true, true},
		{"compatible", []protocol.Protocol{protocol.Chat}, true, false, true, true, false},
		{"deepseek", []protocol.Protocol{protocol.Chat}, true, false, false, true, true},
		{"mistral", []protocol.Protocol{protocol.Chat}, true, false, true, false, true},
		{"perplexity", []protocol.Protocol{protocol.Responses}, false, true, false, true, true},
		{"xai", []protocol.Protocol{protocol.Responses, protocol.Chat}, true, true, true, true, true},
		{"jina", []protocol.Protocol{protocol.Chat}, false, false, true, true, true},
		{"ollama", []protocol.Protocol{protocol.Chat, protocol.Responses}, true, true, true, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.provider, func(t *testing.T) {
			a := provisioned(t, Adaptor{Provider: tt.provider})
			if got := a.Protocols(); !slices.Equal(got, tt.protocols) {
				t.Errorf("protocols %v, want %v", got, tt.protocols)
			}
			serves := map[string][2]bool{
				"chat":      {a.Serves(protocol.Chat, protocol.Generate), tt.chat},
				"responses": {a.Serves(protocol.Responses, protocol.Generate), tt.responses},
				"embed":     {a.Serves(protocol.Chat, protocol.Embed), tt.embed},
				"usage":     {a.StreamUsage(), tt.usage},
				"key":       {a.NeedsKey(), tt.needed},
				// Never.
				"messages":        {a.Serves(protocol.Messages, protocol.Generate), false},
				"gemini":          {a.Serves(protocol.Gemini, protocol.Generate), false},
				"count tokens":    {a.Serves(protocol.Chat, protocol.CountTokens), false},
				"responses embed": {a.Serves(protocol.Responses, protocol.Embed), false},
			}
			for name, got := range serves {
				if got[0] != got[1] {
					t.Errorf("%s: %v, want %v", name, got[0], got[1])
				}
			}
		})
	}
}
