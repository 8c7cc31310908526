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
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/recording"
	"github.com/beitzoo/beitzoo/verify/report"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// tokenizer returns the recording of a tokenizer whose name begins like that, as a copy that may be changed.
func tokenizer(t *testing.T, name string) verifytest.Golden {
	t.Helper()
	for _, g := range verifytest.Tokenizers(t) {
		if strings.HasPrefix(g.Name, name) {
			own := *g.Recording
			own.Pixels, own.Activations = slices.Clone(own.Pixels), slices.Clone(own.Activations)
			g.Recording, g.Weights = &own, slices.Clone(g.Weights)
			return g
		}
	}
	t.Fatalf("no recording %s", name)
	return verifytest.Golden{}
}

// at returns the index of a parameter.
func at(t *testing.T, g verifytest.Golden, name string) int {
	t.Helper()
	i := slices.IndexFunc(g.Weights, func(w tensor.Named) bool { return w.Name == name })
	if i < 0 {
		t.Fatalf("no parameter %s", name)
	}
	return i
}

// change changes the values of a parameter.
func change(t *testing.T, g verifytest.Golden, name string, do func(values []float64) []float64) {
	t.Helper()
	w := &g.Weights[at(t, g, name)]
	values, err := tensor.Float64s(w.View)
	if err != nil {
		t.Fatal(err)
	}
	var raw []byte
	for _, v := range do(values) {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
	}
	w.View = tensor.View{DType: tensor.F64, Shape: w.Shape, Data: tensor.Memory(raw)}
}

// swap exchanges the values of parameters.
func swap(t *testing.T, g verifytest.Golden, a, b string) {
	t.Helper()
	one, other := &g.Weights[at(t, g, a)], &g.Weights[at(t, g, b)]
	one.View, other.View = other.View, one.View
}

// pixels changes the recorded pixels.
func pixels(g verifytest.Golden, do func(v float64) float64) {
	for i, v := range g.Recording.Pixels {
		g.Recording.Pixels[i] = float32(do(float64(v)))
	}
}

// keep leaves some activations of a recording.
func keep(g verifytest.Golden, names ...string) {
	g.Recording.Activations = slices.DeleteFunc(g.Recording.Activations, func(a engine.Activation) bool { return !slices.Contains(names, a.Name) })
}

func times(factor float64) func([]float64) []float64 {
	return func(values []float64) []float64 {
		out := make([]float64, len(values))
		for i, v := range values {
			out[i] = v * factor
		}
		return out
	}
}

const (
	encoderStages, decoderStages, vqkdStages = "digits_dvae_encoder.stages", "digits_dvae_decoder.stages", "vqkd_p16_64.stages"
	encoderLogits, decoderLogits             = "digits_dvae.openai.float32.dvae_encoder", "digits_dvae.openai.float32.dvae_decoder"
)

