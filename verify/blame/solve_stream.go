package blame

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// solveStream solves for mistakes anywhere in a block: in the attention, assuming that the MLP is right, and the other way round.
func solveStream(ctx context.Context, b *blockCase, t *target, d *draft) ([]hypothesis, error) {
	block, err := d.Block(b.block)
	if err != nil || d.Rules.Order != whatif.NormFirst {
		return nil, err
	}
	branch, err := block.Attention(ctx, b.x, b.rows)
	if err != nil {
		return nil, err
	}
	all, known, err := solveAfter(ctx, b, t, d, block, branch)
	if err != nil || known == nil {
		return all, err
	}
	found, err := solveBranch(ctx, known.blockCase, t, d, block, known.branch, known.y)
	return append(all, found...), err
}

// middle is a block in the tokens for which the stream between both branches is known, y, with the attention branch of a draft.
type middle struct {
	*blockCase
	branch, y *whatif.Rows
}

// solveAfter solves for mistakes after an attention branch: in the MLP, and in gamma_1, assuming that the MLP is right. It returns the tokens for which the
// stream between both is known then, or nil if it is not.
func solveAfter(ctx context.Context, b *blockCase, t *target, d *draft, block *whatif.Block, branch *whatif.Rows) ([]hypothesis, *middle, error) {
	y := block.Middle(b.some, branch)
	all, err := solveMLP(ctx, t, d, block, y)
	if err != nil {
		return nil, nil, err
	}
	solved, err := before(ctx, block, t.want, y)
	if err != nil {
		return nil, nil, err
	}
	if solved == nil {
		gamma, err := solveGamma(ctx, t, d)
		return append(all, gamma...), nil, err
	}
	kept := nearest(solved, y)
	known := &middle{b.keep(kept), branch.Pick(kept), solved.Pick(kept)}
	found, err := solveMiddle(ctx, known.blockCase, t, d, block, known.branch, known.y)
	return append(all, found...), known, err
}

// solveBranch solves for mistakes in the attention branch, from the stream after it.
func solveBranch(ctx context.Context, b *blockCase, t *target, d *draft, block *whatif.Block, branch, y *whatif.Rows) ([]hypothesis, error) {
	want := unscaled(subtract(y, b.some), block.Gamma1)
	if want == nil {
		return nil, nil
	}
	all, err := d.outputs(ctx, t, atAttention, want, branch, "attn.proj.weight", "attn.proj.bias")
	if err != nil {
		return nil, err
	}
	single, err := singleInAttention(ctx, b, t, d, block, want)
	if err != nil {
		return nil, err
	}
	norms, err := singleInNorms(ctx, t, d, atAttention, "norm1.weight", "norm1.bias")
	if err != nil {
		return nil, err
	}
	found, err := solveContext(ctx, b, t, d, want)
	if err != nil {
		return nil, err
	}
	scaled, err := solveScale(ctx, b, d, want)
	return slices.Concat(all, single, norms, found, scaled), err
}

// unscaled returns a branch without its layer scale, or nil if the layer scale is zero somewhere. gamma may be nil.
func unscaled(branch *whatif.Rows, gamma []float64) *whatif.Rows {
	if gamma != nil {
		branch = whatif.RowsOf(slices.Clone(branch.Values), branch.Width)
		for i := range branch.Values {
			branch.Values[i] /= gamma[i%branch.Width]
		}
	}
	if !drift.AllFinite(branch.Values) {
		return nil
	}
	return branch
}

// solveMiddle solves for gamma_1, from the attention branch and the stream after it.
func solveMiddle(ctx context.Context, b *blockCase, t *target, d *draft, block *whatif.Block, branch, y *whatif.Rows) ([]hypothesis, error) {
	if block.Gamma1 == nil {
		return nil, nil
	}
	return d.gamma(ctx, t, atMiddle, "gamma_1", subtract(y, b.some), branch)
}

// solveGamma solves for gamma_1 through the MLP, from an attention branch that the reference has, in a narrow model.
func solveGamma(ctx context.Context, t *target, d *draft) ([]hypothesis, error) {
	const narrow = 96
	if d.Config.EmbedDim > narrow || !d.Config.LayerScale || !slices.Contains(t.done, atAttention) {
		return nil, nil
	}
	near, err := t.solvedFor(ctx, d, []unknown{{"gamma_1", d.names("gamma_1")[0], rolled(d.Config.EmbedDim, 0)}})
	if err != nil || near == nil {
		return nil, err
	}
	values, err := near.vector("gamma_1")
	if err != nil {
		return nil, err
	}
	return d.recognised(ctx, t, atMiddle, "gamma_1", values), nil
}

// gamma solves for a layer scale: want is gamma times the branch.
func (d *draft) gamma(ctx context.Context, t *target, at part, name string, want, branch *whatif.Rows) ([]hypothesis, error) {
	old, err := d.vector(name)
	if err != nil || old == nil {
		return nil, err
	}
	factors := slices.Clone(old)
	for i := range factors {
		both, own := 0.0, 0.0
		for t := range branch.Count {
			both += want.Row(t)[i] * branch.Row(t)[i]
			own += branch.Row(t)[i] * branch.Row(t)[i]
		}
		if own > 0 {
			factors[i] = both / own
		}
	}
	return d.recognised(ctx, t, at, name, factors), nil
}

