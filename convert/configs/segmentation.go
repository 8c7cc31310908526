package configs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/internal/text"
)

// UPerNet is the type of UperNetForSemanticSegmentation, over BeitBackbone.
const UPerNet Type = "upernet"

// classSegmentation is what the names of classes for segmentation end with.
const classSegmentation = "ForSemanticSegmentation"

// Shift is by how much an entry of out_indices of BeitForSemanticSegmentation and Data2VecVisionForSemanticSegmentation is larger than the index of the block that it
// taps: they look it up in a list in front of which the embedding stands, one place before its number. Source: huggingface/transformers 4.57 and 5.24
// models/beit/modeling_beit.py. Entries of BeitBackbone are larger by stageShift.
const (
	Shift      = 2
	stageShift = 1
)

// segmentationFile has the keys of a config.json that say what stands behind the blocks. The two lists of taps are one key by two names.
type segmentationFile struct {
	AddFPN              *bool    `json:"add_fpn"`
	AuxiliaryChannels   *int     `json:"auxiliary_channels"`
	AuxiliaryConcat     *bool    `json:"auxiliary_concat_input"`
	AuxiliaryIn         *int     `json:"auxiliary_in_channels"`
	AuxiliaryConvs      *int     `json:"auxiliary_num_convs"`
	HiddenSize          *int     `json:"hidden_size"`
	OutFeatures         []string `json:"out_features"`
	OutIndices          []int    `json:"out_indices"`
	PoolScales          []int    `json:"pool_scales"`
	ReshapeHidden       *bool    `json:"reshape_hidden_states"`
	SegmentationIndices []int    `json:"segmentation_indices"`
	AuxiliaryHead       *bool    `json:"use_auxiliary_head"`
}

// Taps says how a config.json of a segmentation model states its tapped blocks.
type Taps struct {
	// Indices are the numbers of stages in the file, of which 0 is the embedding.
	Indices [arch.Levels]int
	// Shifted says that the class of the model taps the block two below each number.
	Shifted bool
}

// isSegmenter reports whether the class that a config.json names has UPerNet.
func isSegmenter(architectures []string) bool {
	return len(architectures) > 0 && strings.HasSuffix(architectures[0], classSegmentation)
}

// stages returns the numbers of the stages that a file states.
func (f segmentationFile) stages(depth int) ([]int, error) {
	indices := f.OutIndices
	if indices == nil {
		indices = f.SegmentationIndices
	}
	if f.OutFeatures == nil {
		return indices, nil
	}
	named := make([]int, len(f.OutFeatures))
	for i, feature := range f.OutFeatures {
		number, err := 0, error(nil)
		if feature != "stem" {
			number, err = strconv.Atoi(strings.TrimPrefix(feature, "stage"))
		}
		if err != nil || !strings.HasPrefix(feature, "st") {
			return nil, fmt.Errorf("out_features has %.40q, which is neither stem nor a stage with its number", feature)
		}
		named[i] = number
	}
	for i, index := range indices { // -1 is the last stage
		if index < 0 {
			indices[i] = index + depth + 1
		}
	}
	if indices != nil && !slices.Equal(named, indices) {
		return nil, fmt.Errorf("out_features and out_indices state other stages: %v and %v", f.OutFeatures, indices)
	}
	return named, nil
}

