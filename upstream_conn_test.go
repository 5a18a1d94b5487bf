package aiproxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// connected returns the two ends of a connection: ours, and the upstream's.
func connected(t *testing.T) (ours, theirs net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ours, err = dialUpstream(context.Background(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

// TestConnBytes: whatever the sizes of writes and reads, the bytes come whole
// and in order, then the end.
func TestConnBytes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			rt.Fatal(err)
		}
		defer l.Close()
		sizes := rapid.SliceOfN(rapid.IntRange(1, 3*lent), 1, 8).Draw(rt, "writes")
		reads := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(1, 600), rapid.IntRange(lent-1, lent+1)), 1, 8).Draw(rt, "reads")
		var text []byte
		for _, n := range sizes {
			piece := make([]byte, n)
			for i := range piece {
				piece[i] = byte(rand.Uint32())
			}
			text = append(text, piece...)
		}
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			for rest := text; len(rest) > 0; {
				n := min(len(rest), sizes[0])
				conn.Write(rest[:n])
				rest = rest[n:]
			}
		}()
		conn, err := dialUpstream(context.Background(), "tcp", l.Addr().String())
		if err != nil {
			rt.Fatal(err)
		}
		defer conn.Close()
		var got []byte
		for i := 0; ; i++ {
			p := make([]byte, reads[i%len(reads)])
			n, err := conn.Read(p)
			got = append(got, p[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil || n == 0 {
				rt.Fatalf("%d bytes, %v", n, err)
			}
		}
		if sha256.Sum256(got) != sha256.Sum256(text) {
			rt.Fatalf("%d bytes came as %d others", len(text), len(got))
		}
	})
}

// TestConnHoldsNothing: a connection that waits has no buffer, nor has one that
// was read empty, and one that failed.
func TestConnHoldsNothing(t *testing.T) {
	ours, theirs := connected(t)
	conn, ok := ours.(*lendingConn)
	if !ok {
		t.Skip("connections lend on Unix alone")
	}
	theirs.Write([]byte("hello"))
	p := make([]byte, 3)
	if n, err := conn.Read(p); n != 3 || err != nil || conn.buffer == nil {
		t.Fatalf("%d, %v, buffer %v", n, err, conn.buffer != nil)
	}
	if n, err := conn.Read(p); n != 2 || err != nil || conn.buffer != nil || !bytes.Equal(p[:n], []byte("lo")) {
		t.Fatalf("%q, %v, buffer %v", p[:n], err, conn.buffer != nil)
	}
	conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := conn.Read(p); !errors.Is(err, os.ErrDeadlineExceeded) || conn.buffer != nil {
		t.Fatalf("%v, buffer %v", err, conn.buffer != nil)
	}
	conn.SetReadDeadline(time.Time{})
	done := make(chan error, 1)
	go func() {
		_, err := conn.Read(make([]byte, 3))
		done <- err
	}()
	conn.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) || conn.buffer != nil {
		t.Fatalf("%v, buffer %v", err, conn.buffer != nil)
	}
}

// TestConnReset: a reset is an error that says so, not an end.
func TestConnReset(t *testing.T) {
	ours, theirs := connected(t)
	theirs.(*net.TCPConn).SetLinger(0)
	theirs.Close()
	n, err := ours.Read(make([]byte, 3))
	var op *net.OpError
	if n != 0 || !errors.As(err, &op) || op.Op != "read" || op.Addr == nil {
		t.Fatalf("%d, %v", n, err)
	}
}