// tokenizerFaults are faults of tokenizers, and what is to be said of them.
var tokenizerFaults = []struct {
	name, recording string
	plant           func(t *testing.T, g verifytest.Golden)
	// hypothesis and says are what the first reason has; stage is the first that differs.
	hypothesis, says, stage string
}{
	{"the map of the pixels is left out", encoderStages, func(_ *testing.T, g verifytest.Golden) {
		pixels(g, func(v float64) float64 { return (v - 0.1) / 0.8 })
	}, "normalisation", "0.8 x + 0.1", "embed"},
	{"the map is left out, logits alone", encoderLogits, func(_ *testing.T, g verifytest.Golden) {
		pixels(g, func(v float64) float64 { return (v - 0.1) / 0.8 })
	}, "normalisation", "0.8 x + 0.1", "logits"},
	{"statistics of BEiT", encoderLogits, func(_ *testing.T, g verifytest.Golden) {
		pixels(g, func(v float64) float64 { return ((v-0.1)/0.8 - 0.5) / 0.5 })
	}, "normalisation", "mean and std 0.5", "logits"},
	{"the view of VQ-KD in [0, 1]", vqkdStages, func(_ *testing.T, g verifytest.Golden) {
		pixels(g, func(v float64) float64 { return v/2 + 0.5 })
	}, "normalisation", "0.5", "embed"},
	{"two convolutions exchanged", encoderStages, func(t *testing.T, g verifytest.Golden) {
		swap(t, g, "blocks.group_2.block_1.res_path.conv_2.w", "blocks.group_2.block_1.res_path.conv_3.w")
	}, "swapped-convolutions", "blocks.group_2.block_1.res_path.conv_2", "blocks.1"},
	{"two convolutions exchanged, logits alone", encoderLogits, func(t *testing.T, g verifytest.Golden) {
		for _, ending := range []string{".w", ".b"} {
			swap(t, g, "blocks.group_3.block_1.res_path.conv_2"+ending, "blocks.group_3.block_1.res_path.conv_3"+ending)
		}
	}, "swapped-convolutions", "blocks.group_3.block_1.res_path.conv_2", "logits"},
	{"two convolutions of the decoder exchanged", decoderStages, func(t *testing.T, g verifytest.Golden) {
		swap(t, g, "blocks.group_4.block_1.res_path.conv_2.w", "blocks.group_4.block_1.res_path.conv_3.w")
	}, "swapped-convolutions", "blocks.group_4.block_1.res_path.conv_2", "blocks.3"},
	{"post gain left out", encoderStages, func(t *testing.T, g verifytest.Golden) { gain(t, g, 1.0/16) }, "post-gain", "the post gain is left out", "blocks.0"},
	{"post gain left out, picture alone", decoderLogits, func(t *testing.T, g verifytest.Golden) { gain(t, g, 1.0/16) }, "post-gain", "the post gain is left out", "decoded"},
	{"post gain twice", encoderLogits, func(t *testing.T, g verifytest.Golden) { gain(t, g, 16) }, "post-gain", "multiplied as if there were no post gain", "logits"},
	{"codebook rolled", vqkdStages, func(t *testing.T, g verifytest.Golden) {
		change(t, g, "quantize.embedding.weight", func(values []float64) []float64 { return slices.Concat(values[8:], values[:8]) })
	}, "token-order", "the codes are rolled back by 1", "tokens"},
	{"tokens of the decoder rolled", decoderStages, func(t *testing.T, g verifytest.Golden) {
		change(t, g, "blocks.input.w", func(values []float64) []float64 {
			out := slices.Clone(values)
			for row := range slices.Chunk(out, 32) {
				copy(row, slices.Concat(row[1:], row[:1]))
			}
			return out
		})
	}, "token-order", "the visual tokens are rolled back by 1", "embed"},
	{"codes not of length 1", vqkdStages, func(t *testing.T, g verifytest.Golden) {
		keep(g, "codes", "tokens")
		change(t, g, "quantize.embedding.weight", stretched)
	}, "no-unit-length", "divided by their lengths", "tokens"},
	{"no l2 norm", vqkdStages, func(t *testing.T, g verifytest.Golden) {
		change(t, g, "quantize.embedding.weight", stretched)
		keep(g, "codes", "tokens")
		codes, _ := g.Recording.Activation("codes")
		book, err := tensor.Float64s(g.Weights[at(t, g, "quantize.embedding.weight")].View)
		if err != nil {
			t.Fatal(err)
		}
		g.Recording.Activations[slices.IndexFunc(g.Recording.Activations, func(a engine.Activation) bool { return a.Name == "tokens" })].Values = nearestOf(codes.Values, book, 8)
	}, "no-unit-length", "without l2 norm", "tokens"},
	{"codes recorded after they were normalised", vqkdStages, func(_ *testing.T, g verifytest.Golden) {
		i := slices.IndexFunc(g.Recording.Activations, func(a engine.Activation) bool { return a.Name == "codes" })
		codes := &g.Recording.Activations[i]
		codes.Values = slices.Clone(codes.Values)
		for row := range slices.Chunk(codes.Values, 8) {
			length := 0.0
			for _, v := range row {
				length += v * v
			}
			for k := range row {
				row[k] /= math.Sqrt(length)
			}
		}
	}, "recorded-elsewhere", "divided by their lengths", "codes"},
	{"blocks of VQ-KD exchanged", vqkdStages, func(t *testing.T, g verifytest.Golden) {
		for _, p := range g.Config.Params() {
			if rest, is := strings.CutPrefix(p.Name, "encoder.blocks.0."); is {
				swap(t, g, p.Name, "encoder.blocks.1."+rest)
			}
		}
	}, "other-block", "blocks.1: the blocks are in another order", "blocks.0.attn"},
	{"a layer of VQ-KD's decoder reshaped", vqkdStages, func(t *testing.T, g verifytest.Golden) {
		change(t, g, "decoder.blocks.0.attn.proj.weight", func(values []float64) []float64 {
			out := make([]float64, len(values))
			for i, v := range values {
				out[i%48*48+i/48] = v
			}
			return out
		})
	}, "transposed", "attn.proj.weight is transposed", "decoder.blocks.0.attn"},
}

