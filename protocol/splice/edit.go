package splice

import "slices"

// Edit puts Text in the place of a span.
type Edit struct {
	Span
	Text string
}

// Set replaces the value of the i-th name, which must be there. text is JSON.
func (o Object) Set(i int, text string) Edit {
	return Edit{o.present(i), text}
}

// Add appends a member after the last one. key and text are JSON, so key comes
// with its quotes. Several members can be added to an object that is not empty.
func (o Object) Add(key, text string) Edit {
	at := Span{o.last, o.last}
	if o.empty {
		return Edit{at, key + ":" + text}
	}
	return Edit{at, "," + key + ":" + text}
}

// Cut takes the member of the i-th name out, with the comma that goes with it.
// The name must be there. Two members of one object are cut by two scans, since
// the comma between them can go only once; likewise Add does not go together
// with a Cut of the only member.
func (o Object) Cut(i int) Edit {
	value := o.present(i)
	// A key that was found is spelled as its name, so its length is known.
	key := back(o.Body, back(o.Body, value.Start)-1) - len(o.names.names[i]) - 2
	if before := back(o.Body, key); o.Body[before-1] == ',' {
		return Edit{Span: Span{before - 1, value.End}}
	}
	if after := space(o.Body, value.End); o.Body[after] == ',' {
		return Edit{Span: Span{key, space(o.Body, after+1)}}
	}
	return Edit{Span: Span{key, value.End}}
}

// present returns the span of the i-th value.
func (o Object) present(i int) Span {
	s := o.Values[i]
	if s.End == 0 {
		panic("splice: edit of an absent member " + Quote(o.names.names[i]))
	}
	return s
}

// back returns the place behind the last byte before i that is no white space.
func back(b []byte, i int) int {
	for b[i-1] == ' ' || b[i-1] == '\n' || b[i-1] == '\r' || b[i-1] == '\t' {
		i--
	}
	return i
}

// Apply returns a copy of body with the edits, which may come in any order and
// do not overlap; it panics where they do. It brings edits into their order.
func Apply(body []byte, edits ...Edit) []byte {
	slices.SortStableFunc(edits, func(a, b Edit) int { return a.Start - b.Start })
	size := len(body)
	for _, e := range edits {
		size += len(e.Text) - (e.End - e.Start)
	}
	return Append(make([]byte, 0, size), body, edits...)
}
