//go:build tools

// Package tools pins the programs that build the project and are no part of
// it. They have a module of their own, so that what they need stays out of the
// gateway's.
package tools

import _ "github.com/caddyserver/xcaddy/cmd/xcaddy"
