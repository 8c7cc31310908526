package verify

import (
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// Precision says how a tolerance follows from measured rounding noise. Noise is the largest distance at one tap between the native engine
// in float64 and the same engine in the dtype in question, on the same weights and inputs. Then
//
//	tolerance = Multiple * max(Noise * Scale, Steps * Epsilon * largest magnitude at the tap)
//
// The second term is for taps at which the measured run happened to round little. docs/tolerance.md explains all of it.
type Precision struct {
	DType tensor.DType
	// Measured is the dtype whose noise is measured; Scale turns it into that of DType.
	Measured tensor.DType
	Scale    float64
	// Epsilon is the distance from 1 to the next number of DType.
	Epsilon  float64
	Steps    float64
	Multiple float64
}

// precisions has a row for each dtype, coarsest last.
//
// Float64 cannot be measured against anything finer, so float32's noise is scaled: by 2^-29 for the shorter mantissa, and by 32 because
// float64 implementations differ by the quality of their exp and erf more than by rounding.
//
// The figures behind Multiple and Steps are in docs/tolerance.md.
var precisions = []Precision{
	{DType: tensor.F64, Measured: tensor.F32, Scale: 0x1p-24, Epsilon: 0x1p-52, Steps: 64, Multiple: 8},
	{DType: tensor.F32, Measured: tensor.F32, Scale: 1, Epsilon: 0x1p-23, Steps: 2, Multiple: 8},
	{DType: tensor.F16, Measured: tensor.F16, Scale: 1, Epsilon: 0x1p-10, Steps: 1, Multiple: 4},
	{DType: tensor.BF16, Measured: tensor.BF16, Scale: 1, Epsilon: 0x1p-7, Steps: 1, Multiple: 4},
}

// precision returns the row of a dtype, or that of float32 for a dtype without one.
func precision(dtype tensor.DType) Precision {
	for _, p := range precisions {
		if p.DType == dtype {
			return p
		}
	}
	return precision(tensor.F32)
}

// coarser returns the one of two dtypes with the larger rounding error. A dtype without a row does not count.
func coarser(a, b tensor.DType) tensor.DType {
	chosen := a
	for _, p := range precisions {
		if p.DType == a || p.DType == b {
			chosen = p.DType
		}
	}
	return chosen
}

// tolerance returns the largest distance that counts as rounding. It is 0 if the noise is not finite: then only what is equal passes.
func (p Precision) tolerance(noise drift.Distance) float64 {
	if noise.NonFinite > 0 {
		return 0
	}
	return p.Multiple * max(noise.MaxAbs*p.Scale, p.Steps*p.Epsilon*noise.Largest)
}
