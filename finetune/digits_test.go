//go:build libtorch

package finetune_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/torch"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/evaluate/dataset"
	"github.com/beitzoo/beitzoo/finetune"
	"github.com/beitzoo/beitzoo/tensor"
)

// digits are what unilm's classes were fine-tuned with: the settings that are the defaults, and the pictures.
type digits struct {
	model   *convert.Model
	known   card.Card
	gallery *finetune.Gallery
	test    dataset.Set
}

func openDigits(t *testing.T) digits {
	t.Helper()
	model, err := convert.Open(t.Context(), "../testdata/finetune/digits_start.unilm.pth", convert.OpenOptions{Recipe: &card.Recipe{
		Resize: card.Squash, ResizeTo: 64, Interpolation: card.Bicubic, Crop: 64, Mean: [3]float64{.5, .5, .5}, Std: [3]float64{.5, .5, .5},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	d := digits{model: model, known: model.Card()}
	set := func(source string) dataset.Set {
		found, err := dataset.Open(t.Context(), []string{source}, dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		matched, err := found.Match(t.Context(), dataset.Model{Classes: 10}, dataset.Matching{})
		if err != nil {
			t.Fatal(err)
		}
		return matched
	}
	if d.gallery, err = finetune.NewGallery(t.Context(), set("../testdata/tokenizer/digits_train.tar.gz"), *d.known.Recipe, 1<<20); err != nil {
		t.Fatal(err)
	}
	d.test = set("../manifests/embedded/images")
	return d
}

// train trains with some settings, and returns the learner and the result.
func (d digits) train(t *testing.T, ctx context.Context, s finetune.Settings, folder string, keep int, progress func(finetune.Progress)) (engine.Learner, *finetune.Result, error) {
	t.Helper()
	plan, err := finetune.NewPlan(s, d.model.Config, d.gallery.Len())
	if err != nil {
		t.Fatal(err)
	}
	learner, err := torch.Engine{}.Train(t.Context(), d.model.Config, d.model.Tensors, engine.TrainOptions{
		Threads: 1, Frozen: s.Frozen(d.model.Config), Average: s.Average > 0,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { learner.Close() })
	evaluation := finetune.Evaluation{Engine: torch.Engine{}, Run: engine.Options{Threads: 1}, Card: d.known, Data: d.test}
	result, err := finetune.Run(ctx, plan, learner, finetune.Options{
		Pictures: d.gallery, Evaluate: evaluation.Score, Folder: folder, KeepSteps: keep, Progress: progress,
	})
	return learner, result, err
}

// TestRun_DigitsLikeUnilm compares accuracies on the 360 test pictures with those of unilm's classes and torch's AdamW: of six seeds the worst has 303, the best 317
// (testdata/README.md). Ours are other seeds, so they may differ from these as these do from each other.
func TestRun_DigitsLikeUnilm(t *testing.T) {
	d := openDigits(t)
	if n := d.gallery.Len(); n != 1437 {
		t.Fatalf("%d pictures", n)
	}
	sum := 0
	const seeds = 3
	for seed := range uint64(seeds) {
		s := finetune.Defaults()
		s.Seed = seed + 1
		_, result, err := d.train(t, t.Context(), s, "", 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		last := result.Epochs[9]
		t.Logf("seed %d: %d of %d, loss %.4f", s.Seed, last.Score.Right, last.Score.Images, last.Loss)
		sum += last.Score.Right
	}
	if mean := float64(sum) / seeds; mean < 300 || mean > 318 {
		t.Errorf("a mean of %.1f of 360 is right, want 300 to 318", mean)
	}
}

// TestRun_DigitsResume stops trainings that use all there is, and goes on in other learners, to the same bits.
func TestRun_DigitsResume(t *testing.T) {
	d := openDigits(t)
	s := finetune.Defaults()
	s.Epochs, s.WarmupEpochs, s.Batch, s.Part, s.DropPath, s.Clip, s.Average, s.Seed = 2, 1, 128, 48, 0.2, 1, 0.9, 3
	want, wantResult, err := d.train(t, t.Context(), s, t.TempDir(), 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, stop := range []int{0, 1, 4, 11, 17} {
		folder := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		_, _, err := d.train(t, ctx, s, folder, 3, func(p finetune.Progress) {
			if p.Step == stop {
				cancel()
			}
		})
		cancel()
		stopped := (*finetune.StoppedError)(nil)
		if !errors.As(err, &stopped) || stopped.Kept != stop || stopped.Step != stop {
			t.Fatalf("step %d: %v", stop, err)
		}
		got, result, err := d.train(t, t.Context(), s, folder, 3, nil)
		if err != nil {
			t.Fatal(err)
		}
		if result.Resumed != stop || result.Best != wantResult.Best || *result.Epochs[1].Score != *wantResult.Epochs[1].Score || result.Epochs[1].Loss != wantResult.Epochs[1].Loss {
			t.Errorf("step %d: %+v, want %+v", stop, result, wantResult)
		}
		compareLearners(t, stop, want, got)
	}
}

func compareLearners(t *testing.T, stop int, want, got engine.Learner) {
	t.Helper()
	if err := want.Read(func(a engine.Memory) error {
		return got.Read(func(b engine.Memory) error {
			for i, lists := range [][2][]tensor.Named{{a.Parameters, b.Parameters}, {a.First, b.First}, {a.Second, b.Second}, {a.Average, b.Average}} {
				if len(lists[0]) == 0 || len(lists[0]) != len(lists[1]) {
					t.Errorf("step %d: list %d has %d and %d tensors", stop, i, len(lists[0]), len(lists[1]))
				}
				for j := range lists[0] {
					x, errX := lists[0][j].Bytes()
					y, errY := lists[1][j].Bytes()
					if errX != nil || errY != nil || !slices.Equal(x, y) {
						t.Errorf("step %d: %s of list %d has other bits", stop, lists[0][j].Name, i)
					}
				}
			}
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
}

// TestRun_BestOpens makes sure that the best parameters are a checkpoint like any other.
func TestRun_BestOpens(t *testing.T) {
	d := openDigits(t)
	folder := t.TempDir()
	s := finetune.Defaults()
	s.Epochs, s.WarmupEpochs, s.Batch, s.Blocks = 1, 0, 256, 0
	_, result, err := d.train(t, t.Context(), s, folder, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	best, err := convert.Open(t.Context(), filepath.Join(folder, finetune.BestName), convert.OpenOptions{Recipe: d.known.Recipe})
	if err != nil {
		t.Fatal(err)
	}
	defer best.Close()
	evaluation := finetune.Evaluation{Engine: torch.Engine{}, Run: engine.Options{Threads: 1}, Card: best.Card(), Data: d.test}
	score, err := evaluation.Score(t.Context(), best.Tensors)
	if err != nil || score != *result.Epochs[0].Score {
		t.Errorf("%+v, want %+v (%v)", score, *result.Epochs[0].Score, err)
	}
	if err := os.Remove(filepath.Join(folder, finetune.StateName)); err != nil {
		t.Error(err)
	}
}
