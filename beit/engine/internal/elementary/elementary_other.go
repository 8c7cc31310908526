//go:build !amd64

package elementary

// fast reports that there is no assembly for this processor.
const fast = false

func fastExp[T Float](values []T, shift T) { plainExp(values, shift) }

func fastGELU[T Float](values []T) { plainGELU(values) }
