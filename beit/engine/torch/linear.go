//go:build libtorch

package torch

// linear is a linear layer. Its weight is either [out, in] or, if packed, laid out for the kernels of oneDNN.
type linear struct {
	weight, bias value
	packed       bool
	// recorded says that the layer is trained, and half that it then computes in bfloat16, whatever it is given.
	recorded, half bool
}

// apply returns x times the transposed weight plus bias, [..., out].
func (l linear) apply(s *scope, x value) value {
	if l.packed {
		return s.run(packedLinear, x, l.weight, l.bias)
	}
	if l.half {
		x = s.cast(x, bfloat16)
	}
	return s.linear(x, l.weight, l.bias)
}

// applyGELU is apply followed by the exact GELU.
func (l linear) applyGELU(s *scope, x value) value {
	if l.packed {
		return s.run(packedGELU, x, l.weight, l.bias)
	}
	if l.recorded {
		return s.recordedGELU(l.apply(s, x))
	}
	return s.gelu(s.linear(x, l.weight, l.bias))
}

// linear reads prefix + "weight" and prefix + "bias". rows is the number of rows of the input for one image, for which packed weights are optimised.
func (l *loader) linear(prefix string, rows int) linear {
	return l.pack(prefix+"weight", rows, l.parameter(prefix+"bias"))
}

// pack reads a weight, [out, in] or [out, ...], and packs it if l.packs. bias is that of the layer.
func (l *loader) pack(name string, rows int, bias value) linear {
	shape := l.at(name).Shape
	elements, err := shape.Elements()
	l.scope.fail(err)
	out := int64(shape[0])
	if l.leaves != nil {
		return l.leaves.linear(l.scope, l.scope.reshape(l.parameter(name), out, elements/out), bias)
	}
	weight := l.scope.keep(func(s *scope) value {
		flat := s.reshape(l.view(s, name), out, elements/out)
		if !l.packs {
			return s.copyTo(flat, l.device, l.dtype)
		}
		if dtypes[l.at(name).DType] != l.dtype {
			flat = s.copyTo(flat, l.device, l.dtype)
		}
		return s.run(packWeight, flat, s.empty(cpu, l.dtype, int64(rows), 0))
	})
	return linear{weight: weight, bias: bias, packed: l.packs}
}
