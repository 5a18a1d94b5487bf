package aiproxy

import (
	"fmt"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// background are the goroutines of libraries that outlive what started them.
var background = []goleak.Option{
	// CertMagic's lock on a file, as on the gateway's secret, is kept fresh by a
	// goroutine that sees at its next turn, after 5 s, that the lock is gone.
	goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"),
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
