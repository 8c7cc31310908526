package verify_test

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/recording"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// stored returns a tensor of values in a dtype.
func stored(values []float32, dtype tensor.DType, shape tensor.Shape) tensor.View {
	var raw []byte
	for _, v := range values {
		switch dtype {
		case tensor.BF16:
			raw = binary.LittleEndian.AppendUint16(raw, tensor.RoundBF16(v))
		case tensor.F16:
			raw = binary.LittleEndian.AppendUint16(raw, tensor.RoundF16(v))
		default:
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
	}
	return tensor.View{DType: dtype, Shape: shape, Data: tensor.Memory(raw)}
}

// faults are mistakes with a large effect. Each changes the values of parameters, by their names.
var faults = map[string]func(read func(name string) []float32){
	"proj bias zero":     func(read func(string) []float32) { clear(read("blocks.1.attn.proj.bias")) },
	"fc2 bias doubled":   func(read func(string) []float32) { double(read("blocks.1.mlp.fc2.bias")) },
	"q bias zero":        func(read func(string) []float32) { clear(read("blocks.1.attn.q_bias")) },
	"v bias zero":        func(read func(string) []float32) { clear(read("blocks.1.attn.v_bias")) },
	"head bias zero":     func(read func(string) []float32) { clear(read("head.bias")) },
	"class rows rotated": func(read func(string) []float32) { rotate(read("blocks.1.attn.relative_position_bias_table"), -3, 3) },
	"table rolled":       func(read func(string) []float32) { rotate(read("blocks.1.attn.relative_position_bias_table"), 0, 3) },
	"norms exchanged": func(read func(string) []float32) {
		exchange(read("blocks.1.norm1.weight"), read("blocks.1.norm2.weight"))
		exchange(read("blocks.1.norm1.bias"), read("blocks.1.norm2.bias"))
	},
	"q and k exchanged": func(read func(string) []float32) {
		w := read("blocks.1.attn.qkv.weight")
		exchange(w[:len(w)/3], w[len(w)/3:2*len(w)/3])
	},
	"q and v bias exchanged": func(read func(string) []float32) {
		exchange(read("blocks.1.attn.q_bias"), read("blocks.1.attn.v_bias"))
	},
	"norm1 of another block": func(read func(string) []float32) { copy(read("blocks.1.norm1.weight"), read("blocks.0.norm1.weight")) },
	"gammas exchanged":       func(read func(string) []float32) { exchange(read("blocks.1.gamma_1"), read("blocks.1.gamma_2")) },
	"proj transposed":        func(read func(string) []float32) { transpose(48)(read("blocks.1.attn.proj.weight")) },
	"last norm's bias zero":  func(read func(string) []float32) { clear(read("fc_norm.bias")) },
}

func double(values []float32) {
	for i := range values {
		values[i] *= 2
	}
}

func exchange(a, b []float32) {
	kept := slices.Clone(a)
	copy(a, b)
	copy(b, kept)
}

// rotate moves the rows from the index first on by one; a negative index counts from the end.
func rotate(values []float32, first, width int) {
	if first < 0 {
		first += len(values) / width
	}
	part := values[first*width:]
	copy(part, append(slices.Clone(part[len(part)-width:]), part[:len(part)-width]...))
}

// planted returns a copy of the weights with a fault, in the dtypes in which they were stored.
func planted(t *testing.T, weights []tensor.Named, fault func(read func(string) []float32)) []tensor.Named {
	t.Helper()
	changed := map[string][]float32{}
	at := func(name string) int {
		return slices.IndexFunc(weights, func(w tensor.Named) bool { return w.Name == name })
	}
	fault(func(name string) []float32 {
		if changed[name] == nil {
			values, err := tensor.Float32s(weights[at(name)].View)
			if err != nil {
				t.Fatal(err)
			}
			changed[name] = values
		}
		return changed[name]
	})
	copied := slices.Clone(weights)
	for name, values := range changed {
		w := copied[at(name)]
		copied[at(name)].View = stored(values, w.DType, w.Shape)
	}
	return copied
}

// recorded reads a recording in testdata.
func recorded(t *testing.T, name string) verify.Reference {
	t.Helper()
	r, err := recording.Read(t.Context(), verifytest.Path(t, name+".recording.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return verify.Recorded(name, r)
}

// TestVerify_HalfStorageHidesNothing plants faults into checkpoints of which all parameters, or one, are stored in half precision. Beside a recording of just
// these values, and beside one of the values before they were rounded, all of them are found, and the sound checkpoint is not one of them.
func TestVerify_HalfStorageHidesNothing(t *testing.T) {
	t.Parallel()
	const whole = "digits/digits_p16_64.timm.float32"
	g := verifytest.One(t, "digits_p16_64.timm.float32")
	onlyBias := func(dtype tensor.DType) []tensor.Named {
		weights := slices.Clone(g.Weights)
		for i, w := range weights {
			if w.Name == "fc_norm.bias" {
				values, err := tensor.Float32s(w.View)
				if err != nil {
					t.Fatal(err)
				}
				weights[i].View = stored(values, dtype, w.Shape)
			}
		}
		return weights
	}
	for _, c := range []struct {
		name      string
		weights   []tensor.Named
		reference string
		holdsTo   tensor.DType
		remark    string
	}{
		{"bf16, these values", verifytest.Weights(t, "digits/digits_p16_64.bf16.pth"), "half/digits_p16_64.bf16.timm.float32", tensor.F32, "stored-exactly"},
		{"bf16, before", verifytest.Weights(t, "digits/digits_p16_64.bf16.pth"), whole, tensor.BF16, "stored-half"},
		{"f16, these values", verifytest.Weights(t, "digits/digits_p16_64.f16.pth"), "half/digits_p16_64.f16.timm.float32", tensor.F32, "stored-exactly"},
		{"f16, before", verifytest.Weights(t, "digits/digits_p16_64.f16.pth"), whole, tensor.F16, "stored-half"},
		{"one in bf16", onlyBias(tensor.BF16), whole, tensor.BF16, "stored-half"},
		{"one in f16", onlyBias(tensor.F16), whole, tensor.F16, "stored-half"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reference := recorded(t, c.reference)
			g := g
			g.Weights = c.weights
			r := run(t, subject(g, tensor.Invalid), reference)
			says := slices.ContainsFunc(r.Remarks, func(r verify.Remark) bool { return r.Code == c.remark })
			if !r.OK || r.HoldsTo != c.holdsTo || !says {
				t.Errorf("sound: ok %t at %s, holds to %s, %v", r.OK, r.FirstDivergence, r.HoldsTo, r.Remarks)
			}
			for name, fault := range faults {
				g.Weights = planted(t, c.weights, fault)
				r, err := verify.Verify(t.Context(), subject(g, tensor.Invalid), reference, verify.Options{NoBlame: true})
				if err != nil {
					t.Fatal(err)
				}
				want := "blocks.1"
				switch {
				case strings.HasPrefix(name, "head"):
					want = "logits"
				case strings.HasPrefix(name, "last"):
					want = "pool"
				}
				if r.OK || r.FirstDivergence != want {
					t.Errorf("%s: ok %t, first divergence %q, not %q", name, r.OK, r.FirstDivergence, want)
				}
			}
		})
	}
}

// TestVerify_NamesZeroedBiases zeroes biases of a checkpoint in half precision, and compares it with a recording of the right values in float32: what the file
// shows is told, and not another vector of the block that would do as well within the rounding.
func TestVerify_NamesZeroedBiases(t *testing.T) {
	t.Parallel()
	weights, reference := verifytest.Weights(t, "digits/digits_p16_64.bf16.pth"), recorded(t, "digits/digits_p16_64.timm.float32")
	for _, name := range []string{"blocks.0.attn.proj.bias", "blocks.1.attn.proj.bias", "blocks.1.mlp.fc2.bias", "blocks.2.attn.proj.bias", "blocks.2.mlp.fc2.bias"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := verifytest.One(t, "digits_p16_64.timm.float32")
			g.Weights = planted(t, weights, func(read func(string) []float32) { clear(read(name)) })
			r := run(t, subject(g, tensor.Invalid), reference)
			if named := func(f blame.Finding) bool { return f.Hypothesis == "zero" && slices.Contains(f.Tensors, name) }; r.OK || len(r.Findings) == 0 || !named(r.Findings[0]) {
				t.Errorf("ok %t, findings %+v", r.OK, r.Findings)
			}
		})
	}
}