// gain multiplies the last convolution of each path.
func gain(t *testing.T, g verifytest.Golden, factor float64) {
	t.Helper()
	for _, b := range g.Config.ConvolutionBlocks() {
		change(t, g, b.Prefix+"res_path.conv_4.w", times(factor))
		change(t, g, b.Prefix+"res_path.conv_4.b", times(factor))
	}
}

// stretched makes codes of several lengths.
func stretched(values []float64) []float64 {
	out := slices.Clone(values)
	for i := range out {
		out[i] *= 1 + float64(i/8%5)/4
	}
	return out
}

// nearestOf returns the code nearest to each vector, which is not divided by its length.
func nearestOf(codes, book []float64, dim int) (tokens []float64) {
	for code := range slices.Chunk(codes, dim) {
		best, nearest := 0, math.Inf(1)
		for i := range len(book) / dim {
			squares := 0.0
			for k, v := range code {
				squares += (v - book[i*dim+k]) * (v - book[i*dim+k])
			}
			if squares < nearest {
				best, nearest = i, squares
			}
		}
		tokens = append(tokens, float64(best))
	}
	return tokens
}

// TestVerify_TokenizerFaults plants faults into tokenizers, and wants each found and named, and a page about it.
func TestVerify_TokenizerFaults(t *testing.T) {
	t.Parallel()
	for _, fault := range tokenizerFaults {
		for _, runs := range append([]engine.Engine{native.Engine{}}, otherEngines...) {
			t.Run(fault.name+"/"+runs.Name(), func(t *testing.T) {
				t.Parallel()
				g := tokenizer(t, fault.recording)
				fault.plant(t, g)
				result := verifiedOn(t, runs, g)
				if result.OK || len(result.Findings) == 0 {
					t.Fatalf("not found: OK %v, findings %v", result.OK, result.Findings)
				}
				first := result.Findings[0]
				if result.FirstDivergence != fault.stage || first.Hypothesis != fault.hypothesis || !strings.Contains(first.Sentence, fault.says) {
					t.Errorf("at %s: %s: %s; want %s at %s: %s", result.FirstDivergence, first.Hypothesis, first.Sentence, fault.hypothesis, fault.stage, fault.says)
				}
				var page strings.Builder
				if err := report.HTML(&page, result, report.Page{}); err != nil || !strings.Contains(page.String(), fault.stage) {
					t.Errorf("the page: %v", err)
				}
			})
		}
	}
}

// verified compares a tokenizer with its recording.
func verified(t *testing.T, g verifytest.Golden) *verify.Result {
	t.Helper()
	return verifiedOn(t, native.Engine{}, g)
}

