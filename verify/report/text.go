package report

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/beitzoo/beitzoo/verify"
)

// Options are the options of a report. With the zero value Text omits the less interesting lines of a long table.
type Options struct {
	// All makes Text list every tap.
	All bool
	// Hint is what the user can do if the model is not verified, or empty. A program derives it from verify.Result.Advice, in terms of its own options.
	Hint string
	// About is a line about the model, such as where its epsilon comes from, or empty. Only Text writes it.
	About string
}

// fewTaps is the number of taps up to which a table is not shortened.
const fewTaps = 12

// Text writes the result for people.
func Text(w io.Writer, r *verify.Result, options Options) error {
	var text strings.Builder
	about := ""
	if options.About != "" {
		about = "\n  " + options.About
	}
	fmt.Fprintf(&text, "%s%s\n  against %s\n  %s engine on %s in %s, %s; tolerance: %g x the rounding of %s, measured on this model\n\n",
		r.Model, about, r.Reference, r.Engine, r.Device, r.DType, count(r.Images, "image"), r.Precision.Multiple, r.Precision.DType)
	if err := table(&text, r, options); err != nil {
		return err
	}
	if a := r.Agreement; a.Rows > 0 {
		fmt.Fprintf(&text, "\nsame top-1 in %d of %d, same top-5 in %d\n", a.Top1, a.Rows, a.Top5)
	}
	verdict(&text, r, options.Hint)
	_, err := io.WriteString(w, text.String())
	return err
}

func table(text *strings.Builder, r *verify.Result, options Options) error {
	var padded strings.Builder
	columns := tabwriter.NewWriter(&padded, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "tap\tshape\tlargest value\tmax difference\ttolerance\tverdict")
	left := 0
	for i, t := range r.Taps {
		if !options.All && len(r.Taps) > fewTaps && !telling(r, i) {
			left++
			continue
		}
		skipped(columns, &left)
		fmt.Fprintf(columns, "%s\t%s\t%.3g\t%s\t%.2g\t%s\n", t.Name, t.Shape, t.Largest, difference(t), t.Tolerance, word(t))
	}
	skipped(columns, &left)
	if err := columns.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(padded.String()) {
		fmt.Fprintln(text, strings.TrimRight(line, " \n"))
	}
	return nil
}

// telling reports whether a tap stays in a shortened table: the first and the last two, the worst, and those where the divergence begins.
func telling(r *verify.Result, i int) bool {
	last := len(r.Taps) - 1
	if i == 0 || i >= last-1 || i == worst(r) {
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
func share(t verify.Tap) float64 {
	if t.MaxAbs == 0 {
		return 0
	}
	return t.MaxAbs / t.Tolerance
}

// skipped writes a line with the number of taps that were left out, if there are any, and sets it to 0.
func skipped(w io.Writer, left *int) {
	if *left > 0 {
		fmt.Fprintf(w, "... %d more\t\t\t\t\t\n", *left)
	}
	*left = 0
}

func difference(t verify.Tap) string {
	if t.NonFinite > 0 {
		return count(t.NonFinite, "value") + " not finite"
	}
	return fmt.Sprintf("%.2g", t.MaxAbs)
}

func word(t verify.Tap) string {
	if t.OK {
		return "ok"
	}
	if s := share(t); !math.IsInf(s, 0) && !math.IsNaN(s) {
		return fmt.Sprintf("FAILS, %.3g x", s)
	}
	return "FAILS"
}

func verdict(text *strings.Builder, r *verify.Result, hint string) {
	if r.OK {
		fmt.Fprintf(text, "\nverified: every activation that the reference has is within rounding\n")
		return
	}
	fmt.Fprintf(text, "\nnot verified: first outside of rounding at %s\n", r.FirstDivergence)
	if r.Blame != "" {
		fmt.Fprintf(text, "reason: %s\n", r.Blame)
	}
	if hint != "" {
		fmt.Fprintf(text, "hint: %s\n", hint)
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
