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
	// branch is what the attention branch adds to x, [images, T, C], which only taps need.
	branch []T
	// left and next are what products take, and hot and mlp are the memory of each thread.
	left, next gemm.Rows[T]
	hot        [][]T
	mlp        []mlpLane[T]
}

// group is some images that a block computes at a time, from the first on: their tokens are x, [images, T, C].
type group[T gemm.Float] struct {
	images, first int
	x             []T
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
		hot:       make([][]T, m.threads),
		mlp:       make([]mlpLane[T], m.threads),
	}
}

// project gives attention what it takes of a group in a block.
func (w *workspace[T]) project(ctx context.Context, b *block[T], g group[T]) error {
	rows := g.images * w.tokens
	b.qkv.prepare(&w.left, rows)
	if err := b.norm1.pack(ctx, w.threads, w.left, g.x, rows, w.hot); err != nil {
		return err
	}
	w.attention.bias = b.bias
	return b.qkv.multiplyTo(ctx, w.threads, w.left, w.attention.put, nil, w.hot)
}

// attend calls out with the attention branch of a group, part by part and from several goroutines.
func (w *workspace[T]) attend(ctx context.Context, b *block[T], g group[T], out put[T]) error {
	if err := w.project(ctx, b, g); err != nil {
		return err
	}
	b.proj.prepare(&w.left, g.images*w.tokens)
	if err := w.attention.apply(ctx, w.threads, w.left.Put, g.images); err != nil {
		return err
	}
	return b.proj.multiplyTo(ctx, w.threads, w.left, out, nil, w.hot)
}

// groups takes each group of the images x through the steps, up to the first error.
func (w *workspace[T]) groups(x []T, steps ...func(group[T]) error) error {
	image := w.tokens * w.dim
	for first := 0; first < w.images; first += w.atOnce {
		images := min(w.atOnce, w.images-first)
		g := group[T]{images: images, first: first, x: x[first*image : (first+images)*image]}
		for _, step := range steps {
			if err := step(g); err != nil {
				return err
			}
		}
	}
	return nil
}

// add returns what adds parts of a branch, which it changes, to the tokens of a group, multiplied by gamma if that is not nil.
func (w *workspace[T]) add(g group[T], gamma []T) put[T] {
	return func(row, column int, values []T, count, width, stride int) {
		for i := range count {
			branch, sum := values[i*stride:i*stride+width], g.x[(row+i)*w.dim+column:][:width]
			switch {
			case gamma == nil:
				elementary.Add(sum, branch)
			case w.round == nil:
				elementary.AddScaled(sum, branch, gamma[column:column+width])
			default:
				for j, g := range gamma[column : column+width] {
					branch[j] *= g
				}
				w.round(branch)
				elementary.Add(sum, branch)
			}
			if w.round != nil {
				w.round(sum)
			}
		}
	}
}

// keep returns what writes parts of the branch of a group to w.branch.
func (w *workspace[T]) keep(g group[T]) put[T] { return into(w.branch[g.first*w.tokens*w.dim:], w.dim) }

// addKept adds what keep wrote of a group to its tokens, as add does. The error is that of ctx.
func (w *workspace[T]) addKept(ctx context.Context, g group[T], gamma []T) error {
	add, branch := w.add(g, gamma), w.branch[g.first*w.tokens*w.dim:]
	return parallel.Chunks(ctx, w.threads, g.images*w.tokens, rowsPerTask, func(_, first, last int) {
		add(first, 0, branch[first*w.dim:last*w.dim], last-first, w.dim, w.dim)
	})
}
