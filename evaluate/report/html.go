package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/internal/webpage"
)

// Page is what a report is about.
type Page struct {
	// Header says what ran on what, and Summary has the figures.
	Header  evaluate.Header
	Summary *evaluate.Summary
	// Parts are the files of predictions.
	Parts []string
	// Mistakes are the ones to show, with their pictures; see [Mistakes] and [Finder.Find].
	Mistakes []Mistake
	// Notes are what else has to be known, each a sentence without a full stop.
	Notes []string
	// Recipe says in words how the images were prepared.
	Recipe string
	// Command is the line that makes the same report again, as shells take it, or empty.
	Command string
}

//go:embed templates
var files embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"percent": percent, "word": shownWord, "line": text.Line, "count": text.Count, "apart": apart, "points": pointsApart, "share": sharePercent,
	"number": func(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) },
}).ParseFS(files, "templates/*.html"))

// HTML writes the page. It loads nothing; its script, without which it is complete, sorts a table. The same Page makes the same bytes.
func HTML(w io.Writer, page Page) error {
	v, err := newView(page)
	if err == nil {
		v.frame, err = newFrame(percent(page.Summary.Share1)+": "+shownWord(page.Header.Model.Name), true)
	}
	if err != nil {
		return err
	}
	return render(w, "report.html", v)
}

// frame is what all pages have in common.
type frame struct {
	Title  string
	Style  template.CSS
	Script template.JS
	Policy string
}

// newFrame returns the frame of a page with that title, and with the script that sorts a table of classes or with none.
func newFrame(title string, sorts bool) (frame, error) {
	style, err := files.ReadFile("templates/style.css")
	if err != nil {
		return frame{}, err
	}
	var script []byte
	if sorts {
		if script, err = files.ReadFile("templates/sort.js"); err != nil {
			return frame{}, err
		}
	}
	whole := webpage.Style + string(style)
	return frame{title, template.CSS(whole), template.JS(script), webpage.Policy(whole, string(script))}, nil
}

// render writes what a template makes of a view.
func render(w io.Writer, name string, view any) error {
	var rendered bytes.Buffer
	if err := templates.ExecuteTemplate(&rendered, name, view); err != nil {
		return fmt.Errorf("rendering the report: %w", err)
	}
	_, err := w.Write(rendered.Bytes())
	return err
}

// CheckTarget returns the error of [WriteHTML] and the others if a page may not be written to that path.
func CheckTarget(path string) error { return webpage.CheckTarget(path) }

// WriteHTML writes the page to the file at path, which appears whole or not at all. An earlier report there is replaced; another file is a
// *[webpage.ForeignFileError].
func WriteHTML(path string, page Page) error {
	return writeFile(path, func(w io.Writer) error { return HTML(w, page) })
}

// writeFile writes a page to a file.
func writeFile(path string, write func(w io.Writer) error) error {
	if err := webpage.CheckTarget(path); err != nil {
		return err
	}
	var whole bytes.Buffer
	if err := write(&whole); err != nil {
		return err
	}
	return disk.WriteFile(path, whole.Bytes(), 0o644)
}

// view is the data of the template.
type view struct {
	frame
	Page
	Interval string
	// Elsewhere is what prints the classes that are left out.
	Elsewhere   string
	Classes     []classRow
	LeftOut     int
	Matrix      *matrix
	Pairs       []pairRow
	Calibration *chart
	Unread      []evaluate.Unread
	UnreadMore  int
	Facts       []Fact
}

// Fact is a line of what ran.
type Fact = webpage.Fact

// The most rows that a page shows: more are in what eval merge prints with --json.
const (
	mostClasses = 1000
	mostPairs   = 20
	mostUnread  = 50
)

// classRow is a class in the table.
type classRow struct {
	evaluate.ClassAccuracy
	// Name is the name of the class, or "class 7".
	Name string
	// Low and High are the 95 % interval of its top-1.
	Low, High float64
}

// Width returns the length of the bar, of 100.
func (r classRow) Width() float64 { return 100 * r.Share1 }

// pairRow is a class that was taken for another one.
type pairRow struct {
	Right, Taken string
	Images       int
	Share        float64
}

