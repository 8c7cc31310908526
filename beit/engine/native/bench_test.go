package native_test

import (
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
)

// BenchmarkForward runs the base model on one image, on all cores.
func BenchmarkForward(b *testing.B) {
	config, err := arch.ByName("beit_base_p16_224")
	if err != nil {
		b.Fatal(err)
	}
	input := engine.Input{Pixels: synth.Image(0, config, 0)}
	for _, dtype := range []tensor.DType{tensor.F32, tensor.F64} {
		b.Run(dtype.String(), func(b *testing.B) {
			model, err := native.Engine{}.Load(b.Context(), config, synth.Weights(config, 0), engine.Options{DType: dtype})
			if err != nil {
				b.Fatal(err)
			}
			defer model.Close()
			for b.Loop() {
				if _, err := model.Forward(b.Context(), input, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
