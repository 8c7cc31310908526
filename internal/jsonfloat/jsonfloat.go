// Package jsonfloat writes floating-point numbers as JSON, which has no NaN and no infinities.
package jsonfloat

import (
	"encoding/json"
	"math"
)

// Number is a float64 that is written as a JSON number, or, if it is not finite, as one of the strings "NaN", "Infinity" and "-Infinity".
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	switch f := float64(n); {
	case math.IsNaN(f):
		return []byte(`"NaN"`), nil
	case math.IsInf(f, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(f, -1):
		return []byte(`"-Infinity"`), nil
	default:
		return json.Marshal(f)
	}
}
