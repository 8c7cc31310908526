package report_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/evaluate/report"
)

// trainingPage returns a page about a training of so many epochs, tested on the digits if there is a page about that.
func trainingPage(epochs int, test *report.Page) report.TrainingPage {
	page := report.TrainingPage{
		Model: "digits_start " + hostile, Source: "digits_train.tar.gz", What: "beitzoo finetune", Test: test, Command: "beitzoo finetune digits.pth train/ -o out.pth",
		Again: "It goes on.", Notes: []string{"3 folders of the data are empty"},
		Facts:    []report.Fact{{Name: "Weights", Value: "sha256:" + strings.Repeat("7", 64)}, {Name: "Data", Value: hostile}, {Name: "List of the data", Value: "sha256:" + strings.Repeat("8", 64)}},
		Settings: []report.Fact{{Name: "Epochs", Value: fmt.Sprint(epochs)}, {Name: "Learning rate", Value: "0.002 at most, schedule overlapping"}},
		Table:    report.Table{Title: "Epochs", Heads: []string{"Epoch", "Loss", "Learning rate", "Accuracy"}, Marked: epochs - 2},
	}
	training, tested := report.Line{Name: "training"}, report.Line{Name: "pictures that are tested"}
	accuracy, rate := report.Line{Name: "accuracy"}, report.Line{Name: "learning rate", Plain: true}
	for i := range epochs {
		x, share := float64(i+1), 1-0.9/float64(i+1)
		training.X, training.Y = append(training.X, x), append(training.Y, 2.3/x)
		tested.X, tested.Y = append(tested.X, x), append(tested.Y, 2.5/math.Sqrt(x))
		accuracy.X, accuracy.Y = append(accuracy.X, x), append(accuracy.Y, share)
		accuracy.Low, accuracy.High = append(accuracy.Low, share-0.05), append(accuracy.High, min(1, share+0.05))
		for part := range 10 {
			rate.X, rate.Y = append(rate.X, float64(i)+float64(part)/10), append(rate.Y, 2e-3*float64(part+1)/x)
		}
		page.Table.Rows = append(page.Table.Rows, []string{fmt.Sprint(i + 1), fmt.Sprintf("%.4f", 2.3/x), "0.002", fmt.Sprintf("%.2f %%", 100*share)})
	}
	page.Curves = []report.Curve{
		{Title: "Loss", Axis: "epoch", Lines: []report.Line{training, tested}, Marked: float64(epochs - 1), Mark: "best", Note: "Of smoothed targets."},
		{Title: "Accuracy, %", Axis: "epoch", Lines: []report.Line{accuracy}, Shares: true},
		{Title: "Learning rate of the head", Axis: "epoch", Lines: []report.Line{rate}},
		{Title: "Cross-entropy by penalty", Axis: "penalty", Log: true, Marked: 1e-3, Mark: "taken", Lines: []report.Line{{Name: "cross-entropy", X: []float64{1e-6, 1e-3, 1}, Y: []float64{0.9, 0.5, 2}}}},
	}
	return page
}

func trainingHTML(t *testing.T, page report.TrainingPage) string {
	t.Helper()
	var first, again bytes.Buffer
	if err := errors.Join(report.TrainingHTML(&first, page), report.TrainingHTML(&again, page)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), again.Bytes()) {
		t.Error("the same page has other bytes the second time")
	}
	html := first.String()
	for _, word := range []string{`="http`, "ZgotmplZ", "@import", "url(", "NaN", "Inf", "\u202e", "<img src=http"} {
		if strings.Contains(html, word) {
			t.Errorf("the page has %q", word)
		}
	}
	return html
}

