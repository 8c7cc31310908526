package mim

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// Branch is the branch of BEiT v2's pre-training that predicts the tokens from the class token of the last block and the patch tokens of an early one
// (microsoft/unilm beit2/modeling_pretrain.py). It is computed in plain Go, in float32.
type Branch struct {
	// Early is the number of blocks before the patch tokens are taken.
	Early int

	config arch.Config // of the branch alone
	parts  []native.Part
}

// EarlyBlocks returns after how many blocks the released models take the patch tokens for their branch: 9 of 12, 21 of 24; 0 if that is not known.
func EarlyBlocks(config arch.Config) int {
	if config.Depth == 12 || config.Depth == 24 {
		return config.Depth - 3
	}
	return 0
}

// ErrNoEarly says that it is not known where the branch for the class token begins.
var ErrNoEarly = errdef.New(errdef.ErrUsage, "it is not known after which block the branch for the class token takes its patch tokens")

// NewBranch returns the branch of a model with these parameters, or nil if it has none. early is after how many blocks the patch tokens are taken; 0 means
// [EarlyBlocks]. The weights are read before it returns.
func NewBranch(config arch.Config, weights []tensor.Named, early int) (*Branch, error) {
	if config.ClassBlocks == 0 {
		return nil, nil
	}
	if early == 0 {
		early = EarlyBlocks(config)
	}
	if early < 1 || early > config.Depth {
		return nil, ErrNoEarly
	}
	b := &Branch{Early: early, config: config}
	b.config.Name, b.config.Depth, b.config.ClassBlocks, b.config.ClassHead = "", config.ClassBlocks, 0, false
	parts, err := native.Engine{}.Parts(b.config, b.weights(config, weights), engine.Options{})
	if err != nil {
		return nil, fmt.Errorf("the branch for the class token: %w", err)
	}
	for _, stage := range engine.Stages(b.config) {
		if stage.Kind == engine.Embed || stage.Kind == engine.Attention {
			continue
		}
		part, err := parts.Load(stage)
		if err != nil {
			return nil, fmt.Errorf("the branch for the class token: %w", err)
		}
		b.parts = append(b.parts, part)
	}
	return b, nil
}

// weights returns the parameters of the branch by the names that they have in a model of its own. Of what it does not compute it has those of the whole model.
func (b *Branch) weights(config arch.Config, all []tensor.Named) []tensor.Named {
	var own []tensor.Named
	for _, named := range all {
		name := named.Name
		replaced := strings.HasPrefix(name, "norm.") || strings.HasPrefix(name, "lm_head.")
		switch {
		case strings.HasPrefix(name, "blocks."), replaced && config.ClassHead:
			continue
		case strings.HasPrefix(name, "cls_pt_layers."):
			named.Name = "blocks." + strings.TrimPrefix(name, "cls_pt_layers.")
		case strings.HasPrefix(name, "cls_pt_norm."), strings.HasPrefix(name, "cls_pt_lm_head."):
			named.Name = strings.TrimPrefix(name, "cls_pt_")
		}
		own = append(own, named)
	}
	return own
}

// collector takes the activations that the branch begins with from a forward pass of the whole model.
type collector struct {
	early, last string
	tokens      []float64 // of the early block
	class       []float64 // all tokens of the last block
}

func (b *Branch) collector(depth int) *collector {
	name := func(block int) string { return engine.Stage{Kind: engine.Block, Block: block}.String() }
	return &collector{early: name(b.Early - 1), last: name(depth - 1)}
}

func (c *collector) tap(a engine.Activation) error {
	if a.Name == c.early {
		c.tokens = slices.Clone(a.Values)
	}
	if a.Name == c.last {
		c.class = a.Values
	}
	return nil
}

// logits returns those of the branch, [N, Patches, Classes].
func (b *Branch) logits(ctx context.Context, from *collector, images int) ([]float64, error) {
	one := b.config.Tokens() * b.config.EmbedDim
	if len(from.tokens) != images*one || len(from.class) != images*one {
		return nil, fmt.Errorf("the engine returned %d and %d values of tokens for %d images", len(from.tokens), len(from.class), images)
	}
	for i := range images {
		copy(from.tokens[i*one:i*one+b.config.EmbedDim], from.class[i*one:]) // the class token in front
	}
	a := engine.Activation{Shape: tensor.Shape{images, b.config.Tokens(), b.config.EmbedDim}, Values: from.tokens}
	for _, part := range b.parts {
		all, err := part(ctx, engine.Input{}, a)
		if err != nil {
			return nil, err
		}
		a = all[len(all)-1]
	}
	return a.Values, nil
}
