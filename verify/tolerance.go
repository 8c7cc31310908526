package verify

import (
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// Precision says how a tolerance follows from measured rounding noise. Noise is the largest absolute difference at one tap between the native engine
// in float64 and the same engine in the dtype Measured, on the same weights and inputs. Then
//
//	tolerance = Multiple * max(Noise * Scale, Steps * Epsilon * largest magnitude at the tap)
//
// The second term is for taps at which the measured run happened to round little. The logits, which are all that some references have, are judged by their
// root mean square, too. docs/tolerance.md explains the formula and the figures.
type Precision struct {
	DType tensor.DType
	// Measured is the dtype whose noise is measured; noise times Scale is that of DType.
	Measured tensor.DType
	Scale    float64
	// Epsilon is the distance from 1 to the next number of DType.
	Epsilon  float64
	Steps    float64
	Multiple float64
	// MultipleRMS is that of root mean squares, which are steadier than largest differences; see toleranceRMS.
	MultipleRMS float64
}

// precisions has a row for each dtype, coarsest last.
//
// There is nothing finer to compare float64 with, so the noise of float32 is scaled: by 2^-29, since the mantissa is 29 bits longer, and by 32, because
// float64 implementations differ more in the quality of their exp and erf than in rounding.
//
// The figures behind Multiple and Steps are in docs/tolerance.md.
var precisions = []Precision{
	{DType: tensor.F64, Measured: tensor.F32, Scale: 0x1p-24, Epsilon: 0x1p-52, Steps: 64, Multiple: 8, MultipleRMS: 5},
	{DType: tensor.F32, Measured: tensor.F32, Scale: 1, Epsilon: 0x1p-23, Steps: 2, Multiple: 8, MultipleRMS: 5},
	{DType: tensor.F16, Measured: tensor.F16, Scale: 1, Epsilon: 0x1p-10, Steps: 1, Multiple: 4, MultipleRMS: 3},
	{DType: tensor.BF16, Measured: tensor.BF16, Scale: 1, Epsilon: 0x1p-7, Steps: 1, Multiple: 4, MultipleRMS: 3},
}

// precision returns the row of a dtype, or that of float32 if the dtype has none.
func precision(dtype tensor.DType) Precision {
	for _, p := range precisions {
		if p.DType == dtype {
			return p
		}
	}
	return precision(tensor.F32)
}

// coarser returns the dtype with the larger rounding error. A dtype without a row in precisions counts as exact.
func coarser(a, b tensor.DType) tensor.DType {
	chosen := a
	for _, p := range precisions {
		if p.DType == a || p.DType == b {
			chosen = p.DType
		}
	}
	return chosen
}

// tolerance returns the largest absolute difference that counts as rounding. If the noise is not finite it is 0, so only equal values pass.
func (p Precision) tolerance(noise drift.Distance) float64 {
	if noise.NonFinite > 0 {
		return 0
	}
	return p.Multiple * max(noise.MaxAbs*p.Scale, p.Steps*p.Epsilon*noise.Largest)
}

// toleranceRMS returns the largest root mean square of the differences that counts as rounding. Few values scatter more.
func (p Precision) toleranceRMS(noise drift.Distance, shape tensor.Shape) float64 {
	count, err := shape.Elements()
	if err != nil || noise.NonFinite > 0 {
		return 0
	}
	return p.MultipleRMS * spread(max(1, int(count)), 1) * max(noise.RMS*p.Scale, p.Steps*p.Epsilon*noise.Largest/4)
}
