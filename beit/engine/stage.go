package engine

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

// Stage is a step of the forward pass whose result, an Activation, a Tap sees. Stages can be compared with ==.
type Stage struct {
	Kind StageKind
	// Block is the index of the block for kinds of which every block has one, else 0. The blocks of a dVAE are counted through all groups.
	Block int
}

// StageKind is what a stage computes. The zero value is not a kind.
type StageKind int

// The kinds of stages, in the order of the forward pass.
const (
	// Embed is the sequence of tokens before the first block, [N, Tokens, EmbedDim]; of a dVAE it is the result of the first convolution, [N, C, H, W].
	Embed StageKind = iota + 1
	// Attention is the result of the attention branch of a block before layer scale, [N, Tokens, EmbedDim].
	Attention
	// Block is the residual stream after a block, [N, Tokens, EmbedDim]; of a dVAE [N, C, H, W], before the sides are halved or doubled.
	Block
	// Pool is the input of the head, [N, EmbedDim], or [N, Patches, EmbedDim] for masked image modelling and VQ-KD. A model of features has no such stage.
	Pool
	// Logits are the output of the head, [N, Classes], or [N, Patches, Classes] for masked image modelling; of a dVAE's encoder [N, Classes, h, w], a value for each
	// visual token. A model without classes has no such stage.
	Logits
	// Codes are what VQ-KD looks up in its codebook, before they are normalised, [N, Patches, Dim].
	Codes
	// Tokens are the visual tokens of a tokenizer, [N, Patches], row by row: whole numbers, and NaN where one of the values that it is chosen by is NaN.
	Tokens
	// DecoderEmbed, DecoderAttention, DecoderBlock and DecoderPool are Embed, Attention, Block and Pool of the transformer behind VQ-KD's codebook.
	DecoderEmbed
	DecoderAttention
	DecoderBlock
	DecoderPool
	// Target are the features of a teacher that VQ-KD's decoder predicts, [N, Patches, Features].
	Target
	// Decoded is the output of a dVAE's decoder, [N, 2 Channels, ImageHeight, ImageWidth]: logits of the samples, and then logarithms of their scales.
	Decoded
	// Picture is what a person sees of Decoded, [N, Channels, ImageHeight, ImageWidth], in [0, 1].
	Picture
	// Feature is one of the maps that UPerNet makes of tapped blocks, [N, EmbedDim, h, w], with the sizes of Config.LevelSize; Stage.Block is the level.
	Feature
	// Pyramid is the smallest map with what was pooled of it, [N, Segmentation.Channels, h, w].
	Pyramid
	// Lateral is a larger map in the width of the decode head, [N, Segmentation.Channels, h, w], before that of smaller maps is added; Stage.Block is the level.
	Lateral
	// Fused is what the decode head sees of all maps, in the size of the largest, [N, Segmentation.Channels, h, w]. Logits are [N, Classes, h, w] then.
	Fused
	// FullLogits are Logits in the size of the image, [N, Classes, ImageHeight, ImageWidth].
	FullLogits
	// AuxiliaryLogits are those of the head that only training uses, [N, Classes, h, w], of the map of level 2.
	AuxiliaryLogits
)

// stageKinds has a line for each kind, in the order of the forward pass. A new kind of stage needs a constant above, a line here, and a case in Inputs.
var stageKinds = []struct {
	kind StageKind
	// name is that of the activation; {i} stands for the index of the block.
	name string
	// phase orders the kinds. Kinds of the same phase are computed block by block: all of them for block 0, then for block 1.
	phase int
	// parameters are prefixes of the names of the parameters that the stage reads, of VQ-KD without that of the encoder.
	parameters []string
}{
	// A bias table that all blocks share (rel_pos_bias) counts as a parameter of Embed.
	{kind: Embed, name: "embed", phase: 0, parameters: []string{"patch_embed.", "cls_token", "mask_token", "pos_embed", "rel_pos_bias.", "blocks.input."}},
	{kind: Attention, name: "blocks.{i}.attn", phase: 1, parameters: []string{"blocks.{i}."}},
	{kind: Block, name: "blocks.{i}", phase: 1, parameters: []string{"blocks.{i}."}},
	{kind: Pool, name: "pool", phase: 2, parameters: []string{"norm.", "fc_norm."}},
	{kind: Feature, name: "features.{i}", phase: 2},
	{kind: Lateral, name: "laterals.{i}", phase: 3, parameters: []string{"decode_head.lateral_convs.{i}."}},
	{kind: Pyramid, name: "pyramid", phase: 4, parameters: []string{"decode_head.psp_modules.", "decode_head.bottleneck."}},
	{kind: Fused, name: "fused", phase: 5, parameters: []string{"decode_head.fpn_convs.", "decode_head.fpn_bottleneck."}},
	{kind: Logits, name: "logits", phase: 6, parameters: []string{"head.", "lm_head.", "blocks.output.", "decode_head.conv_seg."}},
	{kind: FullLogits, name: "logits_full", phase: 7},
	{kind: AuxiliaryLogits, name: "auxiliary_logits", phase: 8, parameters: []string{"auxiliary_head."}},
	{kind: Codes, name: "codes", phase: 6, parameters: []string{"encode_task_layer."}},
	{kind: Tokens, name: "tokens", phase: 7, parameters: []string{"quantize.embedding.weight"}},
	{kind: DecoderEmbed, name: "decoder.embed", phase: 8, parameters: []string{"decoder.patch_embed.", "decoder.cls_token", "decoder.pos_embed", "quantize.embedding.weight"}},
	{kind: DecoderAttention, name: "decoder.blocks.{i}.attn", phase: 9, parameters: []string{"decoder.blocks.{i}."}},
	{kind: DecoderBlock, name: "decoder.blocks.{i}", phase: 9, parameters: []string{"decoder.blocks.{i}."}},
	{kind: DecoderPool, name: "decoder.pool", phase: 10, parameters: []string{"decoder.fc_norm."}},
	{kind: Target, name: "target", phase: 11, parameters: []string{"decode_task_layer."}},
	{kind: Decoded, name: "decoded", phase: 12, parameters: []string{"blocks.output."}},
	{kind: Picture, name: "picture", phase: 13},
}

