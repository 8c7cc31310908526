package naming

import (
	"slices"
	"strings"
	"sync"

	"github.com/beitzoo/beitzoo/tensor"
)

// stranger is a model that people take for a BEiT, or for one of the files that go with it, and how it is known by its names.
type stranger struct {
	// what is the model, with an article.
	what string
	// has are runs of components of names, of which each must be in some name; the first gives the model away. {i} is any number. In lacks are those that must
	// be in none.
	has, lacks []string
	// shape is that of the first tensor; 0 is any number. nil is any shape.
	shape []int
	// gated: the first of has is the weight of a layer with twice as many rows as the second has columns, in the same block.
	gated bool
	// whole models are made of parts of which one may look like a BEiT: all names of a file are looked at, and not only those of the part.
	whole bool
	// plain models are known even if the tensors fit a BEiT, because all that tells them apart happens to be zero.
	plain bool
	// part is the name of a part of the model that can be read, and partIs what it is.
	part, partIs string
}

// ofBEiT are parts of names that most BEiTs have, and no plain vision transformer has.
var ofBEiT = []string{"relative_position_bias_table", "gamma_1", "lambda_1"}

// strangers are all that are known, the more special ones first. None of them may match a BEiT in any scheme, which a test makes sure of.
var strangers = []stranger{
	// BEiT-3, microsoft/unilm beit3 and torchscale; huggingface/pytorch-image-models timm/models/vision_transformer.py has its image half alone.
	{what: "BEiT-3, which has another architecture than BEiT", has: []string{"self_attn.q_proj.A"}, whole: true},
	{what: "BEiT-3, which has another architecture than BEiT", has: []string{"beit3.vision_embed"}, whole: true},
	{what: "the image encoder of BEiT-3 in timm's names, which has another architecture than BEiT", has: []string{"attn.norm.weight", "attn.qkv.bias", "mlp.norm.weight"}},

	// Models of several parts.
	{what: "FLAVA", has: []string{"multimodal_model"}, whole: true, part: "image_codebook", partIs: "the encoder of OpenAI's dVAE, which makes visual tokens"},
	{what: "LayoutLM v3", has: []string{"rel_pos_x_bias", "patch_embed"}, whole: true},
	{what: "ViLT", has: []string{"embeddings.text_embeddings", "patch_embeddings"}, whole: true},
	{what: "CLIP in OpenAI's names", has: []string{"visual.transformer.resblocks"}, whole: true},
	{what: "CLIP as open_clip has it", has: []string{"visual.trunk"}, whole: true},
	{what: "CLIP or a relative of it in the names of transformers", has: []string{"vision_model.encoder.layers", "text_model"}, whole: true},
	{what: "the image encoder of CLIP or of a relative of it in the names of transformers", has: []string{"embeddings.class_embedding"}},
	{what: "the image encoder of SigLIP", has: []string{"embeddings.patch_embedding", "self_attn.out_proj"}},
	{what: "a Segment Anything model", has: []string{"mask_decoder"}, whole: true},
	{what: "the image encoder of Segment Anything, or of ViTDet", has: []string{"attn.rel_pos_h"}},
	{what: "a masked autoencoder (MAE) with its decoder", has: []string{"decoder_blocks", "decoder_embed"}, whole: true},
	{what: "a masked autoencoder (MAE) with its decoder, in the names of transformers", has: []string{"decoder.decoder_embed"}, whole: true},

	// Hierarchical and convolutional models.
	{what: "Swin Transformer v2", has: []string{"cpb_mlp"}},
	{what: "Swin Transformer v2", has: []string{"continuous_position_bias_mlp"}},
	{what: "Swin Transformer", has: []string{"layers.{i}.blocks.{i}.attn.relative_position_bias_table"}},
	{what: "Swin Transformer in the names of transformers", has: []string{"layers.{i}.blocks.{i}.attention.self.relative_position_bias_table"}},
	{
		what: "Swin Transformer in the names of transformers 5",
		has:  []string{"layers.{i}.blocks.{i}.attention.relative_position_bias.relative_position_bias_table"},
	},
	{what: "Swin Transformer in torchvision's names", has: []string{"features.{i}.{i}.attn.relative_position_bias_table"}},
	{what: "a ResNet", has: []string{"layer{i}.{i}.bn{i}"}},
	{what: "a ResNet in the names of transformers", has: []string{"encoder.stages.{i}.layers.{i}.layer.{i}.normalization"}},

	// Vision transformers with something that BEiT does not have.
	{what: "EVA-02, or another vision transformer with gated MLPs (SwiGLU)", has: []string{"mlp.fc1_g"}},
	{what: "EVA-02, or another vision transformer with gated MLPs (SwiGLU)", has: []string{"mlp.ffn_ln"}},
	{what: "EVA-02, or another vision transformer with rotary positions", has: []string{"rope.freqs_cos"}},
	{
		what: "EVA-02, or another vision transformer with gated MLPs (SwiGLU)",
		has:  []string{"mlp.fc1.weight", "mlp.fc2.weight"}, lacks: []string{"attn.qkv.bias", "ls1.gamma"}, gated: true,
	},
	{what: "CaiT", has: []string{"blocks_token_only"}},
	{what: "a vision transformer with relative positions (vit_relpos), as in timm", has: []string{"rel_pos.mlp.fc1"}},
	{what: "a vision transformer with relative positions (vit_srelpos), as in timm", has: []string{"shared_rel_pos.mlp.fc1"}},
	{what: "a distilled DeiT", has: []string{"dist_token"}},
	{what: "DeiT in the names of transformers", has: []string{"embeddings.distillation_token"}},
	{what: "DINOv2 with register tokens", has: []string{"register_tokens", "ls1.gamma"}},
	{what: "DINOv2 with register tokens, in the names of transformers", has: []string{"embeddings.register_tokens", "attention.attention.query"}},
	{what: "DINOv3, in the names of transformers", has: []string{"layer_scale1.lambda1", "mlp.up_proj"}},
	{what: "DINOv3", has: []string{"storage_tokens"}},
	{what: "DINOv2 in the names of transformers", has: []string{"layer_scale1.lambda1"}},
	{what: "a vision transformer with register tokens, as in timm", has: []string{"reg_token"}},
	{what: "DINOv2, or another plain vision transformer with layer scale and a mask token", has: []string{"ls1.gamma", "mask_token"}},
	{what: "a plain vision transformer with layer scale, such as DeiT III or DINOv2, as in timm", has: []string{"ls1.gamma"}},
	{
		what: "a plain vision transformer with layer scale, such as DeiT III, in the names of facebookresearch/deit",
		has:  []string{"attn.qkv.bias", "gamma_1", "pos_embed"}, lacks: []string{"relative_position_bias_table", "fc_norm"},
	},
	{what: "a vision transformer that pools by attention, such as SigLIP's in timm", has: []string{"attn_pool.latent"}},
	{what: "a vision transformer in torchvision's names", has: []string{"self_attention.in_proj_weight", "conv_proj"}},

	// Plain vision transformers: a bias for the keys, positions that are added, no scale.
	{
		what: "a plain vision transformer, as in timm (ViT, DeiT, FlexiViT, a fine-tuned MAE)",
		has:  []string{"blocks.{i}.attn.qkv.bias", "pos_embed"}, lacks: ofBEiT, plain: true,
	},
	{
		what: "a plain vision transformer in OpenMMLab's names",
		has:  []string{"layers.{i}.attn.qkv.bias", "pos_embed"}, lacks: ofBEiT, plain: true,
	},
	{
		what: "a vision transformer (ViT, DeiT or the like) in the names of transformers",
		has:  []string{"attention.attention.key.bias", "position_embeddings"}, lacks: ofBEiT, plain: true,
	},
	{
		what: "a vision transformer (ViT, DeiT or the like) in the names of transformers 5",
		has:  []string{"layers.{i}.attention.k_proj.bias", "position_embeddings"}, lacks: ofBEiT, plain: true,
	},
	{
		what: "a plain vision transformer without biases for its queries, keys and values, as in timm",
		has:  []string{"blocks.{i}.attn.qkv.weight", "pos_embed"}, lacks: append([]string{"attn.qkv.bias", "attn.q_bias", "attn.v_bias", "mask_token"}, ofBEiT...),
	},

	// Language models.
	{what: "a language model (BERT or a relative of it)", has: []string{"embeddings.word_embeddings"}},
	{what: "a language model (GPT-2 or a relative of it)", has: []string{"wte.weight"}},
	{what: "a language model (T5 or a relative of it)", has: []string{"SelfAttention.relative_attention_bias"}},
	{what: "a language model (Llama or a relative of it)", has: []string{"embed_tokens.weight", "self_attn.q_proj.weight"}},
}

