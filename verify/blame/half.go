package blame

import (
	"context"
	"math"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// halfTypes are the dtypes that programs compute in to be fast.
var halfTypes = []struct {
	says  string
	round func(values []float64)
}{
	{"bfloat16 (bf16)", rounding(func(v float64) float64 { return toBits(v, 8, -126) })},
	{"float16 (f16)", rounding(func(v float64) float64 { return toBits(v, 11, -14) })},
}

func rounding(f func(float64) float64) func([]float64) {
	return func(values []float64) {
		for i, v := range values {
			values[i] = f(v)
		}
	}
}

// toBits rounds to so many significant bits, to even, of numbers whose smallest normal exponent is least.
func toBits(v float64, bits, least int) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return v
	}
	_, exponent := math.Frexp(v) // v is below 2^exponent
	step := max(exponent-1, least) - bits + 1
	return math.Ldexp(math.RoundToEven(math.Ldexp(v, -step)), step)
}

// halfPrecision is the hypothesis that a program computes in half precision. What is so at one stage is so at others, and a wide model takes long to search in.
const halfPrecision = "half-precision"

// halved tries whether the reference was computed in half precision, as with autocast. No draft agrees to rounding then, since sums are rounded in an order
// that nobody knows; but one that rounds as such programs do comes much nearer.
func (s *Search) halved(ctx context.Context, t *target, start *trial) (*trial, error) {
	const nearer, most = 0.6, 0.2
	if own := drift.Compare(t.want.Values, make([]float64, len(t.want.Values))); start.distance.RMS > most*own.RMS {
		return nil, nil // so far no rounding leads within a block
	}
	if start.draft.Rules.Round != nil { // as what was explained before says
		plain := start.draft.copied()
		plain.Rules.Round, plain.Rules.RoundScores = nil, nil
		distance, err := t.distance(ctx, plain)
		if err != nil {
			return nil, err
		}
		if start, err = t.trial(ctx, plain, distance, start.hypotheses, start.notes); err != nil {
			return nil, err
		}
	}
	for i := range 2 * len(halfTypes) {
		half, scores := halfTypes[i/2], i%2 > 0
		h := program(halfPrecision, t.parts, "it is computed in "+half.says+", but for what the order of sums makes", "compute in float32, without autocast",
			func(r *whatif.Rules) {
				r.Round = half.round
				if scores {
					r.RoundScores = half.round
				}
			})
		next, err := t.try(ctx, start, h)
		if err != nil {
			return nil, err
		}
		if next == nil || !(next.distance.RMS < nearer*start.distance.RMS) {
			continue
		}
		if next.distance, err = t.distance(ctx, next.draft); err != nil { // which may have been estimated
			return nil, err
		}
		if next.distance.RMS < nearer*start.distance.RMS {
			next.limit = Limit{Max: next.distance.MaxAbs}
			return next, nil
		}
	}
	return nil, nil
}