func TestTrainingHTML_Digits(t *testing.T) {
	t.Parallel()
	test := pageOf(t, header(t, 10, nil), digitRecords(t))
	html := trainingHTML(t, trainingPage(10, &test))
	for _, want := range []string{
		"<title>96.11 %: digits_start", "<strong>96.11 %</strong>top-1, 346 of 360", "What <code>beitzoo finetune</code> found", "3 folders of the data are empty.",
		"<figcaption>Loss</figcaption>", "epoch 3: training 0.7667", "epoch 10: accuracy 91.00 %", `<polygon class="band"`, ">best</text>", ">taken</text>", ">0.01</text>", ">1e-06</text>",
		`<tr class="marked"><th scope="row">9 <small>written</small></th>`, "<h2>Confusion</h2>", "By class", "Calibration", "sha256:7777", "sha256:8888", "schedule overlapping",
		"beitzoo finetune digits.pth train/ -o out.pth", "It goes on.", "Its script sorts the table of classes.",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if n := strings.Count(html, "<polyline"); n != 5 {
		t.Errorf("%d lines", n)
	}
	if n := strings.Count(html, "data:image/jpeg"); n != 14 {
		t.Errorf("%d pictures of 14 mistakes", n)
	}
	if n := strings.Count(html, "<circle class=\"dot"); n != 33 { // 20 of losses, 10 of accuracies, 3 of penalties; rates are too many
		t.Errorf("%d dots", n)
	}
}

func TestTrainingHTML_Untested(t *testing.T) {
	t.Parallel()
	html := trainingHTML(t, trainingPage(300, nil))
	for _, want := range []string{"<title>trained: digits_start", "The last ones; 100 before them are drawn above.", "This page loads nothing and runs nothing.", "script-src &#39;none&#39;"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, word := range []string{"<script", "top-1", "Confusion", `<th scope="row">100<`} {
		if strings.Contains(html, word) {
			t.Errorf("the page has %q", word)
		}
	}
}

// TestTrainingHTML_OddCurves draws curves with one point, with gaps, with the same value everywhere, and with nothing.
func TestTrainingHTML_OddCurves(t *testing.T) {
	t.Parallel()
	curve := func(title string, x, y []float64) report.Curve {
		return report.Curve{Title: title, Axis: "epoch", Lines: []report.Line{{Name: "value", X: x, Y: y}}}
	}
	log := curve("one penalty", []float64{0.01}, []float64{1})
	log.Log = true
	page := report.TrainingPage{Curves: []report.Curve{
		curve("one point", []float64{1}, []float64{0.5}),
		{Title: "one interval", Axis: "epoch", To: 1, Lines: []report.Line{{Name: "value", X: []float64{1}, Y: []float64{0.5}, Low: []float64{0.25}, High: []float64{0.75}}}},
		curve("gaps", []float64{1, 2, 3, 4, 5, 6}, []float64{1, 2, math.NaN(), math.Inf(1), 3, 4}),
		curve("the same", []float64{1, 2, 3}, []float64{7, 7, 7}),
		curve("zero", []float64{1, 2, 3}, []float64{0, 0, 0}),
		curve("below zero", []float64{1, 2, 3}, []float64{-3, -1, -2}),
		curve("tiny", []float64{1, 2}, []float64{1e-9, 3e-9}),
		curve("nothing", []float64{1, 2}, []float64{math.NaN(), math.NaN()}),
		log,
	}}
	html := trainingHTML(t, page)
	if n := strings.Count(html, "<polyline"); n != 7 { // of the gaps two, and an interval
		t.Errorf("%d lines", n)
	}
	if n := strings.Count(html, "<svg role"); n != 8 || strings.Contains(html, "<figcaption>nothing") {
		t.Errorf("%d charts", n)
	}
}

// packedDigits returns a tar of two digits, and of a file that is none.
func packedDigits(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	packed, err := os.Create(filepath.Join(folder, "some.tar"))
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(packed)
	for _, name := range []string{"3/036.png", "7/005.png", "7/broken.png"} {
		content, err := os.ReadFile(shipped + "images/" + name)
		if err != nil {
			content = []byte("\x89PNG\r\n\x1a\nbroken")
		}
		err = w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))})
		if _, err2 := w.Write(content); errors.Join(err, err2) != nil {
			t.Fatal(err, err2)
		}
	}
	if err := errors.Join(w.Close(), packed.Close()); err != nil {
		t.Fatal(err)
	}
	return packed.Name()
}

// TestFindIn shows pictures of a folder and of a tar, which are those that the model saw, and says what is missing.
func TestFindIn(t *testing.T) {
	t.Parallel()
	open := func(source string) dataset.Set {
		found, err := dataset.Open(t.Context(), []string{source}, dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		names, _, err := found.Names(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		set, err := found.Match(t.Context(), dataset.Model{Classes: len(names), Labels: names}, dataset.Matching{})
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	h := header(t, 10, nil)
	for source, wrong := range map[string]string{shipped + "images": "7/005.png", packedDigits(t): "7/005.png"} {
		set := open(source)
		var mistakes []report.Mistake
		for example, err := range set.Examples(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(example.Name, wrong) || strings.HasSuffix(example.Name, "broken.png") {
				logits := make([]float64, 10)
				mistakes = append(mistakes, report.Mistake{Record: evaluate.RecordOf(h, example, logits)})
			}
		}
		mistakes = append(mistakes, report.Mistake{Record: evaluate.Record{Index: 100_000}})
		if err := report.FindIn(t.Context(), set, h.Recipe.Recipe, mistakes); err != nil {
			t.Fatal(err)
		}
		found := []report.Mistake{{Record: evaluate.Record{Image: "7/005.png"}}}
		finder := report.Finder{Header: h, Folders: []string{shipped + "images"}}
		if err := finder.Find(t.Context(), found); err != nil || found[0].Picture == nil {
			t.Fatal(err)
		}
		got, err := mistakes[0].Source()
		want, err2 := found[0].Source()
		if errors.Join(err, err2) != nil || got != want {
			t.Errorf("%s: the picture is another one", source)
		}
		last := mistakes[len(mistakes)-1]
		if last.Picture != nil || !strings.Contains(last.Missing, "does not have it") {
			t.Errorf("%s: a picture from nowhere: %q", source, last.Missing)
		}
		if len(mistakes) == 3 && (mistakes[1].Picture != nil || mistakes[1].Missing == "") {
			t.Errorf("%s: a broken picture: %q", source, mistakes[1].Missing)
		}
	}
}
