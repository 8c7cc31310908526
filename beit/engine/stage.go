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

// Stage is a point of a forward pass at which there is an activation to look at. Stages are comparable with ==.
type Stage struct {
	Kind StageKind
	// Block is the number of the transformer block, from 0, for the kinds that a model has one of in each block; else 0.
	Block int
}

// StageKind is what a stage computes. The zero value is not a kind.
type StageKind int

// The kinds of stages, in the order of the forward pass.
const (
	// Embed is the sequence of tokens before the first block, [N, Tokens, EmbedDim].
	Embed StageKind = iota + 1
	// Attention is what the attention branch of a block adds, before layer scale, [N, Tokens, EmbedDim].
	Attention
	// Block is the residual stream after a block, [N, Tokens, EmbedDim].
	Block
	// Pool is what the head sees, [N, EmbedDim], or [N, Patches, EmbedDim] for masked image modelling.
	Pool
	// Logits are the result of the head, [N, Classes], or [N, Patches, Classes]. A model without classes does not have this stage.
	Logits
)

// stageKinds has a line for each kind, in the order of the forward pass. A new kind of stage is a constant above, a line here, and what it is
// computed from in Before.
var stageKinds = []struct {
	kind StageKind
	// name is that of the activation; {i} stands for the number of the block.
	name string
	// phase orders the stages. The kinds of one phase form a loop over the blocks: all kinds of block 0, then all of block 1.
	phase int
	// parameters are the beginnings of the names of the parameters that the stage reads.
	parameters []string
}{
	// The bias table that all blocks may share counts as part of what comes before the first.
	{kind: Embed, name: "embed", phase: 0, parameters: []string{"patch_embed.", "cls_token", "mask_token", "pos_embed", "rel_pos_bias."}},
	{kind: Attention, name: "blocks.{i}.attn", phase: 1, parameters: []string{"blocks.{i}."}},
	{kind: Block, name: "blocks.{i}", phase: 1, parameters: []string{"blocks.{i}."}},
	{kind: Pool, name: "pool", phase: 2, parameters: []string{"norm.", "fc_norm."}},
	{kind: Logits, name: "logits", phase: 3, parameters: []string{"head.", "lm_head."}},
}

const (
	number = "{i}"
	// maxBlock bounds the number of a block in a name; no model has nearly as many.
	maxBlock = 1 << 20
)

// Stages returns the stages of an architecture in the order of its forward pass: what a Tap sees.
func Stages(config arch.Config) []Stage {
	stages := []Stage{{Kind: Embed}}
	for i := range config.Depth {
		stages = append(stages, Stage{Attention, i}, Stage{Block, i})
	}
	stages = append(stages, Stage{Kind: Pool})
	if config.Classes > 0 {
		stages = append(stages, Stage{Kind: Logits})
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

// numbered returns a pattern with the number of the block.
func (s Stage) numbered(pattern string) string {
	return strings.Replace(pattern, number, strconv.Itoa(s.Block), 1)
}

// UnknownStageError says that there is no stage of a name.
type UnknownStageError struct{ Name string }

func (e *UnknownStageError) Error() string {
	return "no stage of a model has the name " + text.Quote(e.Name)
}

// Is reports whether kind is errdef.ErrInput: names of stages come from files.
func (e *UnknownStageError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint returns the nearest name, or all.
func (e *UnknownStageError) Hint() string {
	var names []string
	for _, s := range Stages(arch.Config{Depth: 1, Classes: 1}) {
		names = append(names, s.String())
	}
	return suggest.Short(e.Name, names)
}

// ParseStage is the inverse of String. It returns an *UnknownStageError for a name that String never returns.
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

// Before returns the stage from whose activation this one is computed, in a model of that many blocks. Embed is computed from pixels, so it has
// none.
func (s Stage) Before(depth int) (before Stage, exists bool) {
	switch s.Kind {
	case Attention, Block:
		return residual(s.Block), true
	case Pool:
		return residual(depth), true
	case Logits:
		return Stage{Kind: Pool}, true
	}
	return Stage{}, false
}

// residual returns the stage of the residual stream after that many blocks.
func residual(blocks int) Stage {
	if blocks == 0 {
		return Stage{Kind: Embed}
	}
	return Stage{Block, blocks - 1}
}

// Reads reports whether computing the stage from the one before takes the parameter of that canonical name.
func (s Stage) Reads(parameter string) bool {
	for _, k := range stageKinds {
		for _, beginning := range k.parameters {
			if k.kind == s.Kind && strings.HasPrefix(parameter, s.numbered(beginning)) {
				return true
			}
		}
	}
	return false
}

// InBlock reports whether the stage is one that every block has.
func (s Stage) InBlock() bool { return s.Kind == Attention || s.Kind == Block }
