package classify

import (
	"context"
	"fmt"
	"image"
	"io/fs"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/preprocess"
)

// DefaultBatchSize is the BatchSize of a new [Classifier]. On a CPU, larger batches are not faster.
const DefaultBatchSize = 8

// Classifier is a loaded model with the recipe that turns images into its input, and the names of its classes. It may be used from several goroutines at
// once.
type Classifier struct {
	// BatchSize is how many images go through the model at once; change it before the first use.
	BatchSize int

	model  engine.Model
	config arch.Config
	recipe card.Recipe
	labels []string
}

// New returns a classifier for a model that an engine loaded with config. The caller closes the model, after the last use of the classifier. labels are
// the names of the classes in the order of the logits, or nil if they are not known. The error is a *[ModelError], *[RecipeSizeError], *[card.LabelsError] or
// *[card.RecipeError].
func New(model engine.Model, config arch.Config, recipe card.Recipe, labels []string) (*Classifier, error) {
	if err := CheckModel(config); err != nil {
		return nil, err
	}
	if err := recipe.Validate(); err != nil {
		return nil, err
	}
	if recipe.Crop != config.ImageHeight {
		return nil, &RecipeSizeError{Recipe: recipe.Crop, Model: config.ImageHeight}
	}
	if err := card.CheckLabels(labels, config.Classes); err != nil {
		return nil, err
	}
	return &Classifier{BatchSize: DefaultBatchSize, model: model, config: config, recipe: recipe, labels: labels}, nil
}

// CheckModel returns a *[ModelError] if models of an architecture do not classify images, else nil.
func CheckModel(config arch.Config) error {
	if config.MaskToken || config.Classes == 0 {
		return &ModelError{Config: config, Reason: "the model has no classifier"}
	}
	if config.ImageHeight != config.ImageWidth {
		return &ModelError{Config: config, Reason: "the model takes images that are not square, for which there is no recipe"}
	}
	return nil
}

// Config returns the architecture of the model.
func (c *Classifier) Config() arch.Config { return c.config }

// Recipe returns how images are prepared for the model.
func (c *Classifier) Recipe() card.Recipe { return c.recipe }

// Labels returns the names of the classes, or nil. The caller must not change them.
func (c *Classifier) Labels() []string { return c.labels }

// Files reads image files and returns their logits, [N, Classes] in the order of paths. The rows belong to the caller. All unreadable files of a batch are
// reported together, each as a *[preprocess.FileError]; logits that are not finite are a *[NotFiniteError]. With an error the result is nil.
func (c *Classifier) Files(ctx context.Context, paths []string) ([][]float64, error) {
	return c.batches(ctx, len(paths), func(from, to int) ([]float32, error) { return preprocess.Files(ctx, c.recipe, paths[from:to]) }, at(paths))
}

// FS is [Classifier.Files] for files of fsys.
func (c *Classifier) FS(ctx context.Context, fsys fs.FS, names []string) ([][]float64, error) {
	return c.batches(ctx, len(names), func(from, to int) ([]float32, error) { return preprocess.FS(ctx, c.recipe, fsys, names[from:to]) }, at(names))
}

// Images is [Classifier.Files] for decoded images. Decode them with [preprocess.Decode] to get the same bits as Files.
func (c *Classifier) Images(ctx context.Context, images ...image.Image) ([][]float64, error) {
	prepare := func(from, to int) ([]float32, error) {
		var pixels []float32
		for _, img := range images[from:to] {
			one, err := preprocess.Apply(c.recipe, img)
			if err != nil {
				return nil, err
			}
			pixels = append(pixels, one...)
		}
		return pixels, nil
	}
	return c.batches(ctx, len(images), prepare, func(int) string { return "" })
}

// batches runs count images through the model. prepare returns the input for the images [from, to), and name the name of an image, for messages.
func (c *Classifier) batches(
	ctx context.Context, count int, prepare func(from, to int) ([]float32, error), name func(int) string,
) ([][]float64, error) {
	rows := make([][]float64, 0, count)
	size := max(1, c.BatchSize)
	for from := 0; from < count; from += size {
		to := min(count, from+size)
		pixels, err := prepare(from, to)
		if err != nil {
			return nil, err
		}
		result, err := c.model.Forward(ctx, engine.Input{Pixels: pixels}, nil)
		if err != nil {
			return nil, err
		}
		if want := (to - from) * c.config.Classes; len(result.Values) != want {
			return nil, fmt.Errorf("the engine returned %d logits for %d images, not %d", len(result.Values), to-from, want)
		}
		for i := range to - from {
			row := result.Values[i*c.config.Classes : (i+1)*c.config.Classes]
			if err := checkFinite(row, from+i, name(from+i)); err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func at(names []string) func(int) string { return func(i int) string { return names[i] } }

// checkFinite returns a *NotFiniteError if a logit is NaN or infinite: such a row cannot be ranked.
func checkFinite(logits []float64, image int, name string) error {
	for class, v := range logits {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return &NotFiniteError{Image: image, Name: name, Class: class, Value: v}
		}
	}
	return nil
}
