package gemm

//go:noescape
func multiplyFours(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)

//go:noescape
func upperFours(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)

// groupKernel is that of BFMMLA; canGroup reports whether this processor has it, as the system says.
var (
	groupKernel = kernel[float32]{"bfmmla", 12, 8, 4, multiplyFours, upperFours}
	canGroup    = hasBF16()
)

// groupGain reports whether this processor gains by it. It does the work of four FMLA, so it gains unless it takes four times as long, which is known of none.
var groupGain = canGroup
