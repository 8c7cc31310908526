//go:build libtorch

package torch_test

import (
	"math"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/torch"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// TestTokenizers compares every stage that OpenAI's and unilm's classes recorded of a really trained dVAE and of VQ-KD.
func TestTokenizers(t *testing.T) {
	t.Parallel()
	const dvae, vqkd = "tokenizer/digits_dvae.openai.float32.recording.safetensors", "tokenizer/vqkd_p16_64.unilm."
	for _, c := range []struct {
		architecture, weights, recording string
		dtype                            tensor.DType
		// off is how far from the recording an activation may be, relative to its largest value: some roundings to float32, in which the inputs are recorded.
		off float64
	}{
		{"digits_dvae_encoder", "tokenizer/digits_dvae.encoder.pkl", dvae, tensor.F32, 2e-6},
		{"digits_dvae_decoder", "tokenizer/digits_dvae.decoder.pkl", dvae, tensor.F32, 2e-6},
		{"digits_dvae_encoder", "tokenizer/digits_dvae.encoder.pkl", dvae, tensor.F64, 2e-6},
		{"tiny_vqkd_p16_64", "tokenizer/vqkd_p16_64.unilm.pth", vqkd + "float32.recording.safetensors", tensor.F32, 2e-6},
		{"tiny_vqkd_p16_64", "tokenizer/vqkd_p16_64.unilm.pth", vqkd + "float64.recording.safetensors", tensor.F64, 1e-7},
	} {
		t.Run(c.architecture+"/"+c.dtype.String(), func(t *testing.T) {
			t.Parallel()
			config, err := arch.ByName(c.architecture)
			if err != nil {
				t.Fatal(err)
			}
			model, err := torch.Engine{}.Load(t.Context(), config, tensors(t, c.weights), engine.Options{DType: c.dtype, Threads: 2})
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			recorded := map[string][]float64{}
			for _, r := range tensors(t, c.recording) {
				if recorded[r.Name], err = tensor.Float64s(r.View); err != nil {
					t.Fatal(err)
				}
			}
			compared := map[string]bool{}
			if _, err := model.Forward(t.Context(), recordedInput(config, recorded), func(a engine.Activation) error {
				if want, found := recorded[a.Name]; found {
					compared[a.Name] = true
					compareActivation(t, a, want, c.off)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			for _, stage := range engine.Stages(config) {
				if recorded[stage.String()] != nil && !compared[stage.String()] {
					t.Errorf("%s was not compared", stage)
				}
			}
		})
	}
}

// tensors returns the tensors of a file in testdata, whose names are the canonical ones already.
func tensors(t *testing.T, file string) []tensor.Named {
	t.Helper()
	opened, err := checkpoint.Open(t.Context(), verifytest.Path(t, file), checkpoint.Options{}, pytorch.Format, safetensors.Format)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened.Tensors
}

func recordedInput(config arch.Config, recorded map[string][]float64) (input engine.Input) {
	if config.Kind == arch.DVAEDecoder {
		for _, token := range recorded["tokens"] {
			input.Tokens = append(input.Tokens, int32(token))
		}
		return input
	}
	for _, v := range recorded["input"] {
		input.Pixels = append(input.Pixels, float32(v))
	}
	return input
}

// compareActivation wants equal tokens, and other values within off.
func compareActivation(t *testing.T, a engine.Activation, want []float64, off float64) {
	t.Helper()
	if len(a.Values) != len(want) {
		t.Errorf("%s: %d values, not %d", a.Name, len(a.Values), len(want))
		return
	}
	largest, worst := 0.0, 0.0
	for i, v := range want {
		largest, worst = max(largest, math.Abs(v)), max(worst, math.Abs(v-a.Values[i]))
	}
	if a.Name == "tokens" {
		off = 0
	}
	if !(worst <= off*largest) {
		t.Errorf("%s: off by %.2g, largest %.3g", a.Name, worst, largest)
	}
	t.Logf("%s: off by %.2g, largest %.3g", a.Name, worst, largest)
}
