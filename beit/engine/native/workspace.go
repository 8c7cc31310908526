package native

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/engine/internal/elementary"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// workspace is the memory of one Forward. Blocks compute a group of images at a time, so it does not grow with the batch, but for a tap.
type workspace[T gemm.Float] struct {
	threads, tokens, dim, images, atOnce int
	round                                func([]T)
	attention                            *attention[T]
	// branch is what the current branch adds to x, [images, T, C], of one group of images or of all; wide has queries, keys and values of one group.
	branch, wide []T
	// left and next are what products take, and hot is the memory of each thread.
	left, next gemm.Rows[T]
	hot        [][]T
}

// group is some images that a block computes at a time: their tokens, and what a branch adds to these. Both are [images, T, C].
type group[T gemm.Float] struct {
	images    int
	x, branch []T
}

// groupRows is the largest number of tokens in a group of images, unless one image has more. With more, what one step leaves for the next is no longer in the cache.
const groupRows = 512

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
	atOnce := min(images, max(1, groupRows/tokens))
	return &workspace[T]{
		threads: m.threads, tokens: tokens, dim: dim, images: images, atOnce: atOnce, round: m.round,
		attention: newAttention(m, atOnce),
		wide:      make([]T, atOnce*tokens*3*dim),
		hot:       make([][]T, m.threads),
	}
}

// attend writes the attention branch of a group.
func (w *workspace[T]) attend(ctx context.Context, b *block[T], g group[T]) error {
	rows := g.images * w.tokens
	b.qkv.prepare(&w.left, rows)
	if err := b.norm1.pack(ctx, w.threads, w.left, g.x, rows, w.hot); err != nil {
		return err
	}
	if err := b.qkv.multiply(ctx, w.threads, w.left, w.wide, rows, nil); err != nil {
		return err
	}
	b.proj.prepare(&w.left, rows)
	w.attention.bias = b.bias
	if err := w.attention.apply(ctx, w.threads, w.left.Put, w.wide, g.images); err != nil {
		return err
	}
	return b.proj.multiply(ctx, w.threads, w.left, g.branch, rows, nil)
}

// feed writes the MLP branch of a group.
func (w *workspace[T]) feed(ctx context.Context, b *block[T], g group[T]) error {
	activate := elementary.GELU[T]
	if w.round != nil {
		activate = func(line []T) { elementary.GELU(line); w.round(line) }
	}
	rows := g.images * w.tokens
	b.fc1.prepare(&w.left, rows)
	if err := b.norm2.pack(ctx, w.threads, w.left, g.x, rows, w.hot); err != nil {
		return err
	}
	b.fc2.prepare(&w.next, rows)
	if err := b.fc1.multiplyTo(ctx, w.threads, w.left, w.next, rows, activate, w.hot); err != nil {
		return err
	}
	return b.fc2.multiply(ctx, w.threads, w.next, g.branch, rows, nil)
}

// groups takes each group of the images x through the steps, up to the first error. With keep, branch has that of all images then.
func (w *workspace[T]) groups(x []T, keep bool, steps ...func(group[T]) error) error {
	image := w.tokens * w.dim
	size := w.atOnce * image
	if keep {
		size = len(x)
	}
	w.branch = sized(w.branch, size)
	for first := 0; first < w.images; first += w.atOnce {
		images, at := min(w.atOnce, w.images-first), 0
		if keep {
			at = first * image
		}
		g := group[T]{images, x[first*image : (first+images)*image], w.branch[at : at+images*image]}
		for _, step := range steps {
			if err := step(g); err != nil {
				return err
			}
		}
	}
	return nil
}

// add adds the branch of a group to its tokens, multiplied by gamma if that is not nil. The error is that of ctx.
func (w *workspace[T]) add(ctx context.Context, g group[T], gamma []T) error {
	return parallel.Chunks(ctx, w.threads, g.images*w.tokens, rowsPerTask, func(_, first, last int) {
		branch, sum := g.branch[first*w.dim:last*w.dim], g.x[first*w.dim:last*w.dim]
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
