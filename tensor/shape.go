package tensor

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/errdef"
)

// MaxRank is the largest number of dimensions that any reader accepts.
const MaxRank = 32

// ErrShape says that no tensor can have a shape: a dimension is negative, there are too many, or their product exceeds int64.
var ErrShape = errdef.New(errdef.ErrInput, "impossible shape")

// Shape is the size of each dimension, outermost first. The empty shape is a scalar.
type Shape []int

// Elements returns the product of the dimensions, or ErrShape.
func (s Shape) Elements() (int64, error) {
	if len(s) > MaxRank {
		return 0, ErrShape
	}
	product, empty := int64(1), false
	for _, n := range s {
		if n < 0 {
			return 0, ErrShape
		}
		if n == 0 {
			empty = true
			continue
		}
		if product > math.MaxInt64/int64(n) {
			return 0, ErrShape
		}
		product *= int64(n)
	}
	if empty {
		return 0, nil
	}
	return product, nil
}

// Equal reports whether both shapes have the same dimensions.
func (s Shape) Equal(other Shape) bool { return slices.Equal(s, other) }

// String returns the form "[768, 3, 16, 16]".
func (s Shape) String() string {
	parts := make([]string, len(s))
	for i, n := range s {
		parts[i] = strconv.Itoa(n)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
