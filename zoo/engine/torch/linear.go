//go:build libtorch

package torch

// linear is a linear layer, its weight plain or packed.
type linear struct {
	weight, bias value
	packed       bool
}

// apply gives [..., out].
func (l linear) apply(s *scope, x value) value {
	if l.packed {
		return s.run(packedLinear, x, l.weight, l.bias)
	}
	return s.linear(x, l.weight, l.bias)
}

// applyGELU is apply followed by the exact GELU.
func (l linear) applyGELU(s *scope, x value) value {
	if l.packed {
		return s.run(packedGELU, x, l.weight, l.bias)
	}
	return s.gelu(s.linear(x, l.weight, l.bias))
}

// canPack tells whether this libtorch and processor multiply with packed weights of that dtype, by doing it.
func canPack(device device, dtype dtype) bool {
	if device != cpu || dtype == float64s {
		return false
	}
	try := &scope{}
	defer try.close()
	const rows, width = 8, 16
	rounded := func(x value) value { return try.copyTo(x, cpu, dtype) }
	ones := make([]float32, width*width)
	weight, bias := rounded(try.floats(ones, width, width)), rounded(try.floats(ones, width))
	x := rounded(try.floats(ones, rows, width))
	packed := try.run(packWeight, weight, try.empty(cpu, dtype, rows, 0))
	try.run(packedLinear, x, packed, bias)
	try.run(packedGELU, x, packed, bias)
	return try.err == nil
}
