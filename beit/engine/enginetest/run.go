package enginetest

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// tolerances are how far, relative to an activation's largest magnitude, an engine may be from the definition. They are far above rounding and
// far below the effect of any mistake. Package verify has tolerances that are measured.
var tolerances = map[tensor.DType]float64{tensor.F64: 1e-12, tensor.F32: 1e-5, tensor.F16: 2e-2, tensor.BF16: 1e-1}

// Run runs the suite. options are passed to the engine; without a dtype it runs in float32.
func Run(t *testing.T, e engine.Engine, options engine.Options) {
	RunWithout(t, e, options, func(arch.Config) bool { return false })
}

// RunWithout is Run for an engine that lacks some models in that dtype, which it must refuse to load.
func RunWithout(t *testing.T, e engine.Engine, options engine.Options, lacks func(config arch.Config) bool) {
	if options.DType == tensor.Invalid {
		options.DType = tensor.F32
	}
	s := &suite{engine: e, options: options, tolerance: tolerances[options.DType], lacks: lacks}
	for _, m := range slices.Concat(family, tokenizers, segmenters, drawn(), drawnSegmenters()) {
		t.Run("definition/"+m.name, func(t *testing.T) { s.orRefused(t, m.config, s.definition) })
	}
	for _, test := range []struct {
		name string
		run  func(*testing.T, arch.Config)
	}{
		{"batch independence", s.batchIndependence},
		{"concurrency", s.concurrency},
		{"cancel", s.cancel},
		{"cancel while another computes", s.cancelBeside},
		{"tap error", s.tapError},
		{"tap leaves", s.tapLeaves},
		{"tap owns its activation", s.tapOwns},
		{"inputs are kept", s.inputsKept},
		{"weights are not needed after Load", s.weightsCopied},
		{"NaN", s.nan},
		{"infinite logit", s.infiniteLogit},
		{"parameters that can't be read", s.unreadable},
		{"use after Close", s.closed},
	} {
		for _, m := range kinds {
			t.Run(test.name+"/"+m.name, func(t *testing.T) { s.orRefused(t, m.config, test.run) })
		}
	}
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"no tap", s.noTap},
		{"wrong input", s.wrongInput},
		{"wrong tokens", s.wrongTokens},
		{"wrong weights", s.wrongWeights},
		{"impossible architectures", s.impossible},
		{"unknown device", s.unknownDevice},
		{"mask", s.mask},
		{"first of equals", s.firstOfEquals},
		{"saturated", s.saturated},
	} {
		t.Run(test.name, test.run)
	}
}

// kinds has a model of each kind.
var kinds = []member{
	{"classifier", base}, {"dvae encoder", encoder}, {"dvae decoder", decoder}, {"vqkd", vqkd}, {"upernet", segmenter},
}

type suite struct {
	engine    engine.Engine
	options   engine.Options
	tolerance float64
	lacks     func(config arch.Config) bool
}

// orRefused runs a test or, of a model that the engine lacks, checks that it is refused.
func (s *suite) orRefused(t *testing.T, config arch.Config, test func(*testing.T, arch.Config)) {
	if !s.lacks(config) {
		test(t, config)
		return
	}
	var lacking *engine.DTypeError
	if model, err := s.engine.Load(t.Context(), config, synth.Weights(config, 1), s.options); !errors.As(err, &lacking) || lacking.DType != s.options.DType {
		t.Errorf("Load returns %v, %v", model, err)
	}
}

// load loads seeded weights into a model that is closed at the end of the test.
func (s *suite) load(t *testing.T, config arch.Config) engine.Model {
	t.Helper()
	model, err := s.engine.Load(t.Context(), config, synth.Weights(config, 1), s.options)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	t.Cleanup(func() {
		if err := model.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return model
}

func forward(t *testing.T, model engine.Model, input engine.Input) engine.Activation {
	t.Helper()
	out, err := model.Forward(t.Context(), input, nil)
	if err != nil {
		t.Fatalf("Forward: %v", err)
	}
	return out
}

// definition compares every tap with the definition, and checks names, order and shapes. What a tokenizer decodes is compared for the tokens that it found.
func (s *suite) definition(t *testing.T, config arch.Config) {
	weights, err := decode(synth.Weights(config, 1))
	if err != nil {
		t.Fatal(err)
	}
	input := inputs(config)
	var seen []engine.Activation
	own := map[string][]float64{}
	last, err := s.load(t, config).Forward(t.Context(), input, func(a engine.Activation) error {
		seen = append(seen, a)
		own[a.Name] = a.Values
		return nil
	})
	if err != nil {
		t.Fatalf("Forward: %v", err)
	}
	if diff := cmp.Diff(taps(config, images), seen, cmpopts.IgnoreFields(engine.Activation{}, "Values")); diff != "" {
		t.Fatalf("taps: %s", diff)
	}
	result := seen[len(seen)-1].Name
	if config.Segments() {
		result = "logits"
	}
	if config.Tokenizes() {
		result = "tokens"
		s.tokensOf(t, &definition{config, weights}, own)
	}
	want := batch(config, weights, input, own["tokens"])
	for _, a := range seen {
		if a.Name == result {
			if diff := cmp.Diff(a, last); diff != "" {
				t.Errorf("Forward does not return the activation of %s: %s", result, diff)
			}
		}
		if a.Name != "tokens" {
			s.near(t, a.Name, a.Values, want[a.Name])
		}
	}
}

// near compares values within the suite's tolerance.
func (s *suite) near(t *testing.T, name string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", name, len(got), len(want))
	}
	largest := 0.0
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	for i, v := range got {
		if off := math.Abs(v - want[i]); !(off <= s.tolerance*largest) {
			t.Fatalf("%s: value %d is %v, want %v", name, i, v, want[i])
		}
	}
}
