package native

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine/internal/elementary"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/tensor"
)

// tail is the last norm and the head. A model without classes has no head, and one of features no norm either.
type tail[T gemm.Float] struct {
	norm norm[T]
	head linear[T]
}

func (l *loader[T]) tail() (t tail[T], err error) {
	c := l.config
	if c.Pooling == arch.NoPooling {
		return t, nil
	}
	if t.norm, err = l.norm(c.NormName() + "."); err != nil || c.Classes == 0 {
		return t, err
	}
	t.head, err = l.linear(c.HeadName()+".", c.Classes, c.EmbedDim)
	return t, err
}

// pool returns the activation of engine.Pool and its shape. A norm treats each token separately, so only the tokens that are kept are normalised.
// The error is that of ctx.
func (m *model[T]) pool(ctx context.Context, x []T, images int) ([]T, tensor.Shape, error) {
	dim, tokens := m.config.EmbedDim, m.config.Tokens()
	shape := tensor.Shape{images, dim}
	pick := m.mean
	switch m.config.Pooling {
	case arch.ClassToken:
		pick = func(out, in []T) { copy(out, in[:dim]) }
	case arch.AllTokens, arch.PatchTokens:
		shape = tensor.Shape{images, tokens - 1, dim}
		pick = func(out, in []T) { copy(out, in[dim:]) }
	}
	elements, _ := shape.Elements()
	pooled := make([]T, elements)
	one := len(pooled) / images
	for n := range images {
		pick(pooled[n*one:(n+1)*one], x[n*tokens*dim:(n+1)*tokens*dim])
	}
	return pooled, shape, m.tail.norm.apply(ctx, m.threads, pooled, pooled, len(pooled)/dim)
}

// mean averages the patch tokens of one image.
func (m *model[T]) mean(out, in []T) {
	dim := len(out)
	for line := in[dim:]; len(line) > 0; line = line[dim:] {
		elementary.Add(out, line[:dim])
	}
	for i := range out {
		out[i] /= T(m.config.Patches())
	}
	if m.round != nil {
		m.round(out)
	}
}

// classify returns the logits of pooled vectors, [..., C], and their shape. The error is that of ctx.
func (m *model[T]) classify(ctx context.Context, pooled []T, shape tensor.Shape) ([]T, tensor.Shape, error) {
	rows := len(pooled) / m.config.EmbedDim
	logits := make([]T, rows*m.config.Classes)
	err := m.tail.head.apply(ctx, m.threads, logits, pooled, rows, nil)
	return logits, append(shape[:len(shape)-1:len(shape)-1], m.config.Classes), err
}
