package gemm

import (
	"math"
	"unsafe"
)

// Pairs says whether products of matrices of bfloat16 are computed from pairs of values, by an instruction that multiplies twice as many of them as of float32. Both sides then
// have bfloat16; the sums are of float32, of the products of each pair the second first. Only some processors gain by it.
//
// A pair takes the place of a float32, the first value in the lower half.
func Pairs() bool { return bestPairs.multiply != nil }

// KeepPairs is Keep for an m whose left-hand sides Prepare prepares: in BF16 it takes pairs where Pairs reports true.
func (m *Matrix[T]) KeepPairs(half Half) {
	m.Keep(half)
	if half == BF16 && Pairs() {
		m.pair(bestPairs)
	}
}

// pair makes m one of pairs, for a kernel.
func (m *Matrix[T]) pair(k kernel[float32]) { m.pairs, m.kernel = true, any(k).(kernel[T]) }

// half returns how many pairs n values take.
func half(n int) int { return divideUp(n, 2) }

// pairPanel writes a panel of float32, [inner, width], as pairs, [half(inner), width].
func pairPanel(out []uint16, panel []float32, inner, width int) {
	for p := range half(inner) {
		for j := range width {
			low, high := panel[2*p*width+j], float32(0)
			if 2*p+1 < inner {
				high = panel[(2*p+1)*width+j]
			}
			out[2*(p*width+j)], out[2*(p*width+j)+1] = upper(low), upper(high)
		}
	}
}

// upper returns the upper half of a float32, which is a bfloat16 if the lower half is zero.
func upper(v float32) uint16 { return uint16(math.Float32bits(v) >> 16) }

// asPairs returns the halves of a matrix of pairs in the form in which the kernel takes them; T is float32.
func asPairs[T Float](halves []uint16) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(halves))), len(halves)/2)
}

// resetPairs is reset for values of bfloat16, for a Matrix of pairs; T is float32.
func (r *Rows[T]) resetPairs(count, inner, height int) {
	r.reset(count, half(inner), height)
	r.values = inner
	if inner%2 == 1 {
		clear(r.data[:r.tile*r.Tiles()]) // of the last pairs the second values
	}
}

// putPairs is Put for pairs.
func (r Rows[T]) putPairs(row, column int, a []T, count, inner, stride int) {
	data := asFloat32(r.data)
	halves := unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(r.data))), 2*len(r.data))
	for i := range count {
		line := asFloat32(a[i*stride : i*stride+inner])
		at, next := (row+i)/r.height*r.tile+(row+i)%r.height+column/2*r.height, column
		if next%2 == 1 { // the second of a pair whose first was put before, or will be
			halves[2*at+1] = upper(line[0])
			line, at = line[1:], at+r.height
		}
		for len(line) >= 2 {
			data[at] = pairOf(line[0], line[1])
			line, at = line[2:], at+r.height
		}
		if len(line) > 0 {
			halves[2*at] = upper(line[0])
		}
	}
}

// pairOf returns a pair in the place of a float32.
func pairOf(low, high float32) float32 {
	return math.Float32frombits(uint32(upper(low)) | math.Float32bits(high)&0xffff0000)
}

// multiplyPairsPortable computes what the instruction does: see kernel.multiply. It keeps no sums in registers, since no processor runs it but in tests.
func multiplyPairsPortable(rows, columns int) func(k int, a *float32, row, step uintptr, b, c *float32, stride, _, _ uintptr, first *float32) {
	return func(k int, a *float32, row, step uintptr, b, c *float32, stride, _, _ uintptr, first *float32) {
		lines := unsafe.Slice(b, k*columns)
		for i := range rows {
			line := unsafe.Slice((*float32)(unsafe.Add(unsafe.Pointer(c), uintptr(i)*stride)), columns)
			for j := range line {
				sum := float32(0)
				for p := range k {
					x := *(*uint32)(unsafe.Add(unsafe.Pointer(a), uintptr(i)*row+uintptr(p)*step))
					y := math.Float32bits(lines[p*columns+j])
					sum += float32(math.Float32frombits(x&0xffff0000) * math.Float32frombits(y&0xffff0000))
					sum += float32(math.Float32frombits(x<<16) * math.Float32frombits(y<<16))
				}
				if first != nil {
					line[j] = unsafe.Slice(first, columns)[j]
				}
				line[j] += sum
			}
		}
	}
}