const (
	number = "{i}"
	// maxBlock bounds the index of a block in a name.
	maxBlock = 1 << 20
)

// Stages returns the stages of an architecture in the order of its forward pass.
func Stages(config arch.Config) []Stage {
	stages := []Stage{{Kind: Embed}}
	for i := range config.Depth {
		if !config.Convolutional() {
			stages = append(stages, Stage{Attention, i})
		}
		stages = append(stages, Stage{Block, i})
	}
	switch config.Kind {
	case arch.DVAEEncoder:
		return append(stages, Stage{Kind: Logits}, Stage{Kind: Tokens})
	case arch.DVAEDecoder:
		return append(stages, Stage{Kind: Decoded}, Stage{Kind: Picture})
	case arch.UPerNet:
		return append(stages, decodeStages(config)...)
	case arch.VQKD:
		stages = append(stages, Stage{Kind: Pool}, Stage{Kind: Codes}, Stage{Kind: Tokens})
		if decoder := config.Codebook.Decoder; decoder.Depth > 0 {
			stages = append(stages, Stage{Kind: DecoderEmbed})
			for i := range decoder.Depth {
				stages = append(stages, Stage{DecoderAttention, i}, Stage{DecoderBlock, i})
			}
			stages = append(stages, Stage{Kind: DecoderPool}, Stage{Kind: Target})
		}
		return stages
	}
	if config.Pooling != arch.NoPooling {
		stages = append(stages, Stage{Kind: Pool})
	}
	if config.Classes > 0 {
		stages = append(stages, Stage{Kind: Logits})
	}
	return stages
}

// decodeStages returns those of UPerNet behind the blocks.
func decodeStages(config arch.Config) []Stage {
	var stages []Stage
	for level := range arch.Levels {
		stages = append(stages, Stage{Feature, level})
	}
	for level := range arch.Levels - 1 {
		stages = append(stages, Stage{Lateral, level})
	}
	stages = append(stages, Stage{Kind: Pyramid}, Stage{Kind: Fused}, Stage{Kind: Logits}, Stage{Kind: FullLogits})
	if config.Segmentation.AuxiliaryChannels > 0 {
		stages = append(stages, Stage{Kind: AuxiliaryLogits})
	}
	return stages
}

// String returns the name of the stage's activation: "embed", "blocks.3.attn", "blocks.3", "pool", "logits".
func (s Stage) String() string {
	for _, k := range stageKinds {
		if k.kind == s.Kind {
			return s.numbered(k.name)
		}
	}
	return "stage " + strconv.Itoa(int(s.Kind))
}

// numbered returns pattern with the index of the block in place of {i}.
func (s Stage) numbered(pattern string) string {
	return strings.Replace(pattern, number, strconv.Itoa(s.Block), 1)
}

// UnknownStageError says that no stage has the given name.
type UnknownStageError struct{ Name string }

func (e *UnknownStageError) Error() string {
	return "no stage of a model has the name " + text.Quote(e.Name)
}

