package classify_test

import (
	"context"
	"errors"
	"image"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/recording"
)

const shipped = "../../manifests/embedded/"

// digits is the trained classifier that ships with the program.
func digits(t testing.TB) *classify.Classifier {
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

// TestFS_LogitsEqualPASSL compares the logits of all images with those that PASSL computed from the same files.
func TestFS_LogitsEqualPASSL(t *testing.T) {
	t.Parallel()
	recorded, err := recording.Read(t.Context(), shipped+embedded.Logits)
	if err != nil {
		t.Fatal(err)
	}
	want, ok := recorded.Activation("logits")
	names, err := fs.Glob(embedded.Files, embedded.Images+"/*/*.png")
	if err != nil || !ok || len(names) != 360 || want.Shape[0] != 360 {
		t.Fatalf("%d images, %v, %v", len(names), want.Shape, err)
	}
	// The recording is in the order of the images' numbers, not of their classes.
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(path.Base(a), path.Base(b)) })
	got, err := digits(t).FS(t.Context(), embedded.Files, names)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range got {
		for k, v := range row {
			if d := math.Abs(v - want.Values[i*len(row)+k]); !(d < 3e-5) {
				t.Errorf("%s: logit %d is off by %g", names[i], k, d)
			}
		}
	}
}

// TestFiles_ImagesAndBatches makes sure that Files and Images return the same bits, whatever the batch size.
func TestFiles_ImagesAndBatches(t *testing.T) {
	t.Parallel()
	classifier := digits(t)
	names := []string{"0/017.png", "7/005.png", "3/036.png"}
	var paths []string
	var images []image.Image
	for _, name := range names {
		paths = append(paths, shipped+embedded.Images+"/"+name)
		file, err := embedded.Files.Open(embedded.Images + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		img, err := preprocess.Decode(file)
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, img)
	}
	want, err := classifier.Files(t.Context(), paths)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{0, 1, 2, 100} {
		classifier.BatchSize = size
		decoded, err := classifier.Images(t.Context(), images...)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, decoded); diff != "" {
			t.Errorf("batches of %d: %s", size, diff)
		}
	}
}

// fakeModel returns the logits that it holds for each image, and records the sizes of batches.
type fakeModel struct {
	logits  []float64
	batches []int
	err     error
}

func (m *fakeModel) Forward(_ context.Context, input engine.Input, _ engine.Tap) (engine.Activation, error) {
	n := len(input.Pixels) / (3 * 32 * 32)
	m.batches = append(m.batches, n)
	var values []float64
	for range n {
		values = append(values, m.logits...)
	}
	return engine.Activation{Name: "logits", Shape: tensor.Shape{n, len(m.logits)}, Values: values}, m.err
}

func (m *fakeModel) Close() error { return nil }

func small(t *testing.T) (arch.Config, card.Recipe) {
	t.Helper()
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	config.Classes = 3
	recipe, err := card.RecipeFor("timm", config.ImageHeight)
	if err != nil {
		t.Fatal(err)
	}
	return config, recipe
}

func withLogits(t *testing.T, logits ...float64) (*classify.Classifier, *fakeModel) {
	t.Helper()
	config, recipe := small(t)
	model := &fakeModel{logits: logits}
	classifier, err := classify.New(model, card.Card{Config: config, Facts: card.Facts{Recipe: &recipe, Labels: []string{"cat", "dog", "bird"}}})
	if err != nil {
		t.Fatal(err)
	}
	return classifier, model
}

func TestImages_InBatches(t *testing.T) {
	t.Parallel()
	classifier, model := withLogits(t, 1, 2, 3)
	images := make([]image.Image, 2*classify.DefaultBatchSize+1)
	for i := range images {
		images[i] = image.NewGray(image.Rect(0, 0, 40, 40))
	}
	rows, err := classifier.Images(t.Context(), images...)
	if err != nil || len(rows) != len(images) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if want := []int{classify.DefaultBatchSize, classify.DefaultBatchSize, 1}; !slices.Equal(model.batches, want) {
		t.Errorf("batches of %v, want %v", model.batches, want)
	}
	model.err = engine.ErrClosed
	if rows, err := classifier.Images(t.Context(), images[0]); !errors.Is(err, engine.ErrClosed) || rows != nil {
		t.Errorf("got %v, %v", rows, err)
	}
}

