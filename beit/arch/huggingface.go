package arch

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// HuggingFace is the config.json of a transformers BEiT, as far as it fixes the architecture.
type HuggingFace struct {
	Config Config
	// Labels names each class, or is nil where the file names none.
	Labels []string
}

// hfConfig has the keys of config.json that matter, in the order in which transformers sorts them. Pointers tell absent from zero.
type hfConfig struct {
	Architectures    []string           `json:"architectures"`
	HiddenAct        *string            `json:"hidden_act"`
	HiddenSize       *int               `json:"hidden_size"`
	ID2Label         *map[string]string `json:"id2label,omitempty"`
	ImageSize        json.RawMessage    `json:"image_size"`
	IntermediateSize *int               `json:"intermediate_size"`
	Label2ID         any                `json:"label2id,omitempty"` // written only: some files hold text instead of numbers
	LayerNormEps     *float64           `json:"layer_norm_eps"`
	LayerScale       *float64           `json:"layer_scale_init_value"`
	ModelType        string             `json:"model_type"`
	Heads            *int               `json:"num_attention_heads"`
	Channels         *int               `json:"num_channels"`
	Layers           *int               `json:"num_hidden_layers"`
	PatchSize        json.RawMessage    `json:"patch_size"`
	NumLabels        *int               `json:"num_labels,omitempty"`
	AbsolutePosition *bool              `json:"use_absolute_position_embeddings"`
	MaskToken        *bool              `json:"use_mask_token"`
	MeanPooling      *bool              `json:"use_mean_pooling"`
	BlockBias        *bool              `json:"use_relative_position_bias"`
	SharedBias       *bool              `json:"use_shared_relative_position_bias"`
	Vocabulary       *int               `json:"vocab_size"`
}

const (
	hfClassifier = "BeitForImageClassification"
	hfMasked     = "BeitForMaskedImageModeling"
	hfBare       = "BeitModel"
	// maxJSON is in bytes: a config.json that names 21,841 classes twice has about two million.
	maxJSON = 32 << 20
)

// ParseHuggingFace reads a config.json of a transformers BEiT. Absent keys take the defaults of transformers' BeitConfig, so Epsilon is 1e-12
// unless the file says otherwise.
func ParseHuggingFace(raw []byte) (HuggingFace, error) {
	if len(raw) > maxJSON {
		return HuggingFace{}, fmt.Errorf("a config.json of %d bytes; %d is the limit", len(raw), maxJSON)
	}
	var file hfConfig
	if err := json.Unmarshal(raw, &file); err != nil {
		return HuggingFace{}, fmt.Errorf("not a transformers config.json: %w", err)
	}
	if file.ModelType != "beit" {
		return HuggingFace{}, fmt.Errorf("config.json describes a model of type %.60q, not \"beit\"", file.ModelType)
	}
	if file.HiddenAct != nil && *file.HiddenAct != "gelu" {
		return HuggingFace{}, fmt.Errorf("config.json asks for the activation %.60q; BEiT has \"gelu\"", *file.HiddenAct)
	}
	if or(file.Channels, 3) != 3 {
		return HuggingFace{}, fmt.Errorf("config.json asks for %d input channels; BEiT has 3", *file.Channels)
	}
	config, err := file.config()
	if err != nil {
		return HuggingFace{}, fmt.Errorf("config.json: %w", err)
	}
	if err := config.Validate(); err != nil {
		return HuggingFace{}, fmt.Errorf("config.json: %w", err)
	}
	return HuggingFace{Config: config.Named(), Labels: file.labels(config)}, nil
}

func (f hfConfig) config() (Config, error) {
	height, width, err := hfPair("image_size", f.ImageSize, 224)
	if err != nil {
		return Config{}, err
	}
	patch, across, err := hfPair("patch_size", f.PatchSize, 16)
	if err != nil {
		return Config{}, err
	}
	if patch != across {
		return Config{}, fmt.Errorf("patches of %d x %d are not square", patch, across)
	}
	config := Config{
		ImageHeight: height, ImageWidth: width, PatchSize: patch,
		EmbedDim: or(f.HiddenSize, 768), HiddenDim: or(f.IntermediateSize, 3072), Depth: or(f.Layers, 12), Heads: or(f.Heads, 12),
		AbsolutePosition: or(f.AbsolutePosition, false), LayerScale: or(f.LayerScale, 0.1) > 0, Epsilon: or(f.LayerNormEps, EpsilonHF),
		Pooling: MeanPooling, Bias: NoBias,
	}
	if !or(f.MeanPooling, true) {
		config.Pooling = ClassToken
	}
	switch class := f.class(); class {
	case hfMasked:
		config.Pooling, config.MaskToken, config.Classes = AllTokens, true, or(f.Vocabulary, 8192)
	case hfClassifier:
		config.Classes = f.classes()
	}
	switch block, shared := or(f.BlockBias, false), or(f.SharedBias, false); {
	case block && shared:
		return Config{}, fmt.Errorf("both kinds of relative position bias are on, which no released BEiT has")
	case block:
		config.Bias = BlockBias
	case shared:
		config.Bias = SharedBias
	}
	return config, nil
}

// class is the model class that wrote the file.
func (f hfConfig) class() string {
	if len(f.Architectures) > 0 {
		return f.Architectures[0]
	}
	return hfClassifier
}

func (f hfConfig) classes() int {
	switch {
	case f.NumLabels != nil:
		return *f.NumLabels
	case f.ID2Label != nil:
		return len(*f.ID2Label)
	}
	return 2 // transformers' default for a configuration without labels
}

func (f hfConfig) labels(config Config) []string {
	if f.ID2Label == nil || len(*f.ID2Label) != config.Classes || config.MaskToken {
		return nil
	}
	labels := make([]string, config.Classes)
	for key, label := range *f.ID2Label {
		index, err := strconv.Atoi(key)
		if err != nil || index < 0 || index >= len(labels) {
			return nil
		}
		labels[index] = label
	}
	return labels
}

// hfPair takes one number, or a list of two: height and width.
func hfPair(name string, raw json.RawMessage, otherwise int) (int, int, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return otherwise, otherwise, nil
	}
	var single int
	if json.Unmarshal(raw, &single) == nil {
		return single, single, nil
	}
	var both []int
	if json.Unmarshal(raw, &both) == nil && len(both) == 2 {
		return both[0], both[1], nil
	}
	return 0, 0, fmt.Errorf("%s is neither a number of pixels nor two of them", name)
}

// or is a value that a config may leave out.
func or[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}
