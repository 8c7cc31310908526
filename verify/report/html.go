package report

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/internal/webpage"
	"github.com/beitzoo/beitzoo/verify"
)

// Page is what an HTML report says beside the result.
type Page struct {
	Options
	// Recipe says how the pictures were normalised, so that they can be shown. Without one their contrast is stretched.
	Recipe *card.Recipe
	// Problem is what the logits mean; probabilities are those of a softmax, and are shown for a single label alone.
	Problem card.Problem
	// Facts say what ran where: versions and machines.
	Facts []Fact
	// Files are the files that were read.
	Files []File
	// Command is the line that makes the same report again, as shells take it, or empty.
	Command string
}

// Fact is a thing that a reader may want to know, such as a version.
type Fact = webpage.Fact

// File is a file that was read.
type File struct {
	// What says what it holds: "model", "recording".
	What, Path string
	Bytes      int64
	// SHA256 is the digest of the file in hexadecimal digits.
	SHA256 string
}

//go:embed templates
var files embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"short": shortShare, "number": formatNumber, "percent": formatPercent, "word": shownWord, "line": text.Line, "count": text.Count,
	"tokens": func(t verify.Tokens) string { return strings.TrimPrefix(tokensText(t), "visual tokens: ") },
	"side":   func(s *score, softmax bool) sideView { return sideView{s, softmax} },
}).ParseFS(files, "templates/*.html"))

// HTML writes the result as one page that loads nothing and runs nothing: the verdict, the reasons, plots of the drift, pictures with the most probable classes
// of both sides, and all figures. The same result makes the same page.
func HTML(w io.Writer, r *verify.Result, page Page) error {
	own, err := files.ReadFile("templates/style.css")
	if err != nil {
		return err
	}
	style := webpage.Style + string(own)
	view, err := newView(r, page)
	if err != nil {
		return err
	}
	view.Style, view.Policy = template.CSS(style), webpage.Policy(style, "")
	var whole bytes.Buffer
	if err := templates.ExecuteTemplate(&whole, "report.html", view); err != nil {
		return fmt.Errorf("rendering the report: %w", err)
	}
	_, err = w.Write(whole.Bytes())
	return err
}

// ForeignFileError says that a report would replace a file that is not a page of the program.
type ForeignFileError = webpage.ForeignFileError

// CheckTarget returns a *[ForeignFileError] if there is a file at path that is not a page of the program, a *disk.NotFileError for a folder or device, and nil
// if WriteHTML may write there.
func CheckTarget(path string) error { return webpage.CheckTarget(path) }

// WriteHTML writes the page of HTML to the file at path, which appears whole or not at all. An earlier report there is replaced; for other files see CheckTarget.
func WriteHTML(ctx context.Context, path string, r *verify.Result, page Page) error {
	if err := CheckTarget(path); err != nil {
		return err
	}
	var whole bytes.Buffer
	if err := HTML(&whole, r, page); err != nil {
		return err
	}
	return output.Write(ctx, path, []output.Part{output.Literal(whole.Bytes())}, output.Options{NoSync: true})
}

// view is the data of the template.
type view struct {
	Style  template.CSS
	Policy string
	Page
	Result    *verify.Result
	Verdict   string
	Reasons   []reason
	LeftOut   int
	Plot      *plot
	Heat      *heat
	Pictures  []picture
	Grey      bool
	Prepared  string
	Taps      []tapRow
	Alone     bool
	Softmax   bool
	HasScores bool
}

// mostReasons bounds the number of reasons of a page.
const mostReasons = 50

func newView(r *verify.Result, page Page) (*view, error) {
	v := &view{Page: page, Result: r, Verdict: capital(Verdict(r)), Reasons: reasonsOf(r), Plot: newPlot(r), Heat: newHeat(r), Softmax: !page.Problem.Unusual()}
	if len(v.Reasons) > mostReasons {
		v.Reasons, v.LeftOut = v.Reasons[:mostReasons], len(v.Reasons)-mostReasons
	}
	for _, t := range r.Taps {
		v.Alone = v.Alone || t.Local != nil
		v.Taps = append(v.Taps, tapRow{t})
	}
	v.Grey = len(r.Samples) > 0
	for _, s := range tellingFirst(r.Samples) {
		p, err := newPicture(s, page)
		if err != nil {
			return nil, err
		}
		v.Grey = v.Grey && p.Grey
		v.HasScores = v.HasScores || len(p.Rows) > 0
		v.Pictures = append(v.Pictures, p)
	}
	v.Prepared = "The contrast of the pictures is stretched, since it is not known how they were normalised."
	if page.Recipe != nil {
		v.Prepared = fmt.Sprintf("The pictures are the input with its normalisation undone: times %v plus %v.", page.Recipe.Std, page.Recipe.Mean)
	}
	return v, nil
}

// tellingFirst returns samples with those first that both sides take for different classes.
func tellingFirst(samples []verify.Sample) []verify.Sample {
	rank := func(s verify.Sample) int {
		if s.Differs() {
			return 0
		}
		return 1
	}
	return slices.SortedStableFunc(slices.Values(samples), func(a, b verify.Sample) int { return rank(a) - rank(b) })
}

// capital returns a sentence with a capital letter.
func capital(sentence string) string { return strings.ToUpper(sentence[:1]) + sentence[1:] }

// sideView is what one side has at a rank, for a template.
type sideView struct {
	Score   *score
	Softmax bool
}

// tapRow is a tap in the table.
type tapRow struct{ verify.Tap }

// Share returns the tap's share of its tolerance, with all stages before it.
func (t tapRow) Share() float64 { return share(t.Tap) }

// AloneShare returns the share of the stage alone.
func (t tapRow) AloneShare() float64 { return shareOf(t.Local.MaxAbs, t.Local.Tolerance) }

// Word returns the verdict on the tap.
func (t tapRow) Word() string { return word(t.Tap) }

// Fails reports whether the tap fails in any way.
func (t tapRow) Fails() bool { return !t.OK || t.Local != nil && !t.Local.OK }

// Difference returns the largest difference, or the number of values that are not finite.
func (t tapRow) Difference() string { return difference(t.Tap) }

// Places returns where the difference is concentrated.
func (t tapRow) Places() []string { return whereTexts(t.Where) }

// Details returns the lines about a reason, for a page.
func (r reason) Details() []string { return r.details() }

// formatNumber returns a number with three significant digits.
func formatNumber(value float64) string {
	if math.IsInf(value, 1) {
		return "∞"
	}
	return strconv.FormatFloat(value, 'g', 3, 64)
}

func formatPercent(value float64) string { return strconv.FormatFloat(100*value, 'f', 2, 64) + " %" }

// longestWord is the number of bytes of a word from a file that a page shows.
const longestWord = 300

// shownWord returns a word from a file for a page, which must not change the order of the text around it.
func shownWord(word string) string { return text.Line(text.Shorten(word, longestWord)) }