func TestImages_NotFinite(t *testing.T) {
	t.Parallel()
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		classifier, _ := withLogits(t, 1, bad, 3)
		rows, err := classifier.Images(t.Context(), image.NewGray(image.Rect(0, 0, 40, 40)))
		var got *classify.NotFiniteError
		if !errors.As(err, &got) || got.Class != 1 || got.Image != 0 || rows != nil || !errors.Is(err, errdef.ErrInput) {
			t.Errorf("%g: got %v, %v", bad, rows, err)
		}
	}
}

// TestFiles_Unreadable makes sure that files that cannot be read change nothing for the others, wherever they are among the batches.
func TestFiles_Unreadable(t *testing.T) {
	t.Parallel()
	classifier := digits(t)
	seven, three, none, text := shipped+embedded.Images+"/7/005.png", shipped+embedded.Images+"/3/036.png", "no such file.png", "classify.go"
	alone, err := classifier.Files(t.Context(), []string{seven, three})
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{none, seven, text, none, none, three, text}
	want := [][]float64{nil, alone[0], nil, nil, nil, alone[1], nil}
	for _, size := range []int{1, 2, 3, 100} {
		classifier.BatchSize = size
		rows, err := classifier.Files(t.Context(), paths)
		var unread *classify.UnreadError
		if !errors.As(err, &unread) || unread.Total != 7 || len(unread.Failures) != 5 || !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, errdef.ErrInput) {
			t.Fatalf("batches of %d: %v", size, err)
		}
		for i, at := range []int{0, 2, 3, 4, 6} {
			if unread.Failures[i].Path != paths[at] {
				t.Errorf("failure %d is about %s", i, unread.Failures[i].Path)
			}
		}
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("batches of %d: %s", size, diff)
		}
	}
	predictions, err := classifier.Predict(t.Context(), paths, 1)
	if !errors.As(err, new(*classify.UnreadError)) || len(predictions) != 2 || predictions[0].Image != seven || predictions[1].Top[0].Index != 3 {
		t.Errorf("%v, %v", predictions, err)
	}
	if predictions, err = classifier.Predict(t.Context(), []string{none}, 1); !errors.As(err, new(*classify.UnreadError)) || len(predictions) != 0 || predictions == nil {
		t.Errorf("nothing to read: %v, %v", predictions, err)
	}
	classifier.Strict = true
	rows, err := classifier.Files(t.Context(), paths)
	var file *preprocess.FileError
	if rows != nil || errors.As(err, new(*classify.UnreadError)) || !errors.As(err, &file) || file.Path != none {
		t.Errorf("strictly: %v, %v", rows, err)
	}
}

func TestUnreadError_ListsSome(t *testing.T) {
	t.Parallel()
	unread := &classify.UnreadError{Total: 30}
	for range 25 {
		unread.Failures = append(unread.Failures, &preprocess.FileError{Path: "x", Err: fs.ErrNotExist})
	}
	if lines := strings.Split(unread.Error(), "\n"); len(lines) != 22 || lines[0] != "25 of 30 images could not be read" || lines[21] != "  and 5 more" {
		t.Errorf("%q", lines)
	}
}

