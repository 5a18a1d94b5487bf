// Command aiproxy is Caddy with its standard modules and ours, for those who
// do not build with xcaddy. It takes Caddy's own commands and flags.
package main

import (
	_ "github.com/caddy-aiproxy/aiproxy"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

func main() {
	caddycmd.Main()
}