// segmentation returns what stands behind the blocks of a model of that depth; shift is that of its class.
func (f segmentationFile) segmentation(depth, channels, shift int) (arch.Segmentation, [arch.Levels]int, error) {
	s := arch.Segmentation{Channels: channels, PoolScales: arch.UsualPoolScales, Counters: true}
	var stated [arch.Levels]int
	stages, err := f.stages(depth)
	if err != nil {
		return s, stated, err
	}
	if len(stages) != arch.Levels {
		return s, stated, fmt.Errorf("out_indices has %s, and UPerNet is made of %d", text.Count(len(stages), "stage", "stages"), arch.Levels)
	}
	for i, stage := range stages {
		least := shift - 1 // the embedding
		if stage < least || stage > depth {
			return s, stated, fmt.Errorf("out_indices has %d, not between %d and %d", stage, least, depth)
		}
		if i > 0 && stage <= stages[i-1] {
			return s, stated, fmt.Errorf("out_indices %v are not in order, and each once", stages)
		}
		stated[i], s.Taps[i] = stage, arch.Tap(stage-shift)
	}
	if f.PoolScales != nil {
		if len(f.PoolScales) != len(s.PoolScales) {
			return s, stated, fmt.Errorf("pool_scales has %d numbers, not %d", len(f.PoolScales), len(s.PoolScales))
		}
		copy(s.PoolScales[:], f.PoolScales)
	}
	if valueOr(f.AuxiliaryHead, true) {
		s.AuxiliaryChannels = valueOr(f.AuxiliaryChannels, 256)
		if valueOr(f.AuxiliaryConvs, 1) != 1 || valueOr(f.AuxiliaryConcat, false) {
			return s, stated, fmt.Errorf("the auxiliary head has other convolutions than one (auxiliary_num_convs, auxiliary_concat_input), which beitzoo does not read")
		}
	}
	return s, stated, nil
}

// segment completes the architecture that a config.json of BEiT describes, for its class with UPerNet.
func (facts *TransformersFacts) segment(raw []byte, config *arch.Config) error {
	var file segmentationFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return text.JSONError(err)
	}
	if config.Classes == 0 {
		config.Classes = defaultClasses
	}
	config.Kind, config.Pooling, config.MaskToken = arch.UPerNet, arch.NoPooling, false
	var err error
	facts.Taps.Shifted = true
	config.Segmentation, facts.Taps.Indices, err = file.segmentation(config.Depth, config.EmbedDim, Shift)
	return err
}

// parseUPerNet reads the config.json of UperNetForSemanticSegmentation. Absent keys take the defaults of transformers' UperNetConfig.
func parseUPerNet(raw []byte) (TransformersFacts, error) {
	var outer struct {
		transformersFile
		Backbone json.RawMessage `json:"backbone_config"`
	}
	var heads, necks segmentationFile
	var beit transformersFile
	facts := TransformersFacts{Type: UPerNet}
	for _, part := range []struct {
		raw  []byte
		into any
	}{{raw, &outer}, {raw, &heads}} {
		if err := json.Unmarshal(part.raw, part.into); err != nil {
			return facts, refuse(transformersName, "not a transformers configuration: %w", text.JSONError(err))
		}
	}
	if outer.Backbone == nil {
		return facts, refuse(transformersName, "it has no backbone_config, so it does not say over which backbone UPerNet stands")
	}
	for _, into := range []any{&beit, &necks} {
		if err := json.Unmarshal(outer.Backbone, into); err != nil {
			return facts, refuse(transformersName, "backbone_config is not a transformers configuration: %w", text.JSONError(err))
		}
	}
	switch kind := valueOr(beit.ModelType, ""); {
	case Type(kind) != BEiT:
		return facts, refuse(transformersName, "UPerNet over a backbone of type %.60q, not %q", kind, BEiT)
	case !valueOr(necks.AddFPN, false):
		return facts, refuse(transformersName, "add_fpn of the backbone is false, and without necks this is not the UPerNet of BEiT")
	case !valueOr(necks.ReshapeHidden, true):
		return facts, refuse(transformersName, "reshape_hidden_states of the backbone is false, so it makes no maps")
	}
	if err := beit.checkActivation(); err != nil {
		return facts, err
	}
	beit.Architectures, beit.NumLabels, beit.ID2Label = []string{classes[BEiT] + classFeatures}, nil, nil
	config, err := beit.config()
	if err != nil {
		return facts, unusable(transformersName, err)
	}
	config.Kind, config.Pooling, config.MaskToken = arch.UPerNet, arch.NoPooling, false
	config.Classes = outer.classes()
	heads.OutFeatures, heads.OutIndices, heads.SegmentationIndices = necks.OutFeatures, necks.OutIndices, nil
	config.Segmentation, facts.Taps.Indices, err = heads.segmentation(config.Depth, valueOr(heads.HiddenSize, 512), stageShift)
	if in := valueOr(heads.AuxiliaryIn, 384); err == nil && config.Segmentation.AuxiliaryChannels > 0 && in != config.EmbedDim {
		err = fmt.Errorf("auxiliary_in_channels is %d, and the maps have %d channels", in, config.EmbedDim)
	}
	if err == nil {
		err = config.Validate()
	}
	if err != nil {
		return facts, unusable(transformersName, err)
	}
	facts.Card = card.Card{Config: config.Named()}
	facts.Labels, facts.LabelsErr = outer.labels(config)
	return facts, nil
}

