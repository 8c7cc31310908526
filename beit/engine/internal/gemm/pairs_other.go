//go:build !amd64

package gemm

// bestPairs is empty: only processors with AVX-512 have the instruction.
var bestPairs kernel[float32]

// canPair reports that this processor does not have the instruction, and pairKernel has nothing.
const canPair = false

var pairKernel kernel[float32]
