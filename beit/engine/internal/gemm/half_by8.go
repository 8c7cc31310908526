//go:build amd64 || arm64

package gemm

// The functions in assembly take n values, a multiple of 8, and not 0.

//go:noescape
func widenBF16By8(out *float32, halves *uint16, n int)

//go:noescape
func widenF16By8(out *float32, halves *uint16, n int)

// widenBy8 widens the first of the halves, and returns how many.
func widenBy8(h Half, out []float32, halves []uint16) (done int) {
	done = len(halves) &^ 7
	switch {
	case done == 0 || !wideIntegers:
		return 0
	case h == F16:
		widenF16By8(&out[0], &halves[0], done)
	default:
		widenBF16By8(&out[0], &halves[0], done)
	}
	return done
}
