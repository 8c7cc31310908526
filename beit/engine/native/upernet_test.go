package native

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// TestUPerNet_Parts makes sure that every stage is computed alone as in a whole pass, to the last bit, and that neither threads nor the rest of the batch matter.
func TestUPerNet_Parts(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_seg_p16_48")
	if err != nil {
		t.Fatal(err)
	}
	weights, input := synth.Weights(config, 5), engine.Input{Pixels: synth.Images(3, config, 5)}
	for _, dtype := range []tensor.DType{tensor.F64, tensor.BF16} {
		model, err := Engine{}.Load(t.Context(), config, weights, engine.Options{DType: dtype, Threads: 3})
		if err != nil {
			t.Fatal(err)
		}
		parts, err := Engine{}.Parts(config, weights, engine.Options{DType: dtype, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		whole := map[engine.Stage]engine.Activation{}
		last, err := model.Forward(t.Context(), input, func(a engine.Activation) error {
			stage, err := engine.ParseStage(a.Name)
			whole[stage] = a
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, stage := range engine.Stages(config) {
			parts.Free()
			part, err := parts.Load(stage)
			if err != nil {
				t.Fatal(err)
			}
			var before []engine.Activation
			for _, needed := range stage.Inputs(config) {
				before = append(before, whole[needed])
			}
			all, err := part(t.Context(), input, before...)
			if err != nil {
				t.Fatalf("%s: %v", stage, err)
			}
			for _, a := range all {
				if own, _ := engine.ParseStage(a.Name); own == stage {
					if diff := cmp.Diff(whole[stage], a); diff != "" {
						t.Errorf("%s %s: %s", dtype, stage, diff)
					}
				}
			}
		}
		one := len(input.Pixels) / 3
		alone, err := model.Forward(t.Context(), engine.Input{Pixels: input.Pixels[one : 2*one]}, nil)
		if size := len(last.Values) / 3; err != nil || !cmp.Equal(alone.Values, last.Values[size:2*size]) {
			t.Errorf("%s: an image alone has other logits, %v", dtype, err)
		}
	}
}

// TestUPerNet_PartErrors checks what a stage is not computed from.
func TestUPerNet_PartErrors(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_seg_p16_48")
	if err != nil {
		t.Fatal(err)
	}
	headless := config
	headless.Segmentation.AuxiliaryChannels = 0
	map2 := func(images, size int) engine.Activation {
		return engine.Activation{Shape: tensor.Shape{images, 16, size, size}, Values: make([]float64, images*16*size*size)}
	}
	for _, c := range []struct {
		name   string
		config arch.Config
		stage  engine.Stage
		before []engine.Activation
	}{
		{"three maps of four", config, engine.Stage{Kind: engine.Fused}, []engine.Activation{map2(1, 12), map2(1, 6), map2(1, 3)}},
		{"maps of another number of images", config, engine.Stage{Kind: engine.Fused}, []engine.Activation{map2(1, 12), map2(1, 6), map2(2, 3), map2(1, 1)}},
		{"a map of another size", config, engine.Stage{Kind: engine.Lateral, Block: 1}, []engine.Activation{map2(1, 5)}},
		{"nothing", config, engine.Stage{Kind: engine.Pyramid}, nil},
		{"no such map", config, engine.Stage{Kind: engine.Feature, Block: 4}, nil},
		{"no such lateral map", config, engine.Stage{Kind: engine.Lateral, Block: 3}, nil},
		{"no auxiliary head", headless, engine.Stage{Kind: engine.AuxiliaryLogits}, []engine.Activation{map2(1, 3)}},
		{"no pooling", config, engine.Stage{Kind: engine.Pool}, []engine.Activation{map2(1, 3)}},
	} {
		_, err := Engine{}.Stage(t.Context(), c.config, synth.Weights(c.config, 0), c.stage, engine.Input{}, c.before...)
		var problem *StageError
		if !errors.As(err, &problem) {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}
