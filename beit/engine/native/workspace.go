package native

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/engine/native/internal/gemm"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// workspace is the memory of one Forward. Blocks compute a group of images at a time, so only branch grows with the batch.
type workspace[T gemm.Float] struct {
	threads, tokens, dim, images, group int
	round                               func([]T)
	attention                           *attention[T]
	// branch is what the current branch adds to x, [images, T, C]; normed and wide are for one group of images.
	branch, normed, wide []T
}

// groupRows is the largest number of tokens in a group of images, unless one image has more. Larger matrix products are not faster.
const groupRows = 1024

func newWorkspace[T gemm.Float](m *model[T], images int) *workspace[T] {
	tokens, dim := m.config.Tokens(), m.config.EmbedDim
	group := min(images, max(1, groupRows/tokens))
	return &workspace[T]{
		threads: m.threads, tokens: tokens, dim: dim, images: images, group: group, round: m.round,
		attention: newAttention(m, group),
		branch:    make([]T, images*tokens*dim),
		normed:    make([]T, group*tokens*dim),
		wide:      make([]T, group*tokens*max(3*dim, m.config.HiddenDim)),
	}
}

// attend writes the attention branch of x to branch.
func (w *workspace[T]) attend(ctx context.Context, b *block[T], x []T) error {
	return w.groups(ctx, func(from, to, images int) {
		rows := images * w.tokens
		b.norm1.apply(w.threads, w.normed, x[from:to], rows)
		b.qkv.apply(w.threads, w.wide, w.normed, rows, nil)
		w.attention.bias = b.bias
		w.attention.apply(w.threads, w.normed, w.wide, images)
		b.proj.apply(w.threads, w.branch[from:to], w.normed, rows, nil)
	})
}

// feed writes the MLP branch of x to branch.
func (w *workspace[T]) feed(ctx context.Context, b *block[T], x []T) error {
	activate := b.activate
	if w.round != nil {
		activate = func(line []T) { b.activate(line); w.round(line) }
	}
	return w.groups(ctx, func(from, to, images int) {
		rows := images * w.tokens
		b.norm2.apply(w.threads, w.normed, x[from:to], rows)
		b.fc1.apply(w.threads, w.wide, w.normed, rows, activate)
		b.fc2.apply(w.threads, w.branch[from:to], w.wide, rows, nil)
	})
}

// groups calls do for each group of images: it is x[from:to].
func (w *workspace[T]) groups(ctx context.Context, do func(from, to, images int)) error {
	for first := 0; first < w.images; first += w.group {
		if err := ctx.Err(); err != nil {
			return err
		}
		images := min(w.group, w.images-first)
		from := first * w.tokens * w.dim
		do(from, from+images*w.tokens*w.dim, images)
	}
	return nil
}

// add adds branch to x, multiplied by gamma if that is not nil.
func (w *workspace[T]) add(x, gamma []T) {
	parallel.Chunks(w.threads, len(x)/w.dim, rowsPerTask, func(_, first, last int) {
		branch, sum := w.branch[first*w.dim:last*w.dim], x[first*w.dim:last*w.dim]
		for line := branch; gamma != nil && len(line) > 0; line = line[w.dim:] {
			for i, g := range gamma {
				line[i] *= g
			}
		}
		if gamma != nil && w.round != nil {
			w.round(branch)
		}
		for i, v := range branch {
			sum[i] += v
		}
		if w.round != nil {
			w.round(sum)
		}
	})
}
