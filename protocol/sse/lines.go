package sse

import (
	"bytes"
	"io"
)

// lines cuts a stream at blank lines. Places count from the start of the
// event. Lines end in LF, CR LF or CR.
type lines struct {
	// line is where the current line starts, pos how far it has been looked at.
	line, pos int
	// lf is the place of the first LF from pos on, or how far none is.
	lf int
	// inEvent says that the event has a line that is not blank.
	inEvent bool
	// afterCR says that the last line ended in a CR behind which no byte had
	// arrived: a LF there belongs to it.
	afterCR bool
	// atStart says that no line has been read: a byte order mark may come.
	atStart bool
}

func (l *lines) cut(b []byte) (int, error) {
	for l.pos < len(b) {
		if l.afterCR {
			l.afterCR = false
			if b[l.pos] == '\n' {
				l.pos++
				l.line = l.pos
				continue
			}
		}
		var at int
		at, l.lf = lineEnd(b, l.pos, l.lf)
		if at == len(b) {
			l.pos = at
			return 0, nil
		}
		blank := at == l.line
		if l.atStart {
			blank = len(trimBOM(b[l.line:at])) == 0
			l.atStart = false
		}
		after := at + 1
		if b[at] == '\r' {
			if after == len(b) {
				l.afterCR = true
			} else if b[after] == '\n' {
				after++
			}
		}
		if blank {
			l.line, l.pos, l.lf, l.inEvent = 0, 0, l.lf-after, false
			return after, nil
		}
		l.line, l.pos, l.inEvent = after, after, true
	}
	return 0, nil
}

func (l *lines) last(b []byte) error {
	if n := len(b); n > 0 && b[n-1] != '\n' && b[n-1] != '\r' {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// lineEnd returns the place of the first CR or LF in b[from:], len(b) where
// there is none. lf is what it returned last for the same b, or 0: the place
// up to which there is no LF. Without it a stream whose lines end in CR alone
// would be searched for LFs to its end from each line.
func lineEnd(b []byte, from, lf int) (int, int) {
	lf = max(lf, from)
	if j := bytes.IndexByte(b[lf:], '\n'); j >= 0 {
		lf += j
	} else {
		lf = len(b)
	}
	if j := bytes.IndexByte(b[from:lf], '\r'); j >= 0 {
		return from + j, lf
	}
	return lf, lf
}

var bom = []byte("\xef\xbb\xbf")

func trimBOM(b []byte) []byte { return bytes.TrimPrefix(b, bom) }
