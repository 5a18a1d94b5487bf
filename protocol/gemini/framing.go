package gemini

import (
	"bytes"

	"github.com/caddy-aiproxy/aiproxy/protocol"
	"github.com/caddy-aiproxy/aiproxy/protocol/sse"
)

// events frames a stream of events.
//
// Google's SDKs do not read lines. That of Go looks for "\n\n" before it looks
// for "\r\n\r\n" and takes what lies between two of them for one event, which
// has to start with "data:": so a comment is an error to it, a single newline
// spoils the event behind it, and a blank line of the other kind glues two
// events together. That of JavaScript drops a block that does not start with
// "data:". So what we put into the stream ends its lines as the stream does
// (Google's end in CR LF), and a ping is one more blank event.
type events struct{ tail sse.Tail }

func (f *events) read(raw []byte) []byte {
	f.tail.After(raw)
	return f.data(raw)
}

func (f *events) data(raw []byte) []byte {
	if data := sse.Line(raw); data != nil {
		return bytes.TrimSpace(data)
	}
	if data := sse.Data(raw); data != nil {
		return bytes.TrimSpace(data)
	}
	// Where a stream of Google's breaks, the error may come as plain JSON.
	if text := bytes.TrimSpace(raw); len(text) > 0 && text[0] == '{' {
		return text
	}
	return nil
}

func (f *events) replace(dst, raw, data []byte) []byte { return sse.Replace(dst, raw, data) }

func (f *events) failed(raw []byte) []byte { return raw }

func (f *events) last(e *protocol.Error) []byte {
	return f.tail.Append(nil, "", protocol.ErrorBody(protocol.Gemini, e, ""))
}

func (f *events) closing([]byte) bool { return false }

// ping is none where half of a blank line is still to come: nothing can stand
// between the halves.
func (f *events) ping() []byte {
	switch {
	case f.tail.Half():
		return nil
	case f.tail.CRLF():
		return []byte("\r\n\r\n")
	}
	return []byte("\n\n")
}

// elements frames a stream that is a JSON array.
type elements struct {
	// some says that an element was seen, and so the opening bracket.
	some bool
}

// before is what may stand before an element, or its closing bracket.
const before = "[, \t\r\n"

func (f *elements) read(raw []byte) []byte {
	data := f.data(raw)
	f.some = f.some || data != nil
	return data
}

func (f *elements) data(raw []byte) []byte {
	data := bytes.TrimSpace(bytes.TrimLeft(raw, before))
	if len(data) == 0 || data[0] == ']' {
		return nil
	}
	return data
}

func (f *elements) replace(dst, raw, data []byte) []byte {
	start := len(raw) - len(bytes.TrimLeft(raw, before))
	return append(append(dst, raw[:start]...), data...)
}

// failed closes the array behind the upstream's error: nothing of what the
// upstream sends after it is read.
func (f *elements) failed(raw []byte) []byte {
	return append(append([]byte(nil), raw...), "\n]"...)
}

func (f *elements) last(e *protocol.Error) []byte {
	open := "["
	if f.some {
		open = ",\n"
	}
	body := protocol.ErrorBody(protocol.Gemini, e, "")
	return append(append(append([]byte(nil), open...), body...), "\n]"...)
}

func (f *elements) closing(raw []byte) bool {
	data := bytes.TrimLeft(raw, before)
	return len(data) > 0 && data[0] == ']'
}

func (f *elements) ping() []byte { return []byte("\n") }
