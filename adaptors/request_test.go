package adaptors

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestNewRequestURL(t *testing.T) {
	tests := []struct{ base, path, query, want string }{
		{"https://api.openai.com/v1", "/chat/completions", "", "https://api.openai.com/v1/chat/completions"},
		{"https://api.perplexity.ai", "/responses", "", "https://api.perplexity.ai/responses"},
		{"http://localhost:11434/v1", "/embeddings", "a=1", "http://localhost:11434/v1/embeddings?a=1"},
		{"https://x.com/v1?api-version=1", "/responses", "", "https://x.com/v1/responses?api-version=1"},
		{"https://x.com/v1?api-version=1", "/responses", "a=1", "https://x.com/v1/responses?api-version=1&a=1"},
		{"https://x.com/a%2Fb", "/c", "", "https://x.com/a%2Fb/c"},
		{"https://x.com/a%2Fb", "/c%2Fd", "", "https://x.com/a%2Fb/c%2Fd"},
		{"https://x.com/v1", "/models/a%20b:x", "", "https://x.com/v1/models/a%20b:x"},
		{"https://x.com/v1", "/models/a%2Cb:x", "", "https://x.com/v1/models/a%2Cb:x"},
		{"https://[::1]:8443/v1", "/c", "", "https://[::1]:8443/v1/c"},
		// A user in the address is not sent: keys are what authenticates.
		{"https://user:pass@x.com/v1", "/c", "", "https://x.com/v1/c"},
	}
	for _, tt := range tests {
		base, err := url.Parse(tt.base)
		if err != nil {
			t.Fatal(err)
		}
		before := *base
		req, err := NewRequest(context.Background(), &Call{BaseURL: base}, tt.path, tt.query)
		if err != nil {
			t.Fatal(err)
		}
		if got := req.URL.String(); got != tt.want {
			t.Errorf("%s + %s: %s, want %s", tt.base, tt.path, got, tt.want)
		}
		if req.Host != base.Host {
			t.Errorf("host %s, want %s", req.Host, base.Host)
		}
		if *base != before {
			t.Errorf("the base URL was changed: %s", base)
		}
	}
}

func TestNewRequestBody(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(context.Background(), key{}, "v")
	base, _ := url.Parse("https://x.com/v1")
	header := http.Header{"Content-Type": {"text/plain"}, "Accept-Encoding": {"br"}}
	req, err := NewRequest(ctx, &Call{BaseURL: base, Body: []byte("body"), Header: header}, "/c", "")
	if err != nil {
		t.Fatal(err)
	}
	if req.Context().Value(key{}) != "v" {
		t.Error("the context is another one")
	}
	want := http.Header{"Content-Type": {"application/json"}, "Accept-Encoding": {"identity"}, "User-Agent": {"aiproxy"}}
	if diff := cmp.Diff(want, req.Header); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for range 2 {
		body, err := req.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(body); err != nil || string(b) != "body" {
			t.Errorf("%q, %v", b, err)
		}
	}
	if b, err := io.ReadAll(req.Body); err != nil || string(b) != "body" || req.ContentLength != 4 {
		t.Errorf("%q, %v, length %d", b, err, req.ContentLength)
	}

	empty, err := NewRequest(ctx, &Call{BaseURL: base}, "/c", "")
	if err != nil {
		t.Fatal(err)
	}
	if empty.Body != http.NoBody || empty.ContentLength != 0 {
		t.Errorf("of an empty body: %v, length %d", empty.Body, empty.ContentLength)
	}
}

func TestNewRequestRefusesBadEscapes(t *testing.T) {
	base, _ := url.Parse("https://x.com/v1")
	if _, err := NewRequest(context.Background(), &Call{BaseURL: base}, "/a%zz", ""); err == nil {
		t.Error("no error")
	}
}

// Whatever segment is escaped into the path comes out of it again, and the
// address is the one that parsing it would give.
func TestNewRequestPathProperty(t *testing.T) {
	base, _ := url.Parse("https://x.com/v1")
	rapid.Check(t, func(t *rapid.T) {
		segment := rapid.String().Draw(t, "segment")
		path := "/models/" + url.PathEscape(segment) + ":x"
		req, err := NewRequest(context.Background(), &Call{BaseURL: base}, path, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := req.URL.EscapedPath(); got != "/v1"+path {
			t.Fatalf("%q on the wire, want %q", got, "/v1"+path)
		}
		parsed, err := url.Parse("https://x.com/v1" + path)
		if err != nil || parsed.Path != req.URL.Path {
			t.Fatalf("%q, want %q (%v)", req.URL.Path, parsed.Path, err)
		}
	})
}