// Stages returns the numbers of out_indices with which a class of transformers taps the given blocks, or those that a shifted class taps two blocks below if published
// is set: the numbers of unilm as they are, as the configurations on the hub have them. Numbers that no stage has are not ok.
func Stages(config arch.Config, model Type, published bool) (stages [arch.Levels]int, ok bool) {
	shift := Shift
	if model == UPerNet {
		shift = stageShift
	}
	least := shift - 1
	if published && model != UPerNet {
		shift = 0
	}
	for i, tap := range config.Segmentation.Taps {
		stages[i] = int(tap) + shift
		if stages[i] < least || stages[i] > config.Depth || i > 0 && stages[i] <= stages[i-1] {
			return stages, false
		}
	}
	return stages, true
}

// Segmentation returns the config.json of a segmentation model for a type: that of UPerNet, or of the class of another type, whose taps are stated by the numbers of
// stages. Without labels, classes are named as transformers does.
func Segmentation(c card.Card, model Type, stages [arch.Levels]int) ([]byte, error) {
	config := c.Config
	if err := config.Validate(); err != nil {
		return nil, err
	}
	kind := model
	if model == UPerNet {
		kind = BEiT
	}
	bare := card.Card{Config: config.Backbone()}
	raw, err := Transformers(bare, kind)
	if err != nil {
		return nil, err
	}
	var beit map[string]any
	if err := json.Unmarshal(raw, &beit); err != nil {
		return nil, err
	}
	beit["layer_norm_eps"], beit["layer_scale_init_value"] = float(config.Epsilon), float(map[bool]float64{true: 0.1}[config.LayerScale])
	names := []string{"stem"}
	for i := range config.Depth {
		names = append(names, fmt.Sprintf("stage%d", i+1))
	}
	features := make([]string, len(stages))
	for i, stage := range stages {
		features[i] = names[stage]
	}
	beit["out_indices"], beit["out_features"], beit["stage_names"], beit["reshape_hidden_states"] = stages, features, names, true
	var labels transformersFile
	if err := labels.setLabels(config.Classes, c.Labels); err != nil {
		return nil, err
	}
	s := config.Segmentation
	outer := beit
	if model == UPerNet {
		beit["add_fpn"] = true
		delete(beit, "architectures")
		outer = map[string]any{"backbone_config": beit, "hidden_size": s.Channels, "auxiliary_in_channels": config.EmbedDim}
	}
	outer["architectures"], outer["model_type"] = []string{SegmentationClass(model)}, string(model)
	outer["id2label"], outer["label2id"] = labels.ID2Label, labels.Label2ID
	outer["pool_scales"], outer["use_auxiliary_head"] = s.PoolScales, s.AuxiliaryChannels > 0
	outer["auxiliary_num_convs"], outer["auxiliary_concat_input"], outer["auxiliary_loss_weight"] = 1, false, 0.4
	if s.AuxiliaryChannels > 0 {
		outer["auxiliary_channels"] = s.AuxiliaryChannels
	}
	return indented(outer)
}

// SegmentationClass returns the name of the class of transformers with UPerNet for a type.
func SegmentationClass(model Type) string {
	if model == UPerNet {
		return "UperNet" + classSegmentation
	}
	return classes[model] + classSegmentation
}
