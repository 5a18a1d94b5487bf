// Package e2e holds the end-to-end tests: the gateway's real binary between
// the official clients and the strict test upstreams of internal/upstream. It
// is a module of its own so that the clients' modules stay out of the
// gateway's go.mod; it has no code but tests.
//
// go test -race ./... builds the binary once, with the race detector; the
// environment's AIPROXY_BIN names one to be used instead.
package e2e
