package verifytest

// This file is used only by tests with the tag full, which take minutes: go test -tags full -run TestFullTokenizers.

import (
	"math"
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/tensor"
)

// RunFullTokenizers compares the tokenizers at full size, and the decoder of the dVAE, with what the classes of openai/DALL-E and microsoft/unilm compute in
// float64 (testdata/full/visual_tokenizers.py): the tokens, and of other activations sums in which every value counts.
func RunFullTokenizers(t *testing.T, e engine.Engine, options engine.Options) {
	for _, name := range []string{"dvae_encoder_112", "dvae_decoder_112", "vqkd_base_p16_224_clip"} {
		runSummarised(t, e, options, name, 1e-14)
	}
}

// RunFullSegmentation compares a UPerNet at full size with what transformers computes in float64 (testdata/full/segmentation.py), in the same way.
func RunFullSegmentation(t *testing.T, e engine.Engine, options engine.Options) {
	runSummarised(t, e, options, "beit_base_p16_640_ade20k", 1e-13)
}

// runSummarised compares a model in float32 and float64 with its summary. inF64 is the rounding of float64: more where sums are longer.
func runSummarised(t *testing.T, e engine.Engine, options engine.Options, name string, inF64 float64) {
	t.Helper()
	for _, c := range []struct {
		dtype tensor.DType
		// off is how far the values of a row may be from the recording, relative to their length as a vector: rounding, of many layers.
		off float64
	}{{tensor.F32, 2e-6}, {tensor.F64, inF64}} {
		options.DType = c.dtype
		t.Run(name+"/"+c.dtype.String(), func(t *testing.T) { summarised(t, e, options, name, c.off) })
	}
}

// summarised runs a model on probe image 0, and compares it with its summary.
func summarised(t *testing.T, e engine.Engine, options engine.Options, name string, off float64) {
	config, err := arch.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	recorded := summary(t, "full/"+name+".summary.safetensors")
	model, err := e.Load(t.Context(), config, synth.Weights(config, 0), options)
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	input := engine.Input{Pixels: synth.Images(1, config, 0)}
	if config.Kind == arch.DVAEDecoder {
		input.Pixels = nil
		for _, token := range recorded["tokens"] {
			input.Tokens = append(input.Tokens, int32(token))
		}
	}
	compared := 0
	_, err = model.Forward(t.Context(), input, func(a engine.Activation) error {
		if a.Name == "tokens" {
			sameTokens(t, recorded, a.Values, off)
			compared++
		}
		if recorded[a.Name+".rows"] != nil {
			sameSums(t, recorded, a, config.Kind == arch.DVAEEncoder, off)
			compared++
		}
		return nil
	})
	if want := map[arch.Kind]int{arch.DVAEEncoder: 2, arch.DVAEDecoder: 1, arch.VQKD: 3, arch.UPerNet: 2}[config.Kind]; err != nil || compared != want {
		t.Errorf("%d activations of %d were compared: %v", compared, want, err)
	}
}

// summary reads a file of visual_tokenizers.py or segmentation.py.
func summary(t *testing.T, name string) map[string][]float64 {
	t.Helper()
	opened, err := checkpoint.Open(t.Context(), Path(t, name), checkpoint.Options{}, safetensors.Format)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	all := map[string][]float64{}
	for _, named := range opened.Tensors {
		if all[named.Name], err = tensor.Float64s(named.View); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// sameTokens wants the recorded tokens, but where the two best logits are closer than rounding.
func sameTokens(t *testing.T, recorded map[string][]float64, tokens []float64, off float64) {
	t.Helper()
	other, closest := 0, math.Inf(1)
	for i, want := range recorded["tokens"] {
		margin := math.Inf(1) // of the codes of VQ-KD, whose margins are not recorded
		if recorded["logits.largest"] != nil {
			margin = recorded["logits.largest"][i] - recorded["logits.second"][i]
			closest = min(closest, margin/recorded["logits.lengths"][i])
		}
		if tokens[i] != want {
			other++
			if margin > 2*off*recorded["logits.lengths"][i] {
				t.Errorf("token %d is %v, not %v", i, tokens[i], want)
			}
		}
	}
	t.Logf("tokens: %d of %d are others; the smallest margin is %.2g of the length", other, len(tokens), closest)
}

// sameSums compares an activation with its summary, whose rows are channels, or places if transposed.
func sameSums(t *testing.T, recorded map[string][]float64, a engine.Activation, transposed bool, off float64) {
	t.Helper()
	at := func(what string) []float64 { return recorded[a.Name+"."+what] }
	rows, columns := len(at("rows")), len(at("columns"))
	matrix := func(row, column int) float64 { return a.Values[row*columns+column] }
	if transposed {
		matrix = func(row, column int) float64 { return a.Values[column*rows+row] }
	}
	worst := 0.0
	check := func(what string, i int, got, scale float64) {
		apart := math.Abs(got-at(what)[i]) / scale
		if worst = max(worst, apart); !(apart <= off) {
			t.Fatalf("%s.%s %d is %v, not %v: off by %.2g", a.Name, what, i, got, at(what)[i], apart)
		}
	}
	sums, all := make([]float64, columns), 0.0
	for row := range rows {
		sum, squares := 0.0, 0.0
		line := make([]float64, columns)
		for column := range columns {
			v := matrix(row, column)
			line[column], sum, squares, sums[column] = v, sum+v, squares+v*v, sums[column]+v
		}
		slices.Sort(line)
		length := at("lengths")[row]
		all = math.Hypot(all, length)
		check("lengths", row, math.Sqrt(squares), length)
		check("rows", row, sum, length*math.Sqrt(float64(columns)))
		check("largest", row, line[columns-1], length)
		check("second", row, line[columns-2], length)
	}
	for column, sum := range sums {
		check("columns", column, sum, all)
	}
	t.Logf("%s: off by %.2g", a.Name, worst)
}
