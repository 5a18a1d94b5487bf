package report

import (
	"fmt"
	"math"
	"strings"
)

// Report is a finished run.
type Report struct {
	Title string
	// Facts are lines about the machine, the build and the settings.
	Facts []string
	// Subject is held against Yardstick, both by name.
	Subject, Yardstick string
	Goals              []Goal
	Book               *Book
	Notes              []string
}

// Markdown lays the report out: facts, goals, then every measure.
func (r *Report) Markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "# %s\n\n", r.Title)
	for _, f := range r.Facts {
		fmt.Fprintf(&out, "- %s\n", f)
	}
	r.goals(&out)
	r.measures(&out)
	if len(r.Notes) > 0 {
		out.WriteString("\n## Notes\n\n")
		for _, n := range r.Notes {
			fmt.Fprintf(&out, "- %s\n", n)
		}
	}
	return out.String()
}

func (r *Report) goals(out *strings.Builder) {
	var rows strings.Builder
	judged, met := 0, 0
	for _, g := range r.Goals {
		v, ok := g.Judge(r.Book, r.Subject, r.Yardstick)
		if !ok {
			continue
		}
		judged++
		word := "no"
		if v.Met {
			met++
			word = "yes"
		}
		fmt.Fprintf(&rows, "| %s | %s | %s | %s | %s | %s | %s |\n", g.Case, label(g.Measure),
			number(v.Subject.Median), yardstick(v), ratio(v.Ratio), g, word)
	}
	if judged == 0 {
		return
	}
	fmt.Fprintf(out, "\n## Goals: %d of %d met\n\n", met, judged)
	fmt.Fprintf(out, "| case | measure | %s | %s | ratio | goal | met |\n|---|---|---:|---:|---:|---|---|\n", r.Subject, r.Yardstick)
	out.WriteString(rows.String())
}

func (r *Report) measures(out *strings.Builder) {
	out.WriteString("\n## All measures: median (least to most)\n\n")
	fmt.Fprintf(out, "| case | measure | %s | %s | ratio | rounds |\n|---|---|---:|---:|---:|---:|\n", r.Subject, r.Yardstick)
	for _, group := range r.Book.cases {
		for _, m := range r.Book.measures[group] {
			s, hasS := r.Book.Spread(group, r.Subject, m)
			y, hasY := r.Book.Spread(group, r.Yardstick, m)
			quotient := 0.0
			// A quotient of two growths says nothing.
			if hasS && hasY && y.Median != 0 && m != Growth {
				quotient = s.Median / y.Median
			}
			fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %d |\n", group, label(m), spread(s), spread(y),
				ratio(quotient), max(s.Rounds, y.Rounds))
		}
	}
}

func label(m Measure) string {
	if m.Unit == "" {
		return m.Name
	}
	return m.Name + ", " + m.Unit
}

func spread(s Spread) string {
	switch s.Rounds {
	case 0:
		return "–"
	case 1:
		return number(s.Median)
	}
	return fmt.Sprintf("%s (%s to %s)", number(s.Median), number(s.Min), number(s.Max))
}

func yardstick(v Verdict) string {
	if v.Yardstick.Rounds == 0 {
		return "–"
	}
	return number(v.Yardstick.Median)
}

func ratio(q float64) string {
	if q == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", q)
}

// number writes three digits that mean something, and no exponent.
func number(x float64) string {
	switch a := math.Abs(x); {
	case a >= 100:
		return fmt.Sprintf("%.0f", x)
	case a >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}
