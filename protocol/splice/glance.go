package splice

import "fmt"

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

// Ordinary says whether the text holds nothing special.
func (g *Glance) Ordinary(text []byte) bool {
	for i := 0; i < len(text)-1; i++ {
		if text[i] != '"' {
			continue
		}
		bits := g.first[text[i+1]]
		for n := 0; bits != 0; n, bits = n+1, bits>>1 {
			if bits&1 != 0 && !g.follows(text, i+1, n) {
				return false
			}
		}
	}
	return true
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
