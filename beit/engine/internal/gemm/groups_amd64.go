package gemm

import "golang.org/x/sys/cpu"

//go:noescape
func multiplyPairs(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)

//go:noescape
func upperPairs(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)

// cpuMaker returns what the processor says who made it.
func cpuMaker() (b, d, c uint32)

// groupKernel is that of VDPBF16PS; canGroup reports whether this processor has it.
var (
	groupKernel = kernel[float32]{"avx512bf16", 12, 32, 2, multiplyPairs, upperPairs}
	canGroup    = cpu.X86.HasAVX512BF16 && cpu.X86.HasAVX512F
)

// groupGain reports whether this processor gains by it: those of AMD multiply as many pairs as values of float32 in a cycle; those of Intel a quarter as many, so that widened
// values are faster (instructions alone, on a Xeon: 82 GFLOP/s of pairs beside 171).
var groupGain = func() bool {
	b, d, c := cpuMaker()
	return canGroup && b == 0x68747541 && d == 0x69746e65 && c == 0x444d4163 // AuthenticAMD
}()
