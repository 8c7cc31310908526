package native

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native/internal/gemm"
	"github.com/beitzoo/beitzoo/tensor"
)

// StageError says that a stage cannot be computed as asked.
type StageError struct {
	Stage  string
	Reason string
}

func (e *StageError) Error() string { return fmt.Sprintf("stage %q: %s", e.Stage, e.Reason) }

// Stage computes one activation in float64 from the one before it, reading only the weights that it needs: "embed" from input,
// "blocks.{i}" and "blocks.{i}.attn" from the residual stream before block i, "pool" from the stream after the last block, "logits" from
// pool. It serves to ask of one stage alone whether it is right.
func (e Engine) Stage(ctx context.Context, config arch.Config, weights []tensor.Named, stage string, input engine.Input, before engine.Activation) (engine.Activation, error) {
	s, err := newSource[float64](config, weights, nil)
	if err != nil {
		return engine.Activation{}, err
	}
	m := &model[float64]{config: config, threads: runtime.GOMAXPROCS(0)}
	switch stage {
	case "embed":
		return m.embedStage(s, input)
	case "pool":
		return m.poolStage(s, before)
	case "logits":
		return m.logitsStage(s, before)
	}
	name, attention := strings.CutSuffix(stage, ".attn")
	number, isBlock := strings.CutPrefix(name, "blocks.")
	i, err := strconv.Atoi(number)
	if !isBlock || err != nil || i < 0 || i >= config.Depth {
		return engine.Activation{}, &StageError{stage, "the model has no such stage"}
	}
	return m.blockStage(ctx, s, i, stage, attention, before, activationOf[float64](e))
}

// fits reports a *StageError unless the values before a stage are whole images of that many values.
func fits(stage string, before engine.Activation, one int) (images int, err error) {
	elements, err := before.Shape.Elements()
	if err != nil || len(before.Shape) == 0 || elements != int64(len(before.Values)) {
		return 0, &StageError{stage, fmt.Sprintf("%d values before it do not have shape %s", len(before.Values), before.Shape)}
	}
	if len(before.Values) == 0 || len(before.Values)%one != 0 {
		return 0, &StageError{stage, fmt.Sprintf("%d values before it are not whole images of %d", len(before.Values), one)}
	}
	return len(before.Values) / one, nil
}

func (m *model[T]) embedStage(s *source[T], input engine.Input) (out engine.Activation, err error) {
	images, err := engine.Images(m.config, input)
	if err != nil {
		return out, err
	}
	if m.stem, err = s.stem(); err != nil {
		return out, err
	}
	return activation("embed", m.tokenShape(images), m.embed(input, images)), nil
}

func (m *model[T]) blockStage(ctx context.Context, s *source[T], i int, stage string, attention bool, before engine.Activation, activate func([]T)) (out engine.Activation, err error) {
	images, err := fits(stage, before, m.config.Tokens()*m.config.EmbedDim)
	if err != nil {
		return out, err
	}
	b, err := s.block(i, activate)
	if err != nil {
		return out, err
	}
	x, work := values[T](before), newWorkspace(m, images)
	err = m.block(ctx, &b, x, work, func(a engine.Activation) error {
		if strings.HasSuffix(a.Name, ".attn") == attention {
			out = engine.Activation{Name: stage, Shape: a.Shape, Values: a.Values}
		}
		return nil
	}, i)
	return out, err
}

func (m *model[T]) poolStage(s *source[T], before engine.Activation) (out engine.Activation, err error) {
	images, err := fits("pool", before, m.config.Tokens()*m.config.EmbedDim)
	if err != nil {
		return out, err
	}
	if m.tail, err = s.tail(); err != nil {
		return out, err
	}
	pooled, shape := m.pool(values[T](before), images)
	return activation("pool", shape, pooled), nil
}

func (m *model[T]) logitsStage(s *source[T], before engine.Activation) (out engine.Activation, err error) {
	if m.config.Classes == 0 {
		return out, &StageError{"logits", "the model has no head"}
	}
	rows, err := fits("logits", before, m.config.EmbedDim)
	if err != nil {
		return out, err
	}
	if m.tail, err = s.tail(); err != nil {
		return out, err
	}
	logits := make([]T, rows*m.config.Classes)
	m.tail.head.apply(m.threads, logits, values[T](before), rows, nil)
	shape := append(tensor.Shape(nil), before.Shape...)
	shape[len(shape)-1] = m.config.Classes
	return activation("logits", shape, logits), nil
}

// values copies an activation, since a block changes its input.
func values[T gemm.Float](a engine.Activation) []T {
	copied := make([]T, len(a.Values))
	for i, v := range a.Values {
		copied[i] = T(v)
	}
	return copied
}
