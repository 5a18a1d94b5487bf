// Package sse cuts an event stream into its events without copying or
// changing a byte. It knows the framing of the WHATWG HTML standard (section
// 9.2, "Server-sent events"), and no protocol's events.
package sse

import "io"

// Reader reads the events of a stream.
type Reader struct{}

// NewReader returns a Reader of an event stream. An event longer than max
// bytes is ErrTooLong.
func NewReader(r io.Reader, max int) *Reader { panic("sse") }

// NewArrayReader returns a Reader whose events are the elements of a JSON
// array: each comes with the bytes that precede it (bracket, comma, white
// space); the closing bracket comes as the last event.
func NewArrayReader(r io.Reader, max int) *Reader { panic("sse") }

// Next returns the bytes of the next whole event, the blank line that ends it
// included. They are valid until the next call. After the last event it
// returns io.EOF, or io.ErrUnexpectedEOF where the body ended inside an event.
func (r *Reader) Next() ([]byte, error) { panic("sse") }

// Buffered says whether the next event is already here, so that Next would
// not read from the stream.
func (r *Reader) Buffered() bool { panic("sse") }

// Data returns the event's data: a part of event where it is one line, else
// its lines joined. nil where the event has no data line.
func Data(event []byte) []byte { panic("sse") }

// Name returns the event's name; nil where it has none.
func Name(event []byte) []byte { panic("sse") }
