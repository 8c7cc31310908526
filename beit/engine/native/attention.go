package native

import (
	"context"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine/internal/elementary"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/beit/engine/internal/relpos"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// attention computes softmax(q kᵀ/√d + bias) v for each head. The linear layers before and after it are those of the block.
//
// It takes tiles of so many queries and keys that their scores stay in the first-level cache, and keeps for each query the largest score so far, the sum of the exponentials, and
// the sum of the values that these weigh; when a larger score comes, both sums are scaled. So there is no matrix of scores. Where tiles begin depends on nothing but the number of
// tokens, so results are the same for any number of threads, and any place in the batch. Sources: M. Milakov, N. Gimelshein, Online normalizer calculation for softmax, 2018;
// T. Dao and others, FlashAttention, 2022.
//
// In half precision the weights of all keys are rounded, after they were divided by their sum: there the scores of a tile's queries for all keys are kept.
type attention[T gemm.Float] struct {
	tokens, heads, width, tiles int
	// stride is width, with room for whole tiles of products.
	stride int
	bias   *relpos.Table[T]
	round  func([]T)
	// queries are those of each head of each image, scaled by 1/√d; keys and values are those of a tile, for each tile of each head of each image.
	queries      []gemm.Rows[T]
	keys, values []gemm.Matrix[T]
	lanes        []attentionLane[T]
}

// attentionLane is the memory of one worker.
type attentionLane[T gemm.Float] struct {
	// scores are those of a tile, or for all keys, and what they become; spare is one line of the bias.
	scores, spare []T
	// sums are the weighted sums of values, [queryRows, stride]. largest and weights have the largest score of each query, and the sum of its exponentials, so far.
	sums    []T
	largest [queryRows]T
	weights [queryRows]float64
}

// queryRows and tileKeys are how many queries and keys a tile has; the former is a multiple of the rows of all tiles of products. Lines of scores are scoreStride elements apart,
// not a power of two, so that rows of a product do not share places in the cache. They take 23 KB in float32.
const queryRows, tileKeys, scoreStride = 24, 224, 240

// newAttention allocates the memory for the attention of that many images at once.
func newAttention[T gemm.Float](m *model[T], images int) *attention[T] {
	a := &attention[T]{tokens: m.config.Tokens(), heads: m.config.Heads, width: m.config.HeadDim(), round: m.round}
	a.tiles, a.stride = divideUp(a.tokens, tileKeys), gemm.PaddedColumns[T](a.width)
	a.queries = make([]gemm.Rows[T], images*a.heads)
	a.keys = make([]gemm.Matrix[T], images*a.heads*a.tiles)
	a.values = make([]gemm.Matrix[T], len(a.keys))
	a.lanes = make([]attentionLane[T], m.threads)
	for i := range a.queries {
		a.queries[i].Reset(a.tokens, a.width)
		for tile := range a.tiles {
			index, first, last := a.tile(0, i, tile)
			a.keys[index].Reset(a.width, last-first)
			a.values[index].Reset(last-first, a.width)
		}
	}
	return a
}

// put gets some rows of a result: values, [count, width] with stride elements from row to row, begin in a row and a column.
type put[T gemm.Float] func(row, column int, values []T, count, width, stride int)

// into returns what writes parts of a result to all, [rows, width].
func into[T gemm.Float](all []T, width int) put[T] {
	return func(row, column int, values []T, count, columns, stride int) {
		for i := range count {
			copy(all[(row+i)*width+column:], values[i*stride:i*stride+columns])
		}
	}
}

// apply computes [images, T, C] from what was put, and calls out with it, part by part and from several goroutines. The error is that of ctx.
func (a *attention[T]) apply(ctx context.Context, threads int, out put[T], images int) error {
	compute := a.tiled
	if a.round != nil {
		compute = a.whole
	}
	blocks := divideUp(a.tokens, queryRows)
	return parallel.Until(ctx, threads, images*a.heads*blocks, func(worker, i int) {
		compute(out, &a.lanes[worker], part{i / blocks / a.heads, i / blocks % a.heads, i % blocks * queryRows, min(a.tokens, (i%blocks+1)*queryRows)})
	})
}

// part are the queries [from, to) of one head of an image.
type part struct{ image, head, from, to int }

// tile returns the index of a tile, and its first key and that behind its last.
func (a *attention[T]) tile(image, head, tile int) (index, first, last int) {
	return (image*a.heads+head)*a.tiles + tile, tile * tileKeys, min(a.tokens, (tile+1)*tileKeys)
}

// put takes a part of qkv, [images, T, 3C]: it packs it while it is in a cache. It scales queries in place.
func (a *attention[T]) put(row, column int, qkv []T, count, width, stride int) {
	for done := 0; done < count; {
		image, token := (row+done)/a.tokens, (row+done)%a.tokens
		lines := min(count-done, a.tokens-token)
		for from := column; from < column+width; {
			head := from / a.width // of the queries, then of the keys, then of the values
			to := min(column+width, (head+1)*a.width)
			a.putHead(head/a.heads, image, head%a.heads, token, from%a.width, qkv[done*stride+from-column:], lines, to-from, stride)
			from = to
		}
		done += lines
	}
}

// putHead takes queries (kind 0), keys (1) or values (2) of one head of an image: some of their columns, for the tokens from one on.
func (a *attention[T]) putHead(kind, image, head, token, column int, from []T, count, width, stride int) {
	if kind == 0 {
		a.scale(from, count, width, stride)
		a.queries[image*a.heads+head].Put(token, column, from, count, width, stride)
		return
	}
	for done := 0; done < count; {
		index, first, last := a.tile(image, head, (token+done)/tileKeys)
		at, lines := token+done-first, min(count-done, last-token-done)
		if kind == 1 {
			a.keys[index].PutTransposed(column, at, from[done*stride:], width, lines, stride)
		} else {
			a.values[index].Put(at, column, from[done*stride:], lines, width, stride)
		}
		done += lines
	}
}

// scale multiplies queries, or some columns of them, by 1/√d, in place.
func (a *attention[T]) scale(queries []T, count, width, stride int) {
	by := T(1 / math.Sqrt(float64(a.width)))
	for i := range count {
		query := queries[i*stride : i*stride+width]
		elementary.Scale(query, by)
		if a.round != nil {
			a.round(query)
		}
	}
}

// take returns the queries of a part.
func (a *attention[T]) take(p part) gemm.Rows[T] {
	queries := a.queries[p.image*a.heads+p.head]
	return queries.Part(p.from/queries.TileRows(), divideUp(p.to, queries.TileRows()))
}

// tiled computes the output of some queries tile by tile.
func (a *attention[T]) tiled(out put[T], lane *attentionLane[T], p part) {
	queries, count := a.take(p), p.to-p.from
	lane.scores = sized(lane.scores, gemm.PaddedRows[T](queryRows)*scoreStride)
	a.clearSums(lane, count)
	for i := range count {
		lane.largest[i], lane.weights[i] = T(math.Inf(-1)), 0
	}
	for tile := range a.tiles {
		index, first, last := a.tile(p.image, p.head, tile)
		for i := range count {
			a.bias.FillFrom(lane.line(i, last-first), p.head, p.from+i, first)
		}
		a.keys[index].MultiplyAdd(lane.scores, scoreStride, queries.Whole(), 0, a.keys[index].Panels())
		lane.weigh(count, last-first, a.stride)
		a.values[index].MultiplyAdd(lane.sums, a.stride, gemm.ViewRows(lane.scores, count, last-first, scoreStride).Whole(), 0, a.values[index].Panels())
	}
	for i := range count {
		elementary.Divide(lane.sums[i*a.stride:i*a.stride+a.width], T(lane.weights[i]))
	}
	a.emit(out, lane, p)
}

// emit calls out with the sums of a part.
func (a *attention[T]) emit(out put[T], lane *attentionLane[T], p part) {
	out(p.image*a.tokens+p.from, p.head*a.width, lane.sums, p.to-p.from, a.width, a.stride)
}

// clearSums makes the sums of count queries zero.
func (a *attention[T]) clearSums(lane *attentionLane[T], count int) {
	lane.sums = sized(lane.sums, gemm.PaddedRows[T](queryRows)*a.stride)
	clear(lane.sums[:count*a.stride])
}

// sized returns memory of that size, whose values may be anything.
func sized[T gemm.Float](memory []T, size int) []T { return slices.Grow(memory[:0], size)[:size] }

// line returns the scores of query i for the keys of a tile.
func (l *attentionLane[T]) line(i, keys int) []T { return l.scores[i*scoreStride : i*scoreStride+keys] }

// weigh replaces the scores of count queries for the keys of a tile by their exponentials, relative to the largest score of the query so far, and scales what was summed up for the
// query before. A NaN among them becomes a NaN in the weights. All largest ones are found first: a processor that guesses the branches finds out late what it has to wait for.
func (l *attentionLane[T]) weigh(count, keys, stride int) {
	var tops [queryRows]T
	for i := range count {
		tops[i] = elementary.Largest(l.line(i, keys))
	}
	for i, top := range tops[:count] {
		if top > l.largest[i] {
			if l.weights[i] != 0 {
				factor := [1]T{l.largest[i]}
				l.weights[i] *= elementary.Exp(factor[:], top)
				elementary.Scale(l.sums[i*stride:(i+1)*stride], factor[0])
			}
			l.largest[i] = top
		}
		shift := l.largest[i]
		if math.IsInf(float64(shift), -1) {
			shift = 0 // all scores so far are negative infinity, which have no weight, or NaN
		}
		l.weights[i] += elementary.Exp(l.line(i, keys), shift)
	}
}

// whole computes the output of some queries from what they take of all tokens.
func (a *attention[T]) whole(out put[T], lane *attentionLane[T], p part) {
	count := p.to - p.from
	a.shares(lane, p)
	a.clearSums(lane, count)
	for tile := range a.tiles {
		index, first, last := a.tile(p.image, p.head, tile)
		a.values[index].MultiplyAdd(lane.sums, a.stride, gemm.ViewRows(lane.scores[first:], count, last-first, a.tokens).Whole(), 0, a.values[index].Panels())
	}
	a.round(lane.sums[:count*a.stride])
	a.emit(out, lane, p)
}

// shares returns how much some queries take of each token, [queries, T], which sum to 1 for each query. The result is a part of the lane's memory.
func (a *attention[T]) shares(lane *attentionLane[T], p part) []T {
	queries, count := a.take(p), p.to-p.from
	lane.scores = sized(lane.scores, gemm.PaddedRows[T](queryRows)*a.tokens)
	scores := lane.scores[:count*a.tokens]
	clear(scores)
	for tile := range a.tiles {
		index, first, _ := a.tile(p.image, p.head, tile)
		a.keys[index].MultiplyAdd(scores[first:], a.tokens, queries, 0, a.keys[index].Panels())
	}
	if a.round != nil {
		a.round(scores)
	}
	lane.spare = sized(lane.spare, a.tokens)
	for i := range count {
		line := scores[i*a.tokens : (i+1)*a.tokens]
		a.bias.Fill(lane.spare, p.head, p.from+i)
		elementary.Add(line, lane.spare)
		if a.round != nil {
			a.round(line)
		}
		elementary.Softmax(line)
	}
	if a.round != nil {
		a.round(scores)
	}
	return scores
}
