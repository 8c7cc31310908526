package verify_test

import (
	"encoding/binary"
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
	g := verifytest.Segmenters(t)[0]
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
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, subject(g, tensor.F64), verify.Recorded(name, segmenterWith(t, g, c.stages, c.change)))
			if r.OK || len(r.Findings) == 0 || r.Findings[0].Hypothesis != c.want {
				t.Errorf("verified: %t; found %+v", r.OK, r.Findings)
			}
		})
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
