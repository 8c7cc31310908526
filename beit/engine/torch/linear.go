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
