package sse

import "bytes"

// Line returns the event's data where the event is one data line and the blank
// line behind it, and nil where it is more, or less. It is Data for those who
// are in a hurry: most events of most streams are such a line.
func Line(event []byte) []byte {
	if len(event) < 7 || string(event[:5]) != "data:" {
		return nil
	}
	i := bytes.IndexByte(event, '\n')
	switch rest := event[i+1:]; {
	case i < 0, len(rest) > 2:
		return nil
	case string(rest) == "\n":
	case string(rest) == "\r\n" && event[i-1] == '\r':
		i--
	default:
		return nil
	}
	data := event[5:i:i]
	if len(data) > 0 && data[0] == ' ' {
		data = data[1:]
	}
	if bytes.IndexByte(data, '\r') >= 0 {
		return nil
	}
	return data
}

// Replace appends the event to dst with data in the place of its own data, one
// line for each line of it, where the first data line was. All else of the
// event stays as it is. data has no CR.
func Replace(dst, event, data []byte) []byte {
	if own := Line(event); own != nil && bytes.IndexByte(data, '\n') < 0 && !bytes.HasPrefix(data, []byte(" ")) {
		start := len("data:")
		if event[start] == ' ' {
			start++
		}
		dst = append(append(dst, event[:start]...), data...)
		return append(dst, event[start+len(own):]...)
	}
	done := false
	for lf := 0; len(event) > 0; {
		var at int
		at, lf = lineEnd(event, 0, lf)
		next := min(at+1, len(event))
		if at+1 < len(event) && event[at] == '\r' && event[at+1] == '\n' {
			next++
		}
		line, end := event[:at], event[at:next]
		event, lf = event[next:], lf-next
		name, _ := split(trimBOM(line))
		if string(name) != "data" || len(line) == 0 {
			dst = append(append(dst, line...), end...)
			continue
		}
		for !done {
			var one []byte
			one, data, done = bytes.Cut(data, []byte("\n"))
			done = !done
			dst = append(append(append(dst, "data: "...), one...), end...)
		}
	}
	return dst
}
