package beitzoo

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/beitzoo/beitzoo/beit/attention"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/classify"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/beit/features"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/zoo"
)

// Options say what the caller knows about a classifier, and how to run it. With the zero value Open finds out everything, and runs it in plain Go.
type Options struct {
	// Checkpoint are the options for reading the file, with labels and recipe if these are not to be those of the model.
	Checkpoint convert.OpenOptions
	// Engine runs the model, for example torch.Engine{}; nil means [native.Engine]. Run are its options; its Batch, if not 0, becomes the BatchSize.
	Engine engine.Engine
	Run    engine.Options
	// Zoo looks up names; nil means one made by [NewZoo].
	Zoo *zoo.Zoo
	// Attention, if not nil, says what the Viewer of an [Extractor] shows; see [LoadExtractor].
	Attention *attention.Options
	// Upright turns images as their files say before the recipe is applied, which then says so.
	Upright bool
	// Adapt changes the model before it is loaded. The zero value changes nothing.
	Adapt adapt.Options
	// Digest computes the digest of the weights, before they are changed, which reads them once more.
	Digest bool
}

// Facts are what was found out about a model. The fields that end in From name the source, so a program can distinguish a fact from a guess.
type Facts struct {
	Weights
	// Scheme is the naming scheme of the checkpoint.
	Scheme string
	// Card is the architecture, with epsilon, labels, recipe and what the logits mean. Card.From names the source of each item, so a program can distinguish
	// a fact from a guess: see [card.Origin.Guess].
	Card card.Card
	// StateDict is the key of the state dict in the file, or in the checkpoint of several from which the file was made; or empty.
	StateDict string
	// Digest is "sha256:" and the digest of the parameters, see [convert.Digest]; empty if it was not asked for.
	Digest string
	// Source says how the checkpoint was read, and what was guessed.
	Source convert.Input
	// Notes are remarks of the reader of the file, for people.
	Notes []string
}

// Model is a classifier that is ready to run. It may be used from several goroutines at once.
type Model struct {
	*classify.Classifier
	Facts

	loaded engine.Model
}

// Close waits for calls that are running, and frees the model. Calls after it return [engine.ErrClosed]; closing twice is not an error.
func (m *Model) Close() error { return m.loaded.Close() }

// sharedModel lets a model be closed while others use it, as a service does that ends: an engine's own must not be.
type sharedModel struct {
	engine.Model
	using sync.RWMutex
}

func (s *sharedModel) Forward(ctx context.Context, input engine.Input, tap engine.Tap) (engine.Activation, error) {
	s.using.RLock()
	defer s.using.RUnlock()
	return s.Model.Forward(ctx, input, tap)
}

func (s *sharedModel) Close() error {
	s.using.Lock()
	defer s.using.Unlock()
	return s.Model.Close()
}

// Open finds the weights that name stands for, as [Find] does, and loads them into an engine, as [Load] does. The caller closes the model.
func Open(ctx context.Context, name string, options Options) (*Model, error) {
	open := func() (*zoo.Zoo, error) {
		if options.Zoo != nil {
			return options.Zoo, nil
		}
		return NewZoo(zoo.Options{})
	}
	weights, err := Find(ctx, name, open, zoo.PullOptions{})
	if err != nil {
		return nil, err
	}
	return Load(ctx, weights, options)
}

// Load opens weights and loads them into an engine. The caller closes the model. The errors are those of [convert.Open], [card.ChooseRecipe],
// [classify.Check] and the engine.
func Load(ctx context.Context, weights Weights, options Options) (*Model, error) {
	opened, digest, err := openBEiT(ctx, weights, options)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	if err := classify.CheckModel(opened.Config); err != nil {
		return nil, err
	}
	facts, err := undigestedFacts(weights, opened, options, classify.Check)
	if err != nil {
		return nil, err
	}
	facts.Digest = digest
	loaded, err := loadInto(ctx, opened, options)
	if err != nil {
		return nil, err
	}
	classifier, err := classify.New(loaded, facts.Card)
	if err != nil {
		loaded.Close()
		return nil, err
	}
	classifier.BatchSize = cmp.Or(options.Run.Batch, classifier.BatchSize)
	return &Model{Classifier: classifier, Facts: facts, loaded: loaded}, nil
}

// openBEiT opens weights that have to be those of a BEiT, and changes them as the options say. The digest is empty if it was not asked for. The caller closes the
// model.
func openBEiT(ctx context.Context, weights Weights, options Options) (opened *convert.Model, digest string, err error) {
	if opened, err = weights.Open(ctx, options.Checkpoint); err != nil {
		return nil, "", err
	}
	if err = opened.Config.CheckBEiT(); err != nil {
		err = fmt.Errorf("%s: %w", opened.File.Path, err)
	}
	if err == nil && options.Digest {
		digest, err = digestOf(ctx, opened.Tensors)
	}
	if err == nil && options.Adapt.Any() {
		_, err = opened.Adapt(options.Adapt)
	}
	if err != nil {
		opened.Close()
		return nil, "", err
	}
	return opened, digest, nil
}

