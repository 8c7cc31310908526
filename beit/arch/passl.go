package arch

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// passlFile is the part of a PASSL training configuration that fixes the architecture. The rest (data, schedule, optimizer) is ignored.
type passlFile struct {
	Model *struct {
		Name         string             `yaml:"name"`
		Architecture *passlArchitecture `yaml:"architecture"`
		Head         *struct {
			NumClasses *int `yaml:"num_classes"`
		} `yaml:"head"`
	} `yaml:"model"`
}

// passlArchitecture holds the constructor arguments of PASSL's BEiT classes; absent ones take the class's default.
type passlArchitecture struct {
	Name          string  `yaml:"name"`
	ImageSize     any     `yaml:"img_size"`
	PatchSize     any     `yaml:"patch_size"`
	EmbedDim      int     `yaml:"embed_dim"`
	Depth         int     `yaml:"depth"`
	Heads         int     `yaml:"num_heads"`
	Ratio         float64 `yaml:"mlp_ratio"`
	Vocabulary    int     `yaml:"vocab_size"`
	InitValues    any     `yaml:"init_values"`
	AbsolutePos   *bool   `yaml:"use_abs_pos_emb"`
	RelativePos   *bool   `yaml:"use_rel_pos_bias"`
	SharedPos     *bool   `yaml:"use_shared_rel_pos_bias"`
	MeanPooling   *bool   `yaml:"use_mean_pooling"`
	NumClasses    *int    `yaml:"num_classes"`
	QueryKeyValue *bool   `yaml:"qkv_bias"`
}

// passlClasses are the classes that PASSL builds a BEiT from, and whether each is for masked image modelling.
var passlClasses = map[string]bool{"Beit": false, "VisionTransformerForFinetune": false, "VisionTransformerForMaskedImageModeling": true}

// maxYAML is in bytes, far above any training configuration.
const maxYAML = 1 << 20

// ParsePASSL reads the architecture from a PASSL yaml configuration. Keys that have to do with training are ignored.
// Source of the defaults: PaddlePaddle/PASSL passl_v110/modeling/backbones/{beit,beit_ft,beit_pt}.py.
func ParsePASSL(raw []byte) (Config, error) {
	if len(raw) > maxYAML {
		return Config{}, fmt.Errorf("a configuration of %d bytes; %d is the limit", len(raw), maxYAML)
	}
	var file passlFile
	if err := yaml.NewDecoder(bytes.NewReader(raw)).Decode(&file); err != nil {
		return Config{}, fmt.Errorf("not a PASSL configuration: %w", err)
	}
	if file.Model == nil || file.Model.Architecture == nil {
		return Config{}, fmt.Errorf("not a PASSL configuration: it has no model.architecture")
	}
	a := *file.Model.Architecture
	masked, known := passlClasses[a.Name]
	if !known {
		return Config{}, fmt.Errorf("the architecture %.60q is none of PASSL's BEiT classes", a.Name)
	}
	config, err := a.config(masked)
	if err != nil {
		return Config{}, err
	}
	if head := file.Model.Head; !masked && head != nil && head.NumClasses != nil {
		config.Classes = *head.NumClasses
	}
	if err := config.Validate(); err != nil {
		return Config{}, err
	}
	return config.Named(), nil
}

func (a passlArchitecture) config(masked bool) (Config, error) {
	height, width, err := passlPair("img_size", a.ImageSize, 224)
	if err != nil {
		return Config{}, err
	}
	patch, across, err := passlPair("patch_size", a.PatchSize, 16)
	if err != nil {
		return Config{}, err
	}
	if patch != across {
		return Config{}, fmt.Errorf("patches of %d x %d are not square", patch, across)
	}
	config := Config{
		ImageHeight: height, ImageWidth: width, PatchSize: patch,
		EmbedDim: cmp.Or(a.EmbedDim, 768), Depth: cmp.Or(a.Depth, 12), Heads: cmp.Or(a.Heads, 12), Classes: 1000,
		Pooling: MeanPooling, Bias: NoBias, AbsolutePosition: or(a.AbsolutePos, true), Epsilon: Epsilon,
	}
	config.HiddenDim = int(float64(config.EmbedDim) * min(cmp.Or(a.Ratio, 4), maxDim))
	switch {
	case masked:
		config.Pooling, config.MaskToken, config.Classes = AllTokens, true, cmp.Or(a.Vocabulary, 8192)
	case !or(a.MeanPooling, true):
		config.Pooling = ClassToken
	}
	if a.NumClasses != nil && !masked {
		config.Classes = *a.NumClasses
	}
	if config.LayerScale, err = passlLayerScale(a.InitValues); err != nil {
		return Config{}, err
	}
	return config, a.bias(&config)
}

// bias sets the kind of position bias, and refuses what no class can build.
func (a passlArchitecture) bias(config *Config) error {
	block, shared := or(a.RelativePos, false), or(a.SharedPos, false)
	switch {
	case block && shared:
		return fmt.Errorf("use_rel_pos_bias and use_shared_rel_pos_bias are both on")
	case !or(a.QueryKeyValue, true):
		return fmt.Errorf("qkv_bias is off; every BEiT has it")
	case block:
		config.Bias = BlockBias
	case shared:
		config.Bias = SharedBias
	}
	return nil
}

// passlLayerScale: init_values of None or 0 leave LayerScale out.
func passlLayerScale(value any) (bool, error) {
	switch v := value.(type) {
	case nil:
		return false, nil
	case float64:
		return v > 0, nil
	case uint64:
		return v > 0, nil
	case string:
		// YAML takes 1e-5 for text, as it lacks a point; PASSL evaluates such text, and None too.
		var number float64
		if strings.EqualFold(v, "None") {
			return false, nil
		}
		if _, err := fmt.Sscanf(v, "%g", &number); err == nil {
			return number > 0, nil
		}
	}
	return false, fmt.Errorf("init_values is not a number")
}

// passlPair takes one number, or a list of two: height and width.
func passlPair(name string, value any, otherwise int) (int, int, error) {
	switch v := value.(type) {
	case nil:
		return otherwise, otherwise, nil
	case uint64:
		if v <= maxSize {
			return int(v), int(v), nil
		}
	case []any:
		if len(v) == 2 {
			height, okHeight := v[0].(uint64)
			width, okWidth := v[1].(uint64)
			if okHeight && okWidth && height <= maxSize && width <= maxSize {
				return int(height), int(width), nil
			}
		}
	}
	return 0, 0, fmt.Errorf("%s is not a number of pixels, nor two of them", name)
}