// run is a run of components that is looked for in names, and which of patterns it is.
type run struct {
	components []string
	id         int
}

// runs are all patterns of strangers, by their first component, and their numbers.
var runs = sync.OnceValues(func() (byFirst map[string][]run, ids map[string]int) {
	byFirst, ids = map[string][]run{}, map[string]int{}
	for _, s := range strangers {
		for _, pattern := range slices.Concat(s.has, s.lacks) {
			if _, known := ids[pattern]; known {
				continue
			}
			ids[pattern] = len(ids)
			components := strings.Split(pattern, ".")
			byFirst[components[0]] = append(byFirst[components[0]], run{components, ids[pattern]})
		}
	}
	return byFirst, ids
})

// traces finds the patterns of strangers in names: for each the index of the first name, or -1.
func traces(names []string) []int {
	byFirst, ids := runs()
	first := make([]int, len(ids))
	for i := range first {
		first[i] = -1
	}
	for at, name := range names {
		if len(name) > longestAnchor {
			continue
		}
		components := strings.FieldsFunc(name, func(c rune) bool { return c == '.' || c == '/' })
		for i := range components {
			components[i] = withoutDigits(components[i])
		}
		for start := range min(len(components), deepestAnchor) {
			for _, r := range byFirst[components[start]] {
				if first[r.id] < 0 && len(components)-start >= len(r.components) && slices.Equal(components[start:start+len(r.components)], r.components) {
					first[r.id] = at
				}
			}
		}
	}
	return first
}

