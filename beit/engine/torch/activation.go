//go:build libtorch

package torch

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/sugarme/gotch/libtch"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
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

// checkShape remembers an error unless x has that shape.
func (s *scope) checkShape(what string, x value, want tensor.Shape) {
	if s.err != nil {
		return
	}
	got := make([]int64, libtch.AtDim(x.c)+1)
	libtch.AtShape(x.c, unsafe.Pointer(&got[0]))
	shape := tensor.Shape{}
	for _, n := range got[:len(got)-1] {
		shape = append(shape, int(n))
	}
	if message := lastError(); message != "" {
		s.fail(newOperatorError("sizes", message))
	} else if !shape.Equal(want) {
		s.fail(fmt.Errorf("%s has the shape %s where the architecture has %s", what, shape, want))
	}
}
