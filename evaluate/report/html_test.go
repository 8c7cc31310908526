package report_test

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/evaluate/report"
	"github.com/beitzoo/beitzoo/internal/topk"
	"github.com/beitzoo/beitzoo/internal/webpage"
	"github.com/beitzoo/beitzoo/verify/recording"
)

const shipped = "../../manifests/embedded/"

// header is that of an evaluation with so many classes.
func header(t testing.TB, classes int, labels []string) evaluate.Header {
	t.Helper()
	config, err := arch.ByName("digits_p16_64")
	if err != nil {
		t.Fatal(err)
	}
	config.Classes = classes
	recipe, err := card.RecipeFor("passl-digits", 64)
	if err != nil {
		t.Fatal(err)
	}
	data := evaluate.Data{Source: shipped + "images", Digest: "sha256:" + strings.Repeat("5", 64), Images: -1, Shard: evaluate.Shard{Index: 1, Of: 1}, Way: dataset.ByOrder}
	for class := range classes {
		data.Names, data.Logits = append(data.Names, fmt.Sprint(class)), append(data.Logits, class)
	}
	return evaluate.Header{
		Format: evaluate.Format, Data: data, Version: "v1.2.3", Recipe: evaluate.Recipe{Recipe: recipe, Name: "passl-digits"},
		Model: evaluate.Model{Name: "digits_p16_64", Digest: "sha256:" + strings.Repeat("9", 64), Config: config, Function: classify.SoftmaxFunction, Labels: labels},
		Run:   evaluate.Run{Engine: "native", DType: "F32", Device: "cpu"},
	}
}

