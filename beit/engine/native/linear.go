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
	var left gemm.Rows[T]
	l.prepare(&left, rows)
	if err := parallel.Chunks(ctx, threads, left.Tiles(), max(1, left.BlockTiles()/4), func(_, from, to int) { left.Fill(x, l.in, from, to) }); err != nil {
		return err
	}
	return l.multiply(ctx, threads, left, y, rows, finish)
}

// prepare makes left memory for rows that the layer takes.
func (l *linear[T]) prepare(left *gemm.Rows[T], rows int) { l.weight.Prepare(left, rows) }

// multiply is apply for an x that is packed already.
func (l *linear[T]) multiply(ctx context.Context, threads int, left gemm.Rows[T], y []T, rows int, finish func([]T)) error {
	return l.pieces(ctx, threads, left, func(_, top, bottom int, x gemm.Rows[T], from, to int) {
		lines := y[top*l.out : min(rows, bottom)*l.out]
		l.weight.MultiplyAddTo(l.bias, lines, l.out, x, from, to)
		l.finish(lines, l.out, from*l.weight.PanelColumns(), min(l.out, to*l.weight.PanelColumns()), finish)
	})
}

// multiplyTo is multiply that calls out with y, part by part and from several goroutines: with parts of hot, which has a memory for each thread.
func (l *linear[T]) multiplyTo(ctx context.Context, threads int, left gemm.Rows[T], out put[T], finish func([]T), hot [][]T) error {
	return l.pieces(ctx, threads, left, func(worker, top, _ int, x gemm.Rows[T], from, to int) {
		values, width, stride := l.piece(&hot[worker], x, from, to, finish)
		out(top, from*l.weight.PanelColumns(), values, x.Count(), width, stride)
	})
}

// piece computes the panels [from, to) for all rows of x, in a memory that grows as needed: it returns the part of it that has a row of width values every stride elements.
func (l *linear[T]) piece(hot *[]T, x gemm.Rows[T], from, to int, finish func([]T)) (values []T, width, stride int) {
	first := from * l.weight.PanelColumns()
	stride = (to - from) * l.weight.PanelColumns()
	width = min(l.out-first, stride)
	*hot = sized(*hot, x.Tiles()*x.TileRows()*stride)
	part := l.weight.Part(from, to)
	part.MultiplyAddTo(l.bias[first:], *hot, stride, x.Whole(), 0, part.Panels())
	values = (*hot)[:x.Count()*stride]
	l.finish(values, stride, 0, width, finish)
	return values, width, stride
}

// hotPanels is how many panels are computed before their results are finished: so few that these are still in the second-level cache.
const hotPanels = 8

// pieces calls do for pieces of the result: rows from top to bottom of x, with the panels [from, to). The error is that of ctx.
func (l *linear[T]) pieces(ctx context.Context, threads int, left gemm.Rows[T], do func(worker, top, bottom int, x gemm.Rows[T], from, to int)) error {
	split := divide(left.Tiles(), left.BlockTiles(), l.weight.Panels(), threads)
	return parallel.Until(ctx, threads, split.tasks(), func(worker, i int) {
		first, last, from, end := split.task(i)
		x := left.Part(first, last)
		for ; from < end; from += hotPanels {
			do(worker, first*left.TileRows(), last*left.TileRows(), x, from, min(end, from+hotPanels))
		}
	})
}

// finish ends the columns from left to right of lines, stride elements apart.
func (l *linear[T]) finish(lines []T, stride, left, right int, finish func([]T)) {
	if l.round == nil && finish == nil {
		return
	}
	for line := lines; len(line) > 0; line = line[stride:] {
		if l.round != nil {
			l.round(line[left:right])
		}
		if finish != nil {
			finish(line[left:right])
		}
	}
}
