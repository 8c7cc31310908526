package main

import (
	"context"
	"io/fs"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/internal/topk"
	"github.com/beitzoo/beitzoo/manifests/embedded"
	"github.com/beitzoo/beitzoo/verify/recording"
)

// demoEvaluation compares predictions with the labels, and with those of the framework that trained the model.
type demoEvaluation struct {
	evaluate.Accuracy
	// Same counts the images with the same prediction; MaxAbs is the largest difference between two logits.
	Same   int     `json:"same_prediction"`
	MaxAbs float64 `json:"max_abs"`
}

// classify runs all test images through the converted model and compares each logit with PASSL's.
func (d *demoRun) classify(ctx context.Context) error {
	recorded, err := embeddedRecording(ctx, d.folder, embedded.Logits)
	if err != nil {
		return err
	}
	names, err := digitImages()
	if err != nil {
		return err
	}
	rows, err := d.run(ctx, names)
	if err != nil {
		return err
	}
	expected, err := recordedRows(recorded, len(rows))
	if err != nil {
		return err
	}
	var score evaluate.Score
	for i, row := range rows {
		class, err := strconv.Atoi(path.Base(path.Dir(names[i])))
		if err != nil {
			return err
		}
		score.Add(row, class)
	}
	result := score.Accuracy()
	same, largest := agreement(rows, expected)
	d.result.Evaluation = &demoEvaluation{Accuracy: result, Same: same, MaxAbs: largest}
	d.printf("\n4. %d real test images, from PNG files to predictions:", len(rows))
	d.printf("   top-1 %d/%d = %.2f %%, top-5 %d/%d = %.2f %%", result.Top1, result.Images, 100*result.Share1, result.Top5, result.Images, 100*result.Share5)
	d.printf("   the same prediction as PASSL on %d of %d; of %d logits the largest difference is %.1e", same, len(rows), len(rows)*len(rows[0]), largest)
	if same != len(rows) {
		return errDiffers
	}
	return nil
}

// run classifies with the model that went through PyTorch.
func (d *demoRun) run(ctx context.Context, names []string) ([][]float64, error) {
	model, err := beitzoo.Open(ctx, filepath.Join(d.folder, conversions[0].name), beitzoo.Options{})
	if err != nil {
		return nil, err
	}
	defer model.Close()
	return model.FS(ctx, embedded.Files, names)
}

// digitImages lists the embedded images, each in the folder of its class, in the order of their numbers, which is that of PASSL's logits.
func digitImages() ([]string, error) {
	names, err := fs.Glob(embedded.Files, embedded.Images+"/*/*.png")
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(path.Base(a), path.Base(b)) })
	return names, err
}

// recordedRows returns the recorded logits, a row for each image.
func recordedRows(r *recording.Recording, images int) ([][]float64, error) {
	logits, ok := r.Activation("logits")
	if !ok || len(logits.Shape) != 2 || logits.Shape[0] != images {
		return nil, &recording.Error{Path: embedded.Logits, Problems: []string{"it does not hold the logits of all images"}, Err: checkpoint.ErrMalformed}
	}
	return slices.Collect(slices.Chunk(logits.Values, logits.Shape[1])), nil
}

// agreement counts equal predictions and finds the largest difference between two logits.
func agreement(computed, recorded [][]float64) (same int, largest float64) {
	for i := range computed {
		if topk.Of(computed[i], 1)[0] == topk.Of(recorded[i], 1)[0] {
			same++
		}
		for k := range computed[i] {
			largest = max(largest, math.Abs(computed[i][k]-recorded[i][k]))
		}
	}
	return same, largest
}
