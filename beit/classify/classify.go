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
	"github.com/beitzoo/beitzoo/internal/text"
)

// DefaultBatchSize is the BatchSize of a new [Classifier]. On a CPU, larger batches are not faster.
const DefaultBatchSize = 8

// Classifier is a loaded model with the recipe that turns images into its input, and the names of its classes. It may be used from several goroutines at
// once. Its fields must not be changed after the first use.
type Classifier struct {
	// BatchSize is how many images go through the model at once.
	BatchSize int
	// Strict stops at the first image that cannot be read, with its *[preprocess.FileError]. Otherwise all others are classified, and the error is an
	// *[UnreadError].
	Strict bool

	model engine.Model
	card  card.Card
}

// New returns a classifier for a model that an engine loaded with known.Config. The caller closes the model, after the last use of the classifier. Of known it
// uses the recipe, the names of the classes, which may be nil, what the logits mean, and, for messages, where these come from. The error is that of [Check].
func New(model engine.Model, known card.Card) (*Classifier, error) {
	if err := Check(known); err != nil {
		return nil, err
	}
	return &Classifier{BatchSize: DefaultBatchSize, model: model, card: known}, nil
}

// Check returns an error if images cannot be classified with what is known of a model: a *[ModelError], *[RecipeSizeError], *[card.LabelsError],
// *[card.RecipeError], or [card.ErrNoRecipe].
func Check(known card.Card) error {
	config := known.Config
	if err := CheckModel(config); err != nil {
		return err
	}
	if known.Recipe == nil {
		return card.ErrNoRecipe
	}
	if err := known.Recipe.Validate(); err != nil {
		return err
	}
	if !known.Recipe.Fits(config) {
		return &RecipeSizeError{Recipe: known.Recipe.Crop, RecipeFrom: known.From[card.Preparing], Model: config.ImageHeight, ModelFrom: known.From[card.Window]}
	}
	return card.CheckLabels(known.Labels, config.Classes)
}

// CheckModel returns a *[ModelError] if models of an architecture do not classify images, else nil.
func CheckModel(config arch.Config) error {
	if !config.Classifies() {
		return &ModelError{Config: config, Reason: "the model has no classifier"}
	}
	if config.ImageHeight != config.ImageWidth {
		return &ModelError{Config: config, Reason: "the model takes images that are not square, for which there is no recipe"}
	}
	if config.Channels != arch.RGB {
		return &ModelError{Config: config, Reason: fmt.Sprintf("the model takes images of %s, and image files are read as red, green and blue",
			text.Count(config.Channels, "channel", "channels"))}
	}
	return nil
}

// Config returns the architecture of the model.
func (c *Classifier) Config() arch.Config { return c.card.Config }

// Recipe returns how images are prepared for the model.
func (c *Classifier) Recipe() card.Recipe { return *c.card.Recipe }

// Labels returns the names of the classes, or nil. The caller must not change them.
func (c *Classifier) Labels() []string { return c.card.Labels }

// Function returns what turns the logits of the model into probabilities.
func (c *Classifier) Function() Function { return FunctionFor(c.card.Problem, c.card.Config.Classes) }

// Files reads image files and returns their logits, [N, Classes] in the order of paths. The rows belong to the caller. If some files cannot be read, their rows
// are nil, the others are there, and the error is an *[UnreadError], unless the classifier is Strict. Logits that are not finite are a *[NotFiniteError]. With
// any error but an *UnreadError the result is nil.
func (c *Classifier) Files(ctx context.Context, paths []string) ([][]float64, error) {
	return c.batches(ctx, len(paths), func(from, to int) ([]float32, []*preprocess.FileError, error) {
		return preprocess.FilesLeniently(ctx, *c.card.Recipe, paths[from:to])
	}, at(paths))
}

// FS is [Classifier.Files] for files of fsys.
func (c *Classifier) FS(ctx context.Context, fsys fs.FS, names []string) ([][]float64, error) {
	return c.batches(ctx, len(names), func(from, to int) ([]float32, []*preprocess.FileError, error) {
		return preprocess.FSLeniently(ctx, *c.card.Recipe, fsys, names[from:to])
	}, at(names))
}

// Images is [Classifier.Files] for decoded images. Decode them with [preprocess.Decode] to get the same bits as Files.
func (c *Classifier) Images(ctx context.Context, images ...image.Image) ([][]float64, error) {
	prepare := func(from, to int) ([]float32, []*preprocess.FileError, error) {
		var pixels []float32
		for _, img := range images[from:to] {
			one, err := preprocess.Apply(*c.card.Recipe, img)
			if err != nil {
				return nil, nil, err
			}
			pixels = append(pixels, one...)
		}
		return pixels, make([]*preprocess.FileError, to-from), nil
	}
	return c.batches(ctx, len(images), prepare, func(int) string { return "" })
}

// prepareFunc returns the pixels of those of the images [from, to) that can be read, and for each image nil or why it can't.
type prepareFunc func(from, to int) ([]float32, []*preprocess.FileError, error)

// batches runs count images through the model. name returns the name of an image, for messages.
func (c *Classifier) batches(ctx context.Context, count int, prepare prepareFunc, name func(int) string) ([][]float64, error) {
	rows := make([][]float64, count)
	unread := &UnreadError{Total: count}
	size := max(1, c.BatchSize)
	for from := 0; from < count; from += size {
		to := min(count, from+size)
		pixels, failures, err := prepare(from, to)
		if err != nil {
			return nil, err
		}
		var read []int // indices of the images in pixels
		for i, failure := range failures {
			switch {
			case failure == nil:
				read = append(read, from+i)
			case c.Strict:
				return nil, failure
			default:
				unread.Failures = append(unread.Failures, failure)
			}
		}
		if err := c.run(ctx, pixels, read, rows, name); err != nil {
			return nil, err
		}
	}
	if len(unread.Failures) > 0 {
		return rows, unread
	}
	return rows, nil
}

// run sets the rows of the images with the given indices, whose pixels are given.
func (c *Classifier) run(ctx context.Context, pixels []float32, indices []int, rows [][]float64, name func(int) string) error {
	if len(indices) == 0 {
		return nil
	}
	result, err := c.model.Forward(ctx, engine.Input{Pixels: pixels}, nil)
	if err != nil {
		return err
	}
	classes := c.card.Config.Classes
	if want := len(indices) * classes; len(result.Values) != want {
		return fmt.Errorf("the engine returned %d logits for %d images, not %d", len(result.Values), len(indices), want)
	}
	for i, image := range indices {
		row := result.Values[i*classes : (i+1)*classes]
		if err := checkFinite(row, image, name(image)); err != nil {
			return err
		}
		rows[image] = row
	}
	return nil
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
