package elementary

// fast reports that there is assembly: every processor with 64-bit Arm instructions has those that it needs.
const fast = true

func fastExp[T Float](values []T, shift T) (sum float64) {
	var sums [8]float64
	expAnyLength(values, shift, &sums)
	return total(sums)
}

func fastDivide[T Float](values []T, by T) { divideAnyLength(values, by) }

func fastGELU[T Float](values []T) { geluAnyLength(values) }

func fastLargest[T Float](values []T) (largest T, done bool) { return 0, false }
