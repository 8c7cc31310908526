package native

import (
	"context"
	"math"

	"github.com/beitzoo/beitzoo/beit/engine/internal/elementary"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/beit/engine/internal/relpos"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// attention computes softmax(q kᵀ/√d + bias) v for each head. The linear layers before and after it are those of the block.
type attention[T gemm.Float] struct {
	tokens, heads, width int
	bias                 *relpos.Table[T]
	round                func([]T)
	keys, values         []gemm.Matrix[T]
	scratch              [][]T
}

// queryRows is how many queries one task computes. With 1,025 tokens their scores take 200 KB in float32.
const queryRows = 48

// newAttention allocates the memory for the attention of that many images at once.
func newAttention[T gemm.Float](m *model[T], images int) *attention[T] {
	a := &attention[T]{tokens: m.config.Tokens(), heads: m.config.Heads, width: m.config.HeadDim(), round: m.round}
	a.keys = make([]gemm.Matrix[T], images*a.heads)
	a.values = make([]gemm.Matrix[T], images*a.heads)
	a.scratch = make([][]T, m.threads)
	for i := range a.scratch {
		a.scratch[i] = make([]T, (gemm.PaddedRows[T](queryRows)+1)*a.tokens)
	}
	return a
}

// apply computes out, [images, T, C], from qkv, [images, T, 3C]. It scales the queries in place. The error is that of ctx.
func (a *attention[T]) apply(ctx context.Context, threads int, out, qkv []T, images int) error {
	if err := parallel.Until(ctx, threads, images*a.heads, func(_, i int) { a.prepare(qkv, i/a.heads, i%a.heads) }); err != nil {
		return err
	}
	blocks := (a.tokens + queryRows - 1) / queryRows
	return parallel.Until(ctx, threads, images*a.heads*blocks, func(worker, i int) {
		image, head, from := i/blocks/a.heads, i/blocks%a.heads, i%blocks*queryRows
		a.queries(out, qkv, a.scratch[worker], image, head, from, min(a.tokens, from+queryRows))
	})
}

// at returns the index in qkv of a token's query (part 0), key (1) or value (2).
func (a *attention[T]) at(image, token, head, part int) int {
	return ((image*a.tokens+token)*3+part)*a.heads*a.width + head*a.width
}

// prepare scales the queries of a head by 1/√d, in place, and packs its keys and values.
func (a *attention[T]) prepare(qkv []T, image, head int) {
	scale := T(1 / math.Sqrt(float64(a.width)))
	for token := range a.tokens {
		at := a.at(image, token, head, 0)
		query := qkv[at : at+a.width]
		for i := range query {
			query[i] *= scale
		}
		if a.round != nil {
			a.round(query)
		}
	}
	stride := 3 * a.heads * a.width
	a.keys[image*a.heads+head].FillTransposed(qkv[a.at(image, 0, head, 1):], a.tokens, a.width, stride)
	a.values[image*a.heads+head].Fill(qkv[a.at(image, 0, head, 2):], a.tokens, a.width, stride)
}

// queries computes the output of the queries [from, to) of one head.
func (a *attention[T]) queries(out, qkv, scratch []T, image, head, from, to int) {
	scores := a.shares(qkv, scratch, image, head, from, to)
	a.weigh(out, scores, &a.values[image*a.heads+head], image, head, from, to-from)
}

// shares returns how much the queries [from, to) of one head take of each token, [to - from, T], which sum to 1 for each query. The result is a part of scratch.
func (a *attention[T]) shares(qkv, scratch []T, image, head, from, to int) []T {
	count, stride := to-from, 3*a.heads*a.width
	keys := &a.keys[image*a.heads+head]
	scores := scratch[:gemm.PaddedRows[T](count)*a.tokens]
	queries := gemm.PackRows(qkv[a.at(image, from, head, 0):], count, a.width, stride)
	if a.round == nil {
		for i := range count {
			a.bias.Fill(scores[i*a.tokens:(i+1)*a.tokens], head, from+i)
		}
		keys.MultiplyAdd(scores, a.tokens, queries, 0, keys.Panels())
	} else {
		clear(scores)
		keys.MultiplyAdd(scores, a.tokens, queries, 0, keys.Panels())
		a.addRounded(scores[:count*a.tokens], scratch[len(scratch)-a.tokens:], head, from)
	}
	for i := range count {
		elementary.Softmax(scores[i*a.tokens : (i+1)*a.tokens])
	}
	if a.round != nil {
		a.round(scores[:count*a.tokens])
	}
	return scores
}

// addRounded rounds the products, adds the bias, and rounds the sums. spare is scratch memory for one line of the bias.
func (a *attention[T]) addRounded(scores, spare []T, head, from int) {
	a.round(scores)
	for line := scores; len(line) > 0; line = line[a.tokens:] {
		a.bias.Fill(spare, head, from)
		for i := range spare {
			line[i] += spare[i]
		}
		from++
	}
	a.round(scores)
}

// weigh writes the product of the attention weights, scores, and the values to out.
func (a *attention[T]) weigh(out, scores []T, values *gemm.Matrix[T], image, head, from, count int) {
	channels := a.heads * a.width
	lines := out[(image*a.tokens+from)*channels+head*a.width:]
	for i := range count {
		clear(lines[i*channels : i*channels+a.width])
	}
	values.MultiplyAdd(lines, channels, gemm.ViewRows(scores, count, a.tokens, a.tokens), 0, values.Panels())
	if a.round != nil {
		for i := range count {
			a.round(lines[i*channels : i*channels+a.width])
		}
	}
}
