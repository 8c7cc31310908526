package naming

import (
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// family is a kind of models with names of their own. A scheme has a table for each family of which it has rows.
type family int

const (
	beitFamily family = iota
	vqkdFamily
	dvaeFamily
	segmenterFamily
	families
)

// familyOf returns the family of a kind of models.
func familyOf(kind arch.Kind) family {
	switch kind {
	case arch.VQKD:
		return vqkdFamily
	case arch.DVAEEncoder, arch.DVAEDecoder:
		return dvaeFamily
	case arch.UPerNet:
		return segmenterFamily
	}
	return beitFamily
}

// family returns the one whose models have the parameters of a row. The parameters of the BEiT in UPerNet have the same names as others,
// so its rows say what they are for. Rows without parameters are those of BEiT.
func (r row) family() family {
	switch {
	case r.kind == arch.UPerNet:
		return segmenterFamily
	case len(r.canonical) == 0:
		return beitFamily
	}
	for _, begins := range []struct {
		prefix string
		family family
	}{
		{"blocks.input.", dvaeFamily},
		{"blocks.group_", dvaeFamily},
		{"blocks.output.", dvaeFamily},
		{"encoder.", vqkdFamily},
		{"encode_task_layer.", vqkdFamily},
		{"quantize.", vqkdFamily},
		{"decoder.", vqkdFamily},
		{"decode_task_layer.", vqkdFamily},
		{"fpn1.", segmenterFamily},
		{"fpn2.", segmenterFamily},
		{"decode_head.", segmenterFamily},
		{"auxiliary_head.", segmenterFamily},
	} {
		if strings.HasPrefix(r.canonical[0], begins.prefix) {
			return begins.family
		}
	}
	return beitFamily
}

// vqkdLeavings are parts of the model with which VQ-KD was trained, which unilm itself leaves out when it loads a tokenizer: microsoft/unilm
// beit2/modeling_vqkd.py.
var vqkdLeavings = []reason{
	{"loss*", "a part of the loss that VQ-KD was trained with"},
	{"teacher*", "the teacher that VQ-KD was trained with"},
	{"scaling*", "what prepares images for the teacher that VQ-KD was trained with"},
}

// stems are the canonical names of what makes tokens of pixels, which every complete model has.
var stems = map[string]bool{"patch_embed.proj.weight": true, "encoder.patch_embed.proj.weight": true, "blocks.input.w": true}

// usualGroups is the number of groups of a dVAE in all programs that have one, and mostGroups that of the largest architecture.
const usualGroups, mostGroups = 4, 8

// convolutionNames are the canonical names of a dVAE's convolutions; {i} stands for the number of a block within its group.
func convolutionNames(groups int) []string {
	names := []string{"blocks.input"}
	for g := range groups {
		for _, convolution := range []string{"id_path", "res_path.conv_1", "res_path.conv_2", "res_path.conv_3", "res_path.conv_4"} {
			names = append(names, fmt.Sprintf("blocks.group_%d.block_{i}.%s", g+1, convolution))
		}
	}
	return append(names, "blocks.output.conv")
}

// dvaeRows maps the parameters of a dVAE: weight and bias are what the program calls those of a convolution, rename what it calls the convolution. kind, if it
// is not empty, is the only half of a dVAE that the program has.
func dvaeRows(groups int, weight, bias string, rename *strings.Replacer, kind arch.Kind) []row {
	var rows []row
	for _, name := range convolutionNames(groups) {
		if kind == arch.DVAEEncoder && name == "blocks.group_1.block_{i}.id_path" {
			continue // an encoder changes no widths there
		}
		as := rename.Replace(name)
		rows = append(rows, row{canonical: []string{name + ".w"}, foreign: []string{as + "." + weight}, kind: kind},
			row{canonical: []string{name + ".b"}, foreign: []string{as + "." + bias}, kind: kind})
	}
	return rows
}

// transformersConvolutions are the names of a dVAE's convolutions in huggingface/transformers models/flava, after models/flava/convert_dalle_to_flava_codebook.py.
var transformersConvolutions = strings.NewReplacer(".block_", ".group.block_", ".res_path.", ".res_path.path.")

// encoderNames are the canonical names of VQ-KD's encoder, and, behind another prefix, of its decoder.
var encoderNames = []string{
	"cls_token", "pos_embed", "patch_embed.proj.*", "blocks.{i}.norm1.*", "blocks.{i}.attn.qkv.weight", "blocks.{i}.attn.q_bias", "blocks.{i}.attn.v_bias",
	"blocks.{i}.attn.proj.*", "blocks.{i}.norm2.*", "blocks.{i}.mlp.fc1.*", "blocks.{i}.mlp.fc2.*", "fc_norm.*",
}

// bookNames are those of its codebook. Of the two linear layers in front of it, whose names have the numbers 0 and 2, {i} is the number.
var bookNames = []string{
	"encode_task_layer.{i}.*", "quantize.cluster_size", "quantize.embedding.weight", "quantize.embedding.initted",
	"quantize.embedding.cluster_size", "quantize.embedding.embed_avg",
}

// usedNames is how many of bookNames are in front of those of the averages with which training moves the codes.
const usedNames = 4

// unilmVQKD are the names of microsoft/unilm beit2/modeling_vqkd.py.
var unilmVQKD = slices.Concat(renamed("encoder.", encoderNames, strings.NewReplacer()), under("", bookNames...), renamed("decoder.", encoderNames, strings.NewReplacer()),
	under("", "decode_task_layer.{i}.*"))

// openmmlabVQKD are the names of open-mmlab/mmpretrain mmpretrain/models/selfsup/beit.py, whose VQKD has no decoder, and of mmpretrain/models/utils/
// vector_quantizer.py, which keeps no averages of codes.
var openmmlabVQKD = slices.Concat(renamed("encoder.", encoderNames, strings.NewReplacer(
	"patch_embed.proj.", "patch_embed.projection.", "blocks.", "layers.", "fc_norm.", "ln1.", "norm1.", "ln1.", "norm2.", "ln2.",
	"mlp.fc1.", "ffn.layers.0.0.", "mlp.fc2.", "ffn.layers.1.",
)), under("", bookNames[:usedNames]...), readOnly(under("", bookNames[usedNames:]...)))

// readOnly returns rows that are for reading alone.
func readOnly(rows []row) []row {
	for i := range rows {
		rows[i].readOnly = true
	}
	return rows
}

// renamed maps canonical names behind a prefix to what a program calls them behind the same.
func renamed(prefix string, names []string, rename *strings.Replacer) []row {
	rows := make([]row, len(names))
	for i, name := range names {
		rows[i] = row{canonical: []string{prefix + name}, foreign: []string{prefix + rename.Replace(name)}}
	}
	return rows
}

// hasGroups reports whether a scheme can hold a dVAE with so many groups: only one that no program reads can hold others than the usual ones.
func (s *Scheme) hasGroups(config arch.Config) bool {
	return !config.Convolutional() || config.Groups() == usualGroups || s.Name == Canonical || s.file != ""
}

// groupNames returns the parameters of the last group of a dVAE.
func groupNames(config arch.Config) []string {
	var names []string
	for _, p := range config.Params() {
		if strings.HasPrefix(p.Name, fmt.Sprintf("blocks.group_%d.", config.Groups())) {
			names = append(names, p.Name)
		}
	}
	return names
}

// Suited returns the name of the scheme that people want who name none, and for most models would get the given one: a tokenizer has names of its own.
func Suited(scheme string, config arch.Config) string {
	switch {
	case config.Kind == arch.VQKD && (scheme == HF || scheme == PASSL):
		return Unilm
	case config.Kind == arch.DVAEEncoder && scheme == HF:
		return FLAVA
	case config.Convolutional() && (scheme == HF || scheme == Unilm):
		return OpenAI
	}
	return scheme
}