// verifiedOn is verified with an engine.
func verifiedOn(t *testing.T, runs engine.Engine, g verifytest.Golden) *verify.Result {
	t.Helper()
	subject := verify.Subject{Name: g.Name, Config: g.Config, Weights: g.Weights, Engine: runs}
	result, err := verify.Verify(t.Context(), subject, verify.Recorded(g.Name, g.Recording), verify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// sameValues makes sure that the parameters of a model have the values that they had.
func sameValues(t *testing.T, g verifytest.Golden, right []tensor.Named) {
	t.Helper()
	for i, w := range right {
		want, err := tensor.Float64s(w.View)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tensor.Float64s(g.Weights[i].View)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s has other values; %v", w.Name, err)
		}
	}
}

// TestVerify_BlocksOfADVAEExchanged exchanges two blocks of a group, which the small ones in testdata have one of.
func TestVerify_BlocksOfADVAEExchanged(t *testing.T) {
	t.Parallel()
	config := arch.Config{Kind: arch.DVAEEncoder, ImageHeight: 16, ImageWidth: 16, PatchSize: 2, Channels: 3, EmbedDim: 8, Depth: 4, Classes: 12}
	g := verifytest.Golden{Name: "two blocks", Config: config, Weights: synth.Weights(config, 0)}
	model, err := native.Engine{}.Load(t.Context(), config, g.Weights, engine.Options{DType: tensor.F64})
	if err != nil {
		t.Fatal(err)
	}
	if g.Recording, err = recording.Make(t.Context(), model, config, verify.Draw(config, 0, 2), recording.MakeOptions{}); err != nil {
		t.Fatal(err)
	}
	g.Recording.DType = tensor.F64
	if result := verified(t, g); !result.OK {
		t.Fatalf("its own recording: %s", result.FirstDivergence)
	}
	right := slices.Clone(g.Weights)
	for _, p := range config.Params() {
		if rest, is := strings.CutPrefix(p.Name, "blocks.group_1.block_1."); is {
			swap(t, g, p.Name, "blocks.group_1.block_2."+rest)
		}
	}
	result := verified(t, g)
	if result.OK || len(result.Findings) != 1 || result.Findings[0].Hypothesis != "block-order" {
		t.Errorf("OK %v, findings %+v", result.OK, result.Findings)
	}
	repair, err := result.Repair(g.Weights, false)
	if err != nil {
		t.Fatal(err)
	}
	g.Weights = repair.Weights
	sameValues(t, g, right)
}

// TestVerify_TokensByMargin makes choices so close that rounding decides, and others that it cannot.
func TestVerify_TokensByMargin(t *testing.T) {
	t.Parallel()
	g := tokenizer(t, encoderLogits)
	honest := verified(t, g)
	if k := honest.Tokens; !honest.OK || k.Count != 128 || k.Differing != 0 || k.Margin <= k.Allowed {
		t.Fatalf("OK %v, %+v", honest.OK, k)
	}
	i := slices.IndexFunc(g.Recording.Activations, func(a engine.Activation) bool { return a.Name == "tokens" })
	tokens := &g.Recording.Activations[i]
	tokens.Values = slices.Clone(tokens.Values)
	tokens.Values[3] = float64((int(tokens.Values[3]) + 1) % 32)
	other := verified(t, g)
	if k := other.Tokens; other.OK || k.Differing != 1 || k.Gap <= k.Allowed || other.FirstDivergence != "tokens" {
		t.Errorf("another token: OK %v, %+v, first %s", other.OK, k, other.FirstDivergence)
	}
	// A visual token that nobody chose gets the logits of one that was chosen, and less more than rounding shows: the choice between both is nobody's fault.
	g = tokenizer(t, encoderLogits)
	keep(g, "tokens")
	chosen := g.Recording.Activations[0].Values
	first, second := int(chosen[0]), 0
	for slices.Contains(chosen, float64(second)) {
		second++
	}
	change(t, g, "blocks.output.conv.w", func(values []float64) []float64 {
		out := slices.Clone(values)
		copy(out[second*128:(second+1)*128], values[first*128:(first+1)*128])
		return out
	})
	change(t, g, "blocks.output.conv.b", func(values []float64) []float64 {
		out := slices.Clone(values)
		out[second] = values[first] + 1e-6
		return out
	})
	near := verified(t, g)
	if k := near.Tokens; !near.OK || k.Differing == 0 || k.Gap > 2e-6 || !slices.ContainsFunc(near.Remarks, func(r verify.Remark) bool { return r.Code == "other-tokens" }) {
		t.Errorf("two that are nearly equal: OK %v, %+v, %v", near.OK, k, near.Remarks)
	}
}

// TestVerify_TokensWithoutPreference: a model that has no preference among the tokens is not verified by a recording of tokens, however small the gaps are.
func TestVerify_TokensWithoutPreference(t *testing.T) {
	t.Parallel()
	constant := func(value float64) func([]float64) []float64 {
		return func(values []float64) []float64 { return slices.Repeat([]float64{value}, len(values)) }
	}
	nearly := func(values []float64) []float64 { // closer to each other than rounding moves them
		out := make([]float64, len(values))
		for i := range out {
			out[i] = 5 + 1e-8*float64(i)
		}
		return out
	}
	oneRow := func(values []float64) []float64 {
		out := slices.Clone(values)
		for at := 8; at < len(out); at += 8 {
			copy(out[at:at+8], out[:8])
		}
		return out
	}
	for name, c := range map[string]struct {
		recording, parameter string
		change               func([]float64) []float64
		bias                 func([]float64) []float64
		keep                 []string
	}{
		"all logits zero":             {encoderLogits, "blocks.output.conv.w", constant(0), constant(0), []string{"tokens"}},
		"all logits nearly the same":  {encoderLogits, "blocks.output.conv.w", constant(0), nearly, []string{"tokens"}},
		"all codes the same":          {vqkdStages, "quantize.embedding.weight", oneRow, nil, []string{"tokens"}},
		"all codes the same, and had": {vqkdStages, "quantize.embedding.weight", oneRow, nil, []string{"codes", "tokens"}},
		"a logit that is infinite":    {encoderLogits, "blocks.output.conv.w", constant(0), constant(math.Inf(1)), []string{"tokens"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := tokenizer(t, c.recording)
			keep(g, c.keep...)
			change(t, g, c.parameter, c.change)
			if c.bias != nil {
				change(t, g, "blocks.output.conv.b", c.bias)
			}
			r := verified(t, g)
			if k := r.Tokens; r.OK || r.FirstDivergence != "tokens" || k.Differing+k.Unchosen == 0 {
				t.Errorf("OK %v, first %q, %+v", r.OK, r.FirstDivergence, k)
			}
			var page strings.Builder
			if err := report.Text(&page, r, report.Options{}); err != nil || strings.Contains(page.String(), "128 of 128 equal") || !strings.Contains(page.String(), "FAILS") {
				t.Errorf("%v: %s", err, page.String())
			}
		})
	}
}

// TestVerify_TokenizerAgainst compares a dVAE with another checkpoint of it.
func TestVerify_TokenizerAgainst(t *testing.T) {
	t.Parallel()
	for _, name := range []string{encoderStages, decoderStages, vqkdStages} {
		g := tokenizer(t, name)
		good := slices.Clone(g.Weights)
		subject := verify.Subject{Name: "subject", Config: g.Config, Weights: g.Weights}
		result, err := verify.Verify(t.Context(), subject, verify.Against("other", g.Config, good), verify.Options{})
		if err != nil || !result.OK {
			t.Fatalf("%s: error %v: %+v", name, err, result)
		}
		changed := "blocks.group_2.block_1.res_path.conv_1.w"
		if g.Config.Kind == arch.VQKD {
			changed = "encoder.blocks.1.mlp.fc1.weight"
		}
		change(t, g, changed, times(1.5))
		subject.Weights = g.Weights
		if result, err = verify.Verify(t.Context(), subject, verify.Against("other", g.Config, good), verify.Options{}); err != nil {
			t.Fatal(err)
		}
		if result.OK || !strings.Contains(result.Blame, changed) && !slices.ContainsFunc(result.Findings, func(f blame.Finding) bool { return slices.Contains(f.Tensors, changed) }) {
			t.Errorf("%s: OK %v: %s: %+v", name, result.OK, result.Blame, result.Findings)
		}
		oracle, err := verify.Verify(t.Context(), subject, verify.Oracle(), verify.Options{})
		if err != nil || !oracle.OK {
			t.Errorf("%s against plain float64: error %v: %+v", name, err, oracle)
		}
	}
}
