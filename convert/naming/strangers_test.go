package naming_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/tensor"
)

// list returns the tensors of a list in testdata, each made of zeros or of ones.
func list(t *testing.T, name string, make func(name string, shape ...int) tensor.Named) []tensor.Named {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	var tensors []tensor.Named
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, sizes, _ := strings.Cut(strings.TrimSpace(line), " ")
		var shape []int
		for size := range strings.SplitSeq(sizes, "x") {
			if n, err := strconv.Atoi(size); err == nil {
				shape = append(shape, n)
			}
		}
		tensors = append(tensors, make(name, shape...))
	}
	return tensors
}

// Every list of testdata/strangers is of a model that is not a BEiT, and is called what it is. So it is behind a prefix, under wrappers, among other tensors,
// if an architecture is stated, and if all its biases are zero, as those of a model that was never trained are.
func TestRead_NamesStrangers(t *testing.T) {
	t.Parallel()
	const vit, scaled, gated, registers, relative = "plain vision transformer, as in timm", "with layer scale", "EVA-02", "register tokens", "relative positions"
	want := map[string]struct{ what, tensor string }{
		"beit3_classification":    {"BEiT-3", "self_attn.q_proj.A"},
		"beit3_retrieval":         {"BEiT-3", "self_attn.q_proj.A"},
		"cait":                    {"CaiT", "blocks_token_only.0"},
		"case_beit3":              {"BEiT-3", "self_attn.q_proj.A"},
		"case_deit3":              {scaled, "ls1.gamma"},
		"case_eva02":              {gated, "mlp.fc1.weight"},
		"case_flexivit":           {vit, "qkv.bias"},
		"case_fresh_vit":          {vit, "qkv.bias"},
		"deit3":                   {"DeiT III, in the names of facebookresearch/deit", "qkv.bias"},
		"dinov2":                  {"DINOv2", "ls1.gamma"},
		"dinov2_chunks":           {"DINOv2 with register tokens", "register_tokens"},
		"eva02":                   {gated, "mlp.ffn_ln"},
		"hf5_swin":                {"Swin Transformer in the names of transformers 5", "relative_position_bias_table"},
		"hf5_vit":                 {"vision transformer (ViT, DeiT or the like) in the names of transformers 5", "k_proj.bias"},
		"timm_vit_no_biases":      {"without biases for its queries", "qkv.weight"},
		"hf_bert":                 {"language model (BERT", "word_embeddings"},
		"hf_blip2_vision":         {"image encoder of CLIP", "class_embedding"},
		"hf_clip":                 {"CLIP or a relative of it in the names of transformers", "vision_model.encoder.layers"},
		"hf_clip_vision":          {"image encoder of CLIP", "class_embedding"},
		"hf_deit":                 {"DeiT in the names of transformers", "distillation_token"},
		"hf_deit_model":           {"DeiT in the names of transformers", "distillation_token"},
		"hf_dinov2":               {"DINOv2 in the names of transformers", "layer_scale1.lambda1"},
		"hf_dinov2_registers":     {"DINOv2 with register tokens, in the names of transformers", "register_tokens"},
		"hf_dinov3":               {"DINOv3, in the names of transformers", "layer_scale1.lambda1"},
		"hf_flava":                {"FLAVA", "multimodal_model"},
		"hf_flava_pretraining":    {"FLAVA", "multimodal_model"},
		"hf_gpt2":                 {"language model (GPT-2", "wte.weight"},
		"hf_ijepa":                {"vision transformer (ViT, DeiT or the like) in the names of transformers", "key.bias"},
		"hf_layoutlmv3":           {"LayoutLM v3", "rel_pos_x_bias"},
		"hf_layoutlmv3_model":     {"LayoutLM v3", "rel_pos_x_bias"},
		"hf_llama":                {"language model (Llama", "embed_tokens"},
		"hf_mae":                  {"masked autoencoder (MAE) with its decoder, in the names of transformers", "decoder_embed"},
		"hf_resnet":               {"ResNet in the names of transformers", "normalization"},
		"hf_roberta":              {"language model (BERT", "word_embeddings"},
		"hf_sam":                  {"Segment Anything", "mask_decoder"},
		"hf_siglip":               {"CLIP or a relative of it", "vision_model.encoder.layers"},
		"hf_swin":                 {"Swin Transformer in the names of transformers", "relative_position_bias_table"},
		"hf_swinv2":               {"Swin Transformer v2", "continuous_position_bias_mlp"},
		"hf_t5":                   {"language model (T5", "relative_attention_bias"},
		"hf_trocr":                {"vision transformer (ViT, DeiT or the like) in the names of transformers", "key.bias"},
		"hf_vilt":                 {"ViLT", "text_embeddings"},
		"hf_vit":                  {"vision transformer (ViT, DeiT or the like) in the names of transformers", "key.bias"},
		"hf_vit_model":            {"vision transformer (ViT, DeiT or the like) in the names of transformers", "key.bias"},
		"hf_vit_msn":              {"vision transformer (ViT, DeiT or the like) in the names of transformers", "key.bias"},
		"mae_finetuned":           {vit, "qkv.bias"},
		"mae_pretraining":         {"masked autoencoder (MAE) with its decoder", "decoder_blocks"},
		"open_clip":               {"CLIP in OpenAI's names", "visual.transformer.resblocks"},
		"open_clip_timm":          {"CLIP as open_clip has it", "visual.trunk"},
		"sam":                     {"Segment Anything", "mask_decoder"},
		"sam_encoder":             {"image encoder of Segment Anything", "rel_pos_h"},
		"timm_beit3":              {"the image encoder of BEiT-3 in timm's names", "attn.norm.weight"},
		"timm_cait":               {"CaiT", "blocks_token_only.0"},
		"timm_deit3":              {scaled, "ls1.gamma"},
		"timm_deit_distilled":     {"distilled DeiT", "dist_token"},
		"timm_dinov2":             {scaled, "ls1.gamma"},
		"timm_dinov3":             {registers, "reg_token"},
		"timm_eva02":              {gated, "mlp.fc1_g"},
		"timm_eva02_large":        {gated, "mlp.fc1_g"},
		"timm_eva02_tiny":         {gated, "mlp.fc1.weight"},
		"timm_flexivit":           {vit, "qkv.bias"},
		"timm_resnet":             {"ResNet", "layer1.0.bn1"},
		"timm_samvit":             {"image encoder of Segment Anything", "rel_pos_h"},
		"timm_swin":               {"Swin Transformer", "relative_position_bias_table"},
		"timm_swinv2":             {"Swin Transformer v2", "cpb_mlp"},
		"timm_vit":                {vit, "qkv.bias"},
		"timm_vit_avg":            {vit, "qkv.bias"},
		"timm_vit_in21k_norm_pre": {vit, "qkv.bias"},
		"timm_vit_map":            {"pools by attention", "attn_pool.latent"},
		"timm_vit_registers":      {registers, "reg_token"},
		"timm_vit_relpos":         {relative, "rel_pos.mlp.fc1"},
		"timm_vit_relpos_cls":     {relative, "rel_pos.mlp.fc1"},
		"timm_vit_rope":           {registers, "reg_token"},
		"timm_vit_rpn":            {relative, "rel_pos.mlp.fc1"},
		"timm_vit_srelpos":        {relative, "shared_rel_pos.mlp.fc1"},
		"timm_vit_swiglu":         {scaled, "ls1.gamma"},
		"torchvision_resnet":      {"ResNet", "layer1.0.bn1"},
		"torchvision_swin":        {"Swin Transformer in torchvision's names", "relative_position_bias_table"},
		"torchvision_vit":         {"torchvision's names", "self_attention.in_proj_weight"},
	}
	others := map[string]any{ // BEiTs with something more
		"hf_dpt": new(*naming.UnsupportedError), "hf_dpt_beit": new(*naming.UnsupportedError), "hf_trocr_beit": new(*naming.BesideError),
	}
	config := byName(t, "beit_base_p16_224")
	files, err := filepath.Glob(filepath.Join("testdata", "strangers", "*.txt"))
	if err != nil || len(files) != len(want)+len(others) {
		t.Fatalf("%d lists for %d rows, %v", len(files), len(want)+len(others), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, make := range []func(string, ...int) tensor.Named{zeros, ones} {
				tensors := list(t, "strangers/"+name, make)
				under := slices.Clone(tensors)
				for i := range under {
					under[i].Name = "module.net." + under[i].Name
				}
				for _, c := range []struct {
					tensors []tensor.Named
					options naming.Options
				}{
					{tensors, naming.Options{}},
					{tensors, naming.Options{Arch: &config}},
					{tensors, naming.Options{Scheme: naming.HF}},
					{append(under, zeros("criterion.weight", 3)), naming.Options{}},
				} {
					_, err := naming.Read(t.Context(), c.tensors, c.options)
					var stranger *naming.StrangerError
					switch target := others[name]; {
					case target != nil:
						if c.options == (naming.Options{}) && !errors.As(err, target) {
							t.Errorf("%T %v", err, err)
						}
					case !errors.As(err, &stranger):
						t.Errorf("%T %v", err, err)
					case !strings.Contains(stranger.What, want[name].what) || !strings.Contains(stranger.Name, want[name].tensor):
						t.Errorf("got %v, want %q because of %q", stranger, want[name].what, want[name].tensor)
					case strings.Contains(stranger.Hint(), "arch"):
						t.Errorf("hint %q leads to the next refusal", stranger.Hint())
					}
				}
			}
		})
	}
}

