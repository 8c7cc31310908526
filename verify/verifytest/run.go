package verifytest

import (
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
)

// Run verifies an engine against every recording of a small model, in the dtype of the recording, or in float32 if the engine does not support that. Float64
// recordings are verified in float32 too. options say which device to use.
func Run(t *testing.T, e engine.Engine, options engine.Options) {
	for _, g := range slices.Concat(Small(t), Tokenizers(t)) {
		for _, dtype := range dtypes(e, g.Recording.DType) {
			options := options
			options.DType = dtype
			t.Run(g.Name+"/"+dtype.String(), func(t *testing.T) {
				t.Parallel()
				Verified(t, g, e, options)
			})
		}
	}
}

// dtypes returns the dtypes in which a recording is verified.
func dtypes(e engine.Engine, recorded tensor.DType) []tensor.DType {
	switch {
	case !engine.Supports(e, recorded):
		return []tensor.DType{tensor.F32}
	case recorded == tensor.F64:
		return []tensor.DType{tensor.F64, tensor.F32}
	}
	return []tensor.DType{recorded}
}

// Verified fails the test unless the recording verifies, and returns the result.
func Verified(t testing.TB, g Golden, e engine.Engine, options engine.Options) *verify.Result {
	t.Helper()
	subject := verify.Subject{Name: g.Config.Name, Config: g.Config, Weights: g.Weights, Engine: e, Options: options}
	result, err := verify.Verify(t.Context(), subject, verify.Recorded(g.Name, g.Recording), verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tap := range result.Taps {
		if !tap.OK {
			t.Errorf("%s: off by %.3g, tolerance %.3g (%d values not finite)", tap.Name, tap.MaxAbs, tap.Tolerance, tap.NonFinite)
		}
	}
	if wanted := comparable(g); len(result.Taps) < wanted {
		t.Errorf("%d of %d recorded activations were compared", len(result.Taps), wanted)
	}
	return result
}

// comparable returns how many of the recorded activations are stages of the model; visual tokens are what a dVAE's decoder reads.
func comparable(g Golden) (count int) {
	for _, a := range g.Recording.Activations {
		if slices.ContainsFunc(engine.Stages(g.Config), func(s engine.Stage) bool { return s.String() == a.Name }) {
			count++
		}
	}
	return count
}
