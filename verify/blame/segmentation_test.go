//go:build !race

package blame

import (
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/tensor"
)

// segmenter is a small UPerNet: its smallest map is smaller than the largest scale of the pyramid, and its sides differ.
func segmenter() arch.Config {
	return arch.Config{
		Kind: arch.UPerNet, ImageHeight: 32, ImageWidth: 48, PatchSize: 8, Channels: 3, EmbedDim: 16, HiddenDim: 24, Depth: 6, Heads: 2, Classes: 5,
		Pooling: arch.NoPooling, Bias: arch.BlockBias, LayerScale: true, Epsilon: arch.Epsilon,
		Segmentation: arch.Segmentation{Taps: [arch.Levels]arch.Tap{1, 2, 3, 4}, Channels: 10, AuxiliaryChannels: 8, PoolScales: arch.UsualPoolScales},
	}
}

// drawnSegmenter returns weights in which no two parameters are alike, with variances that are positive.
func drawnSegmenter(t *testing.T, config arch.Config) []tensor.Named {
	t.Helper()
	weights := drawn(config)
	for i, p := range config.Params() {
		if !p.Buffer {
			continue
		}
		values, err := tensor.Float64s(weights[i].View)
		if err != nil {
			t.Fatal(err)
		}
		for j, v := range values {
			values[j] = 0.3 + v*v
		}
		weights[i].View = tensor.View{DType: tensor.F64, Shape: p.Shape, Data: doubles{whatif.NewTensor(p.Shape, values)}}
	}
	return weights
}