func newView(page Page) (*view, error) {
	s := page.Summary
	v := &view{Page: page, Elsewhere: "beitzoo eval merge --json", Interval: fmt.Sprintf("%s to %s", percent(s.Interval1.Low), percent(s.Interval1.High))}
	for _, c := range s.Classes {
		interval := evaluate.Wilson(c.Top1, c.Images)
		v.Classes = append(v.Classes, classRow{c, page.nameOf(c.Class), interval.Low, interval.High})
	}
	slices.SortStableFunc(v.Classes, func(a, b classRow) int { return compare(a.Share1, b.Share1) })
	if len(v.Classes) > mostClasses {
		v.LeftOut = len(v.Classes) - mostClasses
		v.Classes = v.Classes[:mostClasses]
	}
	images := make(map[int]int)
	for _, c := range s.Classes {
		images[c.Class] = c.Images
	}
	for _, c := range s.Confusions[:min(mostPairs, len(s.Confusions))] {
		v.Pairs = append(v.Pairs, pairRow{page.nameOf(c.Right), page.nameOf(c.Taken), c.Images, float64(c.Images) / float64(max(1, images[c.Right]))})
	}
	var err error
	if v.Matrix, err = newMatrix(page.confusion()); err != nil {
		return nil, err
	}
	v.Calibration = newChart(s.Calibration)
	v.Unread = s.Unread[:min(mostUnread, len(s.Unread))]
	v.UnreadMore = len(s.Unread) - len(v.Unread)
	v.Facts = page.facts()
	return v, nil
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// longestName is the number of bytes of the name of a class that a page shows.
const longestName = 60

// nameOf returns what the page calls a class.
func (p *Page) nameOf(class int) string { return nameOf(p.Header.Model.Labels, class) }

func nameOf(labels []string, class int) string {
	if class < len(labels) && labels[class] != "" {
		return text.Shorten(labels[class], longestName)
	}
	return fmt.Sprintf("class %d", class)
}

// confusion returns what the matrix of the page is made of.
func (p *Page) confusion() confusion {
	c := confusion{labels: p.Header.Model.Labels, unit: [2]string{"image", "images"}, right: map[int]int64{}, rows: map[int]int64{}, taken: map[[2]int]int64{}}
	for _, class := range p.Summary.Classes {
		c.right[class.Class], c.rows[class.Class] = int64(class.Top1), int64(class.Images)
	}
	for _, pair := range p.Summary.Confusions {
		c.taken[[2]int{pair.Right, pair.Taken}] = int64(pair.Images)
	}
	return c
}

// Name returns what the page calls a class.
func (v *view) Name(class int) string { return v.nameOf(class) }

// facts returns what a figure depends on.
func (p *Page) facts() []Fact {
	h := p.Header
	facts := []Fact{
		{Name: "Model", Value: h.Model.Name},
		{Name: "Weights", Value: orUnknown(h.Model.Digest)},
		{Name: "Architecture", Value: h.Model.Config.Named().Name},
		{Name: "Engine", Value: fmt.Sprintf("%s, %s on %s", h.Run.Engine, h.Run.DType, h.Run.Device)},
		{Name: "Recipe", Value: orUnknown(p.Recipe)},
		{Name: "Data", Value: h.Data.Source},
		{Name: "List of the data", Value: orUnknown(h.Data.Digest)},
		{Name: "Classes", Value: fmt.Sprintf("%d of the data, matched by %s", len(h.Data.Names), h.Data.Way)},
	}
	if h.Data.Candidates != nil {
		facts = append(facts, Fact{Name: "Answers", Value: fmt.Sprintf("sought among %d of %d classes", len(h.Data.Candidates), h.Model.Config.Classes)})
	}
	if h.Data.Shard.Of > 1 {
		facts = append(facts, Fact{Name: "Part", Value: h.Data.Shard.String()})
	}
	return append(facts, Fact{Name: "Version", Value: h.Version})
}

func orUnknown(value string) string {
	if value == "" {
		return "not known"
	}
	return value
}

func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 2, 64) + " %" }

// apart says how far a published accuracy is from the measured one.
func apart(c evaluate.Comparison) string {
	return fmt.Sprintf("%s and %.1f standard errors apart", text.Count(max(c.Apart, -c.Apart), "image", "images"), math.Abs(c.StandardErrors))
}

// longestWord is the number of bytes of a word from a file that a page shows.
const longestWord = 300

// shownWord returns a word from a file for a page, which must not change the order of the text around it.
func shownWord(word string) string { return text.Line(text.Shorten(word, longestWord)) }