// factsOf returns the facts about opened weights, and the error of check for what is known, before the weights are read.
func factsOf(ctx context.Context, weights Weights, opened *convert.Model, options Options, check func(card.Card) error) (Facts, error) {
	facts, err := undigestedFacts(weights, opened, options, check)
	if err == nil && options.Digest {
		facts.Digest, err = digestOf(ctx, opened.Tensors)
	}
	return facts, err
}

// undigestedFacts is factsOf without the digest.
func undigestedFacts(weights Weights, opened *convert.Model, options Options, check func(card.Card) error) (Facts, error) {
	facts, err := FactsOf(weights, opened, options.Upright)
	if err != nil {
		return Facts{}, err
	}
	if err := check(facts.Card); err != nil {
		return Facts{}, fmt.Errorf("%s: %w", weights.name(), err)
	}
	return facts, nil
}

// FactsOf returns the facts about opened weights, but for the digest, with the recipe that is taken if nobody states one. upright is as in [Options].
func FactsOf(weights Weights, opened *convert.Model, upright bool) (Facts, error) {
	choice, err := opened.Recipe()
	if err != nil {
		return Facts{}, err
	}
	if upright {
		choice.Recipe.Orientation = card.Upright
	}
	known := opened.Card()
	known.From = maps.Clone(known.From)
	known.Recipe, known.RecipeName, known.From[card.Preparing] = &choice.Recipe, choice.Name, choice.From
	state := cmp.Or(opened.StateDict, opened.File.Wrapper)
	return Facts{Weights: weights, Scheme: opened.Scheme, Card: known, StateDict: state, Source: opened.Input(), Notes: opened.Notes}, nil
}

// digestOf returns a digest of parameters.
func digestOf(ctx context.Context, tensors []tensor.Named) (digest string, err error) {
	err = tensor.Guard(func() (err error) {
		digest, err = convert.Digest(ctx, tensors)
		return err
	})
	return "sha256:" + digest, err
}

// loadInto loads opened weights into the engine of the options. The caller closes the model.
func loadInto(ctx context.Context, opened *convert.Model, options Options) (engine.Model, error) {
	chosen := options.Engine
	if chosen == nil {
		chosen = native.Engine{}
	}
	own, err := chosen.Load(ctx, opened.Config, opened.Tensors, options.Run)
	if err != nil {
		return nil, err
	}
	return &sharedModel{Model: own}, nil
}

// Extractor is a model that is ready to return activations; it need not classify. It may be used from several goroutines at once.
type Extractor struct {
	*classify.Extractor
	Facts
	// Norm is the last norm, for features of all tokens; nil if the model has none that is applied to each token.
	Norm *features.Norm
	// Viewer shows what the model attends to; nil without Options.Attention.
	Viewer *attention.Viewer

	loaded engine.Model
}

// Close is that of [Model].
func (e *Extractor) Close() error { return e.loaded.Close() }

// LoadExtractor is [Load] for a model that need not classify: also for one for masked-image modelling or one without a head. More errors are those of
// [classify.CheckExtractor] and [attention.New].
func LoadExtractor(ctx context.Context, weights Weights, options Options) (*Extractor, error) {
	opened, digest, err := openBEiT(ctx, weights, options)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	if err := classify.CheckPictures(opened.Config); err != nil {
		return nil, err
	}
	e := &Extractor{}
	if e.Facts, err = undigestedFacts(weights, opened, options, classify.CheckExtractor); err != nil {
		return nil, err
	}
	e.Digest = digest
	if e.Norm, err = features.ReadNorm(opened.Config, opened.Tensors); err != nil {
		return nil, err
	}
	if options.Attention != nil {
		if e.Viewer, err = attention.New(opened.Config, opened.Tensors, *options.Attention); err != nil {
			return nil, err
		}
	}
	if e.loaded, err = loadInto(ctx, opened, options); err != nil {
		return nil, err
	}
	if e.Extractor, err = classify.NewExtractor(e.loaded, e.Card); err != nil {
		e.loaded.Close()
		return nil, err
	}
	e.BatchSize = cmp.Or(options.Run.Batch, e.BatchSize)
	return e, nil
}

// ErrNoImages says that Classify was not given any image.
var ErrNoImages = errdef.New(errdef.ErrUsage, "no image to classify is given")

// Result is what [Classify] returns.
type Result struct {
	Facts
	// Predictions have the five most probable classes of each image that could be read.
	Predictions []classify.Prediction
}

// Classify opens a model as [Open] does, classifies image files and closes the model. A program that classifies more than once calls [Open] and
// [classify.Classifier.Predict] instead. If some files cannot be read, the error is a *[classify.UnreadError], and the result is that for the others.
func Classify(ctx context.Context, name string, images ...string) (*Result, error) {
	if len(images) == 0 {
		return nil, ErrNoImages
	}
	model, err := Open(ctx, name, Options{})
	if err != nil {
		return nil, err
	}
	defer model.Close()
	predictions, err := model.Predict(ctx, images, 5)
	if predictions == nil {
		return nil, err
	}
	return &Result{model.Facts, predictions}, err
}
