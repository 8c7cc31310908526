package naming

import (
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/tensor"
)

// The classes of huggingface/transformers for BEiT with UPerNet, as wrappers of the scheme hf. The first computes what unilm computes, over BeitBackbone; the
// second taps other blocks of the same tensors, unless its configuration has other numbers.
const (
	UPerNetWrapper = "UperNetForSemanticSegmentation"
	BeitWrapper    = "BeitForSemanticSegmentation"
)

// upernetModules are the modules of UPerNet beside those of its BEiT, with their parameters. {i} in the names of the first neck is the place of the module in it:
// the second is a batch norm, the others are transposed convolutions.
var upernetModules = []struct {
	name       string
	parameters []string
}{
	{"fpn1.{i}", statistics},
	{"fpn2.{i}", convolution},
	{"decode_head.psp_modules.{i}.1.conv", unbiased},
	{"decode_head.psp_modules.{i}.1.bn", statistics},
	{"decode_head.bottleneck.conv", unbiased},
	{"decode_head.bottleneck.bn", statistics},
	{"decode_head.lateral_convs.{i}.conv", unbiased},
	{"decode_head.lateral_convs.{i}.bn", statistics},
	{"decode_head.fpn_convs.{i}.conv", unbiased},
	{"decode_head.fpn_convs.{i}.bn", statistics},
	{"decode_head.fpn_bottleneck.conv", unbiased},
	{"decode_head.fpn_bottleneck.bn", statistics},
	{"decode_head.conv_seg", convolution},
	{"auxiliary_head.convs.{i}.conv", unbiased},
	{"auxiliary_head.convs.{i}.bn", statistics},
	{"auxiliary_head.conv_seg", convolution},
}

// What modules have: weight and bias, and what a batch norm counts beside these.
var (
	convolution = []string{"*"}
	unbiased    = []string{"weight"}
	statistics  = []string{"*", "running_mean", "running_var", counterName}
)

const counterName = "num_batches_tracked"

// upernetRows maps the parameters of upernetModules: rename says what the program calls a parameter.
func upernetRows(rename *strings.Replacer) []row {
	var rows []row
	for _, module := range upernetModules {
		for _, parameter := range module.parameters {
			name := module.name + "." + parameter
			rows = append(rows, row{canonical: []string{name}, foreign: []string{rename.Replace(name)}})
		}
	}
	return rows
}

// upernetBackbone are the canonical names of the BEiT in UPerNet, which ends with its blocks.
var upernetBackbone = slices.DeleteFunc(slices.Clone(backbone), func(name string) bool {
	return strings.HasPrefix(name, "fc_norm.") || strings.HasPrefix(name, "norm.") || strings.HasPrefix(name, "lm_head.")
})

// segmenter returns rows as those of UPerNet: the parameters of its BEiT have the same names as those of another one.
func segmenter(rows ...row) []row {
	own := slices.Clone(rows)
	for i := range own {
		own[i].kind = arch.UPerNet
		own[i].readOnly = own[i].readOnly || slices.Contains(own[i].canonical, "mask_token") // which such a model leaves out
	}
	return own
}

// within returns the rows whose parameters UPerNet has, with another prefix in front of their foreign names.
func within(rows []row, from, to string) []row {
	var kept []row
	for _, r := range rows {
		if len(r.canonical) > 0 && (isHead(r.canonical[0]) || strings.HasPrefix(r.canonical[0], "fc_norm.") || strings.HasPrefix(r.canonical[0], "norm.") ||
			strings.HasPrefix(r.canonical[0], "cls_pt_") || r.family() != beitFamily) {
			continue
		}
		r.foreign = slices.Clone(r.foreign)
		for i, name := range r.foreign {
			r.foreign[i] = to + strings.TrimPrefix(name, from)
		}
		kept = append(kept, r)
	}
	return kept
}

// stemRows is how many of the rows that transformersRows returns are in front of those of the blocks.
const stemRows = 4

// only returns rows that are written for one wrapper.
func only(wrapper string, rows ...row) []row {
	for i := range rows {
		rows[i].wrapper = wrapper
	}
	return rows
}

