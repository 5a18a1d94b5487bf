// Package adaptortest holds what the tests of all adaptors need: an upstream
// that keeps what it was sent. Nothing but tests imports it.
package adaptortest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/caddy-aiproxy/aiproxy/adaptors"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// Received is a request as the upstream saw it.
type Received struct {
	Method, URI, Host, Body string
	Length                  int64
	Header                  http.Header
}

// Upstream is a server that answers every request with 200 and an empty object.
type Upstream struct {
	// URL is the server's address, without a path.
	URL *url.URL
	// Last is the last request.
	Last Received
}

// NewUpstream starts an upstream that is closed when the test ends.
func NewUpstream(t testing.TB) *Upstream {
	t.Helper()
	var u Upstream
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		u.Last = Received{r.Method, r.RequestURI, r.Host, string(body), r.ContentLength, r.Header}
		io.WriteString(w, "{}")
	}))
	t.Cleanup(server.Close)
	var err error
	if u.URL, err = url.Parse(server.URL); err != nil {
		t.Fatal(err)
	}
	return &u
}

// Base returns the upstream's address with a path, as a channel's base URL.
func (u *Upstream) Base(path string) *url.URL {
	base := *u.URL
	base.Path = path
	return &base
}

// Send makes the call and closes the answer.
func Send(t testing.TB, a adaptors.Adaptor, call *adaptors.Call) {
	t.Helper()
	resp, err := a.Send(context.Background(), http.DefaultTransport, call)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// Unmarshal reads an adaptor's block as the Caddyfile of a channel does. The
// input begins with the adaptor's name, which is also name.
func Unmarshal(name, input string) (caddyfile.Unmarshaler, error) {
	d := caddyfile.NewTestDispenser(input)
	d.Next()
	return caddyfile.UnmarshalModule(d, "aiproxy.adaptors."+name)
}
