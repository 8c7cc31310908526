package main

import (
	"cmp"
	"context"
	"io/fs"
	"math"
	"path"
	"path/filepath"
	"slices"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/internal/topk"
	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/verify/recording"
)

// demoEvaluation compares predictions with the labels, and with those of the framework that trained the model.
type demoEvaluation struct {
	accuracy
	// Same counts equal predictions, MaxAbs is the largest difference of a logit.
	Same   int     `json:"same_prediction"`
	MaxAbs float64 `json:"max_abs"`
}

// classify runs all test images through the converted model and compares each logit with PASSL's.
func (d *demonstration) classify(ctx context.Context) error {
	recorded, err := embeddedRecording(ctx, d.folder, embedded.Logits)
	if err != nil {
		return err
	}
	images, err := digitImages()
	if err != nil {
		return err
	}
	rows, err := d.run(ctx, images)
	if err != nil {
		return err
	}
	theirs, err := theirRows(recorded, len(rows))
	if err != nil {
		return err
	}
	same, largest := agreement(rows, theirs)
	result := score(rows, images.labels)
	d.result.Evaluation = &demoEvaluation{accuracy: result, Same: same, MaxAbs: largest}
	d.printf("\n4. %d real test images, from PNG files to predictions:", len(rows))
	d.printf("   top-1 %d/%d = %.2f %%, top-5 %d/%d = %.2f %%", result.Top1, result.Images, 100*result.Share1, result.Top5, result.Images, 100*result.Share5)
	d.printf("   the same prediction as PASSL on %d of %d; of %d logits the largest difference is %.1e", same, len(rows), len(rows)*len(rows[0]), largest)
	if same != len(rows) {
		return errDiffers
	}
	return nil
}

// run classifies with the model that went through PyTorch.
func (d *demonstration) run(ctx context.Context, images labelled) ([][]float64, error) {
	model, err := convert.Open(ctx, filepath.Join(d.folder, conversions[0].name), convert.OpenOptions{})
	if err != nil {
		return nil, err
	}
	defer model.Close()
	loaded, err := native.Engine{}.Load(ctx, model.Config, model.Tensors, engine.Options{})
	if err != nil {
		return nil, err
	}
	defer loaded.Close()
	recipe, err := card.RecipeFor("passl-digits", model.Config.ImageHeight)
	if err != nil {
		return nil, err
	}
	return classifier{model: loaded, recipe: recipe}.logits(ctx, embedded.Files, images.names, func(int) {})
}

// digitImages lists the embedded images in the order of their numbers, which is that of PASSL's logits.
func digitImages() (labelled, error) {
	folder, err := fs.Sub(embedded.Files, embedded.Images)
	if err != nil {
		return labelled{}, err
	}
	images, err := listImages(folder)
	if err != nil {
		return labelled{}, err
	}
	order := make([]int, len(images.names))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(path.Base(images.names[a]), path.Base(images.names[b])) })
	var sorted labelled
	for _, i := range order {
		sorted.names = append(sorted.names, path.Join(embedded.Images, images.names[i]))
		sorted.labels = append(sorted.labels, images.labels[i])
	}
	return sorted, nil
}

// theirRows are the recorded logits, a row for each image.
func theirRows(r *recording.Recording, images int) ([][]float64, error) {
	logits, ok := r.Activation("logits")
	if !ok || len(logits.Shape) != 2 || logits.Shape[0] != images {
		return nil, &recording.Error{Path: embedded.Logits, Problems: []string{"it does not hold the logits of all images"}, Kind: checkpoint.ErrMalformed}
	}
	return slices.Collect(slices.Chunk(logits.Values, logits.Shape[1])), nil
}

// agreement counts equal predictions and finds the largest difference of a logit.
func agreement(ours, theirs [][]float64) (same int, largest float64) {
	for i := range ours {
		if topk.Of(ours[i], 1)[0] == topk.Of(theirs[i], 1)[0] {
			same++
		}
		for k := range ours[i] {
			largest = max(largest, math.Abs(ours[i][k]-theirs[i][k]))
		}
	}
	return same, largest
}
