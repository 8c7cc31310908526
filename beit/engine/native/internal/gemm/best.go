package gemm

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
