package adaptors

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// We ask every upstream for `Accept-Encoding: identity`. An answer has to be
// read for its usage and often edited, so a compressed one would have to be
// decompressed here, which costs more CPU than the bytes saved on a fast line
// between data centres; and a compressed stream depends on the vendor's flushes.
// Some vendors and the CDNs before them compress all the same: Decode deals
// with those.

const (
	// maxCodings is how many codings may be stacked on one body.
	maxCodings = 2
	// maxWindow is the largest window that a zstd body may ask for: the limit
	// that RFC 9659 sets for HTTP.
	maxWindow = 8 << 20
)

// DecodeError is the error of a read from a body whose bytes are not what its
// Content-Encoding says: garbled, or cut off. An error of the connection
// itself is passed through and is not one.
type DecodeError struct {
	// Coding is the name of the content coding.
	Coding string
	// Err is what the decoder said; io.ErrUnexpectedEOF where the body was cut.
	Err error
}

// Error names the coding and the decoder's complaint.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("decoding %s body: %v", e.Coding, e.Err)
}

// Unwrap returns the decoder's error.
func (e *DecodeError) Unwrap() error { return e.Err }

// Decode makes resp.Body the body without its content codings (gzip, deflate,
// br, zstd, at most two of them) and takes Content-Encoding and Content-Length
// out of the header. What the upstream flushed comes out as soon as it is
// here. Nothing is read before the first Read, no goroutine is started, and
// there is no limit on the size: that is the reader's business.
//
// The error is for a coding that is not known or a stack too high; resp is then
// unchanged, and the caller closes its body.
func Decode(resp *http.Response) error {
	header := resp.Header["Content-Encoding"]
	if len(header) == 0 {
		return nil
	}
	codings, err := parseCodings(header)
	if err != nil {
		return err
	}
	delete(resp.Header, "Content-Encoding")
	if len(codings) == 0 {
		return nil
	}
	delete(resp.Header, "Content-Length")
	if resp.Body == nil || resp.Body == http.NoBody {
		return nil
	}
	resp.ContentLength = -1
	resp.Uncompressed = true
	// They are listed in the order in which they were put on.
	for i := len(codings) - 1; i >= 0; i-- {
		resp.Body = &decoder{coding: codings[i], source: &source{body: resp.Body}}
	}
	return nil
}

// parseCodings returns the codings of the header's lines, without those that
// change nothing.
func parseCodings(lines []string) ([]string, error) {
	var codings []string
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.ToLower(strings.TrimSpace(name))
			if name == "" || name == "identity" {
				continue
			}
			if _, ok := openers[name]; !ok {
				return nil, fmt.Errorf("unknown content coding %.32q", name)
			}
			codings = append(codings, name)
		}
	}
	if len(codings) > maxCodings {
		return nil, fmt.Errorf("%d content codings on one body; at most %d are taken off", len(codings), maxCodings)
	}
	return codings, nil
}

// openers make the reader of each coding. They may read, and so wait for, the
// coding's header.
var openers = map[string]func(*bufio.Reader) (io.Reader, error){
	"gzip":    openGzip,
	"x-gzip":  openGzip,
	"deflate": openDeflate,
	"br":      func(r *bufio.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
	"zstd": func(r *bufio.Reader) (io.Reader, error) {
		// Of concurrency 1 it decodes in Read and has no goroutines.
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	},
}

// openDeflate reads zlib, which is what the standard calls deflate, or the
// bare form that some servers send under that name.
func openDeflate(r *bufio.Reader) (io.Reader, error) {
	head, err := r.Peek(2)
	if err != nil {
		return nil, err
	}
	if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(r)
	}
	return flate.NewReader(r), nil
}

func openGzip(r *bufio.Reader) (io.Reader, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	return &gzipMembers{members: z, source: r}, nil
}

// gzipMembers reads one gzip member after the other. gzip.Reader does too, but
// waits for the next one's header before it hands out the end of the last.
type gzipMembers struct {
	members *gzip.Reader
	source  *bufio.Reader
	ended   bool
}

func (g *gzipMembers) Read(p []byte) (int, error) {
	for {
		if g.ended {
			if _, err := g.source.Peek(1); err != nil {
				return 0, err
			}
			if err := g.members.Reset(g.source); err != nil {
				return 0, err
			}
			g.members.Multistream(false)
			g.ended = false
		}
		n, err := g.members.Read(p)
		if err == io.EOF {
			g.ended, err = true, nil
		}
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
	}
}

// source is the coded body. It keeps the connection's own error apart from
// what a decoder makes of it.
type source struct {
	body io.ReadCloser
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// decoder is a body without one of its codings.
type decoder struct {
	coding  string
	source  *source
	decoded io.Reader
	err     error
}

// Read decodes. Its first call reads the coding's header.
func (d *decoder) Read(p []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	if d.decoded == nil {
		r := bufio.NewReader(d.source)
		if _, err := r.Peek(1); err == io.EOF {
			// A body of no bytes is an empty one, whatever coding it claims.
			d.err = io.EOF
			return 0, d.err
		}
		decoded, err := openers[d.coding](r)
		if err != nil {
			return 0, d.fail(err)
		}
		d.decoded = decoded
	}
	n, err := d.decoded.Read(p)
	if err == nil || err == io.EOF {
		d.err = err
		return n, err
	}
	return n, d.fail(err)
}

// fail keeps the error that ends the body. An opener's io.EOF is a body that
// ended inside the coding's header.
func (d *decoder) fail(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if d.source.err != nil {
		d.err = d.source.err
	} else {
		d.err = &DecodeError{Coding: d.coding, Err: err}
	}
	return d.err
}

// Close closes the upstream's body and frees what the decoder holds. Like the
// body's own, it may be called while a Read waits: only the connection is
// touched then, and the decoder is left to the garbage collector.
func (d *decoder) Close() error { return d.source.body.Close() }
