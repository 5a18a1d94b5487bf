// Package subject runs what the bench measures: a Caddy binary with a
// Caddyfile, in a process and a folder of its own, whose processor time and
// memory are read from outside. It sends no load.
package subject

import (
	"fmt"
	"path/filepath"

	"github.com/caddy-aiproxy/aiproxy/internal/bench/script"
)

// Kind is a way to serve the bench's requests.
type Kind struct {
	Name string
	// Key is the credential that its client sends.
	Key string
	// options and site are parts of the Caddyfile; %[1]s is the upstream's
	// host and port, %[2]s the folder of the process.
	options, site string
}

// Gateway is our gateway with everything switched on.
var Gateway = Kind{
	Name: "gateway",
	Key:  script.ClientKey,
	options: `	aiproxy {
		store sqlite {
			path %[2]s/bench.db
		}
		channel mock {
			adaptor openai
			base_url http://%[1]s/v1
			key ` + script.UpstreamKey + `
			models ` + script.Model + `
		}
		group bench
		token bench load {
			key ` + script.ClientKey + `
		}
	}
`,
	site: `	aiproxy
`,
}

// ReverseProxy is Caddy's own reverse_proxy, the yardstick. It passes the
// client's key on, so its client sends the upstream's.
var ReverseProxy = Kind{
	Name: "reverse_proxy",
	Key:  script.UpstreamKey,
	site: `	reverse_proxy %[1]s {
		flush_interval -1
		transport http {
			keepalive_idle_conns 4096
			keepalive_idle_conns_per_host 4096
		}
	}
`,
}

// Caddyfile returns the configuration of k, served on addr. Neither kind
// writes an access log, and each has an admin endpoint of its own.
func (k Kind) Caddyfile(dir, addr, upstream string) string {
	fill := func(part string) string {
		if part == "" {
			return ""
		}
		// Both arguments are used in no fixed number, which Sprintf takes only
		// when each is named.
		return fmt.Sprintf(part+"%.0[1]s%.0[2]s", upstream, dir)
	}
	return fmt.Sprintf("{\n\tadmin unix/%s\n\tauto_https off\n%s}\n\nhttp://%s {\n\tbind 127.0.0.1\n%s}\n",
		adminSocket(dir), fill(k.options), addr, fill(k.site))
}

func adminSocket(dir string) string { return filepath.Join(dir, "admin.sock") }
