package subject

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Profile writes one of the process's profiles to w, read from its admin
// endpoint: "profile?seconds=5" for processor time, "heap", "allocs", …
func (p *Process) Profile(ctx context.Context, what string, w io.Writer) error {
	client := &http.Client{Timeout: 5 * time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", adminSocket(p.dir))
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/debug/pprof/"+what, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("profile %q: %s", what, resp.Status)
	}
	_, err = io.Copy(w, resp.Body)
	return err
}
