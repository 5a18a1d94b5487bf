package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/quic-go/quic-go/http3"
)

// version is a version of HTTP that a client insists on.
type version string

const (
	h1 version = "h1"
	h2 version = "h2"
	h3 version = "h3"
)

var versions = []version{h1, h2, h3}

// base is the address of the site that serves the version.
func (g *gateway) base(v version) string {
	if v == h1 {
		return g.Plain
	}
	return g.TLS
}

// client returns a client that speaks the version and no other, and trusts
// the gateway's own authority.
func (g *gateway) client(v version) (*http.Client, error) {
	if v == h1 {
		return &http.Client{Transport: &http.Transport{}}, nil
	}
	pem, err := os.ReadFile(filepath.Join(g.dir, "data", "caddy", "pki", "authorities", "local", "root.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %q", pem)
	}
	trust := &tls.Config{RootCAs: pool}
	if v == h3 {
		return &http.Client{Transport: &http3.Transport{TLSClientConfig: trust}}, nil
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: trust, Protocols: protocols}}, nil
}

// dial returns a client for one test.
func (g *gateway) dial(t *testing.T, v version) *http.Client {
	t.Helper()
	client, err := g.client(v)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if transport, ok := client.Transport.(*http3.Transport); ok {
			_ = transport.Close()
		}
		client.CloseIdleConnections()
	})
	return client
}