// What was never trained may compute the same as a BEiT; its names say that it is none. A BEiT whose biases a program joined has names of its own.
func TestRead_JoinedBias(t *testing.T) {
	t.Parallel()
	_, err := naming.Read(t.Context(), list(t, "strangers/case_fresh_vit", zeros), naming.Options{Hints: arch.Hints{Heads: 1}})
	var stranger *naming.StrangerError
	if !errors.As(err, &stranger) {
		t.Errorf("fresh vision transformer: %T %v", err, err)
	}
	joined := func(config arch.Config) []tensor.Named {
		var tensors []tensor.Named
		for _, p := range write(t, naming.Timm, config) {
			switch {
			case strings.HasSuffix(p.Name, "q_bias"):
				tensors = append(tensors, zeros(strings.Replace(p.Name, "q_bias", "qkv.bias", 1), 3*config.EmbedDim))
			case !strings.HasSuffix(p.Name, "v_bias"):
				tensors = append(tensors, p)
			}
		}
		return tensors
	}
	tables := byName(t, "tiny_p16_32")
	tables.Name, tables.AbsolutePosition, tables.LayerScale = "", true, false
	scaled := tables
	scaled.Bias, scaled.LayerScale = arch.NoBias, true
	for _, config := range []arch.Config{tables, scaled} {
		model, err := naming.Read(t.Context(), joined(config), naming.Options{Arch: &config})
		if err != nil || model.Config != config {
			t.Errorf("%s bias: %v", config.Bias, err)
		}
	}
}

