package native

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/engine/internal/elementary"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// workspace is the memory of one Forward. Blocks compute a group of images at a time, so only branch grows with the batch.
type workspace[T gemm.Float] struct {
	threads, tokens, dim, images, group int
	round                               func([]T)
	attention                           *attention[T]
	// branch is what the current branch adds to x, [images, T, C]; wide has queries, keys and values of one group of images.
	branch, wide []T
	// left and next are what products take, and hot is the memory of each thread.
	left, next gemm.Rows[T]
	hot        [][]T
}

// groupRows is the largest number of tokens in a group of images, unless one image has more. Larger matrix products are not faster.
const groupRows = 1024

// workspace returns one for that many images, to be put back: that of an earlier Forward, whose memory the system then need not find and clear again, or a new one.
func (m *model[T]) workspace(images int) *workspace[T] {
	if m.spare != nil {
		if work, found := m.spare.Get().(*workspace[T]); found && work.images == images {
			return work
		}
	}
	return newWorkspace(m, images)
}

// putBack says that nobody uses a workspace any more.
func (m *model[T]) putBack(work *workspace[T]) {
	if m.spare != nil {
		m.spare.Put(work)
	}
}

func newWorkspace[T gemm.Float](m *model[T], images int) *workspace[T] {
	tokens, dim := m.config.Tokens(), m.config.EmbedDim
	group := min(images, max(1, groupRows/tokens))
	return &workspace[T]{
		threads: m.threads, tokens: tokens, dim: dim, images: images, group: group, round: m.round,
		attention: newAttention(m, group),
		branch:    make([]T, images*tokens*dim),
		wide:      make([]T, group*tokens*3*dim),
		hot:       make([][]T, m.threads),
	}
}

// attend writes the attention branch of x to branch.
func (w *workspace[T]) attend(ctx context.Context, b *block[T], x []T) error {
	return w.groups(func(from, to, images int) error {
		rows := images * w.tokens
		b.qkv.prepare(&w.left, rows)
		if err := b.norm1.pack(ctx, w.threads, w.left, x[from:to], rows, w.hot); err != nil {
			return err
		}
		if err := b.qkv.multiply(ctx, w.threads, w.left, w.wide, rows, nil); err != nil {
			return err
		}
		b.proj.prepare(&w.left, rows)
		w.attention.bias = b.bias
		if err := w.attention.apply(ctx, w.threads, w.left.Put, w.wide, images); err != nil {
			return err
		}
		return b.proj.multiply(ctx, w.threads, w.left, w.branch[from:to], rows, nil)
	})
}

// feed writes the MLP branch of x to branch.
func (w *workspace[T]) feed(ctx context.Context, b *block[T], x []T) error {
	activate := elementary.GELU[T]
	if w.round != nil {
		activate = func(line []T) { elementary.GELU(line); w.round(line) }
	}
	return w.groups(func(from, to, images int) error {
		rows := images * w.tokens
		b.fc1.prepare(&w.left, rows)
		if err := b.norm2.pack(ctx, w.threads, w.left, x[from:to], rows, w.hot); err != nil {
			return err
		}
		b.fc2.prepare(&w.next, rows)
		if err := b.fc1.multiplyTo(ctx, w.threads, w.left, w.next, rows, activate, w.hot); err != nil {
			return err
		}
		return b.fc2.multiply(ctx, w.threads, w.next, w.branch[from:to], rows, nil)
	})
}

// groups calls do for each group of images, which is x[from:to], up to the first error.
func (w *workspace[T]) groups(do func(from, to, images int) error) error {
	for first := 0; first < w.images; first += w.group {
		images := min(w.group, w.images-first)
		from := first * w.tokens * w.dim
		if err := do(from, from+images*w.tokens*w.dim, images); err != nil {
			return err
		}
	}
	return nil
}

// add adds branch to x, multiplied by gamma if that is not nil. The error is that of ctx.
func (w *workspace[T]) add(ctx context.Context, x, gamma []T) error {
	return parallel.Chunks(ctx, w.threads, len(x)/w.dim, rowsPerTask, func(_, first, last int) {
		branch, sum := w.branch[first*w.dim:last*w.dim], x[first*w.dim:last*w.dim]
		switch {
		case gamma == nil:
			elementary.Add(sum, branch)
		case w.round == nil:
			for at := 0; at < len(sum); at += w.dim {
				elementary.AddScaled(sum[at:at+w.dim], branch[at:at+w.dim], gamma)
			}
		default:
			for line := branch; len(line) > 0; line = line[w.dim:] {
				for i, g := range gamma {
					line[i] *= g
				}
			}
			w.round(branch)
			elementary.Add(sum, branch)
		}
		if w.round != nil {
			w.round(sum)
		}
	})
}
