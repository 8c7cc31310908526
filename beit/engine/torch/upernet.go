//go:build libtorch

package torch

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// upernet is a BEiT with UPerNet. Sources: microsoft/unilm beit/semantic_segmentation/backbone/beit.py, open-mmlab/mmsegmentation
// mmseg/models/decode_heads/uper_head.py and fcn_head.py. Its maps are [N, C, h, w] with the channels last in memory, as the tokens are.
type upernet struct {
	*machine
	config   arch.Config
	backbone *transformer
	// fourfold are the enlargements of the largest map, between which are a batch norm and GELU, and twofold is that of the next.
	fourfold                        [2]enlargement
	twofold                         enlargement
	pools                           [arch.Levels]module
	bottleneck, merge               module
	laterals, outputs               [arch.Levels - 1]module
	auxiliary                       module
	classifier, auxiliaryClassifier convolution
}

// module is a convolution, a batch norm, and ReLU. In half precision the batch norm is an operator of its own, as in the framework; else it is in the weights.
type module struct {
	convolution
	norm batchNorm
}

// enlargement makes 2 x 2 pixels of each.
type enlargement struct {
	weight, bias value
	norm         batchNorm
}

// batchNorm is absent if its weight is.
type batchNorm struct{ weight, bias, mean, variance value }

func (l *loader) upernet(m *machine) *upernet {
	whole := l.config
	u := &upernet{machine: m, config: whole}
	l.config = whole.Backbone()
	u.backbone = l.transformer(m)
	l.config = whole
	u.fourfold = [2]enlargement{l.enlargement("fpn1.0.", "fpn1.1."), l.enlargement("fpn1.3.", "")}
	u.twofold = l.enlargement("fpn2.0.", "")
	for i := range u.pools {
		u.pools[i] = l.module(fmt.Sprintf("decode_head.psp_modules.%d.1", i))
	}
	u.bottleneck, u.merge = l.module("decode_head.bottleneck"), l.module("decode_head.fpn_bottleneck")
	for i := range u.laterals {
		u.laterals[i], u.outputs[i] = l.module(fmt.Sprintf("decode_head.lateral_convs.%d", i)), l.module(fmt.Sprintf("decode_head.fpn_convs.%d", i))
	}
	u.classifier = l.biased("decode_head.conv_seg.weight", "decode_head.conv_seg.bias", 1)
	if whole.Segmentation.AuxiliaryChannels > 0 {
		u.auxiliary = l.module("auxiliary_head.convs.0")
		u.auxiliaryClassifier = l.biased("auxiliary_head.conv_seg.weight", "auxiliary_head.conv_seg.bias", 1)
	}
	return u
}

// folds reports whether batch norms are put into the weights: with them rounded to half precision the result would be another.
func (l *loader) folds() bool { return l.dtype == float32s || l.dtype == float64s }

// double returns a parameter in float64.
func (l *loader) double(s *scope, name string) value { return s.copyTo(l.view(s, name), cpu, float64s) }

// factors returns the batch norm as a factor and a summand of each channel, in float64.
func (l *loader) factors(s *scope, prefix string) (factor, summand value) {
	variance := l.double(s, prefix+"running_var")
	s.plus(variance, arch.BatchNormEpsilon)
	factor = s.product(s.reciprocalRoot(variance), l.double(s, prefix+"weight"))
	summand = l.double(s, prefix+"bias")
	s.subtract(summand, s.product(l.double(s, prefix+"running_mean"), factor))
	return factor, summand
}

// batchNorm reads a batch norm.
func (l *loader) batchNorm(prefix string) batchNorm {
	return batchNorm{l.parameter(prefix + "weight"), l.parameter(prefix + "bias"), l.parameter(prefix + "running_mean"), l.parameter(prefix + "running_var")}
}

