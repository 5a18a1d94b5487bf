//go:build !unix

package aiproxy

import "net"

// lend leaves a connection as it is: only Unix systems say when there is
// something to read without reading it.
func lend(conn net.Conn) net.Conn { return conn }
