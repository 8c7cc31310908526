package gemm

// The kernels in assembly, with the arguments of kernel.multiply. Every processor with 64-bit Arm instructions has those that they need.

//go:noescape
func multiplyFloat32NEON(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)

//go:noescape
func upperFloat32NEON(k int, a *float32, row, step uintptr, b, c *float32, stride, ahead, pace uintptr, first *float32)

//go:noescape
func multiplyFloat64NEON(k int, a *float64, row, step uintptr, b, c *float64, stride, ahead, pace uintptr, first *float64)

//go:noescape
func upperFloat64NEON(k int, a *float64, row, step uintptr, b, c *float64, stride, ahead, pace uintptr, first *float64)

// wideIntegers reports that every such processor has the instructions of widenBF16By8 and widenF16By8.
const wideIntegers = true

// kernels returns what this processor can run, best first.
func kernels[T Float]() []kernel[T] {
	found := fitting[T](
		kernel[float32]{"neon", 12, 8, 1, multiplyFloat32NEON, upperFloat32NEON},
		kernel[float64]{"neon", 12, 4, 1, multiplyFloat64NEON, upperFloat64NEON},
	)
	return append(found, portable[T]())
}
