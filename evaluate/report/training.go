package report

import "io"

// TrainingPage is what a report about a training is about, or about a classifier that was fitted otherwise.
type TrainingPage struct {
	// Model is what was trained, Source what it learnt from, and What says which program found it, such as "beitzoo finetune".
	Model, Source, What string
	// Curves are those with which it was trained, and Table has their figures.
	Curves []Curve
	Table  Table
	// Test is about the pictures that the result was tested on; nil if there are none. Of it the Header's labels, the Summary and the Mistakes are shown. Tested says
	// what was tested, as a sentence without a full stop.
	Test   *Page
	Tested string
	// Notes are what else has to be known, each a sentence without a full stop.
	Notes []string
	// Facts say what was trained on what, and Settings how.
	Facts, Settings []Fact
	// Command is the line that does the same again, as shells take it, or empty, and Again says what it does, in sentences.
	Command, Again string
}

// Table has the figures of curves. The zero value is none.
type Table struct {
	// Title names it, and Heads its columns, the first of which says what a row is about.
	Title string
	Heads []string
	Rows  [][]string
	// Marked is the index of the row that is marked; -1 if none is.
	Marked int
}

// TrainingHTML writes the page, as [HTML] does.
func TrainingHTML(w io.Writer, page TrainingPage) error {
	v, err := newTrainingView(page)
	if err != nil {
		return err
	}
	title := "trained"
	if page.Test != nil {
		title = percent(page.Test.Summary.Share1)
	}
	if v.frame, err = newFrame(title+": "+shownWord(page.Model), page.Test != nil); err != nil {
		return err
	}
	return render(w, "training.html", v)
}

// WriteTrainingHTML is [WriteHTML] for a page about a training.
func WriteTrainingHTML(path string, page TrainingPage) error {
	return writeFile(path, func(w io.Writer) error { return TrainingHTML(w, page) })
}

// trainingView is the data of the template.
type trainingView struct {
	frame
	TrainingPage
	// Evaluation is the view of Test, or nil.
	Evaluation *view
	Drawn      []*drawnCurve
	LeftOut    int
}

// mostRows is the largest number of rows of the table; of more, the first ones are left out.
const mostRows = 200

func newTrainingView(page TrainingPage) (*trainingView, error) {
	v := &trainingView{TrainingPage: page}
	for _, curve := range page.Curves {
		if drawn := curve.draw(); drawn != nil {
			v.Drawn = append(v.Drawn, drawn)
		}
	}
	if more := len(page.Table.Rows) - mostRows; more > 0 {
		v.LeftOut = more
		v.Table.Rows = page.Table.Rows[more:]
		v.Table.Marked = page.Table.Marked - more
	}
	if page.Test == nil {
		return v, nil
	}
	var err error
	if v.Evaluation, err = newView(*page.Test); err != nil {
		return nil, err
	}
	v.Evaluation.Elsewhere = "beitzoo eval --json"
	return v, nil
}
