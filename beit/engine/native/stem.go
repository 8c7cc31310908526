package native

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// stem is everything before the first block: it turns pixels into tokens.
type stem[T gemm.Float] struct {
	class, mask, position []T
	patch                 linear[T]
}

func (l *loader[T]) stem() (out stem[T], err error) {
	c := l.config
	wanted := map[string]*[]T{"cls_token": &out.class}
	if c.MaskToken {
		wanted["mask_token"] = &out.mask
	}
	if c.AbsolutePosition {
		wanted["pos_embed"] = &out.position
	}
	if err = l.vectors(wanted); err != nil {
		return out, err
	}
	out.patch, err = l.linear("patch_embed.proj.", c.EmbedDim, c.Channels*c.PatchSize*c.PatchSize)
	return out, err
}

// embed returns the tokens, [images, T, C]. The error is that of ctx.
func (m *model[T]) embed(ctx context.Context, input engine.Input, images int) ([]T, error) {
	one, patches := len(input.Pixels)/images, m.config.Patches()
	return m.tokens(ctx, images, func(n int, rows gemm.Rows[T]) ([]bool, error) {
		var mask []bool
		if input.Mask != nil {
			mask = input.Mask[n*patches : (n+1)*patches]
		}
		return mask, m.unfold(ctx, rows, input.Pixels[n*one:(n+1)*one])
	})
}

// tokens returns the tokens of images, [images, T, C], of which read sets the patches, [Patches, channels x P x P], and returns which of them are masked, or nil. The
// error is that of read or of ctx.
func (m *model[T]) tokens(ctx context.Context, images int, read func(n int, rows gemm.Rows[T]) (mask []bool, err error)) ([]T, error) {
	patches, dim := m.config.Patches(), m.config.EmbedDim
	size := (patches + 1) * dim
	x := make([]T, images*size)
	var rows gemm.Rows[T]
	m.stem.patch.prepare(&rows, patches)
	for n := range images {
		tokens := x[n*size : (n+1)*size]
		mask, err := read(n, rows)
		if err != nil {
			return nil, err
		}
		if err := m.stem.patch.multiply(ctx, m.threads, rows, tokens[dim:], patches, nil); err != nil {
			return nil, err
		}
		copy(tokens, m.stem.class)
		m.stem.hide(tokens[dim:], mask)
		for i, v := range m.stem.position {
			tokens[i] += v
		}
		if m.round != nil {
			m.round(tokens)
		}
	}
	return x, nil
}

// hide replaces masked patches by the mask token.
func (s *stem[T]) hide(tokens []T, mask []bool) {
	for p, masked := range mask {
		if masked {
			copy(tokens[p*len(s.mask):], s.mask)
		}
	}
}

// unfold sets rows to an image, [channels, H, W]: a row [channels, P, P] for each patch, with which the convolution is a matrix product. The error is that of ctx.
func (m *model[T]) unfold(ctx context.Context, rows gemm.Rows[T], pixels []float32) error {
	channels, size, height, width := m.config.Channels, m.config.PatchSize, m.config.ImageHeight, m.config.ImageWidth
	down, across := m.config.Window()
	values, same := any(pixels).([]T)
	if !same || m.round != nil {
		values = make([]T, len(pixels))
		for i, v := range pixels {
			values[i] = T(v)
		}
		if m.round != nil {
			m.round(values)
		}
	}
	return parallel.Until(ctx, m.threads, down, func(_, y int) {
		for channel := range channels {
			for line := range size {
				from := (channel*height + y*size + line) * width
				rows.Put(y*across, (channel*size+line)*size, values[from:from+width], across, size, size)
			}
		}
	})
}