// withoutDigits returns a component of a name with {i} in the place of a number at its end, unless it is one of those whose number matters.
func withoutDigits(component string) string {
	bare := strings.TrimRight(component, "0123456789")
	if bare == component || bare != "" && !slices.Contains(numbered, bare) {
		return component
	}
	return bare + "{i}"
}

// numbered are beginnings of components that end in a number, in patterns of strangers.
var numbered = []string{"layer", "bn", "group_", "block_"}

// stranger returns a *StrangerError if the tensors are those of a model that is known not to be a BEiT, or nil. err is what is wrong with them as those of a
// BEiT, or nil.
func (r *reading) stranger(tensors []tensor.Named, err error) error {
	var own []string // names outside the model are empty
	for _, name := range r.names.names {
		if len(r.models) > 1 || !strings.HasPrefix(name, r.outer) {
			name = ""
		}
		own = append(own, name)
	}
	inside, all := traces(own), traces(r.names.names)
	_, ids := runs()
	for _, s := range strangers {
		found := inside
		if s.whole {
			found = all
		}
		missing := func(pattern string) bool { return found[ids[pattern]] < 0 }
		if err == nil && !s.plain || slices.ContainsFunc(s.has, missing) {
			continue
		}
		if slices.ContainsFunc(s.lacks, func(pattern string) bool { return !missing(pattern) }) {
			continue
		}
		at := found[ids[s.has[0]]]
		if !s.hasShape(tensors[at].Shape) || s.gated && !isGated(tensors[at].Shape, tensors[found[ids[s.has[1]]]].Shape) {
			continue
		}
		e := &StrangerError{What: s.what, Name: tensors[at].Name}
		if r.holds(s.part) {
			e.Part, e.PartIs = s.part, s.partIs
		}
		return e
	}
	return nil
}

// holds reports whether names of a file begin with that of a part of a model.
func (r *reading) holds(part string) bool {
	return part != "" && slices.ContainsFunc(r.names.original, func(name string) bool { return strings.HasPrefix(name, part+".") })
}

// hasShape reports whether the tensor that gives a stranger away may have this shape.
func (s *stranger) hasShape(shape tensor.Shape) bool {
	for i, n := range s.shape {
		if len(shape) != len(s.shape) || n != 0 && shape[i] != n {
			return false
		}
	}
	return true
}

// isGated reports whether the first layer of an MLP makes two values for each one that the second takes.
func isGated(first, second tensor.Shape) bool {
	return len(first) == 2 && len(second) == 2 && first[0] == 2*second[1]
}
