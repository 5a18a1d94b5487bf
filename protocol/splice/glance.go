package splice

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Glance tells, at a fraction of the cost of a scan, that a text holds nothing
// special: that of some names none is there, and that some are followed by one
// value wherever they are. That there is something special only a scan can tell.
//
// A name counts where it stands in quotes, as a member's name on any level or
// as a whole string. A string that merely holds it does not count, since the
// quotes inside of strings are escaped. A name spelled with escapes is not found.
type Glance struct {
	// first has a bit for each name that starts with a byte.
	first [256]uint8
	names []string
	// values are what has to follow; an empty one: the name must not be there.
	values []string
}

// NewGlance returns the glance for pairs of a name and a value (a number or a
// literal), at most eight. An empty value says that the name must not be there.
func NewGlance(pairs ...string) *Glance {
	if len(pairs) > 16 || len(pairs)%2 != 0 {
		panic(fmt.Sprintf("splice: %d names and values, at most eight pairs", len(pairs)))
	}
	g := &Glance{}
	for i := 0; i < len(pairs); i += 2 {
		g.first[pairs[i][0]] |= 1 << (i / 2)
		g.names = append(g.names, pairs[i]+`"`)
		g.values = append(g.values, pairs[i+1])
	}
	return g
}

// Ordinary says whether the text holds nothing special. It looks for quotes in
// eight bytes at a time: they are too close to each other for IndexByte.
func (g *Glance) Ordinary(text []byte) bool {
	i := 0
	for ; i+9 <= len(text); i += 8 {
		// a byte of word is 0 where there is a quote, and of marks 0x80; above
		// the lowest mark there may be false ones
		word := binary.LittleEndian.Uint64(text[i:]) ^ 0x2222222222222222
		marks := (word - 0x0101010101010101) &^ word & 0x8080808080808080
		for ; marks != 0; marks &= marks - 1 {
			at := i + bits.TrailingZeros64(marks)/8
			if g.first[text[at+1]] != 0 && text[at] == '"' && g.special(text, at+1) {
				return false
			}
		}
	}
	for ; i < len(text)-1; i++ {
		if text[i] == '"' && g.special(text, i+1) {
			return false
		}
	}
	return true
}

// special says whether what stands at text[i], behind a quote, is one of the
// names and not followed by its value.
func (g *Glance) special(text []byte, i int) bool {
	names := g.first[text[i]]
	for n := 0; names != 0; n, names = n+1, names>>1 {
		if names&1 != 0 && !g.follows(text, i, n) {
			return true
		}
	}
	return false
}

// follows says whether what stands at text[i] is not the n-th name, or is
// followed by its value.
func (g *Glance) follows(text []byte, i, n int) bool {
	name, value := g.names[n], g.values[n]
	if len(text)-i < len(name) || string(text[i:i+len(name)]) != name {
		return true
	}
	if value == "" {
		return false
	}
	if i = space(text, i+len(name)); i == len(text) || text[i] != ':' {
		return false
	}
	i = space(text, i+1)
	end := i + len(value)
	if end > len(text) || string(text[i:end]) != value {
		return false
	}
	if end = space(text, end); end == len(text) {
		return true
	}
	c := text[end]
	return c == ',' || c == '}' || c == ']'
}
