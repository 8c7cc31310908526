//go:build !amd64 && !arm64

package gemm

// widenBy8 widens the first of the halves, and returns how many.
func widenBy8(Half, []float32, []uint16) (done int) { return 0 }
