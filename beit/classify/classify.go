package classify

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"iter"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/disk"
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
	// stages are those whose activations outputs have; there are some in an Extractor only.
	stages []engine.Stage
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
	if err := checkRecipe(known); err != nil {
		return err
	}
	return card.CheckLabels(known.Labels, config.Classes)
}

// checkRecipe returns an error if the recipe is missing, wrong, or for another model.
func checkRecipe(known card.Card) error {
	if known.Recipe == nil {
		return card.ErrNoRecipe
	}
	if err := known.Recipe.Validate(); err != nil {
		return err
	}
	if !known.Recipe.Fits(known.Config) {
		return &RecipeSizeError{Recipe: known.Recipe.Crop, RecipeFrom: known.From[card.Preparing], Model: known.Config.ImageHeight, ModelFrom: known.From[card.Window]}
	}
	return nil
}

// CheckModel returns a *[ModelError] if models of an architecture do not classify images, or an *[arch.KindError] if they are tokenizers, else nil.
func CheckModel(config arch.Config) error {
	if err := config.CheckBEiT(); err != nil {
		return err
	}
	if !config.Classifies() {
		return &ModelError{Config: config, Reason: "the model has no classifier"}
	}
	return CheckPictures(config)
}

// CheckPictures returns a *[ModelError] if image files cannot be made into the input of models of an architecture, else nil.
func CheckPictures(config arch.Config) error {
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
// any error but an *UnreadError the result is nil. [Classifier.Stream] does not wait for the last image, nor keep all rows.
func (c *Classifier) Files(ctx context.Context, paths []string) ([][]float64, error) {
	return c.rows(ctx, len(paths), c.files(paths))
}

// files makes items of image files.
func (c *Classifier) files(paths []string) iter.Seq2[item, error] {
	return itemsOf(paths, func(path string) item {
		return c.file(Image{path, func() (io.ReadCloser, error) { return disk.OpenRegular(path) }})
	})
}

// FS is [Classifier.Files] for files of fsys.
func (c *Classifier) FS(ctx context.Context, fsys fs.FS, names []string) ([][]float64, error) {
	return c.rows(ctx, len(names), itemsOf(names, func(name string) item {
		return c.file(Image{name, func() (io.ReadCloser, error) { return fsys.Open(name) }})
	}))
}

// Images is [Classifier.Files] for decoded images. Decode them with [preprocess.Decode] to get the same bits as Files. An image that cannot be prepared, such as
// one without pixels, ends the call with its error.
func (c *Classifier) Images(ctx context.Context, images ...image.Image) ([][]float64, error) {
	rows, err := c.rows(ctx, len(images), itemsOf(images, c.decoded))
	if failure := (*preprocess.FileError)(nil); errors.As(err, &failure) {
		return nil, failure.Err // which has no path
	}
	return rows, err
}

// rows runs count items through the model and returns their logits.
func (c *Classifier) rows(ctx context.Context, count int, items iter.Seq2[item, error]) ([][]float64, error) {
	outputs, err := c.outputs(ctx, count, items)
	if outputs == nil {
		return nil, err
	}
	rows := make([][]float64, len(outputs))
	for i, output := range outputs {
		rows[i] = output.Logits
	}
	return rows, err
}

// outputs runs count items through the model. With any error but an *[UnreadError] the result is nil.
func (c *Classifier) outputs(ctx context.Context, count int, items iter.Seq2[item, error]) ([]Output, error) {
	outputs := make([]Output, 0, count)
	unread := &UnreadError{Total: count}
	for output, err := range c.stream(ctx, items, StreamOptions{}) {
		if err != nil {
			return nil, err
		}
		if output.Failure != nil {
			unread.Failures = append(unread.Failures, output.Failure)
		}
		outputs = append(outputs, output)
	}
	if len(unread.Failures) > 0 {
		return outputs, unread
	}
	return outputs, nil
}

// checkFinite returns a *NotFiniteError if a logit is NaN or infinite: such a row cannot be ranked.
func checkFinite(logits []float64, image int, name string) error {
	for class, v := range logits {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return &NotFiniteError{Image: image, Name: name, Class: class, Value: v}
		}
	}
	return nil
}