// Is reports whether kind is errdef.ErrInput: names of stages come from files.
func (e *UnknownStageError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint returns the nearest name, or all names if none is near.
func (e *UnknownStageError) Hint() string {
	var names []string
	for _, s := range Stages(arch.Config{Depth: 1, Classes: 1}) {
		names = append(names, s.String())
	}
	return suggest.Short(e.Name, names)
}

// ParseStage returns the stage with the name that String returns, or an *UnknownStageError.
func ParseStage(name string) (Stage, error) {
	for _, k := range stageKinds {
		before, after, perBlock := strings.Cut(k.name, number)
		if name == k.name && !perBlock {
			return Stage{Kind: k.kind}, nil
		}
		digits, begins := strings.CutPrefix(name, before)
		digits, ends := strings.CutSuffix(digits, after)
		i, err := strconv.Atoi(digits)
		if perBlock && begins && ends && err == nil && i >= 0 && i < maxBlock && strconv.Itoa(i) == digits {
			return Stage{k.kind, i}, nil
		}
	}
	return Stage{}, &UnknownStageError{name}
}

// Compare returns a negative number if s comes before other in a forward pass, a positive one if it comes after, and 0 if they are the same.
func (s Stage) Compare(other Stage) int {
	return cmp.Or(cmp.Compare(s.phase(), other.phase()), cmp.Compare(s.Block, other.Block), cmp.Compare(s.Kind, other.Kind))
}

func (s Stage) phase() int {
	for _, k := range stageKinds {
		if k.kind == s.Kind {
			return k.phase
		}
	}
	return -1
}

// Inputs returns the stages whose activations s is computed from, in the order in which engines take them: one for most, none for Embed, which is computed from the
// input, and all maps for Fused, the largest first.
func (s Stage) Inputs(config arch.Config) []Stage {
	switch s.Kind {
	case Embed:
		return nil
	case Feature:
		return []Stage{residual(int(config.Segmentation.Taps[s.Block]) + 1)}
	case Pyramid:
		return []Stage{{Feature, arch.Levels - 1}}
	case Lateral:
		return []Stage{{Feature, s.Block}}
	case Fused:
		return []Stage{{Lateral, 0}, {Lateral, 1}, {Lateral, 2}, {Kind: Pyramid}}
	case FullLogits:
		return []Stage{{Kind: Logits}}
	case AuxiliaryLogits:
		return []Stage{{Feature, 2}}
	case Attention, Block:
		return []Stage{residual(s.Block)}
	case Pool, Decoded:
		return []Stage{residual(config.Depth)}
	case Logits:
		switch {
		case config.Convolutional():
			return []Stage{residual(config.Depth)}
		case config.Segments():
			return []Stage{{Kind: Fused}}
		}
		return []Stage{{Kind: Pool}}
	case Codes:
		return []Stage{{Kind: Pool}}
	case Tokens:
		if config.Convolutional() {
			return []Stage{{Kind: Logits}}
		}
		return []Stage{{Kind: Codes}}
	case Picture:
		return []Stage{{Kind: Decoded}}
	}
	return s.decoderInputs(config)
}

// decoderInputs is Inputs for the stages of the transformer behind VQ-KD's codebook.
func (s Stage) decoderInputs(config arch.Config) []Stage {
	switch s.Kind {
	case DecoderEmbed:
		return []Stage{{Kind: Tokens}}
	case DecoderAttention, DecoderBlock, DecoderPool:
		if s.Kind == DecoderPool {
			s.Block = config.Codebook.Decoder.Depth
		}
		if s.Block == 0 {
			return []Stage{{Kind: DecoderEmbed}}
		}
		return []Stage{{DecoderBlock, s.Block - 1}}
	case Target:
		return []Stage{{Kind: DecoderPool}}
	}
	return nil
}

// residual returns the stage of the residual stream after that many blocks.
func residual(blocks int) Stage {
	if blocks == 0 {
		return Stage{Kind: Embed}
	}
	return Stage{Block, blocks - 1}
}

// Reads reports whether the parameter of that canonical name is used to compute the stage from the one before.
func (s Stage) Reads(config arch.Config, parameter string) bool {
	switch {
	case config.Convolutional() && s.Kind == Block:
		blocks := config.ConvolutionBlocks()
		return s.Block < len(blocks) && strings.HasPrefix(parameter, blocks[s.Block].Prefix)
	case s.Kind == Feature:
		return s.Block == 0 && strings.HasPrefix(parameter, "fpn1.") || s.Block == 1 && strings.HasPrefix(parameter, "fpn2.")
	case config.Kind == arch.VQKD:
		parameter = strings.TrimPrefix(parameter, "encoder.")
	}
	for _, k := range stageKinds {
		for _, beginning := range k.parameters {
			if k.kind == s.Kind && strings.HasPrefix(parameter, s.numbered(beginning)) {
				return true
			}
		}
	}
	return false
}

// Uses reports whether a parameter, by its canonical name, can affect the stage: those that it reads, and for a block a bias table that all blocks share.
func (s Stage) Uses(config arch.Config, parameter string) bool {
	if strings.HasPrefix(parameter, "rel_pos_bias.") {
		return s.InBlock()
	}
	return s.Reads(config, parameter)
}

// InBlock reports whether every block has a stage of this kind, but for those of VQ-KD's decoder.
func (s Stage) InBlock() bool { return s.Kind == Attention || s.Kind == Block }