// neckInMemory are the names of the first neck in the classes of version 5 of transformers, as long as they are not saved.
func neckInMemory(prefix string) []row {
	rows := []row{
		{canonical: []string{"fpn1.0.*"}, foreign: []string{prefix + "fpn1.conv_transpose1.*"}},
		{canonical: []string{"fpn1.3.*"}, foreign: []string{prefix + "fpn1.conv_transpose2.*"}},
		{canonical: []string{"fpn2.0.*"}, foreign: []string{prefix + "fpn2.*"}},
	}
	for _, name := range statistics {
		rows = append(rows, row{canonical: []string{"fpn1.1." + name}, foreign: []string{prefix + "fpn1.normalization." + name}})
	}
	return readOnly(rows)
}

// What programs call the modules of UPerNet.
var (
	// microsoft/unilm beit/semantic_segmentation/backbone/beit.py, with the heads of open-mmlab/mmsegmentation mmseg/models/decode_heads.
	unilmUPerNet = strings.NewReplacer("fpn1.", "backbone.fpn1.", "fpn2.", "backbone.fpn2.")
	// open-mmlab/mmsegmentation mmseg/models/necks/featurepyramid.py.
	openmmlabUPerNet = strings.NewReplacer("fpn1.", "neck.upsample_4x.", "fpn2.", "neck.upsample_2x.")
	// huggingface/transformers models/beit/modeling_beit.py: BeitForSemanticSegmentation in files, and in memory in version 5.
	transformersUPerNet = strings.NewReplacer(".conv_seg.", ".classifier.")
	memoryUPerNet       = strings.NewReplacer(".conv_seg.", ".classifier.", "psp_modules.{i}.1", "psp_modules.blocks.{i}.conv",
		"decode_head.bottleneck", "decode_head.psp_bottleneck", ".bn.", ".normalization.", ".conv.", ".convolution.")
	// huggingface/transformers models/upernet/modeling_upernet.py, over BeitBackbone.
	backboneUPerNet = strings.NewReplacer("fpn1.", "backbone.fpn1.", "fpn2.", "backbone.fpn2.", ".conv_seg.", ".classifier.", ".bn.", ".batch_norm.")
	// PaddlePaddle/PaddleSeg paddleseg/models/upernet_cae.py and backbones/cae.py.
	paddleSegUPerNet = strings.NewReplacer("psp_modules.{i}.1.conv.", "psp_modules.stages.{i}.1._conv.", "psp_modules.{i}.1.bn.", "psp_modules.stages.{i}.1._batch_norm.",
		"decode_head.bottleneck.conv.", "decode_head.psp_modules.conv_bn_relu2._conv.", "decode_head.bottleneck.bn.", "decode_head.psp_modules.conv_bn_relu2._batch_norm.",
		"lateral_convs.{i}.conv.", "lateral_convs.{i}.0.", "lateral_convs.{i}.bn.", "lateral_convs.{i}.1.",
		"fpn_convs.{i}.conv.", "fpn_convs.{i}.0._conv.", "fpn_convs.{i}.bn.", "fpn_convs.{i}.0._batch_norm.",
		"auxiliary_head.convs.{i}.conv.", "decode_head.dsn.{i}._conv.", "auxiliary_head.convs.{i}.bn.", "decode_head.dsn.{i}._batch_norm.",
		"auxiliary_head.conv_seg.", "decode_head.dsn.2.", "fpn_bottleneck.conv.", "fpn_bottleneck._conv.", "fpn_bottleneck.bn.", "fpn_bottleneck._batch_norm.")
	paddleStatistics = strings.NewReplacer(".running_mean", "._mean", ".running_var", "._variance")
)

// paddleSegRows are those of UPerNetCAE, whose batch norms count nothing. Without dropout, the classifier of the auxiliary head has another number.
var paddleSegRows = func() []row {
	rows := segmenter(under("backbone.", upernetBackbone...)...)
	for _, r := range segmenter(upernetRows(paddleSegUPerNet)...) {
		if strings.HasSuffix(r.canonical[0], counterName) {
			continue
		}
		r.foreign[0] = paddleStatistics.Replace(r.foreign[0])
		rows = append(rows, r)
	}
	return append(rows, readOnly(segmenter(row{canonical: []string{"auxiliary_head.conv_seg.*"}, foreign: []string{"decode_head.dsn.1.*"}}))...)
}()

