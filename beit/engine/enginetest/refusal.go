package enginetest

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// weights returns seeded weights in memory.
func weights(config arch.Config) []tensor.Named {
	made := synth.Weights(config, 1)
	for i, w := range made {
		raw, err := w.Bytes()
		if err == nil {
			made[i].Data = tensor.Memory(raw)
		}
	}
	return made
}

// weightsCopied checks that a model does not read its tensors after Load.
func (s *suite) weightsCopied(t *testing.T, config arch.Config) {
	given := weights(config)
	model, err := s.engine.Load(t.Context(), config, given, s.options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := model.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	want := forward(t, model, inputs(config))
	for _, w := range given {
		clear(w.Data.(tensor.Memory))
	}
	if diff := cmp.Diff(want, forward(t, model, inputs(config))); diff != "" {
		t.Error(diff)
	}
}

func (s *suite) wrongInput(t *testing.T) {
	one := base.Channels * base.ImageHeight * base.ImageWidth
	masked := with(func(c *arch.Config) { c.Bias, c.Pooling, c.MaskToken = arch.SharedBias, arch.AllTokens, true })
	for _, c := range []struct {
		name   string
		config arch.Config
		input  engine.Input
		what   string
	}{
		{"no images", base, engine.Input{}, "pixels"},
		{"a pixel short", base, engine.Input{Pixels: make([]float32, one-1)}, "pixels"},
		{"half an image too much", base, engine.Input{Pixels: make([]float32, one*3/2)}, "pixels"},
		{"a mask for a classifier", base, engine.Input{Pixels: make([]float32, one), Mask: make([]bool, base.Patches())}, "mask"},
		{"a short mask", masked, engine.Input{Pixels: make([]float32, 2*one), Mask: make([]bool, masked.Patches())}, "mask"},
	} {
		_, err := s.load(t, c.config).Forward(t.Context(), c.input, nil)
		var problem *engine.InputError
		if !errors.As(err, &problem) || problem.What != c.what {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}

// wrongWeights checks that all differences from the architecture are reported together.
func (s *suite) wrongWeights(t *testing.T) {
	good := weights(base)
	for _, c := range []struct {
		name   string
		change func([]tensor.Named) []tensor.Named
		want   engine.ParametersError
	}{
		{"missing", func(w []tensor.Named) []tensor.Named { return w[1:] }, engine.ParametersError{Missing: []string{"cls_token"}}},
		{"no weights", func([]tensor.Named) []tensor.Named { return nil }, engine.ParametersError{Missing: []string{"blocks.1.norm1.weight"}}},
		{"unexpected", func(w []tensor.Named) []tensor.Named {
			return append(w, tensor.Named{Name: "surprise", View: w[0].View})
		}, engine.ParametersError{Unexpected: []string{"surprise"}}},
		{"twice", func(w []tensor.Named) []tensor.Named { return append(w, w[3]) }, engine.ParametersError{Repeated: []string{good[3].Name}}},
		{"shape", func(w []tensor.Named) []tensor.Named {
			w[0].Shape = tensor.Shape{base.EmbedDim}
			return w
		}, engine.ParametersError{Ill: []string{"cls_token is F32 [30], not [1, 1, 30]"}}},
		{"dtype", func(w []tensor.Named) []tensor.Named {
			w[0].DType = tensor.I32
			return w
		}, engine.ParametersError{Ill: []string{"cls_token is I32 [1, 1, 30], not [1, 1, 30]"}}},
		{"several", func(w []tensor.Named) []tensor.Named {
			w[1].Name = "patch.weight"
			return w
		}, engine.ParametersError{Missing: []string{"patch_embed.proj.weight"}, Unexpected: []string{"patch.weight"}}},
	} {
		model, err := s.engine.Load(t.Context(), base, c.change(weights(base)), s.options)
		if model != nil {
			t.Errorf("%s: a model beside error %v", c.name, err)
		}
		var problem *engine.ParametersError
		if !errors.As(err, &problem) {
			t.Errorf("%s: error %v", c.name, err)
		} else if diff := cmp.Diff(c.want, *problem); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// unused has the ends of the names of what only training uses.
var unused = []string{".num_batches_tracked", "quantize.embedding.cluster_size", "quantize.embedding.embed_avg"}

// unreadable checks that each parameter that has too few bytes is reported by its name.
func (s *suite) unreadable(t *testing.T, config arch.Config) {
	for i, w := range weights(config) {
		if slices.ContainsFunc(unused, func(end string) bool { return strings.HasSuffix(w.Name, end) }) {
			continue
		}
		short := weights(config)
		short[i].Data = tensor.Memory{1, 2, 3}
		model, err := s.engine.Load(t.Context(), config, short, s.options)
		if err == nil {
			t.Errorf("%s was loaded", w.Name)
			model.Close()
		} else if !strings.Contains(err.Error(), w.Name) {
			t.Errorf("%s has too few bytes: error %v", w.Name, err)
		}
	}
}

// impossible checks that an impossible configuration is rejected before anything is computed from it.
func (s *suite) impossible(t *testing.T) {
	for _, c := range []struct {
		field  string
		change func(*arch.Config)
	}{
		{"patch_size", func(c *arch.Config) { c.PatchSize = 0 }},
		{"patch_size", func(c *arch.Config) { c.PatchSize = 5 }},
		{"heads", func(c *arch.Config) { c.Heads = 4 }},
		{"heads", func(c *arch.Config) { c.Heads = 0 }},
		{"image_height", func(c *arch.Config) { c.ImageHeight = -4 }},
		{"image_width", func(c *arch.Config) { c.ImageWidth = math.MaxInt }},
		{"depth", func(c *arch.Config) { c.Depth = -1 }},
		{"depth", func(c *arch.Config) { c.Depth = 0 }},
		{"depth", func(c *arch.Config) { c.Depth = math.MaxInt }},
		{"classes", func(c *arch.Config) { c.Classes = -1 }},
		{"pooling", func(c *arch.Config) { c.Pooling = "" }},
		{"relative_position_bias", func(c *arch.Config) { c.Bias = "none of them" }},
		{"epsilon", func(c *arch.Config) { c.Epsilon = -1 }},
		{"epsilon", func(c *arch.Config) { c.Epsilon = 0 }},
	} {
		config := with(c.change)
		_, err := s.engine.Load(t.Context(), config, weights(base), s.options)
		var problem *arch.ConfigError
		if !errors.As(err, &problem) || problem.Problems[0].Field != c.field {
			t.Errorf("%s: error %v", c.field, err)
		}
	}
}

func (s *suite) unknownDevice(t *testing.T) {
	for _, device := range []string{"abacus", "cuda:99"} {
		options := s.options
		options.Device = device
		if _, err := s.engine.Load(t.Context(), base, weights(base), options); !errors.Is(err, engine.ErrUnavailable) {
			t.Errorf("device %q: error %v", device, err)
		}
	}
}
