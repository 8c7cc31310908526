package native

import (
	"context"
	"fmt"
	"runtime"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
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

// Stage computes one stage in float64, and reads only the weights that it needs. before is the activation of the stage that [engine.Stage.Before] names;
// Embed is computed from input instead. Use it to check one stage on its own. The error is a *StageError or that of Load.
func (e Engine) Stage(
	ctx context.Context, config arch.Config, weights []tensor.Named, stage engine.Stage, input engine.Input, before engine.Activation,
) (engine.Activation, error) {
	l, err := newLoader[float64](config, weights, nil)
	if err != nil {
		return engine.Activation{}, err
	}
	m := &model[float64]{config: config, threads: runtime.GOMAXPROCS(0)}
	switch {
	case stage.Kind == engine.Embed:
		return m.embedStage(ctx, l, stage, input)
	case stage.InBlock() && stage.Block >= 0 && stage.Block < config.Depth:
		return m.blockStage(ctx, l, stage, before, activationOf[float64](e))
	case stage.Kind == engine.Pool:
		return m.poolStage(ctx, l, stage, before)
	case stage.Kind == engine.Logits && config.Classes > 0:
		return m.logitsStage(ctx, l, stage, before)
	}
	return engine.Activation{}, &StageError{stage, "the model does not have it"}
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

func (m *model[T]) embedStage(ctx context.Context, l *loader[T], stage engine.Stage, input engine.Input) (out engine.Activation, err error) {
	images, err := engine.Images(m.config, input)
	if err != nil {
		return out, err
	}
	if m.stem, err = l.stem(); err != nil {
		return out, err
	}
	x, err := m.embed(ctx, input, images)
	return activation(stage, m.tokenShape(images), x), err
}

func (m *model[T]) blockStage(ctx context.Context, l *loader[T], stage engine.Stage, before engine.Activation, activate func([]T)) (out engine.Activation, err error) {
	images, err := wholeImages(stage, before, m.config.Tokens()*m.config.EmbedDim)
	if err != nil {
		return out, err
	}
	b, err := l.block(stage.Block, activate)
	if err != nil {
		return out, err
	}
	x, work := values[T](before), newWorkspace(m, images)
	err = m.block(ctx, &b, x, work, func(a engine.Activation) error {
		if a.Name == stage.String() {
			out = a
		}
		return nil
	}, stage.Block)
	return out, err
}

func (m *model[T]) poolStage(ctx context.Context, l *loader[T], stage engine.Stage, before engine.Activation) (out engine.Activation, err error) {
	images, err := wholeImages(stage, before, m.config.Tokens()*m.config.EmbedDim)
	if err != nil {
		return out, err
	}
	if m.tail, err = l.tail(); err != nil {
		return out, err
	}
	pooled, shape, err := m.pool(ctx, values[T](before), images)
	return activation(stage, shape, pooled), err
}

func (m *model[T]) logitsStage(ctx context.Context, l *loader[T], stage engine.Stage, before engine.Activation) (out engine.Activation, err error) {
	if _, err := wholeImages(stage, before, m.config.EmbedDim); err != nil {
		return out, err
	}
	if m.tail, err = l.tail(); err != nil {
		return out, err
	}
	logits, shape, err := m.classify(ctx, values[T](before), before.Shape)
	return activation(stage, shape, logits), err
}

// values returns a copy of an activation's values; a block changes its input.
func values[T gemm.Float](a engine.Activation) []T {
	copied := make([]T, len(a.Values))
	for i, v := range a.Values {
		copied[i] = T(v)
	}
	return copied
}