// beitUPerNetRows are those of BeitForSemanticSegmentation in files and, in version 5 of transformers, in memory.
func beitUPerNetRows() []row {
	return merged(within(transformersRows("beit."), "", ""), upernetRows(transformersUPerNet), readOnly(upernetRows(memoryUPerNet)), neckInMemory("fpn."))
}

// data2vecUPerNet are those of Data2VecVisionForSemanticSegmentation: version 5 of transformers has other names for the heads than version 4, in files too, but not for
// the necks, and loads no others.
var data2vecUPerNet = merged(within(transformersRows("data2vec_vision."), "", ""), upernetRows(memoryUPerNet), readOnly(upernetRows(transformersUPerNet)), neckInMemory("fpn."))

// hfUPerNet are those of the two classes for BEiT.
var hfUPerNet = merged(
	only(UPerNetWrapper, within(transformersRows("beit."), "beit.", "backbone.")...), only(UPerNetWrapper, upernetRows(backboneUPerNet)...),
	only(BeitWrapper, beitUPerNetRows()...), within(hfMemory, "", ""),
	within(hfMemory, "", "backbone."), neckInMemory("backbone.fpn."), readOnly(within(transformersRows("beit.")[:stemRows], "", "backbone.")),
)

// merged joins lists of rows. Of rows that say the same only the first stays, which then is for the wrappers of both.
func merged(lists ...[]row) []row {
	var all []row
	for _, r := range slices.Concat(lists...) {
		at := slices.IndexFunc(all, func(other row) bool {
			return slices.Equal(other.canonical, r.canonical) && slices.Equal(other.foreign, r.foreign)
		})
		switch {
		case at < 0:
			all = append(all, r)
		case !r.readOnly && r.wrapper != all[at].wrapper:
			all[at].wrapper = ""
		}
	}
	return all
}

// indexOf returns the pattern under which a scheme stores the relative position index that belongs to a bias table of UPerNet: the one beside the table.
func (t *table) indexOf(canonical string, patterns []string) string {
	at := slices.IndexFunc(t.rows, func(r row) bool { return !r.readOnly && slices.Contains(r.canonical, canonical) })
	if at < 0 {
		return patterns[0]
	}
	beside := strings.TrimSuffix(t.rows[at].foreign[0], "relative_position_bias_table") + "relative_position_index"
	if slices.Contains(patterns, beside) {
		return beside
	}
	return patterns[0]
}

// zeros returns the position embeddings of a model that has none, for a program that adds them in every model.
func (t *table) zeros(config arch.Config, dtype tensor.DType) (tensor.Named, error) {
	names, _, _, err := t.spell("pos_embed", config, "")
	if err != nil {
		return tensor.Named{}, err
	}
	shape := tensor.Shape{1, config.Tokens(), config.EmbedDim}
	return tensor.Named{Name: names[0], View: tensor.View{DType: dtype, Shape: shape, Data: tensor.Memory(make([]byte, config.Tokens()*config.EmbedDim*dtype.Size()))}}, nil
}

// dropPosition leaves out position embeddings that are zero where the program has some in every model, unless the given architecture has them.
func (r *reading) dropPosition(given *arch.Config) {
	position, there := r.params["pos_embed"]
	if !r.zeroPosition || !there || given != nil && given.AbsolutePosition {
		return
	}
	if _, err := transform.DropZero().Apply(position.view); err == nil {
		r.drop(position.from[0], position.view, "position embeddings that are all zero, as the program has some in every model")
		delete(r.params, "pos_embed")
	}
}

// countsBatches reports whether the program's batch norms of UPerNet have counters.
func (s *Scheme) countsBatches() bool {
	return slices.ContainsFunc(s.rows, func(r row) bool { return len(r.canonical) > 0 && strings.HasSuffix(r.canonical[0], "."+counterName) })
}