// digitRecords are about the test images of the digits, by the logits that PASSL computed of them. One image could not be read.
func digitRecords(t testing.TB) []evaluate.Record {
	t.Helper()
	recorded, err := recording.Read(t.Context(), shipped+"digits_p16_64.passl.all-images.logits.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	logits, ok := recorded.Activation("logits")
	paths, err := filepath.Glob(shipped + "images/*/*.png")
	if err != nil || !ok || len(paths) != 360 {
		t.Fatal(len(paths), err)
	}
	slices.SortFunc(paths, func(a, b string) int { return strings.Compare(filepath.Base(a), filepath.Base(b)) })
	records := []evaluate.Record{{Index: 360, Image: "3/broken.png", Class: 3, Error: "decode PNG: unexpected EOF"}}
	for i, path := range paths {
		row := logits.Values[10*i : 10*i+10]
		class := int(filepath.Base(filepath.Dir(path))[0] - '0')
		r := evaluate.Record{Index: i, Class: class, Image: filepath.ToSlash(path[len(shipped+"images/"):]), Loss: 0.1}
		probabilities := classify.Softmax(row)
		for rank, best := range topk.Of(row, 10) {
			if rank < 5 {
				r.Top = append(r.Top, evaluate.Guess{Class: best, Probability: probabilities[best]})
			}
			if best == class {
				r.Rank = rank + 1
			}
		}
		records = append(records, r)
	}
	return records
}

// sequence yields records.
func sequence(records []evaluate.Record) iter.Seq2[evaluate.Record, error] {
	return func(yield func(evaluate.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// pageOf returns the page about records.
func pageOf(t testing.TB, h evaluate.Header, records []evaluate.Record) report.Page {
	t.Helper()
	tally := evaluate.NewTally(h)
	for _, r := range records {
		if err := tally.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	mistakes, err := report.Mistakes(sequence(records), 24)
	if err != nil {
		t.Fatal(err)
	}
	finder := report.Finder{Header: h, Folders: []string{h.Data.Source}}
	if err := finder.Find(t.Context(), mistakes); err != nil {
		t.Fatal(err)
	}
	return report.Page{Header: h, Summary: tally.Summary(), Mistakes: mistakes, Parts: []string{"val.jsonl"}, Recipe: "passl-digits: resize to 64 x 64", Command: "beitzoo eval report val.jsonl -o val.html"}
}

// hostile is a name that must not become markup, nor turn the text around it.
const hostile = "</script><script>alert(1)</script>\u202e<img src=http://example.com/x.png>"

// manyRecords are about that many classes, with hostile names.
func manyRecords(classes int) []evaluate.Record {
	var records []evaluate.Record
	for i := range 3 * classes {
		class, taken := i%classes, i%classes
		if i%5 == 0 {
			taken = (i*7 + 1) % classes
		}
		r := evaluate.Record{Index: i, Class: class, Image: fmt.Sprintf("%s/%d.jpg", hostile, i), Rank: 1, Top: []evaluate.Guess{{Class: taken, Probability: float64(1+i%97) / 100}}}
		if taken != class {
			r.Rank = 3
		}
		records = append(records, r)
	}
	return records
}

func TestHTML_Digits(t *testing.T) {
	t.Parallel()
	page := pageOf(t, header(t, 10, []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}), digitRecords(t))
	page.Summary.Comparisons = []evaluate.Comparison{
		{Published: evaluate.Published{Origin: "somebody", Top1: 98.5}, StandardErrors: -2.4, Apart: -9},
		{Published: evaluate.Published{Origin: "a neighbour", Top1: 90}, NotCompared: "it is of other images"},
	}
	var first, again bytes.Buffer
	if err := errors.Join(report.HTML(&first, page), report.HTML(&again, page)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), again.Bytes()) {
		t.Error("the same page has other bytes the second time")
	}
	html := first.String()
	for _, want := range []string{
		"does not agree</strong>, 9 images and 2.4 standard errors apart.", "that a neighbour published: it is of other images.",
		"<strong>96.11 %</strong>top-1, 346 of 360 read", "93.58 % to 97.67 %", "99.72 %", "1 image could not be read", "3/broken.png", "decode PNG: unexpected EOF",
		`src="data:image/jpeg;base64,`, "taken for", "expected calibration error", "sha256:9999", "native, F32 on cpu", "passl-digits: resize to 64 x 64", "val.jsonl",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if pictures := strings.Count(html, "data:image/jpeg"); pictures != 14 || strings.Contains(html, "no picture:") {
		t.Errorf("%d pictures of 14 mistakes", pictures)
	}
	for _, word := range []string{"http:", "https:", "ZgotmplZ", "@import", "url("} {
		if strings.Contains(html, word) {
			t.Errorf("the page has %q", word)
		}
	}
}

// TestHTML_ManyClasses looks at pages of 1,000 and 21,841 classes with hostile names.
func TestHTML_ManyClasses(t *testing.T) {
	t.Parallel()
	for classes, most := range map[int]int{13: 60_000, 1000: 1_200_000, 21841: 1_400_000} {
		labels := make([]string, classes)
		for i := range labels {
			labels[i] = fmt.Sprintf("%s %d", hostile, i)
		}
		var page bytes.Buffer
		if err := report.HTML(&page, pageOf(t, header(t, classes, labels), manyRecords(classes))); err != nil {
			t.Fatal(err)
		}
		html := page.String()
		if page.Len() > most {
			t.Errorf("%d classes: %d bytes", classes, page.Len())
		}
		if strings.Count(html, "<script>") != 1 || strings.Contains(html, "<img src=http") || strings.Contains(html, "\u202e") {
			t.Errorf("%d classes: a name became markup", classes)
		}
		if !strings.Contains(html, "data:image/png;base64,") || !strings.Contains(html, "no picture: the file is not there any more") {
			t.Errorf("%d classes: no confusion, or a picture from nowhere", classes)
		}
		if more := strings.Contains(html, "20841 classes more"); more != (classes == 21841) {
			t.Errorf("%d classes: more: %v", classes, more)
		}
	}
}

func TestHTML_Nothing(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	h := header(t, 10, nil)
	h.Data.Candidates, h.Data.Shard = []int{1, 2}, evaluate.Shard{Index: 2, Of: 8}
	if err := report.HTML(&page, report.Page{Header: h, Summary: evaluate.NewTally(h).Summary(), Notes: []string{"of all this nothing is there"}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"sought among 2 of 10 classes", "2/8", "of all this nothing is there."} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page.String(), "NaN") || strings.Contains(page.String(), "<h2>Confusion") {
		t.Error("the page has figures of nothing")
	}
}

func TestMistakes_MostConfidentFirst(t *testing.T) {
	t.Parallel()
	at := func(index, class, taken int, probability float64) evaluate.Record {
		return evaluate.Record{Index: index, Class: class, Top: []evaluate.Guess{{Class: taken, Probability: probability}}}
	}
	real := at(9, 1, 2, 1)
	real.Real = []int{2}
	records := []evaluate.Record{at(0, 1, 1, 1), at(4, 1, 2, 0.5), at(3, 1, 2, 0.5), at(5, 1, 2, 0.9), at(6, 1, 2, 0.1), real, {Index: 7, Error: "broken"}, at(8, 0, 1, 0.2)}
	got, err := report.Mistakes(sequence(records), 4)
	var order []int
	for _, m := range got {
		order = append(order, m.Index)
	}
	if err != nil || !slices.Equal(order, []int{5, 3, 4, 8}) {
		t.Errorf("%v, %v", order, err)
	}
	if got, err := report.Mistakes(sequence(records), 0); err != nil || len(got) != 0 {
		t.Errorf("none: %v, %v", got, err)
	}
	broken := errors.New("broken")
	if _, err := report.Mistakes(func(yield func(evaluate.Record, error) bool) { yield(evaluate.Record{}, broken) }, 1); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestWriteHTML_ReplacesItsOwnAlone(t *testing.T) {
	t.Parallel()
	h := header(t, 10, nil)
	page := report.Page{Header: h, Summary: evaluate.NewTally(h).Summary()}
	path := filepath.Join(t.TempDir(), "page.html")
	if err := errors.Join(report.WriteHTML(path, page), report.WriteHTML(path, page)); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.html")
	if err := os.WriteFile(other, []byte("<p>mine</p>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := report.WriteHTML(other, page); !errors.As(err, new(*webpage.ForeignFileError)) {
		t.Errorf("got %v", err)
	}
}

// TestFinder_Outside: of what a file of predictions names nothing is shown that is outside of the data, or of a folder that it alone calls so.
func TestFinder_Outside(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	content, err := os.ReadFile("../../manifests/embedded/images/7/005.png")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"data/7/in.png", "private.png", "data2/x.png", "other/7/moved.png"} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(at(name)), 0o700), os.WriteFile(at(name), content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"data/7/out.png": "../../private.png", "data/8": "../data2", "data/7/same.png": "in.png", "linked": "data", "data2/up": ".."} {
		if err := os.Symlink(filepath.FromSlash(target), at(name)); err != nil {
			t.Skip("no links here: ", err)
		}
	}
	const outside, gone, unconfirmed = "outside of the folders of the data", "not there any more", "outside of the working directory"
	for _, c := range []struct{ here, source, folder, image, missing string }{
		{".", "data", "", "7/in.png", ""},
		{".", "data", "", at("data/7/in.png"), ""},
		{".", "data/list.csv", "", "7/in.png", ""},
		{".", "data/{0..3}.tar", "", at("data/7/in.png"), ""},
		{".", "data", "", at("private.png"), outside},
		{".", "data", "", "../private.png", outside},
		{".", "data", "", "7/../../private.png", outside},
		{".", "data", "", at("data2/x.png"), outside},
		{".", "data", "", "/dev/zero", outside},
		{".", "data", "", "7", gone},
		{".", "data", "", "7/none.png", gone},
		{".", "data", "", "7/out.png", outside},
		{".", "data", "", "8/x.png", outside},
		{".", "data", "data2", "8/x.png", ""},
		{".", "data", "", "7/same.png", ""},
		{".", "linked", "", "7/in.png", ""},
		{".", "data", "other", "7/moved.png", ""},
		{".", "data", "other", "../private.png", outside},
		{".", "data", ".", at("private.png"), ""},
		{"data2", "data", "", "7/in.png", unconfirmed},
		{"data2", ".", "", "private.png", unconfirmed},
		{"data2", "data2/up", "", "private.png", unconfirmed},
		{"data2", "data", "data", "7/in.png", ""},
		{"data", "data", "", "7/in.png", ""},
	} {
		t.Chdir(at(c.here))
		h := header(t, 10, nil)
		h.Data.Source = at(c.source)
		finder := report.Finder{Header: h}
		if c.folder != "" {
			finder.Folders = []string{at(c.folder)}
		}
		mistakes := []report.Mistake{{Record: evaluate.Record{Image: c.image}}}
		if err := finder.Find(t.Context(), mistakes); err != nil {
			t.Fatal(err)
		}
		if m := mistakes[0]; c.missing == "" != (m.Picture != nil) || !strings.Contains(m.Missing, c.missing) {
			t.Errorf("%s of %s, in %s, --images %q: %q", c.image, c.source, c.here, c.folder, m.Missing)
		}
	}
}
