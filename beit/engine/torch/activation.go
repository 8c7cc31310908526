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

// emit calls the tap with a copy of x.
func (s *scope) emit(tap engine.Tap, stage engine.Stage, x value, shape tensor.Shape) {
	if tap == nil || s.err != nil {
		return
	}
	if activation := s.activation(stage, x, shape); s.err == nil {
		s.fail(tap(activation))
	}
}

// activation returns a copy of x in Go's memory.
func (s *scope) activation(stage engine.Stage, x value, shape tensor.Shape) engine.Activation {
	elements, err := shape.Elements()
	s.fail(err)
	return engine.Activation{Name: stage.String(), Shape: slices.Clone(shape), Values: s.read(x, int(elements))}
}

// read returns a copy of the elements of x in Go's memory.
func (s *scope) read(x value, elements int) (values []float64) {
	s.within(func(s *scope) {
		raw := s.bytes(s.copyTo(x, cpu, float64s), elements*8)
		if s.err == nil && elements > 0 {
			values = slices.Clone(unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(raw))), elements))
		}
	})
	return values
}

// checkShape makes the scope fail unless x has the shape want. what names x in the error.
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
		s.fail(fmt.Errorf("%s has the shape %s, but the architecture has %s", what, shape, want))
	}
}
