package verify_test

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/recording"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// TestVerify_NamesFaultsOfSegmenters plants faults in the weights or taps of the model that computes the reference, and wants each of them named.
func TestVerify_NamesFaultsOfSegmenters(t *testing.T) {
	t.Parallel()
	goldens := verifytest.Segmenters(t)
	g := goldens[0]
	for name, c := range map[string]struct {
		want   string
		stages []string
		change func(config *arch.Config, name string, shape tensor.Shape, values []float64)
	}{
		"taps": {"taps", nil, func(config *arch.Config, _ string, _ tensor.Shape, _ []float64) {
			for i, tap := range g.Config.Segmentation.Taps {
				config.Segmentation.Taps[i] = tap - 1
			}
		}},
		"taps, from logits alone": {"taps", []string{"logits"}, func(config *arch.Config, _ string, _ tensor.Shape, _ []float64) {
			for i, tap := range g.Config.Segmentation.Taps {
				config.Segmentation.Taps[i] = tap + 1
			}
		}},
		"batch norms without statistics": {"batch-norm", []string{"logits"}, func(_ *arch.Config, name string, _ tensor.Shape, values []float64) {
			value, found := map[string]float64{"mean": 0, "var": 1}[name[strings.LastIndexByte(name, '_')+1:]]
			for i := 0; found && i < len(values); i++ {
				values[i] = value
			}
		}},
		"axes of the necks": {"axes", nil, func(_ *arch.Config, name string, shape tensor.Shape, values []float64) {
			if !strings.HasPrefix(name, "fpn") || len(shape) != 4 {
				return
			}
			old, area := slices.Clone(values), shape[2]*shape[3]
			for i := range values {
				in, out := i/area/shape[1], i/area%shape[1]
				values[i] = old[(out*shape[1]+in)*area+i%area]
			}
		}},
		"kernels of the necks turned by 180 degrees": {"turned-kernel", nil, func(_ *arch.Config, name string, shape tensor.Shape, values []float64) {
			if area := 4; strings.HasPrefix(name, "fpn") && len(shape) == 4 {
				for kernel := range slices.Chunk(values, area) {
					slices.Reverse(kernel)
				}
			}
		}},
		"classes in reverse, from logits alone": {"class-order", []string{"logits"}, func(_ *arch.Config, name string, shape tensor.Shape, values []float64) {
			if strings.HasPrefix(name, "decode_head.conv_seg.") {
				reverseRows(shape, values)
			}
		}},
		"classes off by one": {"class-order", nil, func(_ *arch.Config, name string, shape tensor.Shape, values []float64) {
			if strings.HasPrefix(name, "decode_head.conv_seg.") {
				width := len(values) / shape[0]
				copy(values, append(slices.Clone(values[width:]), values[:width]...))
			}
		}},
		"pool scales in another order, from logits alone": {"pool-scales", []string{"logits"}, func(config *arch.Config, _ string, _ tensor.Shape, _ []float64) {
			config.Segmentation.PoolScales = [arch.Levels]int{6, 3, 2, 1}
		}},
		"another pool scale": {"pool-scales", nil, func(config *arch.Config, _ string, _ tensor.Shape, _ []float64) {
			config.Segmentation.PoolScales = [arch.Levels]int{1, 2, 3, 1}
		}},
		"another epsilon of layer norms": {"epsilon", nil, func(config *arch.Config, _ string, _ tensor.Shape, _ []float64) { config.Epsilon = 1e-3 }},
		"another epsilon of layer norms, from logits alone": {"epsilon", []string{"logits"}, func(config *arch.Config, _ string, _ tensor.Shape, _ []float64) {
			config.Epsilon = 1e-12
		}},
		"no layer scale, from logits alone": {"no-layer-scale", []string{"logits"}, func(_ *arch.Config, name string, _ tensor.Shape, values []float64) {
			for i := 0; strings.Contains(name, ".gamma_") && i < len(values); i++ {
				values[i] = 1
			}
		}},
		"a bias that is left out": {"no-bias", nil, func(_ *arch.Config, name string, _ tensor.Shape, values []float64) {
			if name == "blocks.2.mlp.fc1.bias" {
				clear(values)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := g
			if strings.Contains(name, "pool scale") { // which one pixel cannot show
				g = goldens[len(goldens)-1]
			}
			r := run(t, subject(g, tensor.F64), verify.Recorded(name, segmenterWith(t, g, c.stages, c.change)))
			if r.OK || len(r.Findings) == 0 || r.Findings[0].Hypothesis != c.want {
				t.Errorf("verified: %t; found %+v", r.OK, r.Findings)
			}
		})
	}
}

// TestVerify_NotFiniteThoughInputIsRounded: that the recorded images are rounded, or the weights, explains no value that is not finite.
func TestVerify_NotFiniteThoughInputIsRounded(t *testing.T) {
	t.Parallel()
	for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		g := verifytest.Segmenters(t)[0]
		for _, golden := range verifytest.Segmenters(t) {
			if golden.Recording.DType == tensor.F64 {
				g = golden
			}
		}
		g.Weights = slices.Clone(g.Weights)
		change(t, g, "decode_head.conv_seg.bias", func(values []float64) []float64 {
			values[1] = value
			return values
		})
		r := run(t, subject(g, tensor.F64), verify.Recorded(g.Name, g.Recording))
		if r.OK || r.FirstDivergence != "logits" || len(r.Findings) == 0 || r.Findings[0].Hypothesis != "non-finite" {
			t.Errorf("%g: verified: %t, first %q, found %+v", value, r.OK, r.FirstDivergence, r.Findings)
		}
	}
}

