package convert

import (
	"math"
	"strconv"
)

// Number is a value of a tensor. In JSON it is a number, or "NaN", "Infinity", "-Infinity", which JSON lacks.
type Number float64

// MarshalJSON writes non-finite numbers as text.
func (n Number) MarshalJSON() ([]byte, error) {
	switch f := float64(n); {
	case math.IsNaN(f):
		return []byte(`"NaN"`), nil
	case math.IsInf(f, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(f, -1):
		return []byte(`"-Infinity"`), nil
	default:
		return strconv.AppendFloat(nil, f, 'g', -1, 64), nil
	}
}
