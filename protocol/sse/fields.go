package sse

// Data returns the event's data: a part of event where it is one line, else
// its lines joined by LF in a new slice. nil where the event has no data line.
// A byte order mark before the event is passed over, though the standard has it
// before a stream's first one alone.
func Data(event []byte) []byte {
	var data []byte
	many := false
	for f := (fields{rest: trimBOM(event)}); f.next(); {
		if string(f.name) != "data" {
			continue
		}
		switch {
		case data == nil:
			data = f.value
		case !many:
			many = true
			// room for the rest too: the data is shorter than its event
			joined := make([]byte, 0, len(event))
			joined = append(joined, data...)
			data = append(append(joined, '\n'), f.value...)
		default:
			data = append(append(data, '\n'), f.value...)
		}
	}
	return data
}

// Name returns the event's name, of its last event line; nil where it has none.
func Name(event []byte) []byte {
	var name []byte
	for f := (fields{rest: trimBOM(event)}); f.next(); {
		if string(f.name) == "event" {
			name = f.value
		}
	}
	return name
}

// Empty says whether an event has neither data nor a name: it is a blank line,
// comments, or sets an id or a reconnection time, and reaches no application.
func Empty(event []byte) bool {
	for f := (fields{rest: trimBOM(event)}); f.next(); {
		if s := string(f.name); s == "data" || s == "event" {
			return false
		}
	}
	return true
}

// fields goes through the lines of an event that are fields. name and value
// are parts of the event, and value is not nil.
type fields struct {
	rest        []byte
	pos, lf     int
	name, value []byte
}

// next goes to the next line that is not blank and no comment.
func (f *fields) next() bool {
	b := f.rest
	for f.pos < len(b) {
		var at int
		start := f.pos
		at, f.lf = lineEnd(b, start, f.lf)
		// the LF behind a CR makes a blank line, which is passed over
		f.pos = at + 1
		if at == start || b[start] == ':' {
			continue
		}
		f.name, f.value = split(b[start:at:at])
		return true
	}
	return false
}

// split parts a line at its first colon and drops one space behind that. A
// line without a colon is a name with an empty value.
func split(line []byte) (name, value []byte) {
	for i, c := range line {
		if c != ':' {
			continue
		}
		if i+1 < len(line) && line[i+1] == ' ' {
			return line[:i], line[i+2:]
		}
		return line[:i], line[i+1:]
	}
	return line, line[len(line):]
}