// TestVerify_AuxiliaryLogits: logits in the size of the auxiliary head are called what they are.
func TestVerify_AuxiliaryLogits(t *testing.T) {
	t.Parallel()
	g := verifytest.Segmenters(t)[0]
	none := func(*arch.Config, string, tensor.Shape, []float64) {}
	made := segmenterWith(t, g, []string{"auxiliary_logits"}, none)
	made.Activations[0].Name = "logits"
	_, err := verify.Verify(t.Context(), subject(g, tensor.F64), verify.Recorded("auxiliary", made), verify.Options{})
	var mismatch *verify.MismatchError
	if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), "auxiliary head") {
		t.Errorf("%v", err)
	}
}

// reverseRows puts rows in reverse, in place.
func reverseRows(shape tensor.Shape, values []float64) {
	width := len(values) / shape[0]
	for a, b := 0, shape[0]-1; a < b; a, b = a+1, b-1 {
		for i := range width {
			values[a*width+i], values[b*width+i] = values[b*width+i], values[a*width+i]
		}
	}
}

// segmenterWith returns what the model of g computes with changed weights and taps.
func segmenterWith(
	t *testing.T, g verifytest.Golden, names []string, change func(config *arch.Config, name string, shape tensor.Shape, values []float64),
) *recording.Recording {
	t.Helper()
	config, weights := g.Config, slices.Clone(g.Weights)
	for i, w := range weights {
		if !w.DType.IsFloat() {
			continue
		}
		values, err := tensor.Float64s(w.View)
		if err != nil {
			t.Fatal(err)
		}
		change(&config, w.Name, w.Shape, values)
		raw := make([]byte, 0, 8*len(values))
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
		}
		weights[i].View = tensor.View{DType: tensor.F64, Shape: w.Shape, Data: tensor.Memory(raw)}
	}
	model, err := native.Engine{}.Load(t.Context(), config, weights, engine.Options{DType: tensor.F64})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	var stages []engine.Stage
	for _, name := range names {
		stage, err := engine.ParseStage(name)
		if err != nil {
			t.Fatal(err)
		}
		stages = append(stages, stage)
	}
	made, err := recording.Make(t.Context(), model, config, engine.Input{Pixels: g.Recording.Pixels}, recording.MakeOptions{Stages: stages})
	if err != nil {
		t.Fatal(err)
	}
	made.DType = tensor.F64
	return made
}
