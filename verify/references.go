package verify

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// Reference is what a subject is compared with. Recorded, Against, ModelReference and Oracle return one; the zero value is that of Oracle.
type Reference struct {
	// Origin describes the reference.
	Origin
	// open makes the reference ready to run beside a subject. The oracle has none: Verify runs the native engine in float64 in any case.
	open func(ctx context.Context, subject Subject) (referenceRun, error)
	// weights are those of another checkpoint, which can be compared with the subject's, or nil.
	weights []tensor.Named
}

// Origin describes a reference.
type Origin struct {
	// Name is for reports: "recording FILE (timm 1.0.31, float32)".
	Name string
	// DType is what the reference was computed in; Stored is the half precision that its weights were rounded to, or F64.
	DType, Stored tensor.DType
	// Epsilon is that of its LayerNorms, or 0 if it is unknown.
	Epsilon float64
	// Images is how many images there are, or 0 if any number can be drawn.
	Images int
	// Exact asks that a subject without a dtype of its own computes in DType, if its engine can.
	Exact bool
}

// referenceRun is a reference that is ready to run beside one subject.
type referenceRun interface {
	// input returns the images [from, to).
	input(from, to int) (engine.Input, error)
	// run calls tap with the activations that the reference has of the images [from, to), in the order of the forward pass. batch is what input
	// returned for them.
	run(ctx context.Context, from, to int, batch engine.Input, tap engine.Tap) error
	close() error
}

// Oracle is the reference that needs nothing: the native engine in float64, on drawn inputs.
func Oracle() Reference {
	return Reference{Origin: Origin{Name: "native engine, float64", DType: tensor.F64, Stored: tensor.F64}}
}

// isOracle reports whether the reference is computed by Verify itself.
func (r Reference) isOracle() bool { return r.open == nil }

// prepare returns what runs the reference beside a subject. That of the oracle only draws inputs.
func (r Reference) prepare(ctx context.Context, subject Subject) (referenceRun, error) {
	if r.isOracle() {
		return &modelRun{config: subject.Config}, nil
	}
	return r.open(ctx, subject)
}

// Against is another checkpoint as a reference: the subject's engine runs both, with the same options, on drawn inputs. name is for reports. The
// tensors are read during Verify.
func Against(name string, config arch.Config, weights []tensor.Named) Reference {
	origin := Origin{Name: "checkpoint " + name, DType: tensor.F64, Stored: storage(weights), Epsilon: config.Epsilon}
	reference := ModelReference(origin, func(ctx context.Context, subject Subject) (engine.Model, error) {
		own := subject.Config
		if config.ImageHeight != own.ImageHeight || config.ImageWidth != own.ImageWidth {
			return nil, &MismatchError{"input", tensor.Shape{3, own.ImageHeight, own.ImageWidth}, tensor.Shape{3, config.ImageHeight, config.ImageWidth}}
		}
		model, err := subject.Engine.Load(ctx, config, weights, subject.Options)
		if err != nil {
			return nil, fmt.Errorf("loading %s: %w", name, err)
		}
		return model, nil
	})
	reference.weights = weights
	return reference
}

// ModelReference is a model as a reference, such as a traced module: it runs on drawn inputs, and whatever activations it hands to a tap are
// compared. load is called once by Verify, with the subject beside which the model will run; Verify closes the model. origin need not say Images.
func ModelReference(origin Origin, load func(ctx context.Context, subject Subject) (engine.Model, error)) Reference {
	return Reference{Origin: origin, open: func(ctx context.Context, subject Subject) (referenceRun, error) {
		model, err := load(ctx, subject)
		if err != nil {
			return nil, err
		}
		return &modelRun{model, subject.Config}, nil
	}}
}

// modelRun runs a model on drawn inputs.
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

// Draw returns the probe images [from, to) of docs/recipe.md for an architecture. For models with a mask token every third patch is masked.
func Draw(config arch.Config, from, to int) engine.Input {
	input := engine.Input{Pixels: probes(config, 0, from, to)}
	if config.MaskToken {
		input.Mask = make([]bool, (to-from)*config.Patches())
		for i := range input.Mask {
			input.Mask[i] = i%config.Patches()%3 == 1
		}
	}
	return input
}

// probes returns the pixels of the probe images [from, to).
func probes(config arch.Config, seed uint64, from, to int) []float32 {
	var pixels []float32
	for n := from; n < to; n++ {
		pixels = append(pixels, synth.Image(n, config.ImageHeight, config.ImageWidth, seed)...)
	}
	return pixels
}
