package report

import "fmt"

// NoWorse is the factor that "no worse" and "no later" stand for: figures of
// one run differ by so much of themselves.
const NoWorse = 1.10

// Goal is a bound of one measure of a case.
type Goal struct {
	Case    string
	Measure Measure
	// Factor bounds the subject's median by so many times the yardstick's.
	Factor float64
	// Limit bounds the subject's median itself, where Factor is 0.
	Limit float64
}

// String says the bound.
func (g Goal) String() string {
	if g.Factor == 0 {
		return fmt.Sprintf("at most %g %s", g.Limit, g.Measure.Unit)
	}
	if g.Factor == NoWorse {
		return fmt.Sprintf("no worse (%.2f ×)", g.Factor)
	}
	return fmt.Sprintf("at most %.2f ×", g.Factor)
}

// Verdict is how a goal was met.
type Verdict struct {
	Subject, Yardstick Spread
	// Ratio is Subject over Yardstick, 0 where the goal is not one of both.
	Ratio float64
	Met   bool
}

// Judge holds the goal against the book; ok is false where a reading that it
// needs is missing.
func (g Goal) Judge(b *Book, subject, yardstick string) (v Verdict, ok bool) {
	if v.Subject, ok = b.Spread(g.Case, subject, g.Measure); !ok {
		return v, false
	}
	var has bool
	if v.Yardstick, has = b.Spread(g.Case, yardstick, g.Measure); g.Factor != 0 && v.Yardstick.Median != 0 {
		v.Ratio = v.Subject.Median / v.Yardstick.Median
	}
	if g.Factor == 0 {
		v.Met = v.Subject.Median <= g.Limit
		return v, true
	}
	v.Met = v.Subject.Median <= g.Factor*v.Yardstick.Median
	return v, has
}
