package configs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// transformersName is what messages call the file.
const transformersName = "config.json"

// transformersFile has the keys of config.json that matter, in the order in which transformers sorts them. Pointers distinguish absent keys from zero.
type transformersFile struct {
	Architectures    []string           `json:"architectures"`
	HiddenAct        *string            `json:"hidden_act"`
	HiddenSize       *int               `json:"hidden_size"`
	ID2Label         *map[string]string `json:"id2label,omitempty"`
	ImageSize        any                `json:"image_size"`
	IntermediateSize *int               `json:"intermediate_size"`
	Label2ID         any                `json:"label2id,omitempty"` // written only: some files hold text instead of numbers
	LayerNormEps     *float             `json:"layer_norm_eps"`
	LayerScale       *float             `json:"layer_scale_init_value"`
	ModelType        *string            `json:"model_type"`
	Heads            *int               `json:"num_attention_heads"`
	Channels         *int               `json:"num_channels"`
	Layers           *int               `json:"num_hidden_layers"`
	PatchSize        any                `json:"patch_size"`
	Problem          *string            `json:"problem_type,omitempty"`
	NumLabels        *int               `json:"num_labels,omitempty"`
	AbsolutePosition *bool              `json:"use_absolute_position_embeddings"`
	MaskToken        *bool              `json:"use_mask_token"`
	MeanPooling      *bool              `json:"use_mean_pooling"`
	BlockBias        *bool              `json:"use_relative_position_bias"`
	SharedBias       *bool              `json:"use_shared_relative_position_bias"`
	Vocabulary       *int               `json:"vocab_size"`
}

// float is a number that transformers declares as one: its version 5 refuses a whole number there.
type float float64

// MarshalJSON writes a whole number with a decimal point.
func (f float) MarshalJSON() ([]byte, error) {
	raw, err := json.Marshal(float64(f))
	if err == nil && !bytes.ContainsAny(raw, ".e") {
		raw = append(raw, ".0"...)
	}
	return raw, err
}

// The model classes of transformers.
const (
	classClassifier = "BeitForImageClassification"
	classMasked     = "BeitForMaskedImageModeling"
	classBare       = "BeitModel"
)

// defaultVocabulary is the number of visual tokens of transformers' BeitConfig.
const defaultVocabulary = 8192

// CheckJSON returns a *[FileError] unless a config.json, of whatever program, is JSON.
func CheckJSON(raw []byte) error {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return unusable(transformersName, fmt.Errorf("not JSON, so it is damaged: %w", text.JSONError(err)))
	}
	return nil
}

// IsTransformers reports whether a config.json was written by transformers, for any kind of model. Other programs, such as timm, have files of that name too.
func IsTransformers(raw []byte) bool {
	var file struct {
		ModelType *string `json:"model_type"`
	}
	return json.Unmarshal(raw, &file) == nil && file.ModelType != nil
}

// ParseTransformers reads the config.json of a transformers BEiT: architecture and labels. Absent keys take the defaults of transformers' BeitConfig, so
// Epsilon is 1e-12 unless the file says otherwise. An error is a *[FileError].
func ParseTransformers(raw []byte) (card.Card, error) {
	if len(raw) > maxJSON {
		return card.Card{}, refuse(transformersName, "%d bytes; %d is the limit", len(raw), maxJSON)
	}
	var file transformersFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return card.Card{}, refuse(transformersName, "not a transformers configuration: %w", text.JSONError(err))
	}
	if model := valueOr(file.ModelType, ""); model != "beit" {
		return card.Card{}, refuse(transformersName, "describes a model of type %.60q, not \"beit\"", model)
	}
	if activation := valueOr(file.HiddenAct, "gelu"); activation != "gelu" && activation != "gelu_python" { // the second is another program for the same function
		return card.Card{}, unusable(transformersName, &ActivationError{Activation: activation})
	}
	problem := card.Problem(valueOr(file.Problem, ""))
	if problem != "" && !slices.Contains(card.Problems(), string(problem)) {
		return card.Card{}, refuse(transformersName, "problem_type is %.60q; known are %s", problem, text.Or(card.Problems()))
	}
	config, err := file.config()
	if err == nil {
		err = config.Validate()
	}
	if err != nil {
		return card.Card{}, unusable(transformersName, err)
	}
	return card.Card{Config: config.Named(), Facts: card.Facts{Labels: file.labels(config), Problem: problem}}, nil
}

// ActivationError says that a model has another activation than the GELU of all BEiT models, so its weights mean another function.
type ActivationError struct{ Activation string }

func (e *ActivationError) Error() string {
	return fmt.Sprintf("the model's activation is %.60q; beitzoo computes \"gelu\" alone", e.Activation)
}

