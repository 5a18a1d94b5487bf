package sse

import "bytes"

// Tail remembers how a stream ends so far, so that an event can be put behind
// it which the stream did not bring. The zero value is a stream without events.
type Tail struct {
	// crlf: lines end in CR LF. half: the LF of the last one has not come.
	// open: the last event has no blank line at its end.
	crlf, half, open bool
}

// After tells that event is the stream's last.
func (t *Tail) After(event []byte) {
	n := len(event)
	if n > 1 && event[n-1] == '\n' && event[n-2] == '\n' {
		*t = Tail{}
		return
	}
	t.half = n > 0 && event[n-1] == '\r'
	t.crlf = t.half || bytes.HasSuffix(event, []byte("\r\n"))
	line := bytes.TrimSuffix(bytes.TrimSuffix(event, []byte("\n")), []byte("\r"))
	t.open = len(line) > 0 && line[len(line)-1] != '\n' && line[len(line)-1] != '\r'
}

// CRLF says whether the stream's lines end in CR LF rather than LF.
func (t *Tail) CRLF() bool { return t.crlf }

// Half says whether the LF of the last line's CR LF is still to come.
func (t *Tail) Half() bool { return t.half }

// Append appends to dst what ends the stream's last event, if it is open, then
// an event of the name (none if empty) and the data, which is one line. Its
// lines end as the stream's do: some clients look for one kind of blank line
// and would read on through the other.
func (t *Tail) Append(dst []byte, name string, data []byte) []byte {
	end := "\n"
	if t.crlf {
		end = "\r\n"
	}
	if t.half {
		dst = append(dst, '\n')
	}
	if t.open {
		dst = append(dst, end...)
	}
	if name != "" {
		dst = append(append(append(dst, "event: "...), name...), end...)
	}
	dst = append(append(append(dst, "data: "...), data...), end...)
	return append(dst, end...)
}
