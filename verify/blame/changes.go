package blame

import (
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/tensor"
)

// The functions in this file change a tensor of a shape: they return the new values, in a new slice.

func zeros(values []float64, _ tensor.Shape) []float64 { return make([]float64, len(values)) }

func ones(values []float64, _ tensor.Shape) []float64 {
	return slices.Repeat([]float64{1}, len(values))
}

// reread takes the values of a matrix [out, in] for those of its transpose, [in, out], and returns them as [out, in]. This undoes the mistake of a program
// that reshaped when it should have transposed, or, for a square matrix, that did not transpose.
func reread(values []float64, shape tensor.Shape) []float64 {
	out, in := shape[0], len(values)/shape[0]
	turned := make([]float64, len(values))
	for o := range out {
		for i := range in {
			turned[o*in+i] = values[i*out+o]
		}
	}
	return turned
}

// rows returns a change that rearranges rows: row i of the result is row from(i, count), of count rows.
func rows(from func(i, count int) int) func([]float64, tensor.Shape) []float64 {
	return func(values []float64, shape tensor.Shape) []float64 {
		width := len(values) / shape[0]
		moved := make([]float64, 0, len(values))
		for i := range shape[0] {
			at := from(i, shape[0])
			moved = append(moved, values[at*width:(at+1)*width]...)
		}
		return moved
	}
}

// thirds returns a change that rearranges q, k and v: third i of the result is third order[i].
func thirds(order [3]int) func([]float64, tensor.Shape) []float64 {
	return rows(func(i, count int) int {
		third := count / 3
		return order[i/third]*third + i%third
	})
}

// axes returns a change that takes the rows for an array of the given sizes and permutes its axes: axis i of the result is axis order[i].
func axes(sizes, order [3]int) func([]float64, tensor.Shape) []float64 {
	strides := [3]int{sizes[1] * sizes[2], sizes[2], 1}
	return rows(func(i, _ int) int {
		at := 0
		for place := 2; place >= 0; place-- {
			axis := order[place]
			at += i % sizes[axis] * strides[axis]
			i /= sizes[axis]
		}
		return at
	})
}

// turnIndex changes a bias table so that the right index has the effect of a transposed one: it reverses the spatial rows and exchanges those from and to
// the class token.
var turnIndex = rows(func(i, count int) int {
	switch {
	case i < count-3:
		return count - 4 - i
	case i == count-3:
		return count - 2
	case i == count-2:
		return count - 3
	}
	return i
})

// exchangeAxes changes a bias table so that the right index has the effect of one with across and down exchanged. The window must be square.
var exchangeAxes = rows(func(i, count int) int {
	side := int(math.Round(math.Sqrt(float64(count - 3))))
	if i >= count-3 {
		return i
	}
	return i%side*side + i/side
})

// scaleQueries returns a change that multiplies the first third of the values, the queries.
func scaleQueries(factor float64) func([]float64, tensor.Shape) []float64 {
	return func(values []float64, _ tensor.Shape) []float64 {
		scaled := slices.Clone(values)
		for i := range len(scaled) / 3 {
			scaled[i] *= factor
		}
		return scaled
	}
}

func scale(factor float64) func([]float64, tensor.Shape) []float64 {
	return func(values []float64, _ tensor.Shape) []float64 {
		scaled := slices.Clone(values)
		for i := range scaled {
			scaled[i] *= factor
		}
		return scaled
	}
}

// reverseChannels reverses the channels of the patch embedding, [C, channels, P, P], which exchanges red and blue.
func reverseChannels(values []float64, shape tensor.Shape) []float64 {
	area := shape[2] * shape[3]
	reversed := make([]float64, 0, len(values))
	for kernel := range slices.Chunk(values, shape[1]*area) {
		for channel := shape[1] - 1; channel >= 0; channel-- {
			reversed = append(reversed, kernel[channel*area:(channel+1)*area]...)
		}
	}
	return reversed
}

// turnKernels transposes each square of the patch embedding, [C, channels, P, P].
func turnKernels(values []float64, shape tensor.Shape) []float64 {
	side := shape[3]
	turned := make([]float64, 0, len(values))
	for square := range slices.Chunk(values, side*side) {
		turned = append(turned, reread(square, tensor.Shape{side, side})...)
	}
	return turned
}
