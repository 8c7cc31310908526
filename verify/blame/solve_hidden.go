package blame

import (
	"context"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// widest is the largest number of hidden units whose order is solved for.
const widest = 1024

// solveHidden solves for the order of the hidden units: fc2 expects them in another one than fc1 gives them. want is the branch of the reference before layer
// scale, and y what the branch reads.
func solveHidden(ctx context.Context, d *draft, block *whatif.Block, y, want *whatif.Rows) ([]hypothesis, error) {
	_, hidden, err := block.Hidden(ctx, y)
	if err != nil || hidden.Width > widest {
		return nil, err
	}
	all, err := solveRolledHidden(ctx, d, block, y, want)
	if err != nil {
		return nil, err
	}
	order := hiddenOrder(ctx, block, hidden, want)
	if order == nil {
		return all, nil
	}
	says := d.order(order)
	return append(all,
		reordered("permuted", atMLP, "the rows of mlp.fc1.weight and mlp.fc1.bias "+says, []string{"mlp.fc1.weight", "mlp.fc1.bias"}, order, inRows),
		reordered("permuted", atMLP, "the rows of mlp.fc1.weight alone "+says, []string{"mlp.fc1.weight"}, order, inRows),
	), nil
}

// solveRolledHidden solves for a weight of fc1 whose rows are rolled without the bias, by trying all numbers.
func solveRolledHidden(ctx context.Context, d *draft, block *whatif.Block, y, want *whatif.Rows) ([]hypothesis, error) {
	const tokens = 3
	few := make([]int, min(tokens, y.Count))
	for i := range few {
		few[i] = i * (y.Count - 1) / max(1, tokens-1)
	}
	y, want = y.Pick(few), want.Pick(few)
	best, least := hypothesis{}, math.Inf(1)
	for by := 1; by < len(block.FC1.Bias); by++ {
		order := rolled(len(block.FC1.Bias), by)
		h := reordered("permuted", atMLP, "the rows of mlp.fc1.weight alone "+d.order(order), []string{"mlp.fc1.weight"}, order, inRows)
		moved := d.copied()
		if !h.apply(moved) {
			return nil, nil
		}
		other, err := moved.Block(blockOf(d.places[0]))
		if err != nil {
			return nil, err
		}
		branch, err := other.MLP(ctx, y)
		if err != nil {
			return nil, err
		}
		if far := drift.Compare(branch.Values, want.Values).RMS; far < least {
			best, least = h, far
		}
	}
	if math.IsInf(least, 1) {
		return nil, nil
	}
	return []hypothesis{best}, nil
}

// hiddenOrder returns for each unit of fc2 the one of fc1 that feeds it in the reference, or nil. Each unit of fc2 is assigned the unit of fc1 whose values fit
// best what the branch has along the unit's column, again and again; then the two units are exchanged whose exchange helps most, again and again. There are
// often fewer tokens than units, and the units resemble each other: tokens are combined first so that, over all units, they have nothing in common.
func hiddenOrder(ctx context.Context, block *whatif.Block, hidden, want *whatif.Rows) []int {
	weight := block.FC2.Weight.Values() // [C, units]
	apart, wanted := whitened(ctx, centredRows(hidden), centredRows(want))
	if apart == nil || apart.Count == 0 {
		return nil
	}
	var order []int
	least := math.Inf(1)
	for _, steps := range []int{1, 40} { // what the first step found is sometimes nearer to the order than where all of them end
		found := exchangedUnits(ctx, weight, apart, wanted, assignedUnits(ctx, weight, apart, wanted, steps))
		if rest := remaining(weight, apart, wanted, found).Values; dot(rest, rest) < least {
			order, least = found, dot(rest, rest)
		}
	}
	for i, from := range order {
		if from != i {
			return order
		}
	}
	return nil
}

// whitened returns combinations of tokens whose vectors in x are orthonormal, in x and in another activation, or nil if ctx ends.
func whitened(ctx context.Context, x, other *whatif.Rows) (*whatif.Rows, *whatif.Rows) {
	const share, ridge = 0.75, 1e-13
	most, trace := int(share*float64(x.Width)), dot(x.Values, x.Values)
	a, b := &whatif.Rows{Width: x.Width}, &whatif.Rows{Width: other.Width}
	for t := 0; t < x.Count && a.Count < most; t++ {
		if ctx.Err() != nil {
			return nil, nil
		}
		own, too := slices.Clone(x.Row(t)), slices.Clone(other.Row(t))
		for range 2 { // Gram and Schmidt, twice, which is stable
			for earlier := range a.Count {
				along := dot(own, a.Row(earlier))
				subtractFrom(own, a.Row(earlier), along)
				subtractFrom(too, b.Row(earlier), along)
			}
		}
		length := math.Sqrt(dot(own, own))
		if length*length <= ridge*trace { // it follows from those before
			continue
		}
		unit := func(v float64) float64 { return v / length }
		a.Values, a.Count = append(a.Values, each(own, unit)...), a.Count+1
		b.Values, b.Count = append(b.Values, each(too, unit)...), b.Count+1
	}
	return a, b
}

// assignedUnits assigns units until that changes nothing more, or that many times.
func assignedUnits(ctx context.Context, weight []float64, hidden, want *whatif.Rows, steps int) []int {
	var order []int
	for range steps {
		next := assignUnits(weight, hidden, want, order)
		if slices.Equal(next, order) || ctx.Err() != nil {
			break
		}
		order = next
	}
	return order
}

// exchangedUnits exchanges two units at a time for as long as that brings the branch nearer. order does not change.
func exchangedUnits(ctx context.Context, weight []float64, hidden, want *whatif.Rows, order []int) []int {
	const least = 1e-18
	units := hidden.Width
	order = slices.Clone(order)
	scores := gramOf(weight, units)                  // of the units of fc2
	alike := gramOf(hidden.Values, units)            // of those of fc1
	along := alongUnits(weight, hidden, want, order) // [unit of fc2, unit of fc1], of what remains
	enough := least * dot(want.Values, want.Values)  // what counts as nearer
	apart := func(of []float64, i, j int) float64 { return of[i*units+i] + of[j*units+j] - 2*of[i*units+j] }
	for range 4 * units {
		best, one, other := -enough, 0, 0
		for j := range units {
			for k := range j {
				a, b := order[j], order[k]
				gain := along[j*units+b] - along[j*units+a] - along[k*units+b] + along[k*units+a]
				if change := apart(scores, j, k)*apart(alike, a, b) - 2*gain; change < best {
					best, one, other = change, j, k
				}
			}
		}
		if best == -enough || ctx.Err() != nil {
			break
		}
		a, b := order[one], order[other]
		for j := range units { // what remains loses (w_one - w_other) (h_b - h_a)
			step, line := scores[one*units+j]-scores[other*units+j], along[j*units:(j+1)*units]
			subtractFrom(line, alike[b*units:(b+1)*units], step)
			subtractFrom(line, alike[a*units:(a+1)*units], -step)
		}
		order[one], order[other] = b, a
	}
	return order
}

// alongUnits returns the product of each unit of fc2 with each of fc1 in what remains of the branch.
func alongUnits(weight []float64, hidden, want *whatif.Rows, order []int) []float64 {
	units := hidden.Width
	rest := remaining(weight, hidden, want, order)
	out := make([]float64, units*units)
	for t := range rest.Count {
		for unit := range units {
			along := 0.0
			for c, v := range rest.Row(t) {
				along += v * weight[c*units+unit]
			}
			subtractFrom(out[unit*units:(unit+1)*units], hidden.Row(t), -along)
		}
	}
	return out
}

// remaining returns what the units in an order leave of the branch. order is nil at first.
func remaining(weight []float64, hidden, want *whatif.Rows, order []int) *whatif.Rows {
	units, width := hidden.Width, want.Width
	rest := slices.Clone(want.Values)
	for t := range want.Count {
		line, values := rest[t*width:(t+1)*width], hidden.Row(t)
		for c := range line {
			row := weight[c*units : (c+1)*units]
			for unit, from := range order {
				line[c] -= row[unit] * values[from]
			}
		}
	}
	return whatif.RowsOf(rest, width)
}

// assignUnits assigns units once more, after what the assignment so far explains was taken away from all others. order is nil at first.
func assignUnits(weight []float64, hidden, want *whatif.Rows, order []int) []int {
	units := hidden.Width
	rest := remaining(weight, hidden, want, order)
	lengths := make([]float64, units)
	for t := range hidden.Count {
		for from, v := range hidden.Row(t) {
			lengths[from] += v * v
		}
	}
	score := make([][]float64, units)
	for unit := range score {
		score[unit] = scoresOf(unit, weight, hidden, rest, lengths, order)
	}
	return assign(score)
}

// scoresOf returns how well each unit of fc1 fits a unit of fc2: by how much it would lessen the square of what remains.
func scoresOf(unit int, weight []float64, hidden, rest *whatif.Rows, lengths []float64, order []int) []float64 {
	units, square := hidden.Width, 0.0
	column := make([]float64, rest.Width)
	for c := range column {
		column[c] = weight[c*units+unit]
		square += column[c] * column[c]
	}
	score := make([]float64, units)
	for t := range rest.Count {
		along, values := dot(rest.Row(t), column), hidden.Row(t)
		if order != nil {
			along += square * values[order[unit]]
		}
		subtractFrom(score, values, -2*along)
	}
	for from := range score {
		score[from] -= square * lengths[from]
	}
	return score
}
