package evaluate_test

import (
	"errors"
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
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

func TestClassification(t *testing.T) {
	t.Parallel()
	classifier := digits(t)
	data, err := evaluate.Folder(shipped + embedded.Images)
	if err != nil {
		t.Fatal(err)
	}
	classifier.BatchSize = 50
	var done []int
	progress := func(n, total int) {
		done = append(done, n)
		if total != 360 {
			t.Errorf("%d images in all", total)
		}
	}
	got, err := evaluate.Classification(t.Context(), classifier, data, evaluate.Options{Progress: progress})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(measured, got); diff != "" {
		t.Error(diff)
	}
	if want := []int{50, 100, 150, 200, 250, 300, 350, 360}; cmp.Diff(want, done) != "" {
		t.Errorf("progress was %v", done)
	}
}

// Images that cannot be read change nothing in the score of the others.
func TestClassification_Unreadable(t *testing.T) {
	t.Parallel()
	data, err := evaluate.Folder(shipped + embedded.Images)
	if err != nil {
		t.Fatal(err)
	}
	data.Images = slices.Insert(data.Images, 100, evaluate.Image{Name: "no such file.png", Class: 3})
	data.Images = append(data.Images, evaluate.Image{Name: "7", Class: 7})
	classifier := digits(t)
	got, err := evaluate.Classification(t.Context(), classifier, data, evaluate.Options{})
	var unread *classify.UnreadError
	if !errors.As(err, &unread) || unread.Total != 362 || len(unread.Failures) != 2 || unread.Failures[0].Path != "no such file.png" {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff(measured, got); diff != "" {
		t.Error(diff)
	}
	classifier.Strict = true
	if got, err := evaluate.Classification(t.Context(), classifier, data, evaluate.Options{}); errors.As(err, new(*classify.UnreadError)) || err == nil || got.Images != 0 {
		t.Errorf("strictly: %+v, %v", got, err)
	}
}

func TestClassification_MoreFoldersThanClasses(t *testing.T) {
	t.Parallel()
	data := &evaluate.Dataset{FS: fstest.MapFS{}, Classes: make([]string, 11), Images: []evaluate.Image{{"k/1.png", 10}}}
	_, err := evaluate.Classification(t.Context(), digits(t), data, evaluate.Options{})
	if wrong := (*evaluate.ClassesError)(nil); !errors.As(err, &wrong) || wrong.Folders != 11 || wrong.Classes != 10 || !errors.Is(err, errdef.ErrUsage) {
		t.Errorf("got %v", err)
	}
}

// TestScore_OfRecordedLogits scores the logits that PASSL computed, which are in the order of the images' numbers.
func TestScore_OfRecordedLogits(t *testing.T) {
	t.Parallel()
	recorded, err := recording.Read(t.Context(), shipped+embedded.Logits)
	if err != nil {
		t.Fatal(err)
	}
	logits, _ := recorded.Activation("logits")
	data, err := evaluate.Folder(shipped + embedded.Images)
	if err != nil {
		t.Fatal(err)
	}
	classes := map[string]int{}
	for _, img := range data.Images {
		classes[filepath.Base(img.Name)] = img.Class
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

func TestClassFolders(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"README": {}, "dog/1.jpg": {}, "cat/2.png": {}, "cat/1.png": {}, "cat/more/3.png": {}, "eel": {Mode: fs.ModeDir},
	}
	got, err := evaluate.ClassFolders(files)
	if err != nil {
		t.Fatal(err)
	}
	want := []evaluate.Image{{"cat/1.png", 0}, {"cat/2.png", 0}, {"dog/1.jpg", 1}}
	if diff := cmp.Diff(want, got.Images); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"cat", "dog", "eel"}, got.Classes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"cat/1.png", "cat/2.png", "dog/1.jpg"}, got.Names()); diff != "" {
		t.Error(diff)
	}
}

func TestFolder_Errors(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	_, err := evaluate.Folder(empty)
	if none := (*evaluate.NoImagesError)(nil); !errors.As(err, &none) || none.Folder != empty || !errors.Is(err, errdef.ErrUsage) || none.Hint() == "" {
		t.Errorf("an empty folder: %v", err)
	}
	missing := filepath.Join(empty, "nothing")
	if _, err := evaluate.Folder(missing); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("a folder that is not there: %v", err)
	}
	if _, err := evaluate.ClassFolders(fstest.MapFS{"1.png": {}}); !errors.As(err, new(*evaluate.NoImagesError)) {
		t.Errorf("no class folders: %v", err)
	}
}
