//go:build !amd64 && !arm64

package elementary

// fast reports that there is no assembly for this processor.
const fast = false

func fastExp[T Float](values []T, shift T) (sum float64) { return plainExp(values, shift) }

func fastDivide[T Float](values []T, by T) { plainDivide(values, by) }

func fastGELU[T Float](values []T) { plainGELU(values) }

func fastLargest[T Float](values []T) (largest T, done bool) { return 0, false }
