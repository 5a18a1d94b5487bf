// Package fake stands in for the Caddy binary in the bench's own tests: a
// test's binary, started as a subject is, serves what the Caddyfile says
// with net/http. Nothing but tests may import it.
package fake

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	_ "net/http/pprof" // what Caddy's admin endpoint offers
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/caddy-aiproxy/aiproxy/internal/bench/script"
)

var (
	site     = regexp.MustCompile(`(?m)^http://(\S+) \{`)
	upstream = regexp.MustCompile(`(?m)^\s+(?:base_url http://|reverse_proxy )([^/\s]+)`)
	admin    = regexp.MustCompile(`(?m)^\s+admin unix/(\S+)`)
	gateway  = regexp.MustCompile(`(?m)^\taiproxy$`)
)

// Main is for TestMain: where the process was started as a subject
// ("run --config FILE …") it serves until it is told to end, and exits.
func Main() {
	if len(os.Args) < 4 || os.Args[1] != "run" {
		return
	}
	if err := serve(os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "fake:", err)
		syscall.Exit(1)
	}
	// Under the race detector os.Exit waits for a second.
	syscall.Exit(0)
}

func serve(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var found [3]string
	for i, re := range []*regexp.Regexp{site, upstream, admin} {
		m := re.FindSubmatch(text)
		if m == nil {
			return fmt.Errorf("no %s in the Caddyfile", re)
		}
		found[i] = string(m[1])
	}
	addr, to, socket := found[0], found[1], found[2]
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	endpoint, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	defer endpoint.Close()
	go http.Serve(endpoint, nil)

	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: to})
	proxy.FlushInterval = -1
	if gateway.Match(text) {
		direct := proxy.Director
		proxy.Director = func(r *http.Request) {
			direct(r)
			if r.Header.Get("Authorization") == "Bearer "+script.ClientKey {
				r.Header.Set("Authorization", "Bearer "+script.UpstreamKey)
			}
		}
	}
	// With the body in memory the proxy is done sending it before the answer
	// comes. Else net/http's server, which closes a body that is not read to
	// its end when the answer begins, can make the transport's last read fail
	// and with it the answer.
	whole := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	})
	server := &http.Server{Addr: addr, Handler: whole}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	return nil
}
