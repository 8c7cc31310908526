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

// changeFunc returns new values of a tensor of a shape, in a new slice.
type changeFunc = func(values []float64, shape tensor.Shape) []float64

// rows returns a change that rearranges rows: row i of the result is row from(i, count), of count rows.
func rows(from func(i, count int) int) changeFunc {
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

// thirds returns the order of count rows in which third i is third order[i] of before.
func thirds(count int, order [3]int) []int {
	moved := make([]int, count)
	for i := range moved {
		moved[i] = order[i/(count/3)]*(count/3) + i%(count/3)
	}
	return moved
}

// permutedAxes returns the order of rows that are an array of the given sizes, with its axes permuted: axis i of the result is axis order[i].
func permutedAxes(sizes, order [3]int) []int {
	strides := [3]int{sizes[1] * sizes[2], sizes[2], 1}
	moved := make([]int, sizes[0]*sizes[1]*sizes[2])
	for row := range moved {
		at, rest := 0, row
		for place := 2; place >= 0; place-- {
			axis := order[place]
			at += rest % sizes[axis] * strides[axis]
			rest /= sizes[axis]
		}
		moved[row] = at
	}
	return moved
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

// sqrt is the square root of a size.
func sqrt(n int) float64 { return math.Sqrt(float64(n)) }

// reversed returns the order n - 1, n - 2, ..., 0.
func reversed(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = n - 1 - i
	}
	return order
}

// rolled returns the order by, by + 1, ..., by - 1.
func rolled(n, by int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = (i + by + n) % n
	}
	return order
}

// grid returns the order that makes [columns, rows] of [rows, columns].
func grid(rows, columns int) []int {
	order := make([]int, rows*columns)
	for i := range order {
		order[i] = i%rows*columns + i/rows
	}
	return order
}

// kernels returns a change of each kernel of the patch embedding, [C, channels, P, P]: the value at a place is that from another one.
func kernels(from func(channel, y, x, channels, side int) (int, int, int)) changeFunc {
	return func(values []float64, shape tensor.Shape) []float64 {
		channels, side := shape[1], shape[3]
		area := side * side
		out := make([]float64, 0, len(values))
		for kernel := range slices.Chunk(values, channels*area) {
			for i := range kernel {
				channel, y, x := from(i/area, i%area/side, i%side, channels, side)
				out = append(out, kernel[channel*area+y*side+x])
			}
		}
		return out
	}
}

// channelsLast takes kernels that are stored as [height, width, channels] for what they are.
func channelsLast(values []float64, shape tensor.Shape) []float64 {
	channels, area := shape[1], shape[2]*shape[3]
	out := make([]float64, 0, len(values))
	for kernel := range slices.Chunk(values, channels*area) {
		for channel := range channels {
			for place := range area {
				out = append(out, kernel[place*channels+channel])
			}
		}
	}
	return out
}

// spatialFirst takes kernels that are stored as [height, width, channels, C], as in TensorFlow and JAX, for what they are.
func spatialFirst(values []float64, shape tensor.Shape) []float64 {
	return channelsLast(reread(values, shape), shape)
}

// dividedColumns returns a change that divides each column by a value.
func dividedColumns(by []float64) changeFunc {
	return func(values []float64, _ tensor.Shape) []float64 {
		out := slices.Clone(values)
		for i := range out {
			out[i] /= by[i%len(by)]
		}
		return out
	}
}
