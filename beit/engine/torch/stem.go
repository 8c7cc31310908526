//go:build libtorch

package torch

// stem is everything before the first block of a transformer: it turns pixels, or codes, into tokens.
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
	out.patch = l.linear("patch_embed.proj.", l.config.Patches(), l.layout)
	return out
}

// unfold returns the pixels of each patch, [N, Patches, Channels * size * size]. The windows of the convolution do not overlap, so it is computed as a product
// with them.
func (t *transformer) unfold(s *scope, pixels []float32, images int) value {
	return s.keep(func(s *scope) value {
		n, size, channels := int64(images), int64(t.config.PatchSize), int64(t.config.Channels)
		down, across := t.config.Window()
		height, width := int64(down), int64(across)
		x := s.floats(pixels, n, channels, height, size, width, size)
		if t.device != cpu || t.dtype != float32s {
			x = s.copyTo(x, t.device, t.dtype)
		}
		return s.reshape(s.permute(x, 0, 2, 4, 1, 3, 5), n, height*width, channels*size*size)
	})
}

// embed returns the tokens, [N, T, C], of what unfold returns.
func (t *transformer) embed(s *scope, unfolded value, mask []bool, images int) value {
	return s.keep(func(s *scope) value {
		n, dim, patches := int64(images), int64(t.config.EmbedDim), int64(t.config.Patches())
		tokens := t.stem.patch.apply(s, unfolded)
		if mask != nil {
			masked := s.copyTo(s.booleans(mask, n, patches, 1), t.device, booleans)
			tokens = s.where(masked, t.stem.mask, tokens)
		}
		x := s.concatenate(1, s.expand(t.stem.class, n, 1, dim), tokens)
		if t.stem.position != (value{}) {
			s.add(x, t.stem.position)
		}
		return x
	})
}
