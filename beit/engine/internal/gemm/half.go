package gemm

import (
	"sync"
	"unsafe"

	"github.com/beitzoo/beitzoo/tensor"
)

// Half is a type of 16 bits, in which a Matrix of float32 can keep its elements.
type Half int

// The types. NotHalf, the zero value, means that of the products.
const (
	NotHalf Half = iota
	BF16
	F16
)

// Keep makes m keep the elements that FillTransposedBy reads, which must be values of half, in 16 bits. They are widened, a panel at a time, when they are multiplied. m must be
// empty, and of float32 unless half is NotHalf; Fill and FillTransposed do not fill such an m.
func (m *Matrix[T]) Keep(half Half) {
	if unsafe.Sizeof(T(0)) != 4 && half != NotHalf {
		panic("gemm: only float32 can be kept in half precision")
	}
	m.half = half
}

// PlaceHalf is Place for an m that keeps its elements in 16 bits.
func (m *Matrix[T]) PlaceHalf(memory []uint16) { m.halves = memory }

// narrow writes values to out. It rounds, but they need no rounding.
func (h Half) narrow(out []uint16, values []float32) {
	round := tensor.RoundBF16
	if h == F16 {
		round = tensor.RoundF16
	}
	for i, v := range values {
		out[i] = round(v)
	}
}

// widen writes halves to out.
func (h Half) widen(out []float32, halves []uint16) {
	out = out[:len(halves)]
	done := widenBy8(h, out, halves)
	widen := tensor.WidenBF16
	if h == F16 {
		widen = tensor.WidenF16
	}
	for i := done; i < len(halves); i++ {
		out[i] = widen(halves[i])
	}
}

// asFloat32 returns values of T, which is float32, as such.
func asFloat32[T Float](values []T) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(values))), len(values))
}

// widened has memory for one pass over a panel.
var widened = sync.Pool{New: func() any { return new([depth * widest]float32) }}

// widest is the largest number of columns of a kernel.
const widest = 32