// segmented returns what a model with a hypothesis computes at all stages, and whether the hypothesis applies.
func segmented(t *testing.T, config arch.Config, weights []tensor.Named, h *hypothesis) (seen map[string]engine.Activation, applied bool) {
	t.Helper()
	s, err := NewSearch(config, weights)
	if err != nil {
		t.Fatal(err)
	}
	w := newWalker()
	if h != nil {
		w = newWalker(scoped{*h, allBlocks})
	}
	seen = map[string]engine.Activation{}
	input := whatif.InputOf(inputOf(config))
	last := engine.Stage{Kind: engine.Logits}
	m := &march{search: s, input: input, stage: last, assumed: newWalker(), account: &account{}}
	if _, err := m.plainly(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.advance(t.Context(), 0, []*walker{w}); err != nil {
		t.Fatal(err)
	}
	tokens := tensor.Shape{2, config.Tokens(), config.EmbedDim}
	for blocks := range config.Depth + 1 {
		stream := m.plain[blocks]
		if w.streams[blocks] != nil {
			stream = w.streams[blocks]
		}
		name := "embed"
		if blocks > 0 {
			name = engine.Stage{Kind: engine.Block, Block: blocks - 1}.String()
		}
		seen[name] = engine.Activation{Name: name, Shape: tokens, Values: stream.Values}
	}
	for _, stage := range engine.Stages(config) {
		if !decodes(config, stage) {
			continue
		}
		m.stage = stage
		rows, err := m.decoded(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		seen[stage.String()] = planes(config, stage, rows)
	}
	return seen, slices.Contains(w.applied, true)
}

// planes returns the vectors of pixels as an activation, [2, C, height, width].
func planes(config arch.Config, stage engine.Stage, rows *whatif.Rows) engine.Activation {
	height, width := config.LevelSize(map[engine.StageKind]int{engine.Feature: stage.Block, engine.Lateral: stage.Block, engine.Pyramid: 3, engine.AuxiliaryLogits: 2}[stage.Kind])
	if stage.Kind == engine.FullLogits {
		height, width = config.ImageHeight, config.ImageWidth
	}
	values := make([]float64, 0, len(rows.Values))
	for picture := range 2 {
		for c := range rows.Width {
			for i := range height * width {
				values = append(values, rows.Row(picture*height*width + i)[c])
			}
		}
	}
	return engine.Activation{Name: stage.String(), Shape: tensor.Shape{2, rows.Width, height, width}, Values: values}
}

// mapCase returns the case of a stage behind the blocks, alone or with nothing before it.
func mapCase(config arch.Config, seen map[string]engine.Activation, stage engine.Stage, alone bool) Case {
	c := Case{Input: inputOf(config), After: seen[stage.String()], Limit: Limit{Max: 1e-9}}
	if !alone {
		return c
	}
	for _, before := range stage.Inputs(config) {
		c.Maps = append(c.Maps, seen[before.String()])
	}
	for level := range c.Features {
		a := seen[engine.Stage{Kind: engine.Feature, Block: level}.String()]
		c.Features[level] = &a
	}
	return c
}

// ownStage returns a stage of the model as it is from what the reference has before it.
func ownStage(t *testing.T, s *Search, c Case, stage engine.Stage) []float64 {
	t.Helper()
	target := s.decoderTarget(c, stage)
	got, err := target.compute(t.Context(), newDraft(s.model, whatif.InputOf(c.Input), stage))
	if err != nil {
		t.Fatal(err)
	}
	return got.Values
}

// TestFind_EachHypothesisOfSegmenters computes a UPerNet under each hypothesis about what it has behind its blocks, and makes sure that Find names it at the first
// stage that is wrong alone, and from logits alone.
func TestFind_EachHypothesisOfSegmenters(t *testing.T) {
	t.Parallel()
	config := segmenter()
	// There are hundreds, which differ in the layer. All of programs are looked for, and one of few of the others; from logits alone, which takes seconds, the first
	// of each name.
	const few = 10
	names := map[string]bool{}
	weights := drawnSegmenter(t, config)
	right, _ := segmented(t, config, weights, nil)
	for i, h := range inSegmentation(config) {
		first := !names[h.name]
		names[h.name] = true
		if !first && h.side != Program && i%few != 0 {
			continue
		}
		t.Run(h.name+"/"+h.says, func(t *testing.T) {
			t.Parallel()
			wrong, applied := segmented(t, config, weights, &h)
			if !applied {
				t.Fatal("it does not apply")
			}
			s, err := NewSearch(config, weights)
			if err != nil {
				t.Fatal(err)
			}
			seen := 0
			for _, stage := range engine.Stages(config) {
				if !decodes(config, stage) || h.whole && stage.Kind != engine.Feature {
					continue
				}
				c := mapCase(config, wrong, stage, true)
				if farOff(ownStage(t, s, c, stage), mapOf(c.After).Values) {
					checkMap(t, s, c, h)
					seen++
				}
			}
			for _, kind := range []engine.StageKind{engine.Logits, engine.FullLogits, engine.AuxiliaryLogits} {
				stage := engine.Stage{Kind: kind}
				if seen > 0 && (kind != engine.Logits || !first) || !farOff(right[stage.String()].Values, wrong[stage.String()].Values) {
					continue
				}
				s.SetEffort(All())
				checkMap(t, s, mapCase(config, wrong, stage, false), h)
				seen++
			}
			if seen == 0 && h.name != "pool-scales" { // scales beyond the size of the map change nothing
				t.Error("nothing shows it")
			}
		})
	}
}

func farOff(a, b []float64) bool {
	for i, v := range a {
		if d := v - b[i]; d > 1e-7 || d < -1e-7 {
			return true
		}
	}
	return false
}

// sameOfMaps are hypotheses that compute the same in this model.
var sameOfMaps = map[string][]string{"pool-scales": {"resize"}}

func checkMap(t *testing.T, s *Search, c Case, h hypothesis) {
	t.Helper()
	found, err := s.Find(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 || found[0].Hypothesis != h.name && !slices.Contains(sameOfMaps[h.name], found[0].Hypothesis) {
		t.Errorf("%s, alone %t: found %s", c.After.Name, c.Maps != nil, names(found))
		return
	}
	if f := found[0]; f.Distance > f.Tolerance || f.Without <= 1e-9 || (f.Side == Checkpoint || f.Side == Either) != (len(f.Edits) > 0) {
		t.Errorf("%s, alone %t: found %+v", c.After.Name, c.Maps != nil, f)
	}
}

// TestFind_HealthySegmenter: a right model has nothing wrong at any stage.
func TestFind_HealthySegmenter(t *testing.T) {
	t.Parallel()
	config := segmenter()
	weights := drawnSegmenter(t, config)
	right, _ := segmented(t, config, weights, nil)
	for _, stage := range engine.Stages(config) {
		if !decodes(config, stage) {
			continue
		}
		s, err := NewSearch(config, weights)
		if err != nil {
			t.Fatal(err)
		}
		for _, alone := range []bool{false, true} {
			found, err := s.Find(t.Context(), mapCase(config, right, stage, alone))
			if err != nil || len(found) != 1 || found[0].Hypothesis != Healthy {
				t.Errorf("%s, alone %t: found %+v, error %v", stage, alone, found, err)
			}
		}
	}
}
