package beitzoo

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/tokenizer"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate/mim"
	"github.com/beitzoo/beitzoo/tensor"
)

// MaskedPair is a masked-image model with the tokenizer of its pre-training, ready to run.
type MaskedPair struct {
	*mim.Pair
	// Model and Tokens are the facts about the masked model and about the tokenizer. The recipe of the latter is the view that goes with the former, unless it was
	// asked for by the options.
	Model, Tokens Facts
	// NoBranch says why the branch for the class token is not computed although the model has one; nil otherwise.
	NoBranch error

	options Options
	opened  *convert.Model
	closers []func() error
}

// PairOptions are the options of [LoadPair].
type PairOptions struct {
	// Model and Tokenizer are those of the masked model and of the tokenizer.
	Model, Tokenizer Options
	// Early is after how many blocks the branch for the class token takes its patch tokens; 0 means [mim.EarlyBlocks].
	Early int
}

// Close frees both models. Closing twice is not an error.
func (p *MaskedPair) Close() error {
	var errs []error
	for _, close := range p.closers {
		errs = append(errs, close())
	}
	p.closers = nil
	return errors.Join(errs...)
}

// LoadPair loads a masked-image model and its tokenizer. The pictures of a dVAE have the size that belongs to the window of the model. The caller closes the pair.
// The errors are those of [LoadTokenizer], [mim.Check] and [mim.CheckPair].
func LoadPair(ctx context.Context, model, tokens Weights, options PairOptions) (pair *MaskedPair, err error) {
	p := &MaskedPair{Pair: &mim.Pair{Batch: options.Model.Run.Batch}, options: options.Model}
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	if p.opened, err = model.Open(ctx, options.Model.Checkpoint); err != nil {
		return nil, err
	}
	p.closers = append(p.closers, p.opened.Close)
	if p.Model, err = factsOf(ctx, model, p.opened, options.Model, mim.Check); err != nil {
		return nil, err
	}
	encoder, err := openWindow(ctx, tokens, options.Tokenizer.Checkpoint, p.opened.Config)
	if err != nil {
		return nil, err
	}
	defer encoder.Close()
	if !encoder.Config.Tokenizes() {
		return nil, fmt.Errorf("%s: %w", tokens.name(), &tokenizer.KindError{Config: encoder.Config})
	}
	if err := mim.CheckPair(p.opened.Config, encoder.Config); err != nil {
		return nil, fmt.Errorf("%s with %s: %w", model.name(), tokens.name(), err)
	}
	loaded, err := tokenizerOf(ctx, tokens, encoder, options.Tokenizer)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, loaded.Close)
	p.Tokens = loaded.Facts
	if asked := options.Tokenizer.Checkpoint; asked.Recipe == nil && asked.RecipeName == "" {
		view := mim.View(*p.Tokens.Card.Recipe, *p.Model.Card.Recipe)
		p.Tokens.Card.Recipe = &view
	}
	if p.Branch, err = mim.NewBranch(p.opened.Config, p.opened.Tensors, options.Early); errors.Is(err, mim.ErrNoEarly) && options.Early == 0 {
		p.NoBranch, err = err, nil
	}
	if err != nil {
		return nil, err
	}
	own, err := loadInto(ctx, p.opened, options.Model)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, own.Close)
	p.Masked = mim.Side{Model: own, Config: p.opened.Config, Recipe: *p.Model.Card.Recipe}
	p.Tokenizer = mim.Side{Model: loaded.loaded, Config: encoder.Config, Recipe: *p.Tokens.Card.Recipe}
	return p, nil
}

// openWindow opens a part of a tokenizer whose pictures have the window of a model, if it takes pictures of any size.
func openWindow(ctx context.Context, weights Weights, options convert.OpenOptions, model arch.Config) (*convert.Model, error) {
	opened, err := weights.Open(ctx, options)
	if err != nil {
		return nil, err
	}
	height, width := model.Window()
	if down, across := opened.Config.Window(); !opened.Config.Convolutional() || down == height && across == width || options.Window != (arch.Window{}) {
		return opened, nil
	}
	opened.Close()
	options.Window = arch.Window{Height: height, Width: width}
	return weights.Open(ctx, options)
}