// Is reports that the model is unusable.
func (e *ActivationError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says why there is no way around.
func (e *ActivationError) Hint() string {
	return "the same weights without this configuration would be taken for a model with gelu, which is another model"
}

func (f transformersFile) config() (arch.Config, error) {
	config := arch.Config{
		Channels: valueOr(f.Channels, arch.RGB), EmbedDim: valueOr(f.HiddenSize, 768), HiddenDim: valueOr(f.IntermediateSize, 3072), Depth: valueOr(f.Layers, 12), Heads: valueOr(f.Heads, 12),
		AbsolutePosition: valueOr(f.AbsolutePosition, false), LayerScale: valueOr(f.LayerScale, 0.1) > 0,
		Epsilon: float64(valueOr(f.LayerNormEps, arch.EpsilonHF)), Pooling: arch.MeanPooling,
	}
	if !valueOr(f.MeanPooling, true) {
		config.Pooling = arch.ClassToken
	}
	class := classClassifier
	if len(f.Architectures) > 0 {
		class = f.Architectures[0]
	}
	switch {
	case class == classMasked:
		config.Pooling, config.MaskToken, config.Classes = arch.AllTokens, valueOr(f.MaskToken, true), valueOr(f.Vocabulary, defaultVocabulary)
	case class != classClassifier:
		// A norm over all tokens and a mask token: the encoder of a masked model without its head.
		if config.Pooling == arch.ClassToken && valueOr(f.MaskToken, false) {
			config.Pooling, config.MaskToken = arch.AllTokens, true
		}
	case f.NumLabels != nil:
		config.Classes = *f.NumLabels
	case f.ID2Label != nil:
		config.Classes = len(*f.ID2Label)
	default:
		config.Classes = 2 // transformers' default for a configuration without labels
	}
	if err := setSizes(&config, "image_size", f.ImageSize, "patch_size", f.PatchSize); err != nil {
		return config, err
	}
	return config, setBias(&config, f.BlockBias, f.SharedBias)
}

func (f transformersFile) labels(config arch.Config) []string {
	if f.ID2Label == nil || len(*f.ID2Label) != config.Classes || config.Masked() {
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

// TransformersClass returns the name of the class of transformers for models of an architecture.
func TransformersClass(config arch.Config) string {
	switch {
	case config.Classes == 0:
		return classBare
	case config.Masked():
		return classMasked
	}
	return classClassifier
}

// Transformers returns the config.json with which transformers' from_pretrained builds the model, epsilon included. Without labels, classes are named
// LABEL_0 and so on, as transformers does. An impossible architecture is an *[arch.ConfigError]; labels of another number than classes are an error too.
func Transformers(c card.Card) ([]byte, error) {
	config := c.Config
	if err := config.Validate(); err != nil {
		return nil, err
	}
	class, layerScale := TransformersClass(config), float(0)
	if config.LayerScale {
		layerScale = 0.1 // only switches LayerScale on; its values are in the weights. The figure is that of the training recipes.
	}
	file := transformersFile{
		Architectures: []string{class}, HiddenAct: ref("gelu"), HiddenSize: &config.EmbedDim, ImageSize: size(config.ImageHeight, config.ImageWidth),
		IntermediateSize: &config.HiddenDim, LayerNormEps: ref(float(config.Epsilon)), LayerScale: &layerScale, ModelType: ref("beit"), Heads: &config.Heads,
		Channels: &config.Channels, Layers: &config.Depth, PatchSize: config.PatchSize, AbsolutePosition: &config.AbsolutePosition, MaskToken: &config.MaskToken,
		MeanPooling: ref(config.Pooling == arch.MeanPooling || class == classMasked), BlockBias: ref(config.Bias == arch.BlockBias),
		SharedBias: ref(config.Bias == arch.SharedBias), Vocabulary: ref(defaultVocabulary),
	}
	switch class {
	case classMasked:
		file.Vocabulary = &config.Classes
	case classClassifier:
		if c.Problem != "" {
			file.Problem = ref(string(c.Problem))
		}
		if err := file.setLabels(config.Classes, c.Labels); err != nil {
			return nil, err
		}
	}
	return indented(file)
}

// setLabels fills in the two maps between class index and label. Labels that occur twice, as in ImageNet-22k, get their last index, as in Python.
func (f *transformersFile) setLabels(classes int, labels []string) error {
	if labels != nil && len(labels) != classes {
		return fmt.Errorf("%d labels for %d classes", len(labels), classes)
	}
	names, indices := make(map[string]string, classes), make(map[string]int, classes)
	for i := range classes {
		label := "LABEL_" + strconv.Itoa(i)
		if labels != nil {
			label = labels[i]
		}
		names[strconv.Itoa(i)], indices[label] = label, i
	}
	f.ID2Label, f.Label2ID = &names, indices
	return nil
}

// size returns the form in which transformers writes a size: one number for a square, else height and width.
func size(height, width int) any {
	if height == width {
		return height
	}
	return []int{height, width}
}

// indented returns JSON as transformers lays it out. Keys of maps are sorted, so equal values become equal bytes.
func indented(value any) ([]byte, error) {
	raw, err := json.MarshalIndent(value, "", "  ")
	return append(raw, '\n'), err
}

func ref[T any](value T) *T { return &value }
