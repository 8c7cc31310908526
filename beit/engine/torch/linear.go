//go:build libtorch

package torch

// layout is how the weight of a linear layer lies in memory.
type layout int

const (
	// rowMajor is [out, in].
	rowMajor layout = iota
	// forOneDNN is packed for the kernels of oneDNN.
	forOneDNN
	// forMKL is packed for the kernels of MKL, for one number of rows and one of threads.
	forMKL
	// asConvolution is packed for oneDNN's kernels of convolutions, for one number of rows; with others they may be slower.
	asConvolution
)

// convolutionWindow is into how many pixels a layer that is computed as a convolution divides a row of its input: their products are added up one pixel after the other. With
// one pixel of 3,072 values oneDNN's kernels reach nine tenths of the rate, or with 577 rows three; two, four and eight pixels are equally fast.
const convolutionWindow = 4

// packs has the programs that pack a weight, for the layouts that need one.
var packs = map[layout]*program{forOneDNN: packForOneDNN, forMKL: packForMKL, asConvolution: packAsConvolution}

// linear is a linear layer.
type linear struct {
	weight, bias value
	layout       layout
	// rows has, for MKL, as many rows as x has to have, and shape the shape of the weight: NaN without memory of its own, which libtorch multiplies with if x has
	// another number of rows.
	rows, shape value
	// widened says that weight and bias are of float32 in a model of bfloat16: x is widened, and the result rounded.
	widened bool
	// recorded says that the layer is trained, and half that it then computes in bfloat16, whatever it is given.
	recorded, half bool
}

// apply returns x times the transposed weight plus bias, [..., out].
func (l linear) apply(s *scope, x value) value { return l.within(s, x, l.multiply) }

// applyGELU is apply followed by the exact GELU.
func (l linear) applyGELU(s *scope, x value) value { return l.within(s, x, l.multiplyGELU) }

// within returns what compute makes of x. It gives it x in the dtype of the weight, and returns the result in that of x.
func (l linear) within(s *scope, x value, compute func(s *scope, x value) value) value {
	if !l.widened {
		return compute(s, x)
	}
	return s.keep(func(s *scope) value { return s.cast(compute(s, s.cast(x, float32s)), bfloat16) })
}

// multiply is apply for an x in the dtype of the weight.
func (l linear) multiply(s *scope, x value) value {
	switch l.layout {
	case forOneDNN:
		return s.run(packedLinear, x, l.weight, l.bias)
	case forMKL:
		return s.run(mklLinear, x, l.weight, l.shape, l.bias, l.rows)
	case asConvolution:
		return s.run(convolutionLinear, x, l.weight, l.bias)
	}
	if l.half {
		x = s.cast(x, bfloat16)
	}
	return s.linear(x, l.weight, l.bias)
}

// multiplyGELU is applyGELU for an x in the dtype of the weight.
func (l linear) multiplyGELU(s *scope, x value) value {
	// Convolutions apply it in the same pass, too, but take as long for it as a pass of its own, or with 577 rows twice as long.
	if l.layout == forOneDNN {
		return s.run(packedGELU, x, l.weight, l.bias)
	}
	if l.recorded {
		return s.recordedGELU(l.multiply(s, x))
	}
	return s.gelu(l.multiply(s, x))
}

// linear reads prefix + "weight" and prefix + "bias". rows is the number of rows of the input for one image, for which packed weights are optimised.
func (l *loader) linear(prefix string, rows int, layout layout) linear {
	return l.pack(prefix+"weight", rows, l.parameter(prefix+"bias"), layout)
}

// pack reads a weight, [out, in] or [out, ...], and packs it. bias is that of the layer.
func (l *loader) pack(name string, rows int, bias value, layout layout) linear {
	shape := l.at(name).Shape
	elements, err := shape.Elements()
	l.scope.fail(err)
	out := int64(shape[0])
	if l.leaves != nil {
		return l.leaves.linear(l.scope, l.scope.reshape(l.parameter(name), out, elements/out), bias)
	}
	widened := l.products != l.dtype
	if widened {
		bias = l.scope.cast(bias, l.products)
	}
	layer := l.scope.layer(func(s *scope) value {
		flat := s.reshape(l.view(s, name), out, elements/out)
		if layout == rowMajor || dtypes[l.at(name).DType] != l.dtype {
			flat = s.copyTo(flat, l.device, l.dtype)
		}
		if widened {
			flat = s.cast(flat, l.products)
		}
		return flat
	}, bias, rows, out, elements/out, l.products, layout)
	layer.widened = widened
	return layer
}

// layer returns a linear layer in dtype d whose x will have that many rows and be multiplied by the threads of this thread. weight makes the weight, [out, in], in the scope
// that it is given.
func (s *scope) layer(weight func(s *scope) value, bias value, rows int, out, in int64, d dtype, layout layout) linear {
	if layout == asConvolution && in%convolutionWindow != 0 {
		layout = forOneDNN
	}
	layer := linear{bias: bias, layout: layout}
	layer.weight = s.keep(func(s *scope) value {
		if pack := packs[layout]; pack != nil {
			return s.run(pack, weight(s), s.empty(cpu, d, int64(rows), 0))
		}
		return weight(s)
	})
	if layout == forMKL {
		layer.rows = s.empty(cpu, d, int64(rows), 0)
		layer.shape = s.keep(func(s *scope) value { return s.expand(s.nan(cpu, d), out, in) })
	}
	return layer
}
