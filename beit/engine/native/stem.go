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
	return m.tokens(ctx, images, func(n int) ([]T, []bool, error) {
		var mask []bool
		if input.Mask != nil {
			mask = input.Mask[n*patches : (n+1)*patches]
		}
		lines, err := m.unfold(ctx, input.Pixels[n*one:(n+1)*one])
		return lines, mask, err
	})
}

// tokens returns the tokens of images, [images, T, C], of which read returns the patches, [Patches, channels x P x P], and which of them are masked, or nil. The
// error is that of read or of ctx.
func (m *model[T]) tokens(ctx context.Context, images int, read func(n int) (lines []T, mask []bool, err error)) ([]T, error) {
	patches, dim := m.config.Patches(), m.config.EmbedDim
	size := (patches + 1) * dim
	x := make([]T, images*size)
	for n := range images {
		tokens := x[n*size : (n+1)*size]
		lines, mask, err := read(n)
		if err != nil {
			return nil, err
		}
		if err := m.stem.patch.apply(ctx, m.threads, tokens[dim:], lines, patches, nil); err != nil {
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

// unfold returns an image, [channels, H, W], as one row [channels, P, P] for each patch, with which the convolution is a matrix product. The error
// is that of ctx.
func (m *model[T]) unfold(ctx context.Context, pixels []float32) ([]T, error) {
	channels, size, height, width := m.config.Channels, m.config.PatchSize, m.config.ImageHeight, m.config.ImageWidth
	_, across := m.config.Window()
	lines := make([]T, len(pixels))
	err := parallel.Until(ctx, m.threads, m.config.Patches(), func(_, p int) {
		out := lines[p*channels*size*size : (p+1)*channels*size*size]
		for channel := range channels {
			for row := range size {
				from := (channel*height+p/across*size+row)*width + p%across*size
				line := out[:size]
				for i, v := range pixels[from:][:len(line)] {
					line[i] = T(v)
				}
				out = out[size:]
			}
		}
	})
	if m.round != nil {
		m.round(lines)
	}
	return lines, err
}
