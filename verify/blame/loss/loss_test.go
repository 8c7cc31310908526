package loss_test

import (
	"encoding/binary"
	"io/fs"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/blame/loss"
)

const testdata = "../../../testdata/"

// TestLook_Healthy makes sure that nothing is suspicious about checkpoints that frameworks wrote.
func TestLook_Healthy(t *testing.T) {
	t.Parallel()
	count := 0
	for _, root := range []string{testdata, "../../../manifests"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.Contains(path, "recording") || strings.Contains(path, "logits") {
				return err
			}
			if !slices.Contains([]string{".pth", ".bin", ".safetensors", ".pdparams", ".pt"}, filepath.Ext(path)) {
				return nil
			}
			model, err := convert.Open(t.Context(), path, convert.OpenOptions{})
			if err != nil {
				return nil //nolint:nilerr // files that tests of refusals need
			}
			defer model.Close()
			found, err := loss.Look(t.Context(), model.Config, model.Tensors)
			for _, s := range found {
				t.Errorf("%s: %s", path, s.Sentence)
			}
			count++
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if count < 30 {
		t.Errorf("only %d checkpoints", count)
	}
}

func TestLook_HealthyDrawn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tiny_p16_32", "tiny_p16_64"} {
		config, err := arch.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(30) {
			found, err := loss.Look(t.Context(), config, synth.Weights(config, seed))
			if len(found) > 0 || err != nil {
				t.Errorf("%s, seed %d: %+v, %v", name, seed, found, err)
			}
		}
		fresh := begun(config, 1)
		if found, err := loss.Look(t.Context(), config, fresh); len(found) > 0 || err != nil {
			t.Errorf("%s before training: %+v, %v", name, found, err)
		}
	}
}

// TestLook_NewHead makes sure that nothing is suspicious about a trained model with a head that is not.
func TestLook_NewHead(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_p16_64")
	if err != nil {
		t.Fatal(err)
	}
	config.Classes = 100
	weights := synth.Weights(config, 3)
	for _, w := range begun(config, 2) {
		if at := slices.IndexFunc(weights, func(old tensor.Named) bool { return old.Name == w.Name }); strings.HasPrefix(w.Name, "head.") {
			weights[at] = w
		}
	}
	found, err := loss.Look(t.Context(), config, weights)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range found {
		if s.Tensor != "head.bias" || s.Kind != loss.Zero {
			t.Error(s.Sentence)
		}
	}
}

// begun returns weights as programs set them before training.
func begun(config arch.Config, seed uint64) []tensor.Named {
	random := rand.New(rand.NewPCG(seed, 1))
	var weights []tensor.Named
	for _, p := range config.Params() {
		n, _ := p.Shape.Elements()
		values := make([]float64, n)
		for i := range values {
			switch {
			case strings.Contains(p.Name, "norm") && strings.HasSuffix(p.Name, "weight"):
				values[i] = 1
			case strings.Contains(p.Name, "gamma_"):
				values[i] = 0.1
			case strings.HasSuffix(p.Name, "bias") || strings.HasSuffix(p.Name, "table"):
			default:
				values[i] = 0.02 * random.NormFloat64()
			}
		}
		weights = append(weights, tensor.Named{Name: p.Name, View: view(p.Shape, values)})
	}
	return weights
}

// view returns values as F32.
func view(shape tensor.Shape, values []float64) tensor.View {
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(v)))
	}
	return tensor.View{DType: tensor.F32, Shape: shape, Data: tensor.Memory(raw)}
}

