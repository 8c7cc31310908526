package native

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// linear is the layer y = x Wᵀ + b, with W [out, in].
type linear[T gemm.Float] struct {
	weight *gemm.Matrix[T]
	// bias is a line of weight; see gemm.Matrix.Line.
	bias    []T
	out, in int
	round   func([]T)
}

// apply computes y, [rows, out], from x, [rows, in]. finish, if not nil, is called with each finished part of a row and may change it in place. The error
// is that of ctx.
func (l *linear[T]) apply(ctx context.Context, threads int, y, x []T, rows int, finish func([]T)) error {
	return l.applyIn(ctx, threads, new(gemm.Rows[T]), y, x, rows, finish)
}

// applyIn is apply with memory for x as the product takes it.
func (l *linear[T]) applyIn(ctx context.Context, threads int, left *gemm.Rows[T], y, x []T, rows int, finish func([]T)) error {
	left.Reset(rows, l.in)
	if err := parallel.Chunks(ctx, threads, left.Tiles(), max(1, left.BlockTiles()/4), func(_, from, to int) { left.Fill(x, l.in, from, to) }); err != nil {
		return err
	}
	return l.multiply(ctx, threads, *left, y, rows, finish)
}

// multiply is apply for an x that is packed already.
func (l *linear[T]) multiply(ctx context.Context, threads int, left gemm.Rows[T], y []T, rows int, finish func([]T)) error {
	tiles := left.BlockTiles()
	rowBlocks := (left.Tiles() + tiles - 1) / tiles
	panels := l.weight.Panels()
	group := l.group(threads, rowBlocks)
	columnBlocks := (panels + group - 1) / group
	return parallel.Until(ctx, threads, rowBlocks*columnBlocks, func(_, i int) {
		block, from := i%rowBlocks, i/rowBlocks*group
		to := min(panels, from+group)
		part := left.Part(block*tiles, min(left.Tiles(), (block+1)*tiles))
		top, bottom := block*tiles*left.TileRows(), (block+1)*tiles*left.TileRows()
		l.piece(y[top*l.out:min(rows, bottom)*l.out], part, from, to, finish)
	})
}

// group returns how many panels one task computes: few, so that all threads finish at about the same time.
func (l *linear[T]) group(threads, rowBlocks int) int {
	const tasksPerThread = 6
	panels := l.weight.Panels()
	wanted := max(1, threads*tasksPerThread/rowBlocks)
	return max(1, panels/wanted)
}

// hotPanels is how many panels are computed before their results are finished: so few that these are still in the second-level cache.
const hotPanels = 8

// piece computes the columns of the panels [from, to) of y.
func (l *linear[T]) piece(y []T, x gemm.Rows[T], from, to int, finish func([]T)) {
	for ; from < to; from += hotPanels {
		l.few(y, x, from, min(to, from+hotPanels), finish)
	}
}

// few is piece for few panels.
func (l *linear[T]) few(y []T, x gemm.Rows[T], from, to int, finish func([]T)) {
	left, right := from*l.weight.PanelColumns(), min(l.out, to*l.weight.PanelColumns())
	l.weight.MultiplyAddTo(l.bias, y, l.out, x, from, to)
	for line := y; len(line) > 0; line = line[l.out:] {
		if l.round != nil {
			l.round(line[left:right])
		}
		if finish != nil {
			finish(line[left:right])
		}
	}
}
