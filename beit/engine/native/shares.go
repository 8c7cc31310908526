package native

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/tensor"
)

// Shares computes how the tokens of a block attend to each other, softmax(q kᵀ/√d + bias), from before, the activation of the stage before the block, which any
// engine's Tap returns. The result is [N, Heads, Tokens, Tokens], in new memory: [n, h, i, j] is what token i takes of token j, and sums to 1 over j. With many
// tokens that is much: 134 MB an image of 1,025 tokens and 16 heads. The error is a *StageError for an activation of another size, or that of ctx. Other programs
// call it attention weights or probabilities; source of the formula: microsoft/unilm beit/modeling_finetune.py, Attention.
type Shares func(ctx context.Context, before engine.Activation) (engine.Activation, error)

// LoadShares returns the function that computes the attention of a block. Of the weights it reads the first norm, the queries and keys, and the bias tables of
// this block. The error is a *StageError for a block that the model does not have, or says which parameter cannot be read.
func (p *Parts) LoadShares(block int) (Shares, error) { return p.shares(block) }

// loadShares is Parts.LoadShares.
func (m *model[T]) loadShares(l *loader[T], at int) (Shares, error) {
	stage := engine.Stage{Kind: engine.Attention, Block: at}
	if at < 0 || at >= m.config.Depth {
		return nil, noStage(stage)
	}
	prefix := fmt.Sprintf("blocks.%d.", at)
	var b block[T]
	var err error
	if b.norm1, err = l.norm(prefix + "norm1."); err != nil {
		return nil, err
	}
	if b.qkv, err = l.qkv(prefix + "attn."); err != nil {
		return nil, err
	}
	if b.bias, err = l.blockBias(prefix); err != nil {
		return nil, err
	}
	return func(ctx context.Context, before engine.Activation) (engine.Activation, error) {
		images, err := wholeImages(stage, before, m.config.Tokens()*m.config.EmbedDim)
		if err != nil {
			return engine.Activation{}, err
		}
		return m.computeShares(ctx, &b, stage, values[T](m.threads, before), images)
	}, nil
}

// computeShares computes the attention of images from x, [images, T, C].
func (m *model[T]) computeShares(ctx context.Context, b *block[T], stage engine.Stage, x []T, images int) (engine.Activation, error) {
	tokens, heads := m.config.Tokens(), m.config.Heads
	result := engine.Activation{Name: stage.String() + ".shares", Shape: tensor.Shape{images, heads, tokens, tokens}}
	result.Values = make([]float64, images*heads*tokens*tokens)
	work := m.workspace(images)
	defer m.putBack(work)
	return result, work.groups(x, func(g group[T]) error {
		if err := work.project(ctx, b, g); err != nil {
			return err
		}
		return parallel.Until(ctx, m.threads, g.images*heads, func(worker, i int) {
			a, all := work.attention, result.Values[(g.first*heads+i)*tokens*tokens:]
			for from := 0; from < tokens; from += queryRows {
				to := min(tokens, from+queryRows)
				widen(all[from*tokens:to*tokens], a.shares(&a.lanes[worker], part{i / heads, i % heads, from, to}))
			}
		})
	})
}

// widen writes as many values as out has.
func widen[T gemm.Float](out []float64, values []T) {
	for i := range out {
		out[i] = float64(values[i])
	}
}
