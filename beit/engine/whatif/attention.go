package whatif

import (
	"context"
	"math"

	"github.com/beitzoo/beitzoo/beit/engine/internal/elementary"
	"github.com/beitzoo/beitzoo/beit/engine/internal/gemm"
	"github.com/beitzoo/beitzoo/beit/engine/internal/relpos"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// attend returns the attention of the tokens with these indices, or of all, [len(rows), C], head beside head, from qkv, [images T, 3C].
func (v *Version) attend(ctx context.Context, qkv *Rows, table *Tensor, rows []int) (*Rows, error) {
	all := v.Rules.Weights == SoftmaxOverQueries || v.Rules.HeadsApart
	wanted := rows
	if all {
		wanted = nil
	}
	a := v.newAttention(qkv, table, wanted)
	a.out = make([]float64, len(a.rows)*v.Config.EmbedDim)
	images := qkv.Count / a.tokens
	threads := v.workers(2 * len(a.rows) * a.tokens * v.Config.EmbedDim)
	err := parallel.Until(ctx, threads, images*v.Config.Heads, func(_, i int) { a.head(i/v.Config.Heads, i%v.Config.Heads) })
	out := RowsOf(a.out, v.Config.EmbedDim)
	if v.Rules.HeadsApart {
		out = a.apart(out)
	}
	if all && rows != nil {
		out = out.Pick(rows)
	}
	return out, err
}

// attention computes the attention of one block.
type attention struct {
	version       *Version
	qkv           *Rows
	rows          []int
	tokens, width int
	bias          *relpos.Table[float64]
	out           []float64
}

// head computes one head for the wanted tokens of one image.
func (a *attention) head(image, head int) {
	first := image * a.tokens
	own, places := a.of(image)
	if len(own) == 0 {
		return
	}
	scores := a.weighed(image, head, own)
	var values gemm.Matrix[float64]
	stride, c := a.qkv.Width, a.version.Config.EmbedDim
	values.Fill(a.qkv.Values[first*stride+2*c+head*a.width:], a.tokens, a.width, stride)
	sums := make([]float64, len(own)*a.width)
	values.MultiplyAdd(sums, a.width, gemm.PackRows(scores, len(own), a.tokens, a.tokens), 0, values.Panels())
	if a.version.Rules.RoundScores != nil {
		a.version.Rules.RoundScores(sums)
	}
	for i, place := range places {
		copy(a.out[place*c+head*a.width:], sums[i*a.width:(i+1)*a.width])
	}
}

// weighed returns the weights of the tokens that queries attend to in one head, [queries, T].
func (a *attention) weighed(image, head int, queries []int) []float64 {
	r := a.version.Rules
	scores := a.scores(image, head, queries)
	a.hide(scores, queries)
	if r.Weights == SoftmaxOverHeads {
		totals := make([]float64, len(scores))
		for other := range a.version.Config.Heads {
			for i, score := range a.scores(image, other, queries) {
				totals[i] += math.Exp(score)
			}
		}
		for i, score := range scores {
			scores[i] = math.Exp(score) / totals[i]
		}
		return scores
	}
	a.weights(scores, len(queries))
	if r.LateBias {
		line := make([]float64, a.tokens)
		for i, query := range queries {
			a.line(line, head, query)
			for k, bias := range line {
				scores[i*a.tokens+k] += bias
			}
		}
	}
	return scores
}

// hide takes the keys that a query does not see out of its scores.
func (a *attention) hide(scores []float64, queries []int) {
	const never = -1e9
	for i, query := range queries {
		line := scores[i*a.tokens : (i+1)*a.tokens]
		switch a.version.Rules.Keys {
		case EarlierKeys:
			for k := query + 1; k < a.tokens; k++ {
				line[k] = never
			}
		case PatchKeys:
			line[0] += never
		}
	}
}

// transposed returns rows of that width, which lie stride apart, as columns.
func transposed(values []float64, rows, width, stride int) []float64 {
	turned := make([]float64, width*rows)
	for r := range rows {
		for i, v := range values[r*stride : r*stride+width] {
			turned[i*rows+r] = v
		}
	}
	return turned
}

// of returns the wanted tokens of an image, counted from its first, and their places in the output.
func (a *attention) of(image int) (own, places []int) {
	for place, row := range a.rows {
		if row/a.tokens == image {
			own, places = append(own, row%a.tokens), append(places, place)
		}
	}
	return own, places
}

// scores returns the scaled products of queries and keys with the bias, [queries, T].
func (a *attention) scores(image, head int, queries []int) []float64 {
	r := a.version.Rules
	scale := r.QueryScale
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(a.width))
	}
	first := image * a.tokens
	scores := make([]float64, len(queries)*a.tokens)
	q := make([]float64, 0, len(queries)*a.width)
	for _, query := range queries {
		q = append(q, a.qkv.Row(first + query)[head*a.width:(head+1)*a.width]...)
	}
	var keys gemm.Matrix[float64]
	keyValues, stride := a.qkv.Values[first*a.qkv.Width+a.version.Config.EmbedDim+head*a.width:], a.qkv.Width
	if r.UnitQK {
		keyValues, stride = unit(keyValues, a.tokens, a.width, stride), a.width
		q = unit(q, len(queries), a.width, a.width)
	}
	keys.FillTransposed(keyValues, a.tokens, a.width, stride)
	keys.MultiplyAdd(scores, a.tokens, gemm.PackRows(q, len(queries), a.width, a.width), 0, keys.Panels())
	if r.RoundScores != nil {
		r.RoundScores(scores)
	}
	line := make([]float64, a.tokens)
	for i, query := range queries {
		if !r.LateBias {
			a.line(line, head, query)
		}
		for k := range line {
			if r.ScaledBias {
				scores[i*a.tokens+k] = (scores[i*a.tokens+k] + line[k]) * scale
			} else {
				scores[i*a.tokens+k] = scores[i*a.tokens+k]*scale + line[k]
			}
		}
	}
	return scores
}

