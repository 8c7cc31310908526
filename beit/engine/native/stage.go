package native

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// StageError says that a stage cannot be computed from what [Engine.Stage] was given.
type StageError struct {
	Stage engine.Stage
	// Reason says why, as a sentence without a full stop.
	Reason string
}

func (e *StageError) Error() string { return fmt.Sprintf("stage %s: %s", e.Stage, e.Reason) }

// Is reports whether kind is errdef.ErrInput.
func (e *StageError) Is(kind error) bool { return kind == errdef.ErrInput }

// Stage computes one stage in float64, and reads only the weights that it needs. before are the activations of the stages that
// [engine.Stage.Inputs] names; Embed is computed from input instead. Use it to check one stage on its own. The error is a *StageError or that of Load.
func (e Engine) Stage(
	ctx context.Context, config arch.Config, weights []tensor.Named, stage engine.Stage, input engine.Input, before ...engine.Activation,
) (engine.Activation, error) {
	parts, err := e.Parts(config, weights, engine.Options{DType: tensor.F64})
	if err != nil {
		return engine.Activation{}, err
	}
	part, err := parts.Load(stage)
	if err != nil {
		return engine.Activation{}, err
	}
	all, err := part(ctx, input, before...)
	for _, a := range all {
		if a.Name == stage.String() {
			return a, err
		}
	}
	return engine.Activation{}, err
}

// wholeImages returns the number of images in the activation before a stage, if an image has one values. The error is a *StageError if that is not a whole
// number.
func wholeImages(stage engine.Stage, before engine.Activation, one int) (images int, err error) {
	elements, err := before.Shape.Elements()
	if err != nil || len(before.Shape) == 0 || elements != int64(len(before.Values)) {
		return 0, &StageError{stage, fmt.Sprintf("the activation before it has %d values, which is not the shape %s", len(before.Values), before.Shape)}
	}
	if len(before.Values) == 0 || len(before.Values)%one != 0 {
		return 0, &StageError{stage, fmt.Sprintf("the activation before it has %d values, which is not a multiple of %d, those of an image", len(before.Values), one)}
	}
	return len(before.Values) / one, nil
}
