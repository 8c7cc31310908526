package verify

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// Reference is what a subject is compared with. [Recorded], [Against], [ModelReference] and [Oracle] return one; the zero value is the oracle.
type Reference struct {
	// Origin describes the reference.
	Origin
	// open prepares a run of the reference for a subject. It is nil for the oracle, since Verify runs the native engine in float64 in any case.
	open func(ctx context.Context, subject Subject) (referenceRun, error)
	// weights are those of the other checkpoint if the reference is one, for a comparison with the subject's; else nil.
	weights []tensor.Named
	// taps are those of the other checkpoint if it segments.
	taps [arch.Levels]arch.Tap
	// follows means that the reference computes in the subject's dtype, whatever Origin.DType says.
	follows bool
	// aside returns the names of what a recording has beside what belongs to an architecture; nil for other references.
	aside func(config arch.Config) []string
	// height and width are those of the images of a recording, or 0.
	height, width int
	// stated is the dtype that a recording states, if its values show that it was computed in another, Origin.DType; else Invalid.
	stated tensor.DType
}

// Origin describes a reference.
type Origin struct {
	// Name is the reference's name in reports, such as "recording FILE (timm 1.0.31, float32)".
	Name string
	// DType is the dtype that the reference was computed in; Stored is the one that its weights were rounded to, BF16 or F16, or F64 if they were not.
	DType, Stored tensor.DType
	// Epsilon is that of its LayerNorms, or 0 if it is unknown.
	Epsilon float64
	// Images is the number of its images, or 0 if it can be computed for any images.
	Images int
	// Architecture is the name of the one that a recording says it is of, or empty.
	Architecture string
	// Shifted is that of [Subject], for a checkpoint.
	Shifted bool
	// Exact means that a subject without a DType in its Options is run in DType, if its engine supports that.
	Exact bool
}

// referenceRun is a reference prepared for one subject.
type referenceRun interface {
	// input returns the images [from, to).
	input(from, to int) (engine.Input, error)
	// run calls tap with the reference's activations for the images [from, to), in the order of the forward pass. batch is what input returned for
	// these images.
	run(ctx context.Context, from, to int, batch engine.Input, tap engine.Tap) error
	close() error
}

// Oracle returns the reference that is always available: the subject's own weights in the native engine, in float64, on the images of [Draw].
func Oracle() Reference {
	return Reference{Origin: Origin{Name: "native engine, float64", DType: tensor.F64, Stored: tensor.F64}}
}

// isOracle reports whether the reference is computed by Verify itself.
func (r Reference) isOracle() bool { return r.open == nil }

// prepare returns the run of the reference for a subject. That of the oracle only provides inputs.
func (r Reference) prepare(ctx context.Context, subject Subject) (referenceRun, error) {
	if r.isOracle() {
		return &modelRun{config: subject.Config}, nil
	}
	return r.open(ctx, subject)
}

// Against returns another checkpoint as a reference: the subject's engine runs both, with the same options, on the images of [Draw]. Without a DType in the
// options that is in float64, if the engine supports it. name is its name in reports. The weights are read during Verify, so their checkpoint must stay open.
// Verify returns a *MismatchError if the two take images of different sizes.
func Against(name string, config arch.Config, weights []tensor.Named) Reference {
	origin := Origin{Name: "checkpoint " + name, DType: tensor.F64, Stored: storage(weights), Epsilon: config.Epsilon, Exact: true}
	return Reference{Origin: origin, weights: weights, taps: config.Segmentation.Taps, follows: true, open: func(ctx context.Context, subject Subject) (referenceRun, error) {
		own := subject.Config
		if config.Convolutional() && config.Kind == own.Kind && config.PatchSize == own.PatchSize {
			config.ImageHeight, config.ImageWidth = own.ImageHeight, own.ImageWidth // it takes images of any size
		}
		if config.Kind != own.Kind || config.Channels != own.Channels || config.ImageHeight != own.ImageHeight || config.ImageWidth != own.ImageWidth {
			return nil, &MismatchError{
				What: "input", Got: tensor.Shape{own.Channels, own.ImageHeight, own.ImageWidth}, Want: tensor.Shape{config.Channels, config.ImageHeight, config.ImageWidth},
			}
		}
		if isNative(subject.Engine) {
			parts, err := native.Engine{}.Parts(config, weights, subject.Options)
			return &partsRun{parts, config, own}, wrapped(name, err)
		}
		model, err := subject.Engine.Load(ctx, config, weights, subject.Options)
		return &modelRun{model, own}, wrapped(name, err)
	}}
}