// TestLook_Planted plants what loses values into a trained model, and finds it, and nothing else but what follows from it.
func TestLook_Planted(t *testing.T) {
	t.Parallel()
	model, err := convert.Open(t.Context(), "../../../manifests/embedded/digits_p16_64.pdparams", convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	values := map[string][]float64{}
	for _, w := range model.Tensors {
		if values[w.Name], err = tensor.Float64s(w.View); err != nil {
			t.Fatal(err)
		}
	}
	random := rand.New(rand.NewPCG(5, 6))
	each := func(change func(i int, v float64) float64) func([]float64) []float64 {
		return func(old []float64) []float64 {
			changed := slices.Clone(old)
			for i, v := range changed {
				changed[i] = change(i, v)
			}
			return changed
		}
	}
	all := func(value float64) func([]float64) []float64 {
		return each(func(int, float64) float64 { return value })
	}
	width := model.Config.EmbedDim
	for _, c := range []struct {
		tensor string
		change func([]float64) []float64
		kind   loss.Kind
		says   string
		also   string
	}{
		{"blocks.1.attn.proj.weight", all(0), loss.Zero, "is all zero", ""},
		{"blocks.0.attn.q_bias", all(0), loss.Zero, "is all zero, as before training", ""},
		{"blocks.2.norm1.weight", all(1), loss.Ones, "is one throughout, as before training", ""},
		{"fc_norm.weight", all(1), loss.Ones, "is one throughout", ""},
		{"fc_norm.bias", all(0), loss.Zero, "is all zero", ""},
		{"head.bias", all(0), loss.Zero, "is all zero", ""},
		{"blocks.1.gamma_2", all(0.1), loss.Constant, "is 0.1 throughout, as before training", ""},
		{"blocks.1.attn.relative_position_bias_table", all(0), loss.Zero, "is all zero", ""},
		{"blocks.2.mlp.fc1.weight", func([]float64) []float64 { return values["blocks.1.mlp.fc1.weight"] }, loss.Copy, "blocks.1.mlp.fc1.weight", "blocks.1.mlp.fc1.weight"},
		{"blocks.1.norm2.bias", func([]float64) []float64 { return values["blocks.1.norm1.bias"] }, loss.Copy, "blocks.1.norm1.bias", "blocks.1.norm1.bias"},
		{"blocks.1.mlp.fc1.weight", each(func(_ int, v float64) float64 { return float64(tensor.WidenBF16(tensor.RoundBF16(float32(v)))) }), loss.Rounded, "BF16", ""},
		{"blocks.1.attn.v_bias", each(func(_ int, v float64) float64 { return float64(tensor.WidenF16(tensor.RoundF16(float32(v)))) }), loss.Rounded, "F16", ""},
		{"head.weight", each(func(_ int, v float64) float64 { return float64(tensor.WidenBF16(tensor.RoundBF16(float32(v)))) }), loss.Rounded, "BF16", ""},
		{"blocks.1.mlp.fc1.weight", each(func(int, float64) float64 { return 0.02 * random.NormFloat64() }), loss.Initial, "0.02", ""},
		{"blocks.1.mlp.fc2.weight", each(func(int, float64) float64 { return 0.01 * random.NormFloat64() }), loss.Initial, "0.01,", ""},
		{"blocks.1.attn.qkv.weight", each(func(int, float64) float64 {
			return (2*random.Float64() - 1) / math.Sqrt(float64(width))
		}), loss.Initial, "uniformly", ""},
		{"blocks.1.attn.proj.weight", each(func(int, float64) float64 {
			for {
				if v := 0.02 / 2 * random.NormFloat64(); math.Abs(v) <= 0.02/2 { // as BEiT draws it in the second block
					return v
				}
			}
		}), loss.Initial, "0.01, without values beyond one of it", ""},
		{"blocks.2.attn.qkv.weight", each(func(int, float64) float64 { return min(0.04, max(-0.04, 0.02*random.NormFloat64())) }), loss.Initial, "0.02, clamped to two of it", ""},
		{"head.weight", each(func(int, float64) float64 { return 2e-5 * random.NormFloat64() }), loss.Initial, "2e-05,", ""},
		{"blocks.1.attn.qkv.weight", func(old []float64) []float64 {
			changed := slices.Clone(old)
			copy(changed[width*width:2*width*width], changed)
			return changed
		}, loss.Repeated, "has k equal to q: row 48 is row 0", ""},
		{"blocks.1.attn.qkv.weight", func(old []float64) []float64 {
			changed, head := slices.Clone(old), width/model.Config.Heads*width
			for third := range 3 {
				for h := range model.Config.Heads {
					copy(changed[third*width*width+h*head:][:head], old[third*width*width:])
				}
			}
			return changed
		}, loss.Repeated, "has heads 1, 2 equal to head 0: row 16 is row 0", ""},
		{"blocks.1.attn.relative_position_bias_table", each(func(i int, v float64) float64 { return math.Floor(float64(i/model.Config.Heads)*7.3)/11 + 1 }), loss.Repeated, "equal to head 0", ""},
		{"blocks.0.norm1.weight", each(func(i int, v float64) float64 {
			if i == 7 {
				return 100
			}
			return v
		}), loss.Outlier, "100 at [7]", ""},
		{"blocks.1.mlp.fc1.weight", each(func(i int, v float64) float64 {
			if i == 3*width+4 {
				return math.NaN()
			}
			return v
		}), loss.NotFinite, "1 value that is NaN or infinite, the first at [3 4]", ""},
		{"blocks.0.attn.qkv.weight", each(func(i int, v float64) float64 {
			if i/width >= width && i/width < 2*width {
				return 0
			}
			return v
		}), loss.ZeroSlices, "zeros alone in k,", ""},
		{"blocks.1.attn.q_bias", func(old []float64) []float64 {
			changed := slices.Clone(old)
			clear(changed[len(old)/model.Config.Heads : 2*len(old)/model.Config.Heads])
			return changed
		}, loss.ZeroSlices, "zeros alone in head 1", ""},
		{"blocks.1.norm2.bias", each(func(i int, v float64) float64 { return v * float64(i%2) }), loss.ZeroSlices, "zeros alone in 24 values", ""},
		{"blocks.1.attn.relative_position_bias_table", func(old []float64) []float64 {
			changed := slices.Clone(old)
			clear(changed[len(old)-3*model.Config.Heads:])
			return changed
		}, loss.ZeroSlices, "zeros alone in", ""},
		{"blocks.0.mlp.fc1.weight", each(func(i int, v float64) float64 {
			if i%width == 5 {
				return 0
			}
			return v
		}), loss.ZeroSlices, "column", ""},
		{"blocks.0.mlp.fc1.weight", func(old []float64) []float64 {
			changed := slices.Clone(old)
			copy(changed[9*width:10*width], changed[2*width:])
			return changed
		}, loss.Repeated, "row 9 is row 2", ""},
	} {
		weights := slices.Clone(model.Tensors)
		for i, w := range weights {
			if w.Name == c.tensor {
				weights[i].View = view(w.Shape, c.change(values[w.Name]))
			}
		}
		found, err := loss.Look(t.Context(), model.Config, weights)
		if err != nil {
			t.Fatal(err)
		}
		seen := false
		for _, s := range found {
			if s.Tensor == c.tensor && s.Kind == c.kind && strings.Contains(s.Sentence, c.says) {
				seen = true
			} else if s.Tensor != c.also {
				t.Errorf("%s, %s: also %s", c.tensor, c.kind, s.Sentence)
			}
		}
		if !seen {
			t.Errorf("%s: not %s, found %+v", c.tensor, c.kind, found)
		}
	}
}

// TestLook_Throughout plants what loses values into all blocks of a trained model, where no sibling is without it.
func TestLook_Throughout(t *testing.T) {
	t.Parallel()
	model, err := convert.Open(t.Context(), "../../../manifests/embedded/digits_p16_64.pdparams", convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	random := rand.New(rand.NewPCG(7, 8))
	for _, c := range []struct {
		ending string
		kind   loss.Kind
		change func(v float64, i int) float64
	}{
		{"mlp.fc2.weight", loss.Zero, func(float64, int) float64 { return 0 }},
		{"attn.relative_position_bias_table", loss.Zero, func(float64, int) float64 { return 0 }},
		{"gamma_1", loss.Constant, func(float64, int) float64 { return 0.1 }},
		{"attn.proj.weight", loss.Initial, func(float64, int) float64 { return 0.02 * random.NormFloat64() }},
		{"attn.qkv.weight", loss.Rounded, func(v float64, _ int) float64 { return float64(tensor.WidenBF16(tensor.RoundBF16(float32(v)))) }},
		{"gamma_2", loss.Rounded, func(v float64, _ int) float64 { return float64(tensor.WidenF16(tensor.RoundF16(float32(v)))) }},
		{"mlp.fc1.weight", loss.ZeroSlices, func(v float64, i int) float64 {
			if i < 5*model.Config.EmbedDim {
				return 0
			}
			return v
		}},
	} {
		weights, planted := slices.Clone(model.Tensors), 0
		for i, w := range weights {
			if !strings.HasSuffix(w.Name, "."+c.ending) {
				continue
			}
			values, err := tensor.Float64s(w.View)
			if err != nil {
				t.Fatal(err)
			}
			for j, v := range values {
				values[j] = c.change(v, j)
			}
			weights[i].View, planted = view(w.Shape, values), planted+1
		}
		found, err := loss.Look(t.Context(), model.Config, weights)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range found {
			if s.Kind != c.kind || !s.Throughout || !strings.HasSuffix(s.Tensor, c.ending) {
				t.Errorf("%s, %s: also %s", c.ending, c.kind, s.Sentence)
			}
		}
		if len(found) != planted {
			t.Errorf("%s, %s: %d of %d", c.ending, c.kind, len(found), planted)
		}
	}
}
