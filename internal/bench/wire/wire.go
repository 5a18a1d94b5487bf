// Package wire reads HTTP/1.1 by hand, for the two ends of the bench: it
// takes as little of the machine's time as it can, so that the subject in
// the middle gets it. It reads heads and bodies, judges no field but the
// framing, and knows nothing of what is said.
package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxHead is the largest head that is read; it is also the least size of a
// Reader's buffer.
const MaxHead = 16 << 10

// ErrUnframed says that a message has neither a length nor chunks.
var ErrUnframed = errors.New("neither Content-Length nor chunked")

// Reader reads messages from one connection.
type Reader struct {
	src  io.Reader
	buf  []byte
	r, w int
}

// NewReader returns a reader on src with a buffer of size bytes, at least
// MaxHead.
func NewReader(src io.Reader, size int) *Reader {
	return &Reader{src: src, buf: make([]byte, max(size, MaxHead))}
}

// Head is a start line with its fields. Its slices hold until the next read.
type Head struct {
	// Start is the request line or the status line.
	Start []byte
	// Fields are the lines after it, each with its CRLF.
	Fields []byte
	// Length is Content-Length, -1 where there is none.
	Length int
	// Chunked tells of Transfer-Encoding: chunked.
	Chunked bool
	// Close tells that the connection ends with this message.
	Close bool
}

var headEnd = []byte("\r\n\r\n")

// Head reads the next head. It returns io.EOF where the peer has closed the
// connection between two messages.
func (r *Reader) Head() (Head, error) {
	seen := 0
	for {
		if i := bytes.Index(r.buf[r.r+seen:r.w], headEnd); i >= 0 {
			block := r.buf[r.r : r.r+seen+i+2]
			r.r += seen + i + 4
			return parseHead(block)
		}
		seen = max(0, r.w-r.r-3)
		if r.w-r.r >= MaxHead {
			return Head{}, fmt.Errorf("head is longer than %d bytes", MaxHead)
		}
		empty := r.r == r.w
		if err := r.fill(); err != nil {
			if err == io.EOF && !empty {
				err = io.ErrUnexpectedEOF
			}
			return Head{}, err
		}
	}
}

// fill reads once. It moves what is unread to the front where the space
// behind it is used up.
func (r *Reader) fill() error {
	if r.r == r.w {
		r.r, r.w = 0, 0
	} else if r.w == len(r.buf) {
		if r.r == 0 {
			return fmt.Errorf("a line is longer than %d bytes", len(r.buf))
		}
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	}
	n, err := r.src.Read(r.buf[r.w:])
	r.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// Body reads the body that h announces and hands its bytes to take in order,
// as they come. A piece holds until take returns; an error of take ends the
// reading and is returned.
func (r *Reader) Body(h Head, take func([]byte) error) error {
	switch {
	case h.Chunked:
		return r.chunks(take)
	case h.Length >= 0:
		return r.exactly(h.Length, take)
	}
	return ErrUnframed
}

func (r *Reader) exactly(n int, take func([]byte) error) error {
	for n > 0 {
		if r.r == r.w {
			if err := r.fill(); err != nil {
				return midway(err)
			}
		}
		piece := r.buf[r.r:min(r.w, r.r+n)]
		r.r += len(piece)
		n -= len(piece)
		if err := take(piece); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) chunks(take func([]byte) error) error {
	for {
		line, err := r.line()
		if err != nil {
			return err
		}
		size, err := hex(line)
		if err != nil {
			return err
		}
		if size == 0 {
			break
		}
		if err := r.exactly(size, take); err != nil {
			return err
		}
		if line, err = r.line(); err != nil {
			return err
		}
		if len(line) != 0 {
			return fmt.Errorf("chunk of %d bytes is followed by %.20q", size, line)
		}
	}
	for { // trailers
		line, err := r.line()
		if err != nil || len(line) == 0 {
			return err
		}
	}
}

// line returns the next line without its CRLF.
func (r *Reader) line() ([]byte, error) {
	for {
		if i := bytes.IndexByte(r.buf[r.r:r.w], '\n'); i >= 0 {
			line := r.buf[r.r : r.r+i]
			r.r += i + 1
			if i == 0 || line[i-1] != '\r' {
				return nil, fmt.Errorf("line %.20q does not end in CRLF", line)
			}
			return line[:i-1], nil
		}
		if err := r.fill(); err != nil {
			return nil, midway(err)
		}
	}
}

// Buffered is the number of bytes that were received and not yet read.
func (r *Reader) Buffered() int { return r.w - r.r }

func midway(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
