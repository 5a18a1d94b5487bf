package splice

// Append appends a copy of body with the edits to dst, for callers that use a
// buffer again: see Apply.
func Append(dst, body []byte, edits ...Edit) []byte {
	// one or two edits are usual: an insertion sort without a call each
	for i := 1; i < len(edits); i++ {
		for j := i; j > 0 && edits[j].Start < edits[j-1].Start; j-- {
			edits[j], edits[j-1] = edits[j-1], edits[j]
		}
	}
	at := 0
	for _, e := range edits {
		if e.Start < at {
			panic("splice: edits overlap")
		}
		dst = append(dst, body[at:e.Start]...)
		dst = append(dst, e.Text...)
		at = e.End
	}
	return append(dst, body[at:]...)
}
