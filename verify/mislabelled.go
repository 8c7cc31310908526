package verify

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/drift"
	"github.com/beitzoo/beitzoo/verify/recording"
)

// shownDType returns the dtype that the values of a recording show that it was computed in: the stated one, unless they contradict it. What was computed in
// half precision, be it in some of the layers, has activations that are numbers of that dtype, but for autocast, which adds them up in float32; and what was computed
// in float64 is not all float32's.
func shownDType(r *recording.Recording) tensor.DType {
	some := func(dtype tensor.DType) bool {
		return slices.ContainsFunc(r.Activations, func(a engine.Activation) bool {
			// Visual tokens are whole numbers, and pictures are 0 and 1 in many places, whatever they were computed in.
			return a.Name != tokens && a.Name != pictureStage && 2*countOf(a.Values, dtype) >= len(a.Values)
		})
	}
	switch r.DType {
	case tensor.F64:
		if onlyOf(r.Activations, tensor.F32) {
			return tensor.F32
		}
	case tensor.BF16, tensor.F16:
		switch {
		case len(r.Activations) == 0 || r.Autocast != "" || some(r.DType):
		case some(tensor.F16):
			return tensor.F16
		default:
			return tensor.F32
		}
	}
	return r.DType
}

// countOf returns how many values have no more bits than the numbers of a dtype.
func countOf(values []float64, dtype tensor.DType) (count int) {
	bits := dtype.SignificantBits()
	for _, v := range values {
		fraction, _ := math.Frexp(v)
		if scaled := math.Ldexp(fraction, bits); scaled == math.Trunc(scaled) || !drift.Finite(v) {
			count++
		}
	}
	return count
}

// onlyOf reports whether all values are numbers of a dtype, and enough of them use its bits to be no coincidence.
func onlyOf(activations []engine.Activation, dtype tensor.DType) bool {
	const enough = 16
	telling := 0
	for _, a := range activations {
		if countOf(a.Values, dtype) < len(a.Values) {
			return false
		}
		telling += len(a.Values) - countOf(a.Values, tensor.F16)
	}
	return telling >= enough
}

// verifyMislabelled verifies beside a reference whose values contradict the dtype that it states. If they are finer, it is judged as what they are; but what
// then differs for no reason that has a name may be the work of a few layers in the stated dtype, and is judged by that.
func verifyMislabelled(ctx context.Context, subject Subject, reference Reference, options Options) (*Result, error) {
	stated, shown := reference.stated, reference.DType
	options.NoBlame = false // whether a difference has a reason decides by what is judged
	result, err := verifyOnce(ctx, subject, reference, options)
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("the reference says %s, but none of its activations has numbers of that", spelled(stated))
	if stated == tensor.F64 {
		what = fmt.Sprintf("the reference says %s, but all of its values are %s's", spelled(stated), spelled(shown))
	}
	judged := ": it is judged as computed in " + spelled(shown)
	if first := result.FirstDivergence; stated != tensor.F64 && !result.OK && !named(result.Findings) {
		reference.DType = stated
		if result, err = verifyOnce(ctx, subject, reference, options); err != nil {
			return nil, err
		}
		judged = fmt.Sprintf("; it is judged by that all the same, since %s is not within the rounding of %s, and no fault explains it", first, spelled(shown))
	}
	result.Remarks = append(result.Remarks, Remark{mislabelled, what + judged})
	return result, nil
}

// named reports whether all findings say what is wrong, and that not only that the program computes in half precision, as it states.
func named(findings []blame.Finding) bool {
	nameless := []string{blame.Unexplained, blame.Healthy, "half-precision", "half-weights"}
	return len(findings) > 0 && !slices.ContainsFunc(findings, func(f blame.Finding) bool { return slices.Contains(nameless, f.Hypothesis) })
}