// preferSegmenters leaves out the tables of BEiT if the blocks of UPerNet's are there, as far as no map has them, or else those of UPerNet.
func preferSegmenters(tables []*table, places [][]place) ([]*table, [][]place) {
	other := segmenterFamily
	for i, t := range tables {
		if t.family == segmenterFamily && slices.ContainsFunc(places[i], func(p place) bool { return p.blocks > 0 }) {
			other = beitFamily
		}
	}
	var kept []*table
	var keptPlaces [][]place
	for i, t := range tables {
		if t.family != other || t.file != "" {
			kept, keptPlaces = append(kept, t), append(keptPlaces, places[i])
		}
	}
	if len(kept) == 0 {
		return tables, places
	}
	return kept, keptPlaces
}

// foreignHeads are names behind the prefix of a segmentation model that show that it has other heads, or more of them, than UPerNet with one convolution in its auxiliary
// head.
var foreignHeads = []reason{
	{"auxiliary_head.conv_cat.", "a segmentation model whose auxiliary head looks at its input once more (concat_input)"},
	{"auxiliary_head.convs.1.", "a segmentation model whose auxiliary head has more than one convolution"},
	{"decode_head.convs.", "a segmentation model with a fully convolutional head (FCN) in place of UPerNet's"},
	{"decode_head.pixel_decoder.", "a segmentation model with the head of Mask2Former in place of UPerNet's"},
	{"decode_head.transformer_decoder.", "a segmentation model with the head of Mask2Former in place of UPerNet's"},
}

// otherSegmenter returns an *[UnsupportedError] if the heads or the necks of a segmentation model are not those of UPerNet, or nil.
func (r *reading) otherSegmenter() error {
	example := ""
	for i, name := range r.names.names {
		own, inside := strings.CutPrefix(name, r.outer)
		if !inside {
			continue
		}
		for _, head := range foreignHeads {
			if strings.HasPrefix(own, head.prefix) {
				return &UnsupportedError{What: head.why, Name: r.names.original[i]}
			}
		}
		if strings.HasPrefix(own, "decode_head.") {
			example = r.names.original[i]
		}
	}
	_, lateral := r.params["decode_head.lateral_convs.0.conv.weight"]
	_, fused := r.params["decode_head.fpn_bottleneck.conv.weight"]
	if !lateral && !fused && example != "" {
		return &UnsupportedError{What: "a segmentation model with another decode head than UPerNet", Name: example}
	}
	patch, there := r.params["patch_embed.proj.weight"]
	_, second := r.params["fpn2.0.weight"]
	_, normed := r.params["fpn1.1.weight"]
	if first, neck := r.params["fpn1.0.weight"]; there && neck && !second && !normed && patch.view.Shape[len(patch.view.Shape)-1] == 8 {
		return &UnsupportedError{What: "a segmentation model on patches of 8 pixels, whose necks are other ones", Name: first.from[0]}
	}
	return nil
}

// counterNames are the canonical names of the counters of an architecture.
func counterNames(config arch.Config) map[string]bool {
	names := map[string]bool{}
	for _, p := range config.Params() {
		if p.Counter {
			names[p.Name] = true
		}
	}
	return names
}

// FitCounters returns the architecture and the parameters as the scheme can hold them: without the counters of batch norms if its program has none, and with counters that
// are zero if it can't do without. left and added are how many were left out and added.
func (s *Scheme) FitCounters(config arch.Config, canonical []tensor.Named) (fitted arch.Config, tensors []tensor.Named, left, added int) {
	switch counts := s.countsBatches(); {
	case config.Kind != arch.UPerNet || counts == config.Segmentation.Counters || s.Name == Canonical || s.file != "":
		return config, canonical, 0, 0
	case !counts:
		counters := counterNames(config)
		tensors = slices.DeleteFunc(slices.Clone(canonical), func(t tensor.Named) bool { return counters[t.Name] })
		config.Segmentation.Counters = false
		return config, tensors, len(canonical) - len(tensors), 0
	}
	config.Segmentation.Counters = true
	given := make(map[string]tensor.Named, len(canonical))
	for _, t := range canonical {
		given[t.Name] = t
	}
	for _, p := range config.Params() {
		t, there := given[p.Name]
		if !there && p.Counter {
			t = tensor.Named{Name: p.Name, View: tensor.View{DType: tensor.I64, Shape: p.Shape, Data: tensor.Memory(make([]byte, tensor.I64.Size()))}}
			there, added = true, added+1
		}
		if there {
			tensors = append(tensors, t)
		}
	}
	return config, tensors, 0, added
}
