package naming_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/tensor"
)

// Tokenizers are read in the names that the real frameworks give them, whatever stands around these.
func TestRead_Tokenizers(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		kind       arch.Kind
		scheme     string
		equivalent []string
		vocabulary int
	}{
		"dvae_encoder":      {arch.DVAEEncoder, naming.OpenAI, []string{naming.Unilm, naming.Canonical, naming.OpenMMLab}, 32},
		"dvae_decoder":      {arch.DVAEDecoder, naming.OpenAI, []string{naming.Unilm, naming.Canonical}, 32},
		"hf_flava_codebook": {arch.DVAEEncoder, naming.FLAVA, nil, 16},
		"vqkd":              {arch.VQKD, naming.Unilm, []string{naming.Canonical}, 16},
	} {
		tensors := list(t, "tokenizers/"+name, zeros)
		wrapped := slices.Clone(tensors)
		for i := range wrapped {
			wrapped[i].Name = "module.net." + wrapped[i].Name
		}
		for _, given := range [][]tensor.Named{tensors, wrapped, append(wrapped, zeros("criterion.weight", 3))} {
			model, err := naming.Read(t.Context(), given, naming.Options{Hints: arch.Hints{Heads: 2}})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			slices.Sort(model.Equivalent)
			slices.Sort(want.equivalent)
			if model.Config.Kind != want.kind || model.Scheme != want.scheme || !slices.Equal(model.Equivalent, want.equivalent) || model.Config.Vocabulary() != want.vocabulary {
				t.Errorf("%s is read as %s (%s), %s with %d tokens", name, model.Scheme, model.Equivalent, model.Config.Kind, model.Config.Vocabulary())
			}
		}
	}
}

// What VQ-KD was trained with is left out, and said: unilm drops the same keys.
func TestRead_LeavesOutTheTeacherOfVQKD(t *testing.T) {
	t.Parallel()
	tensors := append(list(t, "tokenizers/vqkd", zeros), zeros("loss_fn.weight", 2), zeros("scaling_layer.shift", 1, 3, 1, 1),
		zeros("teacher_model.blocks.0.norm1.weight", 4), zeros("teacher_model.blocks.0.attn.qkv.bias", 12), zeros("teacher_model.patch_embed.proj.weight", 4, 3, 16, 16),
		zeros("teacher_model.pos_embed", 1, 5, 4))
	model, err := naming.Read(t.Context(), tensors, naming.Options{Hints: arch.Hints{Heads: 2}})
	if err != nil {
		t.Fatal(err)
	}
	if len(model.Dropped) != 6 || !strings.Contains(strings.Join(model.Notes, "; "), "left out 4 tensors of 12432 bytes: the teacher that VQ-KD was trained with") {
		t.Errorf("dropped %v, notes %q", model.Dropped, model.Notes)
	}
}

// Of a pre-training checkpoint the BEiT is read, also if it is damaged, and never the tokenizer instead; of the tokenizer alone, each half has to be asked for.
func TestRead_TokenizerBesideItsModel(t *testing.T) {
	t.Parallel()
	var inside []tensor.Named
	for _, half := range []string{"encoder", "decoder"} {
		for _, p := range write(t, naming.PASSL, byName(t, "digits_dvae_"+half)) {
			p.Name = "d_vae." + half + "." + p.Name
			inside = append(inside, p)
		}
	}
	whole := append(write(t, naming.PASSL, byName(t, "tiny_mim_p16_64")), inside...)
	model, err := naming.Read(t.Context(), whole, naming.Options{})
	if err != nil || model.Config.Name != "tiny_mim_p16_64" || model.Scheme != naming.PASSL || len(model.Dropped) < len(inside) {
		t.Fatalf("%v, %+v", err, model)
	}
	var mismatch *naming.MismatchError
	if _, err := naming.Read(t.Context(), whole[1:], naming.Options{}); !errors.As(err, &mismatch) || len(mismatch.Missing) != 1 || mismatch.Missing[0].Canonical != "cls_token" {
		t.Errorf("without a class token: %v", err)
	}
	var several *naming.SeveralModelsError
	if _, err := naming.Read(t.Context(), inside, naming.Options{}); !errors.As(err, &several) || !slices.Equal(several.Prefixes, []string{"d_vae.decoder", "d_vae.encoder"}) {
		t.Errorf("the tokenizer alone: %v", err)
	}
}

