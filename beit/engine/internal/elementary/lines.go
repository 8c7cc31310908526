package elementary

import "math"

// Sum returns the sum of the values: of eight partial sums, each of every eighth value, so that it does not depend on the processor.
func Sum[T Float](values []T) T {
	var sums [8]T
	done := 0
	if fast {
		done = sumsBy8(values, &sums)
	}
	for i, v := range values[done:] {
		sums[i%8] += v
	}
	return pairwise(sums)
}

// Squares returns the sum of the squares of what the values differ from one value by, added up as Sum does.
func Squares[T Float](values []T, from T) T {
	var sums [8]T
	done := 0
	if fast {
		done = squaresBy8(values, from, &sums)
	}
	for i, v := range values[done:] {
		sums[i%8] += T((v - from) * (v - from)) // rounded: on Arm, Go would add the exact product
	}
	return pairwise(sums)
}

// pairwise adds up partial sums.
func pairwise[T Float](sums [8]T) T {
	return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
}

// Normalise writes (x - mean) scale weight + bias to y, which may be x. All have one length.
func Normalise[T Float](y, x []T, mean, scale T, weight, bias []T) {
	y, weight, bias = y[:len(x)], weight[:len(x)], bias[:len(x)]
	done := 0
	if fast {
		done = normaliseBy8(y, x, mean, scale, weight, bias)
	}
	for i := done; i < len(x); i++ {
		y[i] = T(T((x[i]-mean)*scale)*weight[i]) + bias[i]
	}
}

// Add adds the values to sums, of the same length.
func Add[T Float](sums, values []T) {
	sums = sums[:len(values)]
	done := 0
	if fast {
		done = addBy8(sums, values)
	}
	for i := done; i < len(values); i++ {
		sums[i] += values[i]
	}
}

// AddScaled adds the values, each multiplied by its factor, to sums. All have one length.
func AddScaled[T Float](sums, values, factors []T) {
	sums, factors = sums[:len(values)], factors[:len(values)]
	done := 0
	if fast {
		done = addScaledBy8(sums, values, factors)
	}
	for i := done; i < len(values); i++ {
		sums[i] += T(values[i] * factors[i])
	}
}

// Scale multiplies the values by a factor.
func Scale[T Float](values []T, by T) {
	done := 0
	if fast {
		done = scaleBy8(values, by)
	}
	for i := done; i < len(values); i++ {
		values[i] *= by
	}
}

// Largest returns the largest of the values that are not NaN, and negative infinity if there are none.
func Largest[T Float](values []T) T {
	if largest, done := fastLargest(values); done {
		return largest
	}
	lowest := T(math.Inf(-1))
	eight := [8]T{lowest, lowest, lowest, lowest, lowest, lowest, lowest, lowest}
	done := 0
	if fast {
		done = largestBy8(values, &eight)
	}
	largest := lowest
	for _, v := range eight {
		largest = max(largest, v)
	}
	for _, v := range values[done:] {
		if v > largest {
			largest = v
		}
	}
	return largest
}