// wrapped says which checkpoint an error is about.
func wrapped(name string, err error) error {
	if err != nil {
		return fmt.Errorf("loading %s: %w", name, err)
	}
	return nil
}

// partsRun runs a checkpoint in the native engine, part by part, on the images of Draw.
type partsRun struct {
	parts *native.Parts
	// config is the reference's, and subject the subject's.
	config, subject arch.Config
}

func (r *partsRun) input(from, to int) (engine.Input, error) { return Draw(r.subject, from, to), nil }

func (r *partsRun) run(ctx context.Context, _, _ int, batch engine.Input, tap engine.Tap) error {
	return partwise(r.parts, r.config, batch)(ctx, tap)
}

func (r *partsRun) close() error { return nil }

// ModelReference returns any model as a reference, such as a TorchScript module. It runs on the images of [Draw], and the activations with which it calls its
// tap are compared. Verify calls load once, with its subject, and closes the model. origin.Images is usually 0.
func ModelReference(origin Origin, load func(ctx context.Context, subject Subject) (engine.Model, error)) Reference {
	return Reference{Origin: origin, open: func(ctx context.Context, subject Subject) (referenceRun, error) {
		model, err := load(ctx, subject)
		if err != nil {
			return nil, err
		}
		return &modelRun{model, subject.Config}, nil
	}}
}

// modelRun runs a model on the images of Draw.
type modelRun struct {
	// model is nil for the oracle.
	model  engine.Model
	config arch.Config
}

func (r *modelRun) input(from, to int) (engine.Input, error) { return Draw(r.config, from, to), nil }

func (r *modelRun) run(ctx context.Context, _, _ int, batch engine.Input, tap engine.Tap) error {
	_, err := r.model.Forward(ctx, batch, tap)
	return err
}

func (r *modelRun) close() error {
	if r.model == nil {
		return nil
	}
	return r.model.Close()
}

// Draw returns the probe images [from, to), which docs/recipe.md defines, in the size that an architecture takes. For models with a mask token every third
// patch is masked. A dVAE's decoder gets visual tokens that go through its vocabulary by a step that is prime to it.
func Draw(config arch.Config, from, to int) engine.Input {
	if config.Kind == arch.DVAEDecoder {
		return engine.Input{Tokens: drawnTokens(config, from, to)}
	}
	input := engine.Input{Pixels: probes(config, 0, from, to)}
	if config.MaskToken {
		input.Mask = make([]bool, (to-from)*config.Patches())
		for i := range input.Mask {
			input.Mask[i] = i%config.Patches()%3 == 1
		}
	}
	return input
}

// drawnTokens returns visual tokens, of which neighbours lie far apart in the vocabulary.
func drawnTokens(config arch.Config, from, to int) []int32 {
	const prime = 7919 // more than the factors of any vocabulary
	patches := config.Patches()
	drawn := make([]int32, 0, (to-from)*patches)
	for i := from * patches; i < to*patches; i++ {
		drawn = append(drawn, int32((i%config.Classes)*prime%config.Classes))
	}
	return drawn
}

// Fitted returns the architecture of a subject with the size of the images of a recording, if it takes images of any size, as a dVAE does; else config itself. Verify
// runs the subject so.
func (r Reference) Fitted(config arch.Config) arch.Config {
	if !config.Convolutional() || r.height == 0 || r.height == config.ImageHeight && r.width == config.ImageWidth {
		return config
	}
	own := config
	own.ImageHeight, own.ImageWidth = r.height, r.width
	if own.Validate() != nil {
		return config // which the reference then does not fit
	}
	own.Name = ""
	return own.Named()
}

// probes returns the pixels of the probe images [from, to).
func probes(config arch.Config, seed uint64, from, to int) []float32 {
	var pixels []float32
	for n := from; n < to; n++ {
		pixels = append(pixels, synth.Image(n, config, seed)...)
	}
	return pixels
}
