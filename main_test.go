package aiproxy

import (
	"fmt"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// background are the goroutines that Caddy and its libraries start once for
// the process and never end.
var background = []goleak.Option{
	// CertMagic keeps one cache of certificates a process, with its upkeep.
	goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.(*Cache).maintainAssets"),
	// Caddy's default storage cleaner and tickets of TLS live as long as the app tls
	// is in use; the last config of a process is stopped, not exited.
	goleak.IgnoreAnyFunction("github.com/caddyserver/caddy/v2/modules/caddytls.(*SessionTicketService).stayUpdated"),
}

// TestMain fails where a test left a goroutine behind.
func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	defaultTransport.CloseIdleConnections()
	if code == 0 {
		if err := goleak.Find(background...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
