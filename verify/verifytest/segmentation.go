package verifytest

import (
	"math"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// segmenters are small models with UPerNet, and what the programs of their recordings computed. One of them taps the last block.
var segmenters = []struct {
	architecture, weights, recording string
	// recorded is the dtype of the recording, and stages how many activations it has.
	recorded tensor.DType
	stages   int
}{
	{"tiny_seg_p16_48", "seg_p16_48.unilm.pth", "seg_p16_48.unilm.float64", tensor.F64, 12},
	{"tiny_seg_p16_48", "seg_p16_48.unilm.pth", "seg_p16_48.unilm.float32", tensor.F32, 12},
	{"tiny_seg_p16_48", "seg_p16_48.unilm.pth", "seg_p16_48.hf_upernet.float64", tensor.F64, 1},
	{"tiny_seg_p16_64", "seg_p16_64.unilm.pth", "seg_p16_64.unilm.float64", tensor.F64, 12},
}

// RunSegmentation compares UPerNet with what unilm's backbone and mmsegmentation's heads computed, and transformers' UperNetForSemanticSegmentation, in all dtypes
// that the engine has.
func RunSegmentation(t *testing.T, e engine.Engine, options engine.Options) {
	// off is how far an activation may be from the recording, relative to its largest value, if both were computed in the better of the two dtypes.
	for _, c := range []struct {
		tensor.DType
		off float64
	}{{tensor.F64, 1e-12}, {tensor.F32, 3e-6}, {tensor.F16, 1e-2}, {tensor.BF16, 8e-2}} {
		if !engine.Supports(e, c.DType) {
			continue
		}
		options := options
		options.DType = c.DType
		for _, s := range segmenters {
			off := c.off
			if s.recorded == tensor.F32 {
				off = max(off, 3e-6)
			}
			t.Run(s.recording+"/"+c.String(), func(t *testing.T) {
				t.Parallel()
				config, err := arch.ByName(s.architecture)
				if err != nil {
					t.Fatal(err)
				}
				if got := segmented(t, e, options, config, s.weights, s.recording, off); got != s.stages {
					t.Errorf("%d activations were compared, not %d", got, s.stages)
				}
			})
		}
	}
}

// segmented returns how many activations were compared.
func segmented(t *testing.T, e engine.Engine, options engine.Options, config arch.Config, weights, recording string, off float64) (compared int) {
	t.Helper()
	recorded, input := map[string]engine.Activation{}, engine.Input{}
	for _, r := range opened(t, "segmentation/"+recording+".recording.safetensors") {
		values, err := tensor.Float64s(r.View)
		if err != nil {
			t.Fatal(err)
		}
		recorded[r.Name] = engine.Activation{Shape: r.Shape, Values: values}
	}
	for _, v := range recorded["input"].Values {
		input.Pixels = append(input.Pixels, float32(v))
	}
	model, err := e.Load(t.Context(), config, segmenterWeights(t, config, "segmentation/"+weights), options)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	_, err = model.Forward(t.Context(), input, func(a engine.Activation) error {
		want, found := recorded[a.Name]
		if !found {
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
		if t.Logf("%s: off by %.2g of %.3g", a.Name, worst, largest); !(worst <= off*largest) {
			t.Errorf("%s: off by %.2g, largest %.3g", a.Name, worst, largest)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return compared
}

// segmenterWeights returns the parameters in a file of unilm, whose names are the canonical ones but for the prefix of the backbone.
func segmenterWeights(t *testing.T, config arch.Config, name string) (weights []tensor.Named) {
	t.Helper()
	held := map[string]tensor.Named{}
	for _, w := range opened(t, name) {
		w.Name = strings.TrimPrefix(w.Name, "backbone.")
		held[w.Name] = w
	}
	for _, p := range config.Params() {
		weights = append(weights, held[p.Name])
	}
	return weights
}
