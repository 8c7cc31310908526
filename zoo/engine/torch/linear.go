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
	return device == cpu && dtype != float64s && attempt(func(s *scope) {
		const rows, width = 8, 16
		x := s.copyTo(s.floats(make([]float32, rows*width), rows, width), cpu, dtype)
		weight := s.copyTo(s.floats(make([]float32, width*width), width, width), cpu, dtype)
		bias := s.copyTo(s.floats(make([]float32, width), width), cpu, dtype)
		packed := s.run(packWeight, weight, s.empty(cpu, dtype, rows, 0))
		s.run(packedLinear, x, packed, bias)
		s.run(packedGELU, x, packed, bias)
	})
}