// solveRest solves for mistakes after the attention branch, which the reference has; branch is that of the tokens in b.some.
func solveRest(ctx context.Context, b *blockCase, t *target, d *draft, branch *whatif.Rows) ([]hypothesis, error) {
	block, err := d.Block(b.block)
	if err != nil || d.Rules.Order != whatif.NormFirst {
		return nil, err
	}
	all, _, err := solveAfter(ctx, b, t, d, block, branch)
	return all, err
}

// solveMLP solves for mistakes in the MLP branch, from the stream before it, y, and after it, that of the target.
func solveMLP(ctx context.Context, t *target, d *draft, block *whatif.Block, y *whatif.Rows) ([]hypothesis, error) {
	z := t.want
	branch, err := block.MLP(ctx, y)
	if err != nil {
		return nil, err
	}
	want := subtract(z, y)
	all, err := d.gamma(ctx, t, atMLP, "gamma_2", want, branch)
	if err != nil {
		return nil, err
	}
	single, err := singleInMLP(ctx, t, block, y, z)
	if err != nil {
		return nil, err
	}
	norms, err := singleInNorms(ctx, t, d, atMLP, "norm2.weight", "norm2.bias")
	if err != nil {
		return nil, err
	}
	all = append(append(all, single...), norms...)
	vectors, err := vectorsInMLP(ctx, t, d, block, y)
	if err != nil {
		return nil, err
	}
	all = append(all, vectors...)
	if want = unscaled(want, block.Gamma2); want == nil {
		return all, nil
	}
	found, err := d.outputs(ctx, t, atMLP, want, branch, "mlp.fc2.weight", "mlp.fc2.bias")
	if err != nil {
		return nil, err
	}
	all = append(all, found...)
	found, err = solveHidden(ctx, d, block, y, want)
	return append(all, found...), err
}

// before returns the stream before the MLP of which the block makes z, starting from a guess, or nil if it is not found: the fixed point of z minus the MLP
// branch, by Anderson's acceleration for each token. It goes on for as long as that helps, since vectors are solved for from the result. If it is not found for some
// of many tokens, the others are not tried.
func before(ctx context.Context, block *whatif.Block, z, guess *whatif.Rows) (*whatif.Rows, error) {
	const many, some = 64, 8
	if z.Count >= many {
		places := spread(z.Count, some)
		if found, err := before(ctx, block, z.Pick(places), guess.Pick(places)); found == nil || err != nil {
			return nil, err
		}
	}
	const steps, near, exact, patience = 80, 1e-9, 1e-15, 6
	y := whatif.RowsOf(slices.Clone(guess.Values), guess.Width)
	histories := make([]history, y.Count)
	scale := largestOf(z.Values)
	best, least, since := (*whatif.Rows)(nil), math.Inf(1), 0
	for range steps {
		branch, err := block.MLP(ctx, y)
		if err != nil {
			return nil, err
		}
		residual := subtract(z, block.End(y, branch))
		largest := largestOf(residual.Values)
		if since++; largest < least {
			best, least, since = y, largest, 0
		}
		if !(largest <= 1e6*scale) || largest <= exact*scale || since == patience && least <= near*scale {
			break
		}
		next := make([]float64, 0, len(y.Values))
		for t := range y.Count {
			next = append(next, histories[t].next(ctx, y.Row(t), slices.Clone(residual.Row(t)))...)
		}
		y = whatif.RowsOf(next, y.Width)
	}
	if least > near*scale {
		return nil, nil
	}
	return best, nil
}

// largestOf returns the largest absolute value, or NaN if there is one.
func largestOf(values []float64) float64 {
	largest := 0.0
	for _, v := range values {
		largest = max(largest, math.Abs(v))
	}
	return largest
}

// nearest returns the tokens whose solutions lie nearest to the guesses: three of four. The stream before an MLP is not always the only one from which the
// MLP makes its result, and where another one was found, it lies far away.
func nearest(solved, guess *whatif.Rows) []int {
	order, away := make([]int, solved.Count), make([]float64, solved.Count)
	for t := range order {
		order[t] = t
		for i, v := range solved.Row(t) {
			away[t] += (v - guess.Row(t)[i]) * (v - guess.Row(t)[i])
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(away[i], away[j]) })
	kept := order[:len(order)-len(order)/4]
	slices.Sort(kept)
	return kept
}

// history has the last points of an iteration and their residuals.
type history struct{ points, residuals [][]float64 }

// next returns the next point.
func (h *history) next(ctx context.Context, point, residual []float64) []float64 {
	const most = 8
	h.points, h.residuals = append(h.points, slices.Clone(point)), append(h.residuals, residual)
	if len(h.points) > most {
		h.points, h.residuals = h.points[1:], h.residuals[1:]
	}
	last := len(h.points) - 1
	out := make([]float64, len(point))
	for i := range out {
		out[i] = point[i] + residual[i]
	}
	if last == 0 {
		return out
	}
	gram, right := make([]float64, last*last), make([]float64, last)
	steps := make([][]float64, last)
	for k := range last {
		steps[k] = make([]float64, len(point))
		for i := range point {
			steps[k][i] = h.residuals[k+1][i] - h.residuals[k][i]
		}
	}
	for a := range last {
		right[a] = dot(steps[a], residual)
		for b := range last {
			gram[a*last+b] = dot(steps[a], steps[b])
		}
		gram[a*last+a] *= 1 + 1e-13
	}
	f := factorise(ctx, gram, last)
	if f == nil {
		return out
	}
	for k, weight := range f.solve(right) {
		for i := range out {
			out[i] -= weight * (h.points[k+1][i] - h.points[k][i] + steps[k][i])
		}
	}
	return out
}
