//go:build libtorch

package torch

import (
	"slices"
	"unsafe"

	"github.com/beitzoo/beitzoo/convert/tensor"
	"github.com/beitzoo/beitzoo/zoo/engine"
)

// emit hands a copy of x to the tap.
func (s *scope) emit(tap engine.Tap, name string, x value, shape tensor.Shape) {
	if tap == nil || s.err != nil {
		return
	}
	if activation := s.activation(name, x, shape); s.err == nil {
		s.fail(tap(activation))
	}
}

// activation copies x into memory of Go.
func (s *scope) activation(name string, x value, shape tensor.Shape) engine.Activation {
	elements, err := shape.Elements()
	s.fail(err)
	var values []float64
	s.within(func(s *scope) {
		raw := s.bytes(s.copyTo(x, cpu, float64s), int(elements)*8)
		if s.err == nil && elements > 0 {
			values = slices.Clone(unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(raw))), elements))
		}
	})
	return engine.Activation{Name: name, Shape: slices.Clone(shape), Values: values}
}
