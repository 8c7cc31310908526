package configs

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// passlName is what messages call the file.
const passlName = "PASSL configuration"

// passlFile is the part of a PASSL training configuration that fixes the architecture. The rest (data, schedule, optimizer) is ignored.
type passlFile struct {
	Model *struct {
		Architecture *passlArchitecture `yaml:"architecture"`
		Head         *struct {
			NumClasses *int `yaml:"num_classes"`
		} `yaml:"head"`
	} `yaml:"model"`
}

// passlArchitecture holds the constructor arguments of PASSL's BEiT classes; absent ones take the class's default.
type passlArchitecture struct {
	Name        string  `yaml:"name"`
	ImageSize   any     `yaml:"img_size"`
	PatchSize   any     `yaml:"patch_size"`
	Channels    int     `yaml:"in_chans"`
	EmbedDim    int     `yaml:"embed_dim"`
	Depth       int     `yaml:"depth"`
	Heads       int     `yaml:"num_heads"`
	Ratio       float64 `yaml:"mlp_ratio"`
	Vocabulary  int     `yaml:"vocab_size"`
	InitValues  any     `yaml:"init_values"`
	AbsolutePos *bool   `yaml:"use_abs_pos_emb"`
	RelativePos *bool   `yaml:"use_rel_pos_bias"`
	SharedPos   *bool   `yaml:"use_shared_rel_pos_bias"`
	MeanPooling *bool   `yaml:"use_mean_pooling"`
	NumClasses  *int    `yaml:"num_classes"`
	QKVBias     *bool   `yaml:"qkv_bias"`
}

// passlClasses are the classes that PASSL builds a BEiT from, and whether each is for masked image modelling.
var passlClasses = map[string]bool{"Beit": false, "VisionTransformerForFinetune": false, "VisionTransformerForMaskedImageModeling": true}

// ParsePASSL reads the architecture from a PASSL yaml configuration. Keys that have to do with training are ignored. An error is a *[FileError].
// Source of the defaults: PaddlePaddle/PASSL passl_v110/modeling/backbones/{beit,beit_ft,beit_pt}.py.
func ParsePASSL(raw []byte) (arch.Config, error) {
	if len(raw) > maxYAML {
		return arch.Config{}, refuse(passlName, "%d bytes; %d is the limit", len(raw), maxYAML)
	}
	var file passlFile
	err := yaml.NewDecoder(bytes.NewReader(raw)).Decode(&file)
	if errors.Is(err, io.EOF) {
		return arch.Config{}, refuse(passlName, "not a PASSL configuration: the file is empty")
	}
	if err != nil {
		return arch.Config{}, refuse(passlName, "not a PASSL configuration: %w", err)
	}
	if file.Model == nil || file.Model.Architecture == nil {
		return arch.Config{}, refuse(passlName, "not a PASSL configuration: it has no model.architecture")
	}
	a := *file.Model.Architecture
	masked, known := passlClasses[a.Name]
	if !known {
		return arch.Config{}, refuse(passlName, "the architecture %.60q is not one of PASSL's BEiT classes", a.Name)
	}
	config, err := a.config(masked)
	if err != nil {
		return arch.Config{}, unusable(passlName, err)
	}
	if head := file.Model.Head; !masked && head != nil && head.NumClasses != nil {
		config.Classes = *head.NumClasses
	}
	if err := config.Validate(); err != nil {
		return arch.Config{}, unusable(passlName, err)
	}
	return config.Named(), nil
}

// maxRatio keeps mlp_ratio times a width within an int; Validate refuses the product long before.
const maxRatio = 1 << 16

func (a passlArchitecture) config(masked bool) (arch.Config, error) {
	config := arch.Config{
		Channels: cmp.Or(a.Channels, arch.RGB), EmbedDim: cmp.Or(a.EmbedDim, 768), Depth: cmp.Or(a.Depth, 12), Heads: cmp.Or(a.Heads, 12), Classes: valueOr(a.NumClasses, 1000),
		Pooling: arch.MeanPooling, AbsolutePosition: valueOr(a.AbsolutePos, true), Epsilon: arch.Epsilon,
	}
	config.HiddenDim = int(float64(config.EmbedDim) * min(cmp.Or(a.Ratio, 4), maxRatio))
	switch {
	case masked:
		config.Pooling, config.MaskToken, config.Classes = arch.AllTokens, true, cmp.Or(a.Vocabulary, defaultVocabulary)
	case !valueOr(a.MeanPooling, true):
		config.Pooling = arch.ClassToken
	}
	if !valueOr(a.QKVBias, true) {
		return config, fmt.Errorf("qkv_bias is off; every BEiT has it")
	}
	var err error
	if config.LayerScale, err = passlLayerScale(a.InitValues); err != nil {
		return config, err
	}
	if err := setSizes(&config, "img_size", a.ImageSize, "patch_size", a.PatchSize); err != nil {
		return config, err
	}
	if valueOr(a.RelativePos, false) && valueOr(a.SharedPos, false) {
		return config, errors.New("both kinds of relative position bias are on, with which PASSL can't run")
	}
	setBias(&config, a.RelativePos, a.SharedPos)
	return config, nil
}

// passlLayerScale reports whether init_values asks for LayerScale: None and 0 leave it out.
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
