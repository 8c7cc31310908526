//go:build libtorch

package torch

import "fmt"

// convolution is a convolution with an odd window, whose result is as large as its input, around which there are zeros. Its weight is [out, in, side, side] or, if
// packed, laid out for the kernels of oneDNN.
type convolution struct {
	weight, bias value
	side         int
	packed       bool
}

// convolution reads name + ".w" and name + ".b", and multiplies them by a factor.
func (l *loader) convolution(name string, factor float64) convolution {
	return l.biased(name+".w", name+".b", factor)
}

// biased reads a weight and a bias, and multiplies them by a factor.
func (l *loader) biased(weight, bias string, factor float64) convolution {
	read := func(name string) value {
		return l.scope.keep(func(s *scope) value {
			x := s.copyTo(l.view(s, name), l.device, l.dtype)
			if factor != 1 {
				s.scale(x, factor)
			}
			return x
		})
	}
	shape := l.at(weight).Shape
	return l.packed(convolution{weight: read(weight), bias: read(bias), side: shape[2]}, shape[1])
}

// packed lays out the weight of a convolution of in channels, if weights are packed.
func (l *loader) packed(c convolution, in int) convolution {
	if c.packed = l.packsConvolutions; c.packed {
		c.weight = l.scope.replace(c.weight, l.scope.packConvolution(c.weight, in, c.side, l.config.ImageHeight, l.config.ImageWidth))
	}
	return c
}

func (c convolution) apply(s *scope, x value) value {
	if c.packed {
		return s.run(packedConvolutions[c.side].apply, x, c.weight, c.bias)
	}
	return s.convolution(x, c.weight, c.bias, int64(c.side/2))
}

// addTo adds the result to sum, whose memory it takes. Only packed convolutions can.
func (c convolution) addTo(s *scope, sum, x value) value {
	return s.run(packedConvolutions[c.side].add, sum, x, c.weight, c.bias)
}

// packConvolution lays out a weight for pictures of that size; those of other sizes may be slower.
func (s *scope) packConvolution(weight value, in, side, height, width int) value {
	return s.keep(func(s *scope) value {
		pictures := s.expand(s.floats([]float32{0}, 1, 1, 1, 1), 1, int64(in), int64(height), int64(width))
		return s.run(packedConvolutions[side].pack, weight, pictures)
	})
}

// convolutionPrograms are the operators that torch.compile uses for convolutions on the CPU (pytorch/pytorch aten/src/ATen/native/mkldnn/Conv.cpp), for windows of
// one size. Their ReLU is not used: it makes 0 of a NaN.
type convolutionPrograms struct{ pack, apply, add *program }

// packedConvolutions has those of a dVAE's windows, by their sides.
var packedConvolutions = map[int]convolutionPrograms{1: newConvolutionPrograms(1), 3: newConvolutionPrograms(3), 7: newConvolutionPrograms(7)}

func newConvolutionPrograms(side int) convolutionPrograms {
	shape := fmt.Sprintf("[%d, %[1]d], [1, 1], [1, 1], 1", side/2) // padding, stride, dilation, groups
	none := "annotate(List[Optional[number]], [])"
	return convolutionPrograms{
		pack: &program{
			name: "mkldnn::_reorder_convolution_weight", signature: "weight: Tensor, pictures: Tensor",
			expression: fmt.Sprintf("ops.mkldnn._reorder_convolution_weight(weight, %s, torch.size(pictures))", shape),
		},
		apply: &program{
			name: "mkldnn::_convolution_pointwise", signature: "x: Tensor, weight: Tensor, bias: Tensor",
			expression: fmt.Sprintf(`ops.mkldnn._convolution_pointwise(x, weight, bias, %s, "none", %s, "")`, shape, none),
		},
		add: &program{
			name: "mkldnn::_convolution_pointwise_", signature: "sum: Tensor, x: Tensor, weight: Tensor, bias: Tensor",
			expression: fmt.Sprintf(`ops.mkldnn._convolution_pointwise_(sum, x, weight, bias, %s, "add", 1., None, %s, None)`, shape, none),
		},
	}
}
