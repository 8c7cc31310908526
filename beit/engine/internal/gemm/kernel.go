package gemm

import "unsafe"

// Float are the element types.
type Float interface{ float32 | float64 }

// kernel multiplies one tile: C[rows, columns] += A[rows, k] B[k, columns]. Element (i, p) of A is row*i + step*p bytes after a; B is
// contiguous and row-major; row i of C is stride*i bytes after c. ahead is the address of what will be B some tiles later, of which it asks for pace bytes with
// each of its k steps; an address where nothing is does no harm. With first, a line of columns, it sets C[rows, columns] = first + A B.
type kernel[T Float] struct {
	name          string
	rows, columns int
	// group is how many values an element of A or B has: 1, of T, or several, of bfloat16, which are multiplied one by one and added. T is float32 then.
	group    int
	multiply func(k int, a *T, row, step uintptr, b, c *T, stride, ahead, pace uintptr, first *T)
	// upper is multiply for the upper half of the rows, where the lower is of no use; nil if there is none.
	upper func(k int, a *T, row, step uintptr, b, c *T, stride, ahead, pace uintptr, first *T)
}

// fitting returns those of the candidates, each a kernel of some type, that are of this one.
func fitting[T Float](candidates ...any) []kernel[T] {
	var found []kernel[T]
	for _, candidate := range candidates {
		if k, fits := candidate.(kernel[T]); fits {
			found = append(found, k)
		}
	}
	return found
}

var (
	bestFloat32 = kernels[float32]()[0]
	bestFloat64 = kernels[float64]()[0]
)

// best returns the fastest kernel that this processor can run.
func best[T Float]() kernel[T] {
	if k, fits := any(&bestFloat32).(*kernel[T]); fits {
		return *k
	}
	return *any(&bestFloat64).(*kernel[T])
}

// depth is how much of the inner dimension one pass covers at most, so that a panel of B (64 or 128 bytes wide) stays in the first-level cache.
const depth = 256

// span returns in how many places of T an element lies.
func (k kernel[T]) span() int { return max(1, k.group/2) }

// steps returns how many elements inner values take.
func (k kernel[T]) steps(inner int) int { return divideUp(inner, k.group) }

// depth returns how many elements of the inner dimension one pass covers.
func (k kernel[T]) depth() int {
	if k.rows*k.span()*int(unsafe.Sizeof(T(0))) > 64 {
		return 192 // lines of A are long, too
	}
	return depth
}

// portable returns the kernel in plain Go, which runs on every processor. It keeps 16 sums in registers.
func portable[T Float]() kernel[T] {
	return kernel[T]{name: "portable", rows: 4, columns: 4, group: 1, multiply: multiplyPortable[T]}
}

func multiplyPortable[T Float](k int, a *T, row, step uintptr, b, c *T, stride, _, _ uintptr, first *T) {
	var c00, c01, c02, c03, c10, c11, c12, c13, c20, c21, c22, c23, c30, c31, c32, c33 T
	lines := unsafe.Slice(b, 4*k)
	at := unsafe.Pointer(a)
	for ; len(lines) >= 4; lines = lines[4:] {
		a0 := *(*T)(at)
		a1 := *(*T)(unsafe.Add(at, row))
		a2 := *(*T)(unsafe.Add(at, 2*row))
		a3 := *(*T)(unsafe.Add(at, 3*row))
		b0, b1, b2, b3 := lines[0], lines[1], lines[2], lines[3]
		c00, c01, c02, c03 = c00+a0*b0, c01+a0*b1, c02+a0*b2, c03+a0*b3
		c10, c11, c12, c13 = c10+a1*b0, c11+a1*b1, c12+a1*b2, c13+a1*b3
		c20, c21, c22, c23 = c20+a2*b0, c21+a2*b1, c22+a2*b2, c23+a2*b3
		c30, c31, c32, c33 = c30+a3*b0, c31+a3*b1, c32+a3*b2, c33+a3*b3
		if len(lines) > 4 {
			at = unsafe.Add(at, step)
		}
	}
	for i, sums := range [4][4]T{{c00, c01, c02, c03}, {c10, c11, c12, c13}, {c20, c21, c22, c23}, {c30, c31, c32, c33}} {
		line := unsafe.Slice((*T)(unsafe.Add(unsafe.Pointer(c), uintptr(i)*stride)), 4)
		if first != nil {
			copy(line, unsafe.Slice(first, 4))
		}
		for j, sum := range sums {
			line[j] += sum
		}
	}
}