// A tokenizer that is damaged is called a tokenizer, and what is wrong with it is named.
func TestRead_DamagedTokenizers(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"digits_dvae_encoder", "digits_dvae_decoder", "tiny_vqkd_p16_64"} {
		for _, scheme := range naming.Names() {
			config := byName(t, name)
			written, err := naming.Write(scheme, config, fillWithBytes(config, tensor.F32), naming.WriteOptions{})
			if err != nil {
				continue
			}
			for at := range written {
				var mismatch *naming.MismatchError
				var open *arch.InferenceError
				_, err := naming.Read(t.Context(), slices.Delete(slices.Clone(written), at, at+1), naming.Options{Hints: arch.Hints{Heads: 3}})
				if errors.As(err, &open) && open.Property != "" {
					continue // nothing else tells the number of codes, or the window
				}
				if !errors.As(err, &mismatch) || len(mismatch.Missing) != 1 || len(mismatch.Unexpected)+len(mismatch.Shapes) > 0 {
					t.Errorf("%s in the scheme %s without %s: %v", name, scheme, written[at].Name, err)
				}
			}
		}
	}
}

// drawTokenizer makes a tokenizer of any architecture of a kind, each tensor with bytes of its own.
func drawTokenizer(t *rapid.T, kind arch.Kind) (arch.Config, []tensor.Named) {
	side := rapid.IntRange(1, 3).Draw(t, "side")
	config := arch.Config{
		Kind: kind, ImageHeight: 8 * side, ImageWidth: 8 * side, PatchSize: 8, Channels: rapid.IntRange(1, 4).Draw(t, "channels"),
		EmbedDim: 4 * rapid.IntRange(1, 2).Draw(t, "width"), Depth: 4 * rapid.IntRange(1, 3).Draw(t, "blocks"), Classes: rapid.IntRange(1, 9).Draw(t, "tokens"),
	}
	switch kind {
	case arch.DVAEDecoder:
		config.InitDim = rapid.IntRange(1, 9).Draw(t, "init")
	case arch.VQKD:
		config.Classes, config.Heads, config.HiddenDim, config.AbsolutePosition, config.Epsilon = 0, 2, 7, true, arch.Epsilon
		config.Pooling, config.Bias = arch.PatchTokens, arch.NoBias
		config.Codebook = arch.Codebook{Codes: rapid.IntRange(1, 9).Draw(t, "codes"), Dim: rapid.IntRange(1, 9).Draw(t, "dim"), Usage: rapid.Bool().Draw(t, "usage")}
		if rapid.Bool().Draw(t, "training") {
			config.Codebook.Statistics = true
			config.Codebook.Decoder = arch.CodeDecoder{EmbedDim: 6, HiddenDim: 5, Depth: rapid.IntRange(1, 3).Draw(t, "decoder"), Heads: 3, Features: 4}
		}
	}
	if err := config.Validate(); err != nil {
		t.Fatal(err)
	}
	return config, fillWithBytes(config, rapid.SampledFrom([]tensor.DType{tensor.F32, tensor.F16, tensor.F64}).Draw(t, "dtype"))
}

// Each scheme that has names for a kind of tokenizers gives every bit of one back, and each pair of them means the same.
func TestTokenizers_ThereAndBackInEveryScheme(t *testing.T) {
	t.Parallel()
	for _, kind := range []arch.Kind{arch.DVAEEncoder, arch.DVAEDecoder, arch.VQKD} {
		rapid.Check(t, func(t *rapid.T) {
			config, tensors := drawTokenizer(t, kind)
			count := 0
			for _, scheme := range naming.Names() {
				written, err := naming.Write(scheme, config, tensors, naming.WriteOptions{})
				if lacks := naming.Lacks(scheme, config); lacks != "" {
					var nameless *naming.NoNameError
					if !errors.As(err, &nameless) || nameless.Part != lacks {
						t.Fatalf("%s: %v, want that it lacks %s", scheme, err, lacks)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				count++
				read, err := naming.Read(t.Context(), written, naming.Options{Hints: arch.Hints{Heads: config.Heads, Window: arch.Window{Height: config.ImageHeight / 8, Width: config.ImageWidth / 8}}})
				if err != nil {
					t.Fatalf("%s: %v", scheme, err)
				}
				if read.Scheme != scheme && !slices.Contains(read.Equivalent, scheme) {
					t.Fatalf("what %s wrote is read as %s, %v", scheme, read.Scheme, read.Equivalent)
				}
				got := read.Config
				got.Codebook.Decoder.Heads = config.Codebook.Decoder.Heads // which no parameter tells
				if got.Name = ""; got != config {
					t.Fatalf("%s: read as %+v, want %+v", scheme, got, config)
				}
				sameTensors(t, tensors, read.Tensors)
			}
			if least := map[arch.Kind]int{arch.DVAEEncoder: 6, arch.DVAEDecoder: 4, arch.VQKD: 2}[kind]; count < least {
				t.Fatalf("%d schemes of %d have names", count, least)
			}
		})
	}
}
