package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
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
	// Width is the number of columns of the terminal, or 0 if lines may have any length. Text leaves out columns of its table that don't fit.
	Width int
	// Labels are the names of the classes, in the order of the logits, or nil.
	Labels []string
}

// fewTaps is the number of taps up to which a table is not shortened.
const fewTaps = 12

// Text writes the result for people: what was compared, a line with a bar for each tap, the verdict, and every reason and remark.
func Text(w io.Writer, r *verify.Result, options Options) error {
	var out strings.Builder
	line(&out, "%s", r.Model)
	if options.About != "" {
		line(&out, "  %s", options.About)
	}
	line(&out, "  against %s", r.Reference)
	line(&out, "  %s engine on %s in %s, %s; tolerance: %g x the rounding of %s, measured on this model",
		r.Engine, r.Device, r.DType, text.Count(r.Images, "image", "images"), r.Precision.Multiple, r.Precision.DType)
	out.WriteString("\n")
	table(&out, r, options)
	if a := r.Agreement; a.Rows > 0 {
		line(&out, "\nsame top-1 in %d of %d, same top-5 in %d", a.Top1, a.Rows, a.Top5)
	}
	if r.Tokens.Count > 0 {
		line(&out, "\n%s", tokensText(r.Tokens))
	}
	out.WriteString("\n")
	verdict(&out, r, options.Hint)
	_, err := io.WriteString(w, out.String())
	return err
}

// tokensText says how visual tokens compare, in one line.
func tokensText(t verify.Tokens) string {
	sentence := fmt.Sprintf("visual tokens: %d of %d equal", t.Count-t.Differing-t.Unchosen, t.Count)
	if t.Differing > 0 {
		sentence += fmt.Sprintf(", %d differ by %.2g at most in what they are chosen by", t.Differing, t.Gap)
	}
	if t.Tied > 0 {
		sentence += fmt.Sprintf(", %d of them not at all", t.Tied)
	}
	if t.Unchosen == t.Count {
		return sentence + ", none was chosen: what they are chosen by is not finite"
	}
	if t.Unchosen > 0 {
		sentence += fmt.Sprintf(", %d not chosen: what they are chosen by is not finite", t.Unchosen)
	}
	return sentence + fmt.Sprintf("; the closest choice was by %.2g, and rounding moves one by up to %.2g", t.Margin, t.Allowed)
}

// line writes a line. Words in it, which may come from files, don't begin a line of their own.
func line(out *strings.Builder, format string, args ...any) {
	for i, arg := range args {
		if word, ok := arg.(string); ok {
			args[i] = text.Line(word)
		}
	}
	fmt.Fprintf(out, format+"\n", args...)
}

func verdict(out *strings.Builder, r *verify.Result, hint string) {
	if r.OK {
		line(out, "%s", Verdict(r))
	} else {
		line(out, "%s", Verdict(r))
		reasons(out, r)
	}
	for _, remark := range r.Remarks {
		line(out, "remark: %s", remark.Sentence)
	}
	if hint != "" {
		line(out, "hint: %s", hint)
	}
}

// Verdict returns the verdict as a sentence without a full stop.
func Verdict(r *verify.Result) string {
	switch {
	case !r.OK && r.FirstDivergence == "":
		return "not verified"
	case !r.OK:
		return "not verified: first outside of rounding at " + r.FirstDivergence
	case r.HoldsTo == tensor.Invalid:
		return "verified: every activation that the reference has is within rounding"
	}
	return fmt.Sprintf("verified to the rounding of %s: every activation that the reference has is within it", dtypeText(r.HoldsTo))
}

// dtypeText returns the name that people have for a dtype.
func dtypeText(d tensor.DType) string {
	names := map[tensor.DType]string{tensor.F64: "float64", tensor.F32: "float32", tensor.BF16: "bfloat16", tensor.F16: "float16"}
	return cmp.Or(names[d], d.String())
}

// reasons writes all that is known of why a model is not verified.
func reasons(out *strings.Builder, r *verify.Result) {
	for _, reason := range reasonsOf(r) {
		line(out, "%s: %s", reason.Title, reason.Sentence)
		for _, detail := range reason.details() {
			line(out, "  %s", detail)
		}
	}
}
