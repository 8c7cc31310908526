package evaluate_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/verify/recording"
)

const shipped = "../manifests/embedded/"

// measured is the accuracy of PASSL's logits for the 360 test images of the digits.
var measured = evaluate.Accuracy{Images: 360, Top1: 346, Top5: 359, Share1: 346. / 360, Share5: 359. / 360}

func digits(t *testing.T) *classify.Classifier {
	t.Helper()
	opened, err := convert.Open(t.Context(), shipped+embedded.Checkpoint, convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	model, err := native.Engine{}.Load(t.Context(), opened.Config, opened.Tensors, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	choice, err := card.ChooseRecipe(opened.Config, card.Known{})
	if err != nil {
		t.Fatal(err)
	}
	classifier, err := classify.New(model, card.Card{Config: opened.Config, Facts: card.Facts{Recipe: &choice.Recipe}})
	if err != nil {
		t.Fatal(err)
	}
	return classifier
}

// TestScore_OfRecordedLogits scores the logits that PASSL computed, which are in the order of the images' numbers.
func TestScore_OfRecordedLogits(t *testing.T) {
	t.Parallel()
	recorded, err := recording.Read(t.Context(), shipped+embedded.Logits)
	if err != nil {
		t.Fatal(err)
	}
	logits, _ := recorded.Activation("logits")
	classes := map[string]int{}
	for _, e := range digitExamples(t) {
		classes[path.Base(e.Name)] = e.Class
	}
	var score evaluate.Score
	for i, name := range slices.Sorted(maps.Keys(classes)) {
		score.Add(logits.Values[10*i:10*i+10], classes[name])
	}
	if diff := cmp.Diff(measured, score.Accuracy()); diff != "" {
		t.Error(diff)
	}
}

func TestScore(t *testing.T) {
	t.Parallel()
	var score evaluate.Score
	if diff := cmp.Diff(evaluate.Accuracy{}, score.Accuracy()); diff != "" {
		t.Errorf("nothing counted: %s", diff)
	}
	score.Add([]float64{0, 1, 2, 3, 4, 5, 6}, 6)
	score.Add([]float64{0, 1, 2, 3, 4, 5, 6}, 2)
	score.Add([]float64{0, 1, 2, 3, 4, 5, 6}, 1)
	score.Add([]float64{0, math.NaN()}, 0)
	want := evaluate.Accuracy{Images: 4, Top1: 1, Top5: 2, Share1: 0.25, Share5: 0.5}
	if diff := cmp.Diff(want, score.Accuracy()); diff != "" {
		t.Error(diff)
	}
}

// digitImages lists the images that ship with the program, by class folders.
func digitImages(t *testing.T) *dataset.List {
	t.Helper()
	return dataset.NewList("digits", digitExamples(t), tenClasses())
}

func tenClasses() dataset.Mapping {
	m := dataset.Mapping{Way: dataset.ByLabel, Of: 10}
	for class := range 10 {
		m.Names, m.Logits = append(m.Names, strconv.Itoa(class)), append(m.Logits, class)
	}
	return m
}

func digitExamples(t *testing.T) []dataset.Example {
	t.Helper()
	names, err := fs.Glob(embedded.Files, embedded.Images+"/*/*.png")
	if err != nil || len(names) != 360 {
		t.Fatalf("%d images, %v", len(names), err)
	}
	var examples []dataset.Example
	for _, name := range names {
		class, err := strconv.Atoi(path.Base(path.Dir(name)))
		if err != nil {
			t.Fatal(err)
		}
		examples = append(examples, dataset.Example{Image: embeddedImage(name), Class: class})
	}
	return examples
}

func embeddedImage(name string) classify.Image {
	return classify.Image{Name: name, Open: func() (io.ReadCloser, error) { return embedded.Files.Open(name) }}
}

func TestClassification(t *testing.T) {
	t.Parallel()
	classifier := digits(t)
	classifier.BatchSize = 50
	var last evaluate.Progress
	calls := 0
	progress := func(p evaluate.Progress) {
		if calls++; p.Done != calls || p.Taken != calls || p.Total != 360 {
			t.Errorf("call %d: %+v", calls, p)
		}
		last = p
	}
	got, err := evaluate.Classification(t.Context(), classifier, digitImages(t), evaluate.Options{Progress: progress})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(measured, got.Accuracy); diff != "" {
		t.Error(diff)
	}
	if last.Accuracy != measured || calls != 360 {
		t.Errorf("%d calls, the last with %+v", calls, last)
	}
	if got.Partial != "" || got.All != 360 || got.Total != 360 || len(got.Unread) != 0 || len(got.Classes) != 10 {
		t.Errorf("%+v", got)
	}
}

// TestClassification_AgreesWithPython compares every figure with what torch and NumPy compute from PASSL's logits of the same images:
// testdata/figures.py writes the file.
func TestClassification_AgreesWithPython(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/figures.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Loss       float64
		Interval1  [2]float64 `json:"interval1"`
		Interval5  [2]float64 `json:"interval5"`
		PerClass   [][3]int   `json:"per_class"`
		Confusions [][3]int
		ECE        float64
		Bins       [][2]int
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	s, err := evaluate.Classification(t.Context(), digits(t), digitImages(t), evaluate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	near := func(what string, got, want, limit float64) {
		if d := math.Abs(got - want); !(d <= limit) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	near("loss", *s.Loss, want.Loss, 1e-6)
	near("top-1 from", s.Interval1.Low, want.Interval1[0], 1e-12)
	near("top-1 to", s.Interval1.High, want.Interval1[1], 1e-12)
	near("top-5 from", s.Interval5.Low, want.Interval5[0], 1e-12)
	near("top-5 to", s.Interval5.High, want.Interval5[1], 1e-12)
	near("calibration", s.Calibration.Error, want.ECE, 1e-6)
	for class, c := range want.PerClass {
		if got := s.Classes[class]; got.Class != class || got.Images != c[0] || got.Top1 != c[1] || got.Top5 != c[2] {
			t.Errorf("class %d: %+v, want %v", class, got, c)
		}
	}
	var pairs [][3]int
	for _, c := range s.Confusions {
		pairs = append(pairs, [3]int{c.Right, c.Taken, c.Images})
	}
	if diff := cmp.Diff(want.Confusions, pairs); diff != "" {
		t.Error(diff)
	}
	for i, b := range s.Calibration.Bins {
		if b.Images != want.Bins[i][0] || b.Right != want.Bins[i][1] {
			t.Errorf("bin %d: %+v, want %v", i, b, want.Bins[i])
		}
	}
}

// Images that cannot be read change nothing in the figures of the others.
func TestClassification_Unreadable(t *testing.T) {
	t.Parallel()
	examples := digitExamples(t)
	examples = slices.Insert(examples, 100, dataset.Example{Image: embeddedImage("no such file.png"), Class: 3})
	examples = append(examples, dataset.Example{Image: embeddedImage(embedded.Images + "/7"), Class: 7})
	data := dataset.NewList("", examples, tenClasses())
	classifier := digits(t)
	got, err := evaluate.Classification(t.Context(), classifier, data, evaluate.Options{})
	var unread *classify.UnreadError
	if !errors.As(err, &unread) || unread.Total != 362 || len(unread.Failures) != 2 || unread.Failures[0].Path != "no such file.png" {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff(measured, got.Accuracy); diff != "" {
		t.Error(diff)
	}
	if got.All != 362 || got.Partial != "" || len(got.Unread) != 2 || got.Unread[0] != (evaluate.Unread{Image: "no such file.png", Error: "file does not exist"}) {
		t.Errorf("%+v", got.Unread)
	}
	classifier.Strict = true
	got, err = evaluate.Classification(t.Context(), classifier, data, evaluate.Options{})
	if errors.As(err, new(*classify.UnreadError)) || err == nil || got.Images != 100 || got.Partial != "100 images of 362 images" {
		t.Errorf("strictly: %+v, %v", got, err)
	}
}

// TestClassification_Interrupted: what was done until then is said, and that it is not all.
func TestClassification_Interrupted(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	progress := func(p evaluate.Progress) {
		if p.Done == 40 {
			stop()
		}
	}
	got, err := evaluate.Classification(ctx, digits(t), digitImages(t), evaluate.Options{Progress: progress})
	if !errors.Is(err, context.Canceled) || got.Images != 40 || got.Partial != "40 images of 360 images" {
		t.Errorf("%+v, %v", got.Accuracy, err)
	}
}

func TestClassification_Compared(t *testing.T) {
	t.Parallel()
	classifier, data := digits(t), digitImages(t)
	header := evaluate.HeaderFor(classifier, data, evaluate.Shard{Index: 1, Of: 1})
	other := classifier.Recipe()
	other.Crop--
	header.Published = []evaluate.Published{
		{Origin: "PASSL", Dataset: "the 360 test pictures", Top1: 96.11, Top5: 99.72},
		{Origin: "nobody", Dataset: "the 360 test pictures", Top1: 99.5, Recipe: &other},
		{Origin: "timm", Dataset: "ImageNet-1k validation", Top1: 88.5},
		{Origin: "us", Dataset: "holidays", Top1: 12},
	}
	got, err := evaluate.Classification(t.Context(), classifier, data, evaluate.Options{Header: header})
	if err != nil {
		t.Fatal(err)
	}
	c := got.Comparisons
	if len(c) != 4 || !c[0].Agrees || c[0].Apart != 0 || c[0].OtherRecipe || c[0].NotCompared != "" {
		t.Fatalf("%+v", c)
	}
	// (346/360 - 0.995) / sqrt(0.995 0.005 / 360) = -9.116
	if c[1].Agrees || c[1].Apart != 346-358 || !c[1].OtherRecipe || math.Abs(c[1].StandardErrors+9.11615) > 1e-4 {
		t.Errorf("%+v", c[1])
	}
	if want := "ImageNet-1k validation has 50000 images of 1000 classes, these are 360 of 10"; c[2].NotCompared != want || c[2].Agrees {
		t.Errorf("%q", c[2].NotCompared)
	}
	if want := `it is not known which images "holidays" has`; c[3].NotCompared != want {
		t.Errorf("%q", c[3].NotCompared)
	}
	header.Data.Shard = evaluate.Shard{Index: 2, Of: 3}
	got, err = evaluate.Classification(t.Context(), classifier, data, evaluate.Options{Header: header})
	if err != nil || got.Images != 120 || got.Comparisons[0].NotCompared != "these figures are about part 2/3 of the data set" {
		t.Errorf("%+v, %v", got.Comparisons, err)
	}
}