// module reads a convolution without bias and its batch norm.
func (l *loader) module(name string) (m module) {
	weight := name + ".conv.weight"
	shape := l.at(weight).Shape
	m.side, m.packed = shape[2], l.packsConvolutions
	if l.folds() {
		m.bias = l.scope.keep(func(s *scope) value {
			factor, summand := l.factors(s, name+".bn.")
			m.weight = s.keep(func(inner *scope) value {
				scaled := inner.product(l.double(inner, weight), inner.reshape(factor, -1, 1, 1, 1))
				return inner.copyTo(scaled, l.device, l.dtype)
			})
			l.scope.move(s, m.weight)
			return s.copyTo(summand, l.device, l.dtype)
		})
	} else {
		m.weight, m.norm = l.parameter(weight), l.batchNorm(name+".bn.")
		m.bias = l.scope.keep(func(s *scope) value { return s.zeros(l.device, l.dtype, int64(shape[0])) })
	}
	m.convolution = l.packed(m.convolution, shape[1])
	return m
}

// enlargement reads prefix + "weight", [in, out, 2, 2], prefix + "bias", and the batch norm behind it, if there is one.
func (l *loader) enlargement(prefix, norm string) (e enlargement) {
	if norm == "" || !l.folds() {
		e.weight, e.bias = l.parameter(prefix+"weight"), l.parameter(prefix+"bias")
		if norm != "" {
			e.norm = l.batchNorm(norm)
		}
		return e
	}
	e.bias = l.scope.keep(func(s *scope) value {
		factor, summand := l.factors(s, norm)
		e.weight = s.keep(func(inner *scope) value {
			scaled := inner.product(l.double(inner, prefix+"weight"), inner.reshape(factor, 1, -1, 1, 1))
			return inner.copyTo(scaled, l.device, l.dtype)
		})
		l.scope.move(s, e.weight)
		s.add(summand, s.product(l.double(s, prefix+"bias"), factor))
		return s.copyTo(summand, l.device, l.dtype)
	})
	return e
}

// apply returns the batch norm of x, which it frees, or x.
func (b batchNorm) apply(s *scope, x value) value {
	if b.weight == (value{}) {
		return x
	}
	return s.replace(x, s.batchNorm(x, b.weight, b.bias, b.mean, b.variance))
}

func (m module) apply(s *scope, x value) value {
	return s.keep(func(s *scope) value {
		y := m.norm.apply(s, m.convolution.apply(s, x))
		s.rectify(y)
		return y
	})
}

func (e enlargement) apply(s *scope, x value) value {
	return s.keep(func(s *scope) value { return e.norm.apply(s, s.enlarge(x, e.weight, e.bias)) })
}

func (u *upernet) forward(ctx context.Context, s *scope, input engine.Input, images int, tap engine.Tap) engine.Activation {
	levels := u.tapped(ctx, s, input, images, tap)
	for level, x := range levels {
		s.fail(ctx.Err())
		levels[level] = s.replace(x, u.neck(s, level, x))
		u.emit(s, tap, engine.Stage{Kind: engine.Feature, Block: level}, levels[level], images, u.config.EmbedDim, level)
	}
	middle, wide := levels[2], u.config.Segmentation.Channels
	for level, x := range levels[:arch.Levels-1] {
		if levels[level] = u.laterals[level].apply(s, x); level != 2 {
			s.free(x)
		}
		u.emit(s, tap, engine.Stage{Kind: engine.Lateral, Block: level}, levels[level], images, wide, level)
	}
	top := &levels[arch.Levels-1]
	*top = s.replace(*top, u.pyramid(s, *top))
	u.emit(s, tap, engine.Stage{Kind: engine.Pyramid}, *top, images, wide, arch.Levels-1)
	s.fail(ctx.Err())
	fused := u.fuse(s, levels)
	for _, x := range levels {
		s.free(x)
	}
	u.emit(s, tap, engine.Stage{Kind: engine.Fused}, fused, images, wide, 0)
	logits, classes := u.classifier.apply(s, fused), u.config.Classes
	s.free(fused)
	u.emit(s, tap, engine.Stage{Kind: engine.Logits}, logits, images, classes, 0)
	if tap != nil {
		height, width := u.config.ImageHeight, u.config.ImageWidth
		s.within(func(s *scope) {
			full := s.interpolate(logits, int64(height), int64(width))
			s.emit(tap, engine.Stage{Kind: engine.FullLogits}, full, tensor.Shape{images, classes, height, width})
		})
		if u.config.Segmentation.AuxiliaryChannels > 0 {
			hidden := u.auxiliary.apply(s, middle)
			u.emit(s, tap, engine.Stage{Kind: engine.AuxiliaryLogits}, u.auxiliaryClassifier.apply(s, hidden), images, classes, 2)
		}
	}
	return s.activation(engine.Stage{Kind: engine.Logits}, logits, u.shape(images, classes, 0))
}

