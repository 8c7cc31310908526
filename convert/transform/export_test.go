package transform

import (
	"fmt"

	"github.com/beitzoo/beitzoo/tensor"
)

// CastTo rounds to another float type. The inverse casts back to from, which restores the values only where the cast widened.
func CastTo(from, to tensor.DType) Operation {
	return Operation{
		Name: fmt.Sprintf("cast from %s to %s", from, to), in: 1, Lossy: !Widens(from, to),
		forward: func(in []tensor.View) ([]tensor.View, error) { return one(Cast(in[0], to)) },
		inverse: func() Operation { return CastTo(to, from) },
	}
}
