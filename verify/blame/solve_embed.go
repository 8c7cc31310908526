package blame

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// solveEmbed solves for the vectors that are added before the first block: the class token, the bias of the patches, the token of masked ones, and positions,
// which can be told from what the images show if there are several.
func solveEmbed(ctx context.Context, t *target, d *draft) ([]hypothesis, error) {
	got, err := t.compute(ctx, d)
	if err != nil || len(got.Values) != len(t.want.Values) {
		return nil, err
	}
	difference, tokens := subtract(t.want, got), d.Config.Tokens()
	masked := func(i int) bool {
		return d.input.Mask != nil && i%tokens > 0 && d.input.Mask[i/tokens*(tokens-1)+i%tokens-1]
	}
	var all []hypothesis
	for _, v := range []struct {
		parameter string
		reads     func(i int) bool
	}{
		{"cls_token", func(i int) bool { return i%tokens == 0 }},
		{"patch_embed.proj.bias", func(i int) bool { return i%tokens > 0 && !masked(i) }},
		{"mask_token", masked},
	} {
		old, err := d.vector(v.parameter)
		if err != nil {
			return nil, err
		}
		if mean := meanRow(difference, v.reads); old != nil && mean != nil {
			all = append(all, d.recognised(ctx, t, atEmbed, v.parameter, sum(old, mean))...)
		}
	}
	colours, err := solveColours(ctx, t, d, got)
	if err != nil {
		return nil, err
	}
	positions, err := solvePositions(ctx, t, d, difference)
	return slices.Concat(all, colours, positions), err
}

// solveColours solves for a factor of each colour in the kernels of the patches, whatever is added to all patches.
func solveColours(ctx context.Context, t *target, d *draft, got *whatif.Rows) ([]hypothesis, error) {
	var patches []int
	for i := range got.Count {
		if i%d.Config.Tokens() > 0 {
			patches = append(patches, i)
		}
	}
	rest := func(x *whatif.Rows) []float64 { return centredRows(subtract(x, got).Pick(patches)).Values }
	difference, moves := rest(t.want), make([][]float64, d.Config.Channels)
	for colour := range moves {
		factors := slices.Repeat([]float64{1}, d.Config.Channels)
		factors[colour] = 2
		doubled := d.copied()
		doubled.edit(kernel, "", ofColours(factors))
		x, err := t.compute(ctx, doubled)
		if err != nil {
			return nil, err
		}
		moves[colour] = rest(x)
	}
	steps := combined(ctx, moves, difference)
	if steps == nil {
		return nil, ctx.Err()
	}
	left := slices.Clone(difference)
	for colour, step := range steps {
		for i, v := range moves[colour] {
			left[i] -= step * v
		}
		steps[colour]++
	}
	if square(left) > slack*slack*square(difference) {
		return nil, nil
	}
	return []hypothesis{colouring(steps)}, nil
}

// combined returns the factors with which vectors come nearest to another one, or nil if they are not independent.
func combined(ctx context.Context, of [][]float64, want []float64) []float64 {
	n := len(of)
	gram, right := make([]float64, n*n), make([]float64, n)
	for i, a := range of {
		right[i] = dot(a, want)
		for j, b := range of {
			gram[i*n+j] = dot(a, b)
		}
	}
	inverse := factorise(ctx, gram, n)
	if inverse == nil {
		return nil
	}
	return inverse.solve(right)
}

// ofColours returns a change of kernels that multiplies each colour by a factor.
func ofColours(factors []float64) changeFunc {
	return func(values []float64, shape tensor.Shape) []float64 {
		out, area := slices.Clone(values), shape[2]*shape[3]
		for i := range out {
			out[i] *= factors[i/area%len(factors)]
		}
		return out
	}
}

// colouring returns the hypothesis that each colour of the kernels has another factor: the deviations of a usual normalisation, if they are.
func colouring(factors []float64) hypothesis {
	const near = 1e-3
	for _, folded := range foldedDeviations() {
		same := len(factors) == len(folded.factors)
		for i, f := range factors {
			same = same && math.Abs(f/folded.factors[i]-1) < near
		}
		if same {
			return folded.hypothesis
		}
	}
	words := make([]string, len(factors))
	for i, f := range factors {
		words[i] = factorText(round(f))
	}
	says := "patch_embed.proj.weight is multiplied by " + words[0]
	if len(slices.Compact(slices.Clone(words))) > 1 {
		says = "the colours of patch_embed.proj.weight are multiplied by " + text.List(words, len(words), "")
	}
	return inexact(editing("scaled", embed, kernel, says, "multiply each colour", ofColours(factors)))[0]
}

// folding is the hypothesis that deviations are folded into the kernels, with the factor of each colour.
type folding struct {
	hypothesis
	factors []float64
}

// foldedDeviations returns the hypotheses that the kernels were made for pixels with another deviation than they get, but the bias was not made for other means.
func foldedDeviations() []folding {
	var all []folding
	for _, n := range []normalisation{imageNet, clip} {
		for _, made := range []bool{true, false} {
			factors, to := make([]float64, len(n.std)), "for"
			for i, std := range n.std {
				if factors[i] = half.std[i] / std; !made {
					factors[i], to = 1/factors[i], "from"
				}
			}
			says := "the kernels in patch_embed.proj.weight were rescaled " + to + " pixels with " + strings.Replace(n.short, "mean and std", "std", 1) + ", and the bias was not changed"
			h := inexact(editing("folded", embed, kernel, says, "multiply each colour", ofColours(factors)))[0]
			h.alone = true
			all = append(all, folding{h, factors})
		}
	}
	return all
}

// solvePositions solves for pos_embed, or finds that the model lacks it.
func solvePositions(ctx context.Context, t *target, d *draft, difference *whatif.Rows) ([]hypothesis, error) {
	const fewest = 2
	tokens := d.Config.Tokens()
	if difference.Count < fewest*tokens {
		return nil, nil
	}
	var values []float64
	for token := range tokens {
		values = append(values, meanRow(difference, func(i int) bool { return i%tokens == token })...)
	}
	old, err := d.vector("pos_embed")
	if err != nil || old != nil {
		return d.recognised(ctx, t, atEmbed, "pos_embed", sum(old, values)), err
	}
	if moved := centredRows(whatif.RowsOf(values[difference.Width:], difference.Width)); largestOf(moved.Values) <= 2*t.limit.Max {
		return nil, nil // all patches have the same added, and the class token has its own vector
	}
	lacking := hypothesis{name: "lacks-positions", at: embed, says: "it adds a position embedding, pos_embed, which the model lacks", apply: func(d *draft) bool {
		d.Set("pos_embed", whatif.NewTensor(tensor.Shape{1, tokens, difference.Width}, values))
		return true
	}}
	lacking.advice = "take pos_embed from another copy of the checkpoint, and configure the model with absolute positions"
	return []hypothesis{lacking}, nil
}

// meanRow returns the mean of some rows, or nil if there are none.
func meanRow(x *whatif.Rows, which func(i int) bool) []float64 {
	total, count := make([]float64, x.Width), 0
	for i := range x.Count {
		if !which(i) {
			continue
		}
		count++
		for c, v := range x.Row(i) {
			total[c] += v
		}
	}
	if count == 0 {
		return nil
	}
	return each(total, func(v float64) float64 { return v / float64(count) })
}

func sum(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i, v := range a {
		out[i] = v + b[i]
	}
	return out
}