func (u *upernet) shape(images, channels, level int) tensor.Shape {
	height, width := u.config.LevelSize(level)
	return tensor.Shape{images, channels, height, width}
}

// emit calls the tap with a map.
func (u *upernet) emit(s *scope, tap engine.Tap, stage engine.Stage, x value, images, channels, level int) {
	s.emit(tap, stage, x, u.shape(images, channels, level))
}

// tapped returns the patches of the tapped blocks as pictures.
func (u *upernet) tapped(ctx context.Context, s *scope, input engine.Input, images int, tap engine.Tap) (levels [arch.Levels]value) {
	height, width := u.config.Window()
	b := u.backbone
	b.run(ctx, s, b.embed(s, b.unfold(s, input.Pixels, images), nil, images), images, tap, func(s *scope, blocks int, x value) {
		for level, tapped := range u.config.Segmentation.Taps {
			if int(tapped)+1 == blocks {
				levels[level] = s.keep(func(s *scope) value {
					own := s.concatenate(1, s.from(x, 1)) // a copy: the next block changes x
					return s.permute(s.reshape(own, int64(images), int64(height), int64(width), int64(u.config.EmbedDim)), 0, 3, 1, 2)
				})
			}
		}
	})
	return levels
}

// neck returns a map of UPerNet.
func (u *upernet) neck(s *scope, level int, x value) value {
	return s.keep(func(s *scope) value {
		switch level {
		case 0:
			y := u.fourfold[0].apply(s, x)
			s.gelu(y)
			return u.fourfold[1].apply(s, y)
		case 1:
			return u.twofold.apply(s, x)
		case arch.Levels - 1:
			return s.halve(x)
		}
		return s.permute(x, 0, 1, 2, 3)
	})
}

// pyramid adds to the smallest map what is pooled of it.
func (u *upernet) pyramid(s *scope, x value) value {
	return s.keep(func(s *scope) value {
		height, width := u.config.LevelSize(arch.Levels - 1)
		all := []value{x}
		for i, side := range u.config.Segmentation.PoolScales {
			all = append(all, s.interpolate(u.pools[i].apply(s, s.average(x, int64(side))), int64(height), int64(width)))
		}
		return u.bottleneck.apply(s, s.concatenate(1, all...))
	})
}

// fuse adds the smaller maps to the larger ones, which it changes, and returns what the decode head makes of all of them.
func (u *upernet) fuse(s *scope, levels [arch.Levels]value) value {
	return s.keep(func(s *scope) value {
		for level := arch.Levels - 1; level > 0; level-- {
			height, width := u.config.LevelSize(level - 1)
			s.within(func(s *scope) { s.add(levels[level-1], s.interpolate(levels[level], int64(height), int64(width))) })
		}
		height, width := u.config.LevelSize(0)
		var all []value
		for level, x := range levels {
			all = append(all, s.keep(func(s *scope) value {
				if level < len(u.outputs) {
					x = u.outputs[level].apply(s, x)
				}
				if level == 0 {
					return x
				}
				return s.interpolate(x, int64(height), int64(width))
			}))
		}
		joined := s.concatenate(1, all...)
		for _, x := range all {
			s.free(x)
		}
		return u.merge.apply(s, joined)
	})
}
