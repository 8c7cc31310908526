package gemm

import (
	"math"
	"unsafe"
)

// Some processors have an instruction that multiplies several values of bfloat16 where others multiply one of float32, and adds the products to a sum of float32: VDPBF16PS takes
// pairs, BFMMLA groups of four. Both sides then have bfloat16, and the values of a group lie side by side in the places of as many halves of float32, the first the lowest.

// mostGroup is the size of the largest group, and a multiple of all.
const mostGroup = 4

// KeepGroups is Keep for an m whose left-hand sides Prepare prepares: in BF16 it takes groups of values if this processor multiplies them faster than values of float32.
func (m *Matrix[T]) KeepGroups(half Half) {
	m.Keep(half)
	if half == BF16 && groupGain {
		m.kernel = any(groupKernel).(kernel[T])
	}
}

// groupPanel writes a panel of float32, [inner, width], as groups, [steps of inner, width, group].
func groupPanel(out []uint16, panel []float32, inner, width, group int) {
	clear(out[inner/group*group*width:])
	for p := range inner {
		at := p/group*group*width + p%group
		for _, v := range panel[p*width : (p+1)*width] {
			out[at] = upper(v)
			at += group
		}
	}
}

// upper returns the upper half of a float32, which is a bfloat16 if the lower half is zero.
func upper(v float32) uint16 { return uint16(math.Float32bits(v) >> 16) }

// asGroups returns the halves of a matrix of groups in the form in which the kernel takes them; T is float32.
func asGroups[T Float](halves []uint16) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(halves))), len(halves)/2)
}

// putGroups is Put for groups.
func (r Rows[T]) putGroups(row, column int, a []T, count, inner, stride int) {
	data := asFloat32(r.data)
	for i := range count {
		line := asFloat32(a[i*stride : i*stride+inner])
		at := (row+i)/r.height*r.tile + (row+i)%r.height*r.row + column/r.group*r.step
		if in := column % r.group; in > 0 {
			first := min(r.group-in, inner)
			r.putPart(at, in, line[:first])
			line, at = line[first:], at+r.step
		}
		if r.group == 2 {
			for ; len(line) >= 2; line, at = line[2:], at+r.step {
				data[at] = pairOf(line[0], line[1])
			}
		} else {
			for ; len(line) >= 4; line, at = line[4:], at+r.step {
				data[at], data[at+1] = pairOf(line[0], line[1]), pairOf(line[2], line[3])
			}
		}
		r.putPart(at, 0, line)
	}
}

// putPart puts some values of the group that begins at data[at], from the value in on. The others were put before, or will be.
func (r Rows[T]) putPart(at, in int, values []float32) {
	halves := unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(r.data))), 2*len(r.data))
	for i, v := range values {
		halves[2*at+in+i] = upper(v)
	}
}

// pairOf returns two values in the place of a float32.
func pairOf(low, high float32) float32 {
	return math.Float32frombits(uint32(upper(low)) | math.Float32bits(high)&0xffff0000)
}
