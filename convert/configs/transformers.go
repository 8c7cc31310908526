package configs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

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
	Vocabulary       *int               `json:"vocab_size,omitempty"`
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

// Type is a type of model of transformers, as model_type calls it.
type Type string

// The types whose models are BEiTs. They differ in names alone.
const (
	BEiT     Type = "beit"
	Data2Vec Type = "data2vec-vision"
)

// classes are what the names of a type's classes begin with.
var classes = map[Type]string{BEiT: "Beit", Data2Vec: "Data2VecVision"}

// What the names of classes end with: those with a head, and those without one.
const (
	classClassifier = "ForImageClassification"
	classMasked     = "ForMaskedImageModeling"
	classBare       = "Model"
	classFeatures   = "Backbone"
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

// TransformersFacts are what a config.json of transformers says.
type TransformersFacts struct {
	card.Card
	Type Type
	// Bare says that the class of the model has no head. Then the weights tell whether it has the norm of its pooling: Card says that it has.
	Bare bool
	// Features says that the class of the model gives tokens as its blocks leave them, before any norm, whether or not it has one.
	Features bool
	// BothBiases says that there are a bias table for all blocks and one for each: those in Card are their sums.
	BothBiases bool
	// Taps are the tapped blocks as the file states them, if it is of a segmentation model.
	Taps Taps
	// LabelsErr says why the file's names of classes are none of the model's; nil if it has names for all, or none. Card has no labels then.
	LabelsErr error
}

// checkNames returns an error if a key stands twice in what a config.json of transformers says of the names of classes, or if it says that twice.
func checkNames(raw []byte) error {
	var file struct {
		ByIndex json.RawMessage `json:"id2label"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return text.JSONError(err)
	}
	if file.ByIndex == nil || file.ByIndex[0] != '{' {
		return nil
	}
	return errors.Join(text.CheckKeys(raw), text.CheckKeys(file.ByIndex))
}

// ParseTransformers reads the config.json of a transformers BEiT: architecture and labels. Absent keys take the defaults of transformers' BeitConfig, so
// Epsilon is 1e-12 unless the file says otherwise. An error is a *[FileError].
func ParseTransformers(raw []byte) (TransformersFacts, error) {
	var facts TransformersFacts
	if len(raw) > maxJSON {
		return facts, refuse(transformersName, "%d bytes; %d is the limit", len(raw), maxJSON)
	}
	var file transformersFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return facts, refuse(transformersName, "not a transformers configuration: %w", text.JSONError(err))
	}
	if err := checkNames(raw); err != nil {
		return facts, unusable(transformersName, err)
	}
	facts.Type = Type(valueOr(file.ModelType, ""))
	if facts.Type == FLAVACodebook {
		return parseFLAVA(raw)
	}
	if facts.Type == UPerNet {
		return parseUPerNet(raw)
	}
	if classes[facts.Type] == "" {
		return facts, refuse(transformersName, "describes a model of type %.60q, not %q, %q, %q or %q", facts.Type, BEiT, Data2Vec, UPerNet, FLAVACodebook)
	}
	if err := file.checkActivation(); err != nil {
		return facts, err
	}
	problem := card.Problem(valueOr(file.Problem, ""))
	if problem != "" && !slices.Contains(card.Problems(), string(problem)) {
		return facts, refuse(transformersName, "problem_type is %.60q; known are %s", problem, text.Or(card.Problems()))
	}
	config, err := file.config()
	if err == nil && isSegmenter(file.Architectures) {
		err = facts.segment(raw, &config)
	}
	if err == nil {
		err = config.Validate()
	}
	if err != nil {
		return facts, unusable(transformersName, err)
	}
	facts.Card = card.Card{Config: config.Named(), Facts: card.Facts{Problem: problem}}
	facts.Labels, facts.LabelsErr = file.labels(config)
	facts.Features = len(file.Architectures) > 0 && strings.HasSuffix(file.Architectures[0], classFeatures)
	facts.Bare, facts.BothBiases = config.Classes == 0, valueOr(file.BlockBias, false) && valueOr(file.SharedBias, false)
	return facts, nil
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
		Channels: valueOr(f.Channels, arch.RGB), EmbedDim: valueOr(f.HiddenSize, 768), HiddenDim: valueOr(f.IntermediateSize, 3072),
		Depth: valueOr(f.Layers, 12), Heads: valueOr(f.Heads, 12),
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
	case strings.HasSuffix(class, classMasked):
		config.Pooling, config.MaskToken, config.Classes = arch.AllTokens, valueOr(f.MaskToken, true), valueOr(f.Vocabulary, defaultVocabulary)
	case !strings.HasSuffix(class, classClassifier) && !strings.HasSuffix(class, classSegmentation):
		// A norm over all tokens and a mask token: the encoder of a masked model without its head.
		if config.Pooling == arch.ClassToken && valueOr(f.MaskToken, false) {
			config.Pooling, config.MaskToken = arch.AllTokens, true
		}
	default:
		config.Classes = f.classes()
	}
	if err := setSizes(&config, "image_size", f.ImageSize, "patch_size", f.PatchSize); err != nil {
		return config, err
	}
	setBias(&config, f.BlockBias, f.SharedBias)
	return config, nil
}

// defaultClasses is transformers' number for a configuration without labels.
const defaultClasses = 2

// classes returns the number of classes.
func (f *transformersFile) classes() int {
	switch {
	case f.NumLabels != nil:
		return *f.NumLabels
	case f.ID2Label != nil:
		return len(*f.ID2Label)
	}
	return defaultClasses
}

// checkActivation returns an error unless the activation is BEiT's.
func (f *transformersFile) checkActivation() error {
	if activation := valueOr(f.HiddenAct, "gelu"); activation != "gelu" && activation != "gelu_python" { // the second is another program for the same function
		return unusable(transformersName, &ActivationError{Activation: activation})
	}
	return nil
}

// labels returns the names of the classes, nil if there are none to have. An error is about names that do not belong to the classes one by one.
func (f transformersFile) labels(config arch.Config) ([]string, error) {
	if f.ID2Label == nil || config.Masked() || config.Classes == 0 {
		return nil, nil
	}
	labels, err := labelsByIndex(*f.ID2Label)
	switch {
	case err != nil:
		return nil, unusable(transformersName, err)
	case len(labels) != config.Classes && !card.Placeholder(labels):
		return nil, refuse(transformersName, "id2label has %d names for %d classes", len(labels), config.Classes)
	case len(labels) != config.Classes:
		return nil, nil
	}
	return labels, nil
}

// TransformersClass returns the name of the class of transformers for models of an architecture. Models of features are those of BeitBackbone, or of
// Data2VecVisionModel, which has no pooling of its own; with pooling, that one has to be asked for it. No class of data2vec-vision masks with a head.
func TransformersClass(config arch.Config, model Type) string {
	ending := classClassifier
	switch {
	case config.Pooling == arch.NoPooling && model == BEiT:
		ending = classFeatures
	case config.Classes == 0:
		ending = classBare
	case config.Masked():
		ending = classMasked
	}
	return classes[model] + ending
}

// Transformers returns the config.json with which transformers' from_pretrained builds the model, epsilon included. Without labels, classes are named
// LABEL_0 and so on, as transformers does. An impossible architecture is an *[arch.ConfigError]; labels of another number than classes are an error too.
func Transformers(c card.Card, model Type) ([]byte, error) {
	config := c.Config
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if model == FLAVACodebook {
		return flava(config)
	}
	class, layerScale := TransformersClass(config, model), float(0)
	if config.LayerScale {
		layerScale = 0.1 // only switches LayerScale on; its values are in the weights. The figure is that of the training recipes.
	}
	file := transformersFile{
		Architectures: []string{class}, HiddenAct: ref("gelu"), HiddenSize: &config.EmbedDim, ImageSize: size(config.ImageHeight, config.ImageWidth),
		IntermediateSize: &config.HiddenDim, LayerNormEps: ref(float(config.Epsilon)), LayerScale: &layerScale, ModelType: ref(string(model)), Heads: &config.Heads,
		Channels: &config.Channels, Layers: &config.Depth, PatchSize: config.PatchSize, AbsolutePosition: &config.AbsolutePosition, MaskToken: &config.MaskToken,
		MeanPooling: ref(config.Pooling == arch.MeanPooling || config.Pooling == arch.NoPooling || config.Masked() && config.Classes > 0), BlockBias: ref(config.Bias == arch.BlockBias),
		SharedBias: ref(config.Bias == arch.SharedBias),
	}
	if model == BEiT {
		file.Vocabulary = ref(defaultVocabulary)
	}
	switch {
	case config.Masked() && config.Classes > 0:
		file.Vocabulary = &config.Classes
	case config.Classifies():
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
