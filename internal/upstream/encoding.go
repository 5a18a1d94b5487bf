package upstream

import (
	"compress/gzip"
	"io"
	"net/http"
)

// encoder writes an answer's body in its content coding. Errors are those of
// a client that has left, and are seen elsewhere.
type encoder struct {
	to   io.Writer
	gzip *gzip.Writer
	br   bool
	open bool // br: the stream's header has been written
}

// newEncoder announces the coding in w's headers.
func newEncoder(w http.ResponseWriter, coding string) *encoder {
	e := &encoder{to: w}
	switch coding {
	case "gzip":
		w.Header().Set("Content-Encoding", "gzip")
		e.gzip = gzip.NewWriter(w)
	case "br":
		w.Header().Set("Content-Encoding", "br")
		e.br = true
	case Garbled:
		w.Header().Set("Content-Encoding", "gzip")
	}
	return e
}

func (e *encoder) write(p []byte) {
	switch {
	case e.gzip != nil:
		_, _ = e.gzip.Write(p)
	case e.br:
		e.stored(p)
	default:
		_, _ = e.to.Write(p)
	}
}

func (e *encoder) flush() {
	if e.gzip != nil {
		_ = e.gzip.Flush()
	}
}

func (e *encoder) close() {
	switch {
	case e.gzip != nil:
		_ = e.gzip.Close()
	case e.br && e.open:
		_, _ = e.to.Write([]byte{0x03}) // ISLAST, ISLASTEMPTY
	case e.br:
		_, _ = e.to.Write([]byte{0x06}) // WBITS of 16, then the same
	}
}

// stored writes uncompressed meta-blocks (RFC 7932, section 9.2), which any
// reader of Brotli takes: the standard library cannot compress it.
func (e *encoder) stored(p []byte) {
	for len(p) > 0 {
		n := min(len(p), 1<<16)
		// ISLAST 0, MNIBBLES 0 (four of them), MLEN-1 in 16 bits, ISUNCOMPRESSED 1.
		bits := uint32(n-1)<<3 | 1<<19
		if !e.open {
			bits <<= 1 // WBITS 0: a window of 16 bits
			e.open = true
		}
		_, _ = e.to.Write([]byte{byte(bits), byte(bits >> 8), byte(bits >> 16)})
		_, _ = e.to.Write(p[:n])
		p = p[n:]
	}
}