// Reload loads the masked model with other parameters into the same engine. The caller closes it.
func (p *MaskedPair) Reload(ctx context.Context, change func(tensor.Named) (tensor.Named, error)) (engine.Model, error) {
	changed := *p.opened
	changed.Tensors = nil
	for _, named := range p.opened.Tensors {
		var err error
		if guarded := tensor.Guard(func() error { named, err = change(named); return err }); guarded != nil {
			return nil, guarded
		}
		changed.Tensors = append(changed.Tensors, named)
	}
	return loadInto(ctx, &changed, p.options)
}

// OtherTokenizer loads a further tokenizer for [mim.Pair.Diagnose]. It is closed with the pair.
func (p *MaskedPair) OtherTokenizer(ctx context.Context, weights Weights, options Options) (mim.Other, error) {
	encoder, err := openWindow(ctx, weights, options.Checkpoint, p.opened.Config)
	if err != nil {
		return mim.Other{}, err
	}
	defer encoder.Close()
	loaded, err := tokenizerOf(ctx, weights, encoder, options)
	if err != nil {
		return mim.Other{}, err
	}
	p.closers = append(p.closers, loaded.Close)
	return mim.Other{
		Name: weights.name(), Side: mim.Side{Model: loaded.loaded, Config: encoder.Config, Recipe: mim.View(*loaded.Card.Recipe, *p.Model.Card.Recipe)},
	}, nil
}

// Decoder makes pictures of visual tokens: the decoder of a dVAE.
type Decoder struct {
	Facts

	loaded engine.Model
}

// ErrNoDecoder says that a model is not the decoder of a dVAE.
var ErrNoDecoder = errdef.New(errdef.ErrUsage, "the model is not the decoder of a dVAE, which makes pictures of visual tokens")

// LoadDecoder loads the decoder of a dVAE for pictures with the window of a masked model. The caller closes it.
func (p *MaskedPair) LoadDecoder(ctx context.Context, weights Weights, options Options) (*Decoder, error) {
	opened, err := openWindow(ctx, weights, options.Checkpoint, p.opened.Config)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	if opened.Config.Kind != arch.DVAEDecoder {
		return nil, fmt.Errorf("%s: %w", weights.name(), ErrNoDecoder)
	}
	if opened.Config.Classes != p.opened.Config.Classes || opened.Config.Channels != arch.RGB {
		return nil, fmt.Errorf("%s: %w", weights.name(), &mim.PairError{
			Model: fmt.Sprintf("one of %d tokens", p.opened.Config.Classes), Tokenizer: fmt.Sprintf("pictures of %d different ones", opened.Config.Classes),
		})
	}
	loaded, err := loadInto(ctx, opened, options)
	if err != nil {
		return nil, err
	}
	facts := Facts{Weights: weights, Scheme: opened.Scheme, Card: opened.Card(), Source: opened.Input(), Notes: opened.Notes}
	return &Decoder{Facts: facts, loaded: loaded}, nil
}

// Close frees the decoder.
func (d *Decoder) Close() error { return d.loaded.Close() }

// Picture returns the picture that tokens stand for, [3, ImageHeight, ImageWidth], in [0, 1].
func (d *Decoder) Picture(ctx context.Context, tokens []int32) ([]float64, error) {
	found, err := d.loaded.Forward(ctx, engine.Input{Tokens: tokens}, nil)
	if err != nil {
		return nil, err
	}
	c := d.Card.Config
	if len(found.Values) != c.Channels*c.ImageHeight*c.ImageWidth {
		return nil, fmt.Errorf("the engine returned %d values of a picture", len(found.Values))
	}
	for _, v := range found.Values {
		if math.IsNaN(v) {
			return nil, errdef.New(errdef.ErrInput, "the picture that the decoder makes has values that are not numbers")
		}
	}
	return found.Values, nil
}