// A BEiT of any kind is never a stranger, in any scheme, whole or damaged.
func TestRead_NoBEiTIsAStranger(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	check := func(t interface{ Errorf(string, ...any) }, scheme string, config arch.Config, tensors []tensor.Named) {
		_, err := naming.Read(ctx, tensors, naming.Options{})
		var stranger *naming.StrangerError
		if errors.As(err, &stranger) {
			t.Errorf("%s of %+v: %v", scheme, config, err)
		}
	}
	for _, scheme := range naming.Names() {
		for _, name := range arch.Names() {
			config := byName(t, name)
			var tensors []tensor.Named
			for _, p := range config.Params() {
				tensors = append(tensors, tensor.Named{Name: p.Name, View: tensor.View{DType: tensor.F32, Shape: p.Shape}})
			}
			written, err := naming.Write(scheme, config, tensors, naming.WriteOptions{})
			if err != nil {
				continue // a model that the scheme has no names for
			}
			for i := range written {
				if strings.HasSuffix(written[i].Name, "index") {
					written = written[:i]
					break
				}
			}
			check(t, scheme, config, written)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		config, tensors := draw(t)
		scheme := rapid.SampledFrom(naming.Names()).Draw(t, "scheme")
		written, err := naming.Write(scheme, config, tensors, naming.WriteOptions{})
		if err != nil {
			t.Skip()
		}
		for range rapid.IntRange(0, 3).Draw(t, "lost") {
			written = slices.Delete(written, 0, 1)
			slices.Reverse(written)
		}
		check(t, scheme, config, written)
	})
}

// A file of many names, or of absurd ones, is understood in little time.
func TestRead_IsFastWithHostileNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("blocks.0.", 100_000)
	var many []tensor.Named
	for i := range 30_000 {
		many = append(many, tensor.Named{Name: strconv.Itoa(i) + ".module.blocks.0.norm1.weight", View: zeros("", 3).View})
	}
	for name, tensors := range map[string][]tensor.Named{
		"many prefixes": many,
		"long":          {zeros(long+"norm1.weight", 3), zeros("blocks.0.norm1.weight", 3), zeros(strings.Repeat("module.", 200_000)+"x", 3), zeros(strings.Repeat(".", 1_000_000), 3)},
	} {
		start := time.Now()
		if _, err := naming.Read(t.Context(), tensors, naming.Options{}); err == nil {
			t.Errorf("%s: read", name)
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%s: took %s", name, took)
		} else {
			t.Logf("%s: %s", name, took)
		}
	}
}
