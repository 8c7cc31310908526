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
	// keys and values are those of a tile, for each tile of each head of each image.
	keys, values []gemm.Matrix[T]
	lanes        []attentionLane[T]
}

// attentionLane is the memory of one worker.
type attentionLane[T gemm.Float] struct {
	queries gemm.Rows[T]
	// scores are those of a tile, or for all keys, and what they become; spare is one line of the bias.
	scores, spare []T
	// sums are the weighted sums of values, [queryRows, stride]. largest and weights have the largest score of each query, and the sum of its exponentials, so far.
	sums    []T
	largest [queryRows]T
	weights [queryRows]float64
}

// queryRows and tileKeys are how many queries and keys a tile has. Their scores take 24 KB in float32.
const queryRows, tileKeys = 48, 128

// newAttention allocates the memory for the attention of that many images at once.
func newAttention[T gemm.Float](m *model[T], images int) *attention[T] {
	a := &attention[T]{tokens: m.config.Tokens(), heads: m.config.Heads, width: m.config.HeadDim(), round: m.round}
	a.tiles, a.stride = divideUp(a.tokens, tileKeys), gemm.PaddedColumns[T](a.width)
	a.keys = make([]gemm.Matrix[T], images*a.heads*a.tiles)
	a.values = make([]gemm.Matrix[T], len(a.keys))
	a.lanes = make([]attentionLane[T], m.threads)
	return a
}

// put gets some rows of a result: values, [count, width] with stride elements from row to row, begin in a row and a column.
type put[T gemm.Float] func(row, column int, values []T, count, width, stride int)

// apply computes [images, T, C] from qkv, [images, T, 3C], and calls out with it, part by part and from several goroutines. It scales the queries in place.
// The error is that of ctx.
func (a *attention[T]) apply(ctx context.Context, threads int, out put[T], qkv []T, images int) error {
	if err := a.prepare(ctx, threads, qkv, images); err != nil {
		return err
	}
	compute := a.tiled
	if a.round != nil {
		compute = a.whole
	}
	blocks := divideUp(a.tokens, queryRows)
	return parallel.Until(ctx, threads, images*a.heads*blocks, func(worker, i int) {
		compute(out, qkv, &a.lanes[worker], part{i / blocks / a.heads, i / blocks % a.heads, i % blocks * queryRows, min(a.tokens, (i%blocks+1)*queryRows)})
	})
}

// part are the queries [from, to) of one head of an image.
type part struct{ image, head, from, to int }

// at returns the index in qkv of a token's query (part 0), key (1) or value (2).
func (a *attention[T]) at(image, token, head, part int) int {
	return ((image*a.tokens+token)*3+part)*a.heads*a.width + head*a.width
}

// tile returns the index of a tile, and its first key and that behind its last.
func (a *attention[T]) tile(image, head, tile int) (index, first, last int) {
	return (image*a.heads+head)*a.tiles + tile, tile * tileKeys, min(a.tokens, (tile+1)*tileKeys)
}

// prepare packs the keys and values of all tiles. The error is that of ctx.
func (a *attention[T]) prepare(ctx context.Context, threads int, qkv []T, images int) error {
	stride := 3 * a.heads * a.width
	return parallel.Until(ctx, threads, images*a.heads*a.tiles, func(_, i int) {
		image, head := i/a.tiles/a.heads, i/a.tiles%a.heads
		index, first, last := a.tile(image, head, i%a.tiles)
		a.keys[index].FillTransposed(qkv[a.at(image, first, head, 1):], last-first, a.width, stride)
		a.values[index].Fill(qkv[a.at(image, first, head, 2):], last-first, a.width, stride)
	})
}

// take scales the queries of a part by 1/√d, in place, and packs them.
func (a *attention[T]) take(qkv []T, lane *attentionLane[T], p part) {
	scale, stride := T(1/math.Sqrt(float64(a.width))), 3*a.heads*a.width
	queries := qkv[a.at(p.image, p.from, p.head, 0):]
	for i := range p.to - p.from {
		query := queries[i*stride : i*stride+a.width]
		elementary.Scale(query, scale)
		if a.round != nil {
			a.round(query)
		}
	}
	lane.queries.Reset(p.to-p.from, a.width)
	lane.queries.Fill(queries, stride, 0, lane.queries.Tiles())
}

// tiled computes the output of some queries tile by tile.
func (a *attention[T]) tiled(out put[T], qkv []T, lane *attentionLane[T], p part) {
	count := p.to - p.from
	lane.scores = sized(lane.scores, gemm.PaddedRows[T](queryRows)*tileKeys)
	a.take(qkv, lane, p)
	a.clearSums(lane, count)
	for i := range count {
		lane.largest[i], lane.weights[i] = T(math.Inf(-1)), 0
	}
	for tile := range a.tiles {
		index, first, last := a.tile(p.image, p.head, tile)
		for i := range count {
			a.bias.FillFrom(lane.line(i, last-first), p.head, p.from+i, first)
		}
		a.keys[index].MultiplyAdd(lane.scores, tileKeys, lane.queries.Whole(), 0, a.keys[index].Panels())
		lane.weigh(count, last-first, a.stride)
		a.values[index].MultiplyAdd(lane.sums, a.stride, gemm.ViewRows(lane.scores, count, last-first, tileKeys).Whole(), 0, a.values[index].Panels())
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
func (l *attentionLane[T]) line(i, keys int) []T { return l.scores[i*tileKeys : i*tileKeys+keys] }

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
func (a *attention[T]) whole(out put[T], qkv []T, lane *attentionLane[T], p part) {
	count := p.to - p.from
	a.shares(qkv, lane, p)
	a.clearSums(lane, count)
	for tile := range a.tiles {
		index, first, last := a.tile(p.image, p.head, tile)
		a.values[index].MultiplyAdd(lane.sums, a.stride, gemm.ViewRows(lane.scores[first:], count, last-first, a.tokens).Whole(), 0, a.values[index].Panels())
	}
	a.round(lane.sums[:count*a.stride])
	a.emit(out, lane, p)
}

// shares returns how much some queries take of each token, [queries, T], which sum to 1 for each query. The result is a part of the lane's memory.
func (a *attention[T]) shares(qkv []T, lane *attentionLane[T], p part) []T {
	count := p.to - p.from
	lane.scores = sized(lane.scores, gemm.PaddedRows[T](queryRows)*a.tokens)
	a.take(qkv, lane, p)
	scores := lane.scores[:count*a.tokens]
	clear(scores)
	for tile := range a.tiles {
		index, first, _ := a.tile(p.image, p.head, tile)
		a.keys[index].MultiplyAdd(scores[first:], a.tokens, lane.queries, 0, a.keys[index].Panels())
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
