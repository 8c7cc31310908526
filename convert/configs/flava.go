package configs

import (
	"encoding/json"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/internal/text"
)

// FLAVACodebook is the type of FLAVA's image codebook, which is the encoder of OpenAI's dVAE.
const FLAVACodebook Type = "flava_image_codebook"

// flavaGroups is the number of groups of a FlavaImageCodebook, whatever num_groups says, by which only the gain of its blocks is computed.
const flavaGroups = 4

// flavaFile has the keys of the codebook's config.json, in the order in which transformers sorts them. Source: huggingface/transformers
// models/flava/configuration_flava.py, FlavaImageCodebookConfig.
type flavaFile struct {
	Architectures  []string `json:"architectures"`
	Freeze         *bool    `json:"freeze"`
	HiddenSize     *int     `json:"hidden_size"`
	Channels       *int     `json:"input_channels"`
	ModelType      *string  `json:"model_type"`
	BlocksPerGroup *int     `json:"num_blocks_per_group"`
	Groups         *int     `json:"num_groups"`
	Vocabulary     *int     `json:"vocab_size"`
}

// Part returns the configuration of a part of a model in its config.json: that of the image codebook in FLAVA's, for the prefix of the codebook's tensors. For
// anything else it returns raw.
func Part(raw []byte, prefix string) []byte {
	var file struct {
		ModelType string                     `json:"model_type"`
		Codebook  map[string]json.RawMessage `json:"image_codebook_config"`
	}
	if prefix != "image_codebook" || json.Unmarshal(raw, &file) != nil || file.ModelType != "flava" || file.Codebook == nil {
		return raw
	}
	file.Codebook["model_type"] = json.RawMessage(`"` + FLAVACodebook + `"`)
	part, err := json.Marshal(file.Codebook)
	if err != nil {
		return raw
	}
	return part
}

// parseFLAVA reads the config.json of the codebook. Absent keys take the defaults of transformers. The file says nothing of the size of images, which is the usual
// one.
func parseFLAVA(raw []byte) (TransformersFacts, error) {
	var file flavaFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return TransformersFacts{}, refuse(transformersName, "not a transformers configuration: %w", text.JSONError(err))
	}
	if groups := valueOr(file.Groups, flavaGroups); groups != flavaGroups {
		return TransformersFacts{}, refuse(transformersName, "num_groups is %d, and FlavaImageCodebook has %d groups, whose gain it would compute from the other number",
			groups, flavaGroups)
	}
	blocks := valueOr(file.BlocksPerGroup, 2)
	if blocks < 1 || blocks > 1<<10 {
		return TransformersFacts{}, refuse(transformersName, "num_blocks_per_group is %d", blocks)
	}
	config := arch.Config{
		Kind: arch.DVAEEncoder, PatchSize: 1 << (flavaGroups - 1), Channels: valueOr(file.Channels, arch.RGB), EmbedDim: valueOr(file.HiddenSize, 256),
		Depth: flavaGroups * blocks, Classes: valueOr(file.Vocabulary, defaultVocabulary),
	}
	config, _ = config.WithUsualPicture()
	if err := config.Validate(); err != nil {
		return TransformersFacts{}, unusable(transformersName, err)
	}
	return TransformersFacts{Card: card.Card{Config: config.Named()}, Type: FLAVACodebook}, nil
}

// flava returns the config.json with which transformers' FlavaImageCodebook.from_pretrained builds the encoder of a dVAE.
func flava(config arch.Config) ([]byte, error) {
	blocks := config.Depth / config.Groups()
	return indented(flavaFile{
		Architectures: []string{"FlavaImageCodebook"}, Freeze: ref(true), HiddenSize: &config.EmbedDim, Channels: &config.Channels, ModelType: ref(string(FLAVACodebook)),
		BlocksPerGroup: &blocks, Groups: ref(config.Groups()), Vocabulary: &config.Classes,
	})
}
