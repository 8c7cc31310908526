//go:build !amd64 && !arm64

package gemm

// groupKernel is empty: of the other processors none is known to have such an instruction.
var groupKernel kernel[float32]

const canGroup, groupGain = false, false
