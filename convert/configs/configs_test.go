package configs_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/configs"
)

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("../../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// passlYAML is a training configuration with the keys that PASSL's own ones have.
func passlYAML(model string) string {
	return `epochs: 300
output_dir: output_dir
device: gpu
` + model + `
dataloader:
  train:
    sampler: {batch_size: 128, shuffle: true}
    dataset:
      name: ImageNet
      transforms:
        - name: RandomResizedCrop
          scale: [0.75, 1.]
        - name: NormalizeImage
          scale: 1.0/255.0
optimizer:
  name: AdamW
  exclude_from_weight_decay: ["pos_embed", "cls_token", ".bias"]
`
}

func TestParsePASSL(t *testing.T) {
	t.Parallel()
	named := func(name string) arch.Config {
		config, err := arch.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		return config
	}
	classToken := named("beit_base_p16_224")
	classToken.Name, classToken.Pooling, classToken.Classes, classToken.AbsolutePosition, classToken.LayerScale = "", arch.ClassToken, 150, true, false
	for _, c := range []struct {
		name, raw string
		want      arch.Config
	}{
		{"trained digits", string(readFile(t, "../manifests/embedded/digits_p16_64.yaml")), named("digits_p16_64")},
		{"large 512, misspelt wrapper", passlYAML(`model:
    name: BeitWrapper
    architecture: {name: Beit, img_size: 512, embed_dim: 1024, patch_size: 16, depth: 24, num_heads: 16, mlp_ratio: 4,
      use_abs_pos_emb: False, use_rel_pos_bias: True, init_values: 0.00001}
    head: {name: BeitClsHead, num_classes: 1000, in_channels: 1024}`), named("beit_large_p16_512")},
		{"fine-tuning wrapper, exponent without a point", passlYAML(`model:
  name: BEiTFTWrapper
  architecture: {name: VisionTransformerForFinetune, img_size: 224, embed_dim: 768, depth: 12, num_heads: 12, mlp_ratio: 4,
    qkv_bias: True, drop_path_rate: 0.1, init_values: 1e-1, use_abs_pos_emb: False, use_rel_pos_bias: True}
  head: {name: BEiTFTHead, num_classes: 1000}`), named("beit_base_p16_224")},
		{"masked, head's class count ignored", passlYAML(`model:
    name: BEiTPTWrapper
    architecture: {name: VisionTransformerForMaskedImageModeling, img_size: 224, use_abs_pos_emb: False, use_rel_pos_bias: False,
      use_shared_rel_pos_bias: True, init_values: 0.1}
    head: {name: BEiTPTHead, num_classes: 1000}
    d_vae: {name: dall-e, image_size: 112}`), named("beit_base_p16_224_mim")},
		{"class defaults", passlYAML(`model:
  architecture: {name: Beit, use_rel_pos_bias: true, use_mean_pooling: false, init_values: None}
  head: {num_classes: 150}`), classToken},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := configs.ParsePASSL([]byte(c.raw))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParsePASSLRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ raw, want string }{
		"empty":           {"", "not a PASSL configuration: the file is empty"},
		"no yaml":         {"model: [", "not a PASSL configuration"},
		"other model":     {"model: {architecture: {name: ResNet}}", `"ResNet" is not one of`},
		"no architecture": {"model: {name: BEiTWrapper}", "no model.architecture"},
		"two biases":      {"model: {architecture: {name: Beit, use_rel_pos_bias: true, use_shared_rel_pos_bias: true}}", "both kinds"},
		"no qkv bias":     {"model: {architecture: {name: Beit, use_rel_pos_bias: true, qkv_bias: false}}", "qkv_bias is off"},
		"negative size":   {"model: {architecture: {name: Beit, img_size: -224}}", "img_size"},
		"text size":       {"model: {architecture: {name: Beit, img_size: big}}", "img_size"},
		"text scale":      {"model: {architecture: {name: Beit, init_values: much}}", "init_values"},
		"huge depth":      {"model: {architecture: {name: Beit, depth: 1000000000}}", "depth is"},
		"huge ratio":      {"model: {architecture: {name: Beit, mlp_ratio: 1e300}}", "hidden_dim"},
		"too long":        {strings.Repeat("#", 1<<20+1), "limit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := configs.ParsePASSL([]byte(c.raw)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestParseTransformers(t *testing.T) {
	t.Parallel()
	want, _ := arch.ByName("digits_p16_64")
	want.Epsilon = arch.EpsilonHF
	got, err := configs.ParseTransformers(readFile(t, "digits/hf/config.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Config); diff != "" {
		t.Error(diff)
	}
	if len(got.Labels) != 10 || got.Labels[3] != "LABEL_3" {
		t.Errorf("labels %q", got.Labels)
	}
	old, err := configs.ParseTransformers([]byte(`{"model_type": "beit", "architectures": ["BeitForImageClassification"], "use_relative_position_bias": true,
		"id2label": {"0": "cat", "1": "dog"}, "label2id": {"cat": "0", "dog": "1"}, "image_size": [224, 448], "layer_norm_eps": 1e-5}`))
	if err != nil || old.Config.Classes != 2 || old.Config.ImageHeight != 224 || old.Config.ImageWidth != 448 || old.Config.Epsilon != 1e-5 {
		t.Errorf("got %+v, %v", old, err)
	}
}

// drawConfig draws any architecture of the family.
func drawConfig(t *rapid.T) arch.Config {
	patch := rapid.SampledFrom([]int{8, 14, 16}).Draw(t, "patch")
	height, width := rapid.IntRange(1, 6).Draw(t, "height"), rapid.IntRange(1, 6).Draw(t, "width")
	heads := rapid.IntRange(1, 4).Draw(t, "heads")
	config := arch.Config{
		ImageHeight: height * patch, ImageWidth: width * patch, PatchSize: patch, Channels: rapid.IntRange(1, 4).Draw(t, "channels"), EmbedDim: 64 * heads, Heads: heads,
		HiddenDim: rapid.IntRange(1, 600).Draw(t, "hidden"), Depth: rapid.IntRange(1, 4).Draw(t, "depth"),
		Classes: rapid.IntRange(0, 50).Draw(t, "classes"), Bias: rapid.SampledFrom([]arch.Bias{arch.NoBias, arch.BlockBias, arch.SharedBias}).Draw(t, "bias"),
		LayerScale: rapid.Bool().Draw(t, "scale"), AbsolutePosition: rapid.Bool().Draw(t, "absolute"), Epsilon: arch.Epsilon,
	}
	config.Pooling = rapid.SampledFrom([]arch.Pooling{arch.MeanPooling, arch.ClassToken, arch.AllTokens}).Draw(t, "pooling")
	config.MaskToken = config.Pooling == arch.AllTokens && (config.Classes == 0 || rapid.Bool().Draw(t, "mask token"))
	if config.Bias == arch.NoBias {
		config.AbsolutePosition = true
	}
	return config.Named()
}

func TestTransformersThereAndBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawConfig(t)
		want.Epsilon = rapid.SampledFrom([]float64{arch.Epsilon, arch.EpsilonHF, 1e-5}).Draw(t, "epsilon")
		model := configs.BEiT
		if !want.Masked() || want.Classes == 0 {
			model = rapid.SampledFrom([]configs.Type{configs.BEiT, configs.Data2Vec}).Draw(t, "type")
		}
		raw, err := configs.Transformers(card.Card{Config: want}, model)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := configs.Transformers(card.Card{Config: want}, model)
		if string(raw) != string(again) {
			t.Fatal("not deterministic")
		}
		got, err := configs.ParseTransformers(raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Config); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Every key that is written has the value that transformers itself wrote for the same model. Keys such as the drop-path rate are not written: they
// keep their defaults.
func TestTransformersAgreesWithTransformersItself(t *testing.T) {
	t.Parallel()
	var theirs, ours map[string]any
	raw := readFile(t, "digits/hf/config.json")
	if err := json.Unmarshal(raw, &theirs); err != nil {
		t.Fatal(err)
	}
	parsed, err := configs.ParseTransformers(raw)
	if err != nil {
		t.Fatal(err)
	}
	written, err := configs.Transformers(parsed.Card, configs.BEiT)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(written, &ours); err != nil {
		t.Fatal(err)
	}
	for key, value := range ours {
		if diff := cmp.Diff(theirs[key], value); diff != "" {
			t.Errorf("%s: %s", key, diff)
		}
	}
	if len(ours) < 20 {
		t.Errorf("only %d keys were written", len(ours))
	}
}

func TestParseTransformersRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ raw, want string }{
		"no json":       {"model_type", "not a transformers"},
		"text as size":  {`{"model_type": "beit", "hidden_size": "a"}`, "hidden_size is a text, not a whole number"},
		"other model":   {`{"model_type": "vit"}`, `"vit"`},
		"other gelu":    {`{"model_type": "beit", "hidden_act": "gelu_new"}`, "gelu_new"},
		"channels":      {`{"model_type": "beit", "num_channels": 0}`, "channels is 0"},
		"odd size":      {`{"model_type": "beit", "image_size": "224"}`, "image_size"},
		"uneven size":   {`{"model_type": "beit", "image_size": 225}`, "225 x 225"},
		"huge depth":    {`{"model_type": "beit", "num_hidden_layers": 1000000000}`, "depth"},
		"uneven patch":  {`{"model_type": "beit", "patch_size": [16, 14]}`, "16 x 14"},
		"no epsilon":    {`{"model_type": "beit", "layer_norm_eps": 0}`, "epsilon"},
		"null for size": {`{"model_type": "beit", "hidden_size": 0}`, "embed_dim"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := configs.ParseTransformers([]byte(c.raw)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
	config, _ := arch.ByName("digits_p16_64")
	if _, err := configs.Transformers(card.Card{Config: config, Facts: card.Facts{Labels: []string{"zero"}}}, configs.BEiT); err == nil {
		t.Error("one label for ten classes was accepted")
	}
}

func FuzzParsePASSL(f *testing.F) {
	raw, err := os.ReadFile("../../manifests/embedded/digits_p16_64.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(raw))
	f.Add("model: {architecture: {name: Beit, img_size: [224, 448], use_rel_pos_bias: true}}")
	f.Fuzz(func(t *testing.T, raw string) {
		if config, err := configs.ParsePASSL([]byte(raw)); err == nil && config.Validate() != nil {
			t.Errorf("accepted an invalid configuration: %v", config.Validate())
		}
	})
}

func FuzzParseTransformers(f *testing.F) {
	raw, err := os.ReadFile("../../testdata/digits/hf/config.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		parsed, err := configs.ParseTransformers(raw)
		if err != nil {
			return
		}
		if parsed.Config.Classes > 1000 {
			return // writing millions of labels is slow, not wrong
		}
		written, err := configs.Transformers(card.Card{Config: parsed.Config}, parsed.Type)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := configs.ParseTransformers(written); err != nil {
			t.Errorf("what was written can't be read: %v", err)
		}
	})
}

// TestMLPRatio: for some widths the quotient itself, multiplied again and rounded down, is one too few.
func TestMLPRatio(t *testing.T) {
	t.Parallel()
	adjusted := 0
	for width := 8; width <= 1304; width += 8 {
		for _, hidden := range []int{width, 4 * width, 4*width + 199, 5383} {
			ratio := configs.MLPRatio(width, hidden)
			if got := int(float64(width) * ratio); got != hidden {
				t.Errorf("%d x %g is %d, want %d", width, ratio, got, hidden)
			}
			if ratio != float64(hidden)/float64(width) {
				adjusted++
			}
		}
	}
	if adjusted == 0 {
		t.Error("none of the widths needs more than the quotient")
	}
}

// TestParseTransformers_NamesOfClasses reads names that do not belong to the classes one by one: they are refused, and the rest of the file is read.
func TestParseTransformers_NamesOfClasses(t *testing.T) {
	t.Parallel()
	for labels, broken := range map[string]bool{
		`"id2label": {"0": "a", "1": "b", "2": "c"}`:                    false,
		`"id2label": {"0": "a", "1": "b", "10": "c"}`:                   true,
		`"id2label": {"0": "a", "1": "b", "02": "c"}`:                   false,
		`"id2label": {"0": "a", "1": "b"}, "num_labels": 3`:             true,
		`"id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "num_labels": 3`: false, // transformers' own, which say nothing
		`"architectures": ["BeitModel"], "id2label": {"5": "a"}`:        false, // and without a head it has no classes
	} {
		facts, err := configs.ParseTransformers([]byte(`{"model_type": "beit", ` + labels + `}`))
		if err != nil || (facts.LabelsErr != nil) != broken || broken && facts.Labels != nil {
			t.Errorf("%s: %v, labels %q, %v", labels, err, facts.Labels, facts.LabelsErr)
		}
	}
}
