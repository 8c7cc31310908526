package blame

import (
	"context"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
)

// The vectors inside of the MLP do not follow from a product, since GELU is between them and the result. They are found by Newton's method for least squares.

const (
	// newtonSteps is how often a vector is improved, for as long as a step leaves at most the share progress of what was left.
	newtonSteps = 12
	progress    = 0.3
)

// vectorsInMLP returns the hypotheses that fc1's bias, or norm2's weight or bias, is another vector. y is the stream before the MLP.
func vectorsInMLP(ctx context.Context, t *target, d *draft, block *whatif.Block, y *whatif.Rows) ([]hypothesis, error) {
	const mostUnits, mostChannels = 1024, 128
	if block.FC2.Weight.Shape[1] > mostUnits {
		return nil, nil
	}
	solvers := map[string]func(*newton) (right []float64, normal []float64){"mlp.fc1.bias": (*newton).units}
	if y.Width <= mostChannels {
		solvers["norm2.bias"] = func(n *newton) ([]float64, []float64) { return n.channels(nil) }
		solvers["norm2.weight"] = func(n *newton) ([]float64, []float64) { return n.channels(n.normed) }
	}
	var all []hypothesis
	for _, name := range []string{"mlp.fc1.bias", "norm2.weight", "norm2.bias"} {
		if solvers[name] == nil {
			continue
		}
		values, err := d.newton(ctx, t, name, y, solvers[name])
		if err != nil {
			return nil, err
		}
		if values != nil {
			all = append(all, d.recognised(ctx, t, atMLP, name, values)...)
		}
	}
	return all, nil
}

// newton is the MLP with one vector that is improved.
type newton struct {
	// out is fc2 times gamma_2, [C, units], and in is fc1, [units, C].
	out, in []float64
	// slope is the derivative of GELU in each token and unit; normed is the stream before norm2's weight and bias.
	slope, normed *whatif.Rows
	// rest is what the reference has more than the draft.
	rest  *whatif.Rows
	width int
}

// newton returns the vector of that name with which the MLP comes nearest to the reference, or nil.
func (d *draft) newton(ctx context.Context, t *target, name string, y *whatif.Rows, solve func(*newton) (right, normal []float64)) ([]float64, error) {
	full := d.names(name)
	if len(full) != 1 {
		return nil, nil
	}
	trial := d.copied()
	old, err := trial.Tensor(full[0])
	if err != nil {
		return nil, err
	}
	values, least := slices.Clone(old.Values()), 0.0
	for step := range newtonSteps {
		trial.Set(full[0], whatif.NewTensor(old.Shape, slices.Clone(values)))
		n, err := trial.atMLP(ctx, t, y, blockOf(d.places[0]))
		if err != nil {
			return nil, err
		}
		rest := square(n.rest.Values)
		if step > 0 && !(rest < progress*least) {
			return values, nil
		}
		least = rest
		right, normal := solve(n)
		for i := range right {
			normal[i*len(right)+i] *= 1 + 1e-12
		}
		f := factorise(ctx, normal, len(right))
		if f == nil {
			return nil, ctx.Err()
		}
		for i, v := range f.solve(right) {
			values[i] += v
		}
	}
	return values, nil
}

// atMLP computes the MLP of a draft and its derivatives.
func (d *draft) atMLP(ctx context.Context, t *target, y *whatif.Rows, index int) (*newton, error) {
	block, err := d.Block(index)
	if err != nil {
		return nil, err
	}
	inner, _, err := block.Hidden(ctx, y)
	if err != nil {
		return nil, err
	}
	branch, err := block.MLP(ctx, y)
	if err != nil {
		return nil, err
	}
	n := &newton{out: slices.Clone(block.FC2.Weight.Values()), in: block.FC1.Weight.Values(), width: y.Width, rest: subtract(t.want, block.End(y, branch))}
	units := inner.Width
	for i := range n.out {
		if block.Gamma2 != nil {
			n.out[i] *= block.Gamma2[i/units]
		}
	}
	n.slope = whatif.RowsOf(each(inner.Values, geluSlope), units)
	normed := slices.Clone(block.NormedMLP(y).Values)
	weight, bias := block.Norm2.Weight.Values(), block.Norm2.Bias.Values()
	for i := range normed {
		normed[i] = (normed[i] - bias[i%y.Width]) / weight[i%y.Width]
	}
	n.normed = whatif.RowsOf(normed, y.Width)
	return n, nil
}

// along returns the product of a token's rest with the columns of out, each times its slope.
func (n *newton) along(t int) []float64 {
	units := n.slope.Width
	sum := make([]float64, units)
	for c, v := range n.rest.Row(t) {
		for i, w := range n.out[c*units : (c+1)*units] {
			sum[i] += v * w
		}
	}
	for i, s := range n.slope.Row(t) {
		sum[i] *= s
	}
	return sum
}

// units returns the equations for fc1's bias: the products of the columns of fc2 with one another, times those of the slopes.
func (n *newton) units() (right, normal []float64) {
	units := n.slope.Width
	right = make([]float64, units)
	for t := range n.rest.Count {
		for i, v := range n.along(t) {
			right[i] += v
		}
	}
	columns, slopes := gramOf(n.out, units), gramOf(n.slope.Values, units)
	for i := range columns {
		columns[i] *= slopes[i]
	}
	return right, columns
}

// channels returns the equations for norm2's bias, or, with the stream before them as factors, for its weight.
func (n *newton) channels(factors *whatif.Rows) (right, normal []float64) {
	units, width := n.slope.Width, n.width
	right, normal = make([]float64, width), make([]float64, width*width)
	for t := range n.rest.Count {
		// How each channel changes the result: out, the slopes and in, one after the other, [C, channels].
		direction := make([]float64, width*width)
		for c := range width {
			for i, s := range n.slope.Row(t) {
				w := n.out[c*units+i] * s
				for j, v := range n.in[i*width : (i+1)*width] {
					direction[c*width+j] += w * v
				}
			}
		}
		if factors != nil {
			for i := range direction {
				direction[i] *= factors.Row(t)[i%width]
			}
		}
		for c, v := range n.rest.Row(t) {
			for j, w := range direction[c*width : (c+1)*width] {
				right[j] += v * w
			}
		}
		for i, v := range gramOf(direction, width) {
			normal[i] += v
		}
	}
	return right, normal
}