// unit returns rows of that width, which lie stride apart, divided by their lengths.
func unit(values []float64, rows, width, stride int) []float64 {
	out := make([]float64, 0, rows*width)
	for r := range rows {
		row, square := values[r*stride:r*stride+width], 0.0
		for _, v := range row {
			square += v * v
		}
		for _, v := range row {
			out = append(out, v/max(math.Sqrt(square), math.SmallestNonzeroFloat64))
		}
	}
	return out
}

// line writes the bias of a query for all keys.
func (a *attention) line(line []float64, head, query int) {
	if a.bias == nil {
		clear(line)
		return
	}
	a.bias.Fill(line, head, query)
	if a.version.Rules.NoClassBias {
		if query == 0 {
			clear(line)
		}
		line[0] = 0
	}
}

// weights turns the scores of some queries into weights, in place.
func (a *attention) weights(scores []float64, queries int) {
	switch a.version.Rules.Weights {
	case NoSoftmax:
		for i := range scores {
			scores[i] /= float64(a.tokens)
		}
	case Sigmoids:
		for i, v := range scores {
			scores[i] = Logistic(v)
		}
	case SoftmaxOverQueries:
		turned := transposed(scores, queries, a.tokens, a.tokens)
		for key := range a.tokens {
			elementary.Softmax(turned[key*queries : (key+1)*queries])
		}
		copy(scores, transposed(turned, a.tokens, queries, queries))
	default:
		for i := range queries {
			elementary.Softmax(scores[i*a.tokens : (i+1)*a.tokens])
		}
	}
	if a.version.Rules.RoundScores != nil {
		a.version.Rules.RoundScores(scores)
	}
}

// apart returns the results of all tokens as a program reads them that does not put the heads beside each other.
func (a *attention) apart(out *Rows) *Rows {
	read := make([]float64, 0, len(out.Values))
	for image := range out.Count / a.tokens {
		for head := range a.version.Config.Heads {
			for token := range a.tokens {
				read = append(read, out.Row(image*a.tokens + token)[head*a.width:(head+1)*a.width]...)
			}
		}
	}
	return RowsOf(read, out.Width)
}

// newAttention returns the attention of the tokens with these indices, or of all.
func (v *Version) newAttention(qkv *Rows, table *Tensor, rows []int) *attention {
	a := &attention{version: v, qkv: qkv, rows: rows, tokens: v.Config.Tokens(), width: v.Config.HeadDim()}
	if rows == nil {
		for i := range qkv.Count {
			a.rows = append(a.rows, i)
		}
	}
	if table != nil {
		a.bias = relpos.New(v.Config, table.Values())
	}
	return a
}

// Weights returns the attention of one head from the tokens with these indices, or all, to all tokens of their image, [len(rows), T].
func (b *Block) Weights(ctx context.Context, x *Rows, rows []int, head int) (*Rows, error) {
	qkv, err := b.QKVOf(ctx, x)
	if err != nil {
		return nil, err
	}
	a := b.version.newAttention(qkv, b.Table, rows)
	out := RowsOf(make([]float64, len(a.rows)*a.tokens), a.tokens)
	for image := range qkv.Count / a.tokens {
		own, places := a.of(image)
		if len(own) == 0 {
			continue
		}
		scores := a.weighed(image, head, own)
		for i, place := range places {
			copy(out.Row(place), scores[i*a.tokens:(i+1)*a.tokens])
		}
	}
	return out, ctx.Err()
}

// AttendedInput returns what the values of a head would be if they were the input of qkv itself: the normed stream, weighted by the attention of the tokens
// with these indices, [len(rows), C].
func (b *Block) AttendedInput(ctx context.Context, x *Rows, rows []int, head int) (*Rows, error) {
	weights, err := b.Weights(ctx, x, rows, head)
	if err != nil {
		return nil, err
	}
	in := b.norm1(x)
	a := b.version.newAttention(in, nil, rows)
	out := RowsOf(make([]float64, len(a.rows)*in.Width), in.Width)
	for image := range in.Count / a.tokens {
		own, places := a.of(image)
		if len(own) == 0 {
			continue
		}
		var values gemm.Matrix[float64]
		values.Fill(in.Values[image*a.tokens*in.Width:], a.tokens, in.Width, in.Width)
		sums := make([]float64, len(own)*in.Width)
		values.MultiplyAdd(sums, in.Width, gemm.PackRows(weights.Pick(places).Values, len(own), a.tokens, a.tokens), 0, values.Panels())
		for i, place := range places {
			copy(out.Row(place), sums[i*in.Width:(i+1)*in.Width])
		}
	}
	return out, ctx.Err()
}

// NormedAttention returns what qkv reads: norm1 of the stream.
func (b *Block) NormedAttention(x *Rows) *Rows {
	return b.version.norm(x, b.Norm1.Weight, b.Norm1.Bias, b.version.Rules.Epsilon1)
}
