//go:build libtorch

package torch

import "github.com/beitzoo/beitzoo/beit/engine"

// stem is everything before the first block: it turns pixels into tokens.
type stem struct {
	class, mask, position value
	patch                 linear
}

func (l *loader) stem() (out stem) {
	out.class = l.parameter("cls_token")
	if l.config.MaskToken {
		out.mask = l.parameter("mask_token")
	}
	if l.config.AbsolutePosition {
		out.position = l.parameter("pos_embed")
	}
	out.patch = l.linear("patch_embed.proj.", l.config.Patches())
	return out
}

// embed returns the tokens, [N, T, C]. The windows of the convolution do not overlap, so it is computed as a product with the unfolded pixels.
func (m *model) embed(s *scope, input engine.Input, images int) value {
	return s.keep(func(s *scope) value {
		n, dim, size, channels := int64(images), int64(m.config.EmbedDim), int64(m.config.PatchSize), int64(m.config.Channels)
		down, across := m.config.Window()
		height, width, patches := int64(down), int64(across), int64(m.config.Patches())
		pixels := s.floats(input.Pixels, n, channels, height, size, width, size)
		if m.device != cpu || m.dtype != float32s {
			pixels = s.copyTo(pixels, m.device, m.dtype)
		}
		unfolded := s.reshape(s.permute(pixels, 0, 2, 4, 1, 3, 5), n, patches, channels*size*size)
		tokens := m.stem.patch.apply(s, unfolded)
		if input.Mask != nil {
			mask := s.copyTo(s.booleans(input.Mask, n, patches, 1), m.device, booleans)
			tokens = s.where(mask, m.stem.mask, tokens)
		}
		x := s.concatenate(1, s.expand(m.stem.class, n, 1, dim), tokens)
		if m.stem.position != (value{}) {
			s.add(x, m.stem.position)
		}
		return x
	})
}
