package native

import (
	"context"
	"unsafe"

	"github.com/beitzoo/beitzoo/beit/engine/internal/elementary"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// mlpLane is the memory of one worker that takes some rows through both layers.
type mlpLane[T gemm.Float] struct {
	// hidden is a part of the hidden dimension, and sums are the results so far.
	hidden gemm.Rows[T]
	sums   []T
}

// A worker that takes rows through both layers takes rowBytes of them at most, and about hiddenAtOnce of the hidden dimension at a time: so few that all that it has at once is
// about what a second-level cache holds.
const rowBytes, hiddenAtOnce = 432 << 10, 1024

// feed is attend for the MLP branch. Where there are enough rows for all threads, each takes some through both layers, so that what lies between these stays in a cache. The sums
// have the same order either way, so results have the same bits.
func (w *workspace[T]) feed(ctx context.Context, b *block[T], g group[T], out put[T]) error {
	activate := elementary.GELU[T]
	if w.round != nil {
		activate = func(line []T) { elementary.GELU(line); w.round(line) }
	}
	rows := g.images * w.tokens
	b.fc1.prepare(&w.left, rows)
	if err := b.norm2.pack(ctx, w.threads, w.left, g.x, rows, w.hot); err != nil {
		return err
	}
	tiles, height := w.left.Tiles(), w.left.TileRows()
	if tasks, even := divideRows(tiles, mostThrough(w.dim, height, int(unsafe.Sizeof(T(0)))), w.threads); even {
		return parallel.Until(ctx, w.threads, tasks, func(worker, i int) {
			first, last := rowsOf(i, tiles, tasks)
			x := w.left.Part(first, last)
			sums, stride := w.through(b, worker, x, activate)
			out(first*height, 0, sums, x.Count(), w.dim, stride)
		})
	}
	b.fc2.prepare(&w.next, rows)
	if err := b.fc1.multiplyTo(ctx, w.threads, w.left, w.next.Put, activate, w.hot); err != nil {
		return err
	}
	return b.fc2.multiplyTo(ctx, w.threads, w.next, out, nil, w.hot)
}

// mostThrough returns how many tiles of height rows, of dim values of so many bytes, a worker takes through both layers at most.
func mostThrough(dim, height, size int) int { return max(1, rowBytes/(dim*height*size)) }

// through takes x through both layers. The result has stride elements from row to row, and is a part of the worker's memory.
func (w *workspace[T]) through(b *block[T], worker int, x gemm.Rows[T], activate func([]T)) (sums []T, stride int) {
	lane, columns := &w.mlp[worker], b.fc1.weight.PanelColumns()
	stride = b.fc2.weight.Panels() * b.fc2.weight.PanelColumns()
	lane.sums = sized(lane.sums, x.Tiles()*x.TileRows()*stride)
	pass := b.fc2.weight.PassInner() // a multiple of columns
	atOnce := max(pass, hiddenAtOnce/pass*pass)
	for from := 0; from < b.fc1.out; from += atOnce {
		second := b.fc2.weight.Inner(from, min(b.fc1.out, from+atOnce))
		second.Prepare(&lane.hidden, x.Count())
		last := min(b.fc1.weight.Panels(), (from+atOnce)/columns)
		for panel := from / columns; panel < last; panel += hotPanels {
			values, wide, apart := b.fc1.piece(&w.hot[worker], x, panel, min(last, panel+hotPanels), activate)
			lane.hidden.Put(0, panel*columns-from, values, x.Count(), wide, apart)
		}
		if from == 0 {
			second.MultiplyAddTo(b.fc2.bias, lane.sums, stride, lane.hidden.Whole(), 0, second.Panels())
		} else {
			second.MultiplyAdd(lane.sums, stride, lane.hidden.Whole(), 0, second.Panels())
		}
	}
	sums = lane.sums[:x.Count()*stride]
	b.fc2.finish(sums, stride, 0, b.fc2.out, nil)
	return sums, stride
}
