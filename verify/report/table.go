package report

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/verify"
)

// columns of the table, in their order.
const (
	nameColumn = iota
	shapeColumn
	largestColumn
	differenceColumn
	toleranceColumn
	barColumn
	verdictColumn
	columnCount
)

// A bar has a character for a third of each power of ten, from a thousandth of the tolerance to ten thousand times it.
const (
	perDecade    = 3
	decadesBelow = 3
	decadesAbove = 4
)

// table writes a line for each tap, or for those that say something.
func table(out *strings.Builder, r *verify.Result, options Options) {
	rows := [][]string{{"tap", "shape", "largest value", "max difference", "tolerance", "share of the tolerance", "verdict"}}
	left := 0
	skipped := func() {
		if left > 0 {
			rows = append(rows, []string{fmt.Sprintf("... %d more", left), "", "", "", "", "", ""})
		}
		left = 0
	}
	alone := false
	for i, t := range r.Taps {
		if !options.All && len(r.Taps) > fewTaps && !telling(r, i) {
			left++
			continue
		}
		skipped()
		alone = alone || t.Local != nil
		rows = append(rows, []string{
			text.Line(t.Name), t.Shape.String(), fmt.Sprintf("%.3g", t.Largest), difference(t), fmt.Sprintf("%.2g", t.Tolerance), bar(t), word(t),
		})
	}
	skipped()
	shown := pad(out, rows, options.Width)
	if shown[barColumn] {
		what := ""
		if alone {
			what = "; # is the stage alone, = what earlier stages add"
		}
		line(out, "bars: | is the tolerance, %d characters are a factor of 10%s", perDecade, what)
	}
}

// pad writes rows in columns, without those that have no room in lines of that width, and returns which are shown.
func pad(out *strings.Builder, rows [][]string, width int) [columnCount]bool {
	var widths [columnCount]int
	var shown [columnCount]bool
	total := -2
	for column := range columnCount {
		for _, row := range rows {
			widths[column] = max(widths[column], utf8.RuneCountInString(row[column]))
		}
		shown[column] = true
		total += widths[column] + 2
	}
	for _, column := range []int{shapeColumn, largestColumn, toleranceColumn, barColumn} {
		if width > 0 && total > width {
			shown[column] = false
			total -= widths[column] + 2
		}
	}
	for _, row := range rows {
		var padded strings.Builder
		for column, cell := range row {
			if shown[column] {
				fmt.Fprintf(&padded, "%-*s", widths[column]+2, cell)
			}
		}
		fmt.Fprintln(out, strings.TrimRight(padded.String(), " "))
	}
	return shown
}

// bar returns a tap's share of its tolerance on a logarithmic scale. As far as the stage alone goes, it is of #.
func bar(t verify.Tap) string {
	own := 0
	if t.Local != nil {
		own = length(t.Local.Share)
	}
	whole := max(own, length(share(t)))
	var drawn strings.Builder
	for i := range perDecade * (decadesBelow + decadesAbove) {
		if i == perDecade*decadesBelow {
			drawn.WriteByte('|')
		}
		switch {
		case i < own:
			drawn.WriteByte('#')
		case i < whole:
			drawn.WriteByte('=')
		default:
			drawn.WriteByte(' ')
		}
	}
	return strings.TrimRight(drawn.String(), " ")
}

// length returns the number of characters of the bar of a share. One that is larger than 1 always reaches beyond the mark of the tolerance, others never do.
func length(share float64) int {
	const mark, most = perDecade * decadesBelow, perDecade * (decadesBelow + decadesAbove)
	switch {
	case share == 0:
		return 0
	case math.IsInf(share, 1) || math.IsNaN(share):
		return most
	}
	n := int(math.Round(perDecade * (math.Log10(share) + decadesBelow)))
	if share > 1 {
		return max(mark+1, min(most, n))
	}
	return max(1, min(mark, n))
}

// telling reports whether a tap stays in a shortened table: the first and the last two, the worst, those where the divergence begins, and what is wrong alone.
func telling(r *verify.Result, i int) bool {
	last := len(r.Taps) - 1
	if i == 0 || i >= last-1 || i == worst(r) || r.Taps[i].Local != nil && !r.Taps[i].Local.OK {
		return true
	}
	return r.Taps[i].Name == r.FirstDivergence || r.Taps[i+1].Name == r.FirstDivergence
}

// worst returns the index of the tap with the largest share.
func worst(r *verify.Result) int {
	at := 0
	for i, t := range r.Taps {
		if share(t) > share(r.Taps[at]) {
			at = i
		}
	}
	return at
}

// share returns the largest difference at a tap divided by its tolerance.
func share(t verify.Tap) float64 { return shareOf(t.MaxAbs, t.Tolerance) }

func shareOf(off, tolerance float64) float64 {
	if off == 0 {
		return 0
	}
	return off / tolerance
}

func difference(t verify.Tap) string {
	if t.NonFinite > 0 {
		return text.Count(t.NonFinite, "value", "values") + " not finite"
	}
	return fmt.Sprintf("%.2g", t.MaxAbs)
}

// word returns the verdict on a tap: together with the stages before it, and alone if that is known.
func word(t verify.Tap) string {
	whole := "FAILS" + times(share(t))
	switch l := t.Local; {
	case t.Excused:
		return "differs by a factor, ok"
	case t.OK && (l == nil || l.OK):
		return "ok"
	case l == nil:
		return whole
	case t.OK:
		return "FAILS alone" + times(l.Share)
	case l.OK:
		return whole + ", alone ok"
	default:
		return whole + ", alone too"
	}
}

// times returns a share as the end of a phrase, or nothing if it is not finite, or not above 1: then something else than the largest difference fails.
func times(share float64) string {
	if math.IsInf(share, 0) || math.IsNaN(share) || share <= 1 {
		return ""
	}
	return fmt.Sprintf(", %.3g x", share)
}
