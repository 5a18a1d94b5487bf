package protocol

import "strconv"

// Progress notes which of an answer's choices (candidates) were seen in a
// stream and which of them are finished. Those from the 64th on count as one.
type Progress struct{ seen, finished uint64 }

// First notes that the first choice was seen.
func (p *Progress) First() { p.seen |= 1 }

// Choice notes the choice whose index a member is, the first one where it is
// absent, and whether it is finished.
func (p *Progress) Choice(index []byte, finished bool) {
	bit := uint64(1)
	if len(index) > 0 && string(index) != "0" {
		if n, err := strconv.ParseUint(string(index), 10, 64); err == nil {
			bit = 1 << min(n, 63)
		}
	}
	p.seen |= bit
	if finished {
		p.finished |= bit
	}
}

// Done says whether all choices that were seen are finished, and one was.
func (p *Progress) Done() bool { return p.finished != 0 && p.seen&^p.finished == 0 }
