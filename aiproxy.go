// Package aiproxy is an AI gateway as Caddy modules.
package aiproxy
