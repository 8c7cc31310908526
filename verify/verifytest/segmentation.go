package verifytest

import (
	"math"
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// segmentationOff is how far an activation of UPerNet may be from the recording, relative to its largest value, in the coarser dtype of the two.
var segmentationOff = map[tensor.DType]float64{tensor.F64: 1e-12, tensor.F32: 3e-6, tensor.F16: 1e-2, tensor.BF16: 8e-2}

// RunSegmentation compares UPerNet with what unilm's backbone and mmsegmentation's heads computed, and transformers' UperNetForSemanticSegmentation, in all dtypes
// that has returns true for. Its bounds are plain, and in float64 nearer than those of package verify, which Run checks.
func RunSegmentation(t *testing.T, e engine.Engine, options engine.Options, has func(dtype tensor.DType) bool) {
	for _, g := range Segmenters(t) {
		for _, dtype := range []tensor.DType{tensor.F64, tensor.F32, tensor.F16, tensor.BF16} {
			if !has(dtype) {
				continue
			}
			options := options
			options.DType = dtype
			t.Run(g.Name+"/"+dtype.String(), func(t *testing.T) {
				t.Parallel()
				segmented(t, g, e, options, max(segmentationOff[dtype], segmentationOff[g.Recording.DType]))
			})
		}
	}
}

func segmented(t *testing.T, g Golden, e engine.Engine, options engine.Options, off float64) {
	model, err := e.Load(t.Context(), g.Config, g.Weights, options)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	compared := 0
	_, err = model.Forward(t.Context(), engine.Input{Pixels: g.Recording.Pixels}, func(a engine.Activation) error {
		want, recorded := g.Recording.Activation(a.Name)
		if !recorded {
			return nil
		}
		compared++
		if !a.Shape.Equal(want.Shape) {
			t.Errorf("%s is %s, not %s", a.Name, a.Shape, want.Shape)
			return nil
		}
		largest, worst := 0.0, 0.0
		for i, v := range want.Values {
			largest, worst = max(largest, math.Abs(v)), max(worst, math.Abs(v-a.Values[i]))
		}
		if !(worst <= off*largest) {
			t.Errorf("%s: off by %.2g, largest %.3g", a.Name, worst, largest)
		}
		return nil
	})
	if err != nil || compared != len(g.Recording.Activations) || compared == 0 {
		t.Errorf("%d of %d activations were compared: %v", compared, len(g.Recording.Activations), err)
	}
}