func TestNew_Errors(t *testing.T) {
	t.Parallel()
	config, recipe := small(t)
	masked, headless, oblong, large := config, config, config, recipe
	masked.Pooling, headless.Classes, oblong.ImageWidth, large.Crop = arch.AllTokens, 0, 64, 48
	for _, c := range []struct {
		name   string
		config arch.Config
		recipe card.Recipe
		labels []string
		want   any
		kind   error
	}{
		{"masked image modelling", masked, recipe, nil, new(*classify.ModelError), errdef.ErrUsage},
		{"no head", headless, recipe, nil, new(*classify.ModelError), errdef.ErrUsage},
		{"not square", oblong, recipe, nil, new(*classify.ModelError), errdef.ErrUsage},
		{"recipe for another size", config, large, nil, new(*classify.RecipeSizeError), errdef.ErrInput},
		{"too few labels", config, recipe, []string{"cat"}, new(*card.LabelsError), errdef.ErrInput},
		{"too many labels", config, recipe, make([]string, 4), new(*card.LabelsError), errdef.ErrInput},
		{"an empty file of labels", config, recipe, []string{}, new(*card.LabelsError), errdef.ErrInput},
		{"empty recipe", config, card.Recipe{}, nil, new(*card.RecipeError), errdef.ErrInput},
	} {
		classifier, err := classify.New(&fakeModel{}, card.Card{Config: c.config, Facts: card.Facts{Recipe: &c.recipe, Labels: c.labels}})
		if classifier != nil || !errors.As(err, c.want) || !errors.Is(err, c.kind) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestTop(t *testing.T) {
	t.Parallel()
	classifier, _ := withLogits(t, 0, 0, 0)
	logits := []float64{math.Log(1), math.Log(2), math.Log(1)}
	for _, c := range []struct {
		n    int
		want []classify.Class
	}{
		{-1, []classify.Class{}},
		{1, []classify.Class{{1, "dog", 0.5}}},
		{9, []classify.Class{{1, "dog", 0.5}, {0, "cat", 0.25}, {2, "bird", 0.25}}},
	} {
		if diff := cmp.Diff(c.want, classifier.Top(logits, c.n)); diff != "" {
			t.Errorf("%d: %s", c.n, diff)
		}
	}
	if got := (classify.Class{Index: 3}).String(); got != "class 3" {
		t.Errorf("a class without a label is %q", got)
	}
	if got := (classify.Class{Index: 3, Label: "owl"}).String(); got != "owl (class 3)" {
		t.Errorf("a class with a label is %q", got)
	}
}

// The pipeline of transformers gives 80.1 % to a class of a multi-label model that a softmax gives 51 %, and 48.3 % to the only class of a model of one.
func TestFunction(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		problem card.Problem
		classes int
		want    classify.Function
	}{
		{"", 10, classify.SoftmaxFunction},
		{card.SingleLabel, 10, classify.SoftmaxFunction},
		{card.MultiLabel, 10, classify.SigmoidFunction},
		{"", 1, classify.SigmoidFunction},
		{card.SingleLabel, 1, classify.SigmoidFunction},
		{card.Regression, 1, classify.SigmoidFunction},
		{card.Regression, 3, classify.SoftmaxFunction},
	} {
		if got := classify.FunctionFor(c.problem, c.classes); got != c.want {
			t.Errorf("%q, %d classes: %s", c.problem, c.classes, got)
		}
	}
	config, recipe := small(t)
	known := card.Card{Config: config, Facts: card.Facts{Recipe: &recipe, Problem: card.MultiLabel}}
	classifier, err := classify.New(&fakeModel{}, known)
	if err != nil {
		t.Fatal(err)
	}
	top := classifier.Top([]float64{math.Log(4), 0, -math.Log(3)}, 3)
	want := []classify.Class{{Index: 0, Probability: 0.8}, {Index: 1, Probability: 0.5}, {Index: 2, Probability: 0.25}}
	if diff := cmp.Diff(want, top, cmpopts.EquateApprox(0, 1e-15)); diff != "" || classifier.Function() != classify.SigmoidFunction {
		t.Errorf("%s %s", classifier.Function(), diff)
	}
	if diff := cmp.Diff([]float64{1, 0}, classify.Sigmoid([]float64{1e300, -1e300})); diff != "" {
		t.Error(diff)
	}
}

func TestNew_NamesBothSizes(t *testing.T) {
	t.Parallel()
	config, recipe := small(t)
	recipe.Crop = 64
	known := card.Card{Config: config, Facts: card.Facts{
		Recipe: &recipe, From: map[card.Item]card.Origin{card.Preparing: card.Processor, card.Window: card.Config},
	}}
	_, err := classify.New(&fakeModel{}, known)
	if want := "the recipe (preprocessor_config.json) makes images of 64 x 64 pixels, the model (config.json) takes 32 x 32"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestSoftmax_LargeLogits(t *testing.T) {
	t.Parallel()
	got := classify.Softmax([]float64{1000, 1000, -1000})
	if diff := cmp.Diff([]float64{0.5, 0.5, 0}, got); diff != "" {
		t.Error(diff)
	}
}
