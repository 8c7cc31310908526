package enginetest

import (
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// segmented is reference for UPerNet. Source: microsoft/unilm beit/semantic_segmentation/backbone/beit.py, open-mmlab/mmsegmentation
// mmseg/models/decode_heads/uper_head.py and fcn_head.py.
func (r *definition) segmented(pixels []float64) map[string]matrix {
	backbone := *r
	backbone.config = r.config.Backbone()
	found := backbone.transformed(pixels, nil)
	s := r.config.Segmentation
	var maps [arch.Levels]volume
	for level, tap := range s.Taps {
		tokens := found["embed"]
		if tap != arch.TapEmbed {
			tokens = found[fmt.Sprintf("blocks.%d", int(tap))]
		}
		maps[level] = r.neck(level, tokens)
		found[fmt.Sprintf("features.%d", level)] = maps[level].channels
	}
	var laterals [arch.Levels]volume
	for level := range arch.Levels - 1 {
		laterals[level] = r.module(fmt.Sprintf("decode_head.lateral_convs.%d", level), maps[level])
		found[fmt.Sprintf("laterals.%d", level)] = laterals[level].channels
	}
	laterals[arch.Levels-1] = r.pyramid(maps[arch.Levels-1])
	found["pyramid"] = laterals[arch.Levels-1].channels
	for level := arch.Levels - 1; level > 0; level-- {
		above := laterals[level-1]
		laterals[level-1] = plus(above, resized(laterals[level], above.height, above.width))
	}
	joined := volume{height: laterals[0].height, width: laterals[0].width}
	for level, x := range laterals {
		if level < arch.Levels-1 {
			x = r.module(fmt.Sprintf("decode_head.fpn_convs.%d", level), x)
		}
		joined.channels = append(joined.channels, resized(x, joined.height, joined.width).channels...)
	}
	fused := r.module("decode_head.fpn_bottleneck", joined)
	found["fused"] = fused.channels
	logits := r.filter("decode_head.conv_seg.weight", r.weights["decode_head.conv_seg.bias"], fused)
	found["logits"] = logits.channels
	found["logits_full"] = resized(logits, r.config.ImageHeight, r.config.ImageWidth).channels
	if s.AuxiliaryChannels > 0 {
		hidden := r.module("auxiliary_head.convs.0", maps[2])
		found["auxiliary_logits"] = r.filter("auxiliary_head.conv_seg.weight", r.weights["auxiliary_head.conv_seg.bias"], hidden).channels
	}
	return found
}

// neck makes a map of the tokens of a block.
func (r *definition) neck(level int, tokens matrix) volume {
	height, width := r.config.Window()
	x := volume{make(matrix, r.config.EmbedDim), height, width}
	for _, token := range tokens[1:] {
		for c, v := range token {
			x.channels[c] = append(x.channels[c], v)
		}
	}
	switch level {
	case 0:
		x = r.normed("fpn1.1.", r.enlarged("fpn1.0.", x))
		for _, channel := range x.channels {
			for i, v := range channel {
				channel[i] = v / 2 * (1 + math.Erf(v/math.Sqrt2))
			}
		}
		return r.enlarged("fpn1.3.", x)
	case 1:
		return r.enlarged("fpn2.0.", x)
	case arch.Levels - 1:
		return halved(x)
	}
	return x
}

// enlarged makes 2 x 2 pixels of each, which do not overlap.
//
//go:norace
func (r *definition) enlarged(prefix string, x volume) volume {
	weight, bias := r.weights[prefix+"weight"], r.weights[prefix+"bias"]
	out := volume{make(matrix, len(bias)), 2 * x.height, 2 * x.width}
	for o := range out.channels {
		for at := range out.height * out.width {
			down, across := at/out.width, at%out.width
			sum := bias[o]
			for c, channel := range x.channels {
				sum += weight[((c*len(bias)+o)*2+down%2)*2+across%2] * channel[down/2*x.width+across/2]
			}
			out.channels[o] = append(out.channels[o], sum)
		}
	}
	return out
}

// normed is a batch norm with the statistics of training.
//
//go:norace
func (r *definition) normed(prefix string, x volume) volume {
	out := volume{height: x.height, width: x.width}
	for c, channel := range x.channels {
		var values []float64
		for _, v := range channel {
			unit := (v - r.weights[prefix+"running_mean"][c]) / math.Sqrt(r.weights[prefix+"running_var"][c]+1e-5)
			values = append(values, unit*r.weights[prefix+"weight"][c]+r.weights[prefix+"bias"][c])
		}
		out.channels = append(out.channels, values)
	}
	return out
}

// module is a convolution, a batch norm, and ReLU.
func (r *definition) module(name string, x volume) volume {
	none := make([]float64, len(r.weights[name+".bn.bias"]))
	return rectified(r.normed(name+".bn.", r.filter(name+".conv.weight", none, x)))
}

// pyramid adds to the smallest map what was pooled of it.
func (r *definition) pyramid(x volume) volume {
	joined := volume{append(matrix(nil), x.channels...), x.height, x.width}
	for i, scale := range r.config.Segmentation.PoolScales {
		pooled := r.module(fmt.Sprintf("decode_head.psp_modules.%d.1", i), averaged(x, scale))
		joined.channels = append(joined.channels, resized(pooled, x.height, x.width).channels...)
	}
	return r.module("decode_head.bottleneck", joined)
}

// averaged has side x side means, of windows that overlap where the sides are no multiples.
func averaged(x volume, side int) volume {
	out := volume{height: side, width: side}
	for _, channel := range x.channels {
		var means []float64
		for at := range side * side {
			top, bottom := at/side*x.height/side, int(math.Ceil(float64((at/side+1)*x.height)/float64(side)))
			left, right := at%side*x.width/side, int(math.Ceil(float64((at%side+1)*x.width)/float64(side)))
			sum := 0.0
			for y := top; y < bottom; y++ {
				for _, v := range channel[y*x.width+left : y*x.width+right] {
					sum += v
				}
			}
			means = append(means, sum/float64((bottom-top)*(right-left)))
		}
		out.channels = append(out.channels, means)
	}
	return out
}

// resized interpolates between the centres of pixels, the outer ones of which are continued.
func resized(x volume, height, width int) volume {
	out := volume{height: height, width: width}
	place := func(at, from, to int) (lower, upper int, share float64) {
		exact := max(0, (float64(at)+0.5)*float64(from)/float64(to)-0.5)
		lower = int(exact)
		return lower, min(lower+1, from-1), exact - float64(lower)
	}
	for _, channel := range x.channels {
		var values []float64
		for at := range height * width {
			top, bottom, down := place(at/width, x.height, height)
			left, right, across := place(at%width, x.width, width)
			upper := channel[top*x.width+left]*(1-across) + channel[top*x.width+right]*across
			lower := channel[bottom*x.width+left]*(1-across) + channel[bottom*x.width+right]*across
			values = append(values, upper*(1-down)+lower*down)
		}
		out.channels = append(out.channels, values)
	}
	return out
}

func plus(x, y volume) volume {
	sum := volume{height: x.height, width: x.width}
	for c, channel := range x.channels {
		var values []float64
		for i, v := range channel {
			values = append(values, v+y.channels[c][i])
		}
		sum.channels = append(sum.channels, values)
	}
	return sum
}
