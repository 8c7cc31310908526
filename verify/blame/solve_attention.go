package blame

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// solveAttention solves for mistakes in the attention branch, which the reference has.
func solveAttention(ctx context.Context, b *blockCase, t *target, d *draft) ([]hypothesis, error) {
	got, err := t.compute(ctx, d)
	if err != nil || len(got.Values) != len(t.want.Values) {
		return nil, err
	}
	all, err := d.outputs(ctx, t, atAttention, t.want, got, "attn.proj.weight", "attn.proj.bias")
	if err != nil {
		return nil, err
	}
	block, err := d.Block(b.block)
	if err != nil {
		return nil, err
	}
	single, err := singleInAttention(ctx, b, t, d, block, t.want)
	if err != nil {
		return nil, err
	}
	norms, err := singleInNorms(ctx, t, d, atAttention, "norm1.weight", "norm1.bias")
	if err != nil {
		return nil, err
	}
	found, err := solveContext(ctx, b, t, d, t.want)
	if err != nil {
		return nil, err
	}
	scaled, err := solveScale(ctx, b, d, t.want)
	return slices.Concat(all, single, norms, found, scaled), err
}

// solveContext solves for the order of heads and of what proj reads, and for the factor and the bias of the values: it takes the branch back through proj.
func solveContext(ctx context.Context, b *blockCase, t *target, d *draft, branch *whatif.Rows) ([]hypothesis, error) {
	block, err := d.Block(b.block)
	if err != nil {
		return nil, err
	}
	inverse := factorise(ctx, block.Proj.Weight.Values(), branch.Width)
	if inverse == nil {
		return nil, ctx.Err()
	}
	values := make([]float64, 0, len(branch.Values))
	for i := range branch.Count {
		line := slices.Clone(branch.Row(i))
		for c, bias := range block.Proj.Bias {
			line[c] -= bias
		}
		values = append(values, inverse.solve(line)...)
	}
	want := whatif.RowsOf(values, branch.Width)
	got, err := block.Context(ctx, b.x, b.rows)
	if err != nil {
		return nil, err
	}
	m := matchColumns(ctx, columnsOf(want), columnsOf(got))
	if m.permutation() {
		return append(d.permutedColumns(m.from), d.permutedValues(m.from)...), nil
	}
	if m.inPlace() {
		return d.changedValues(ctx, t, m)
	}
	all, err := solveHeads(ctx, b, d, block, want)
	if err != nil {
		return nil, err
	}
	moved, err := solveValues(ctx, b, d, want)
	return append(all, moved...), err
}

// permutedColumns returns the hypothesis that the columns of proj are permuted: column i belongs to what the draft has as channel from[i].
func (d *draft) permutedColumns(from []int) []hypothesis {
	order := inverted(from)
	says := "the columns of attn.proj.weight " + d.order(order)
	return []hypothesis{reordered("permuted", atAttention, says, []string{"attn.proj.weight"}, order, inColumns)}
}

func inverted(order []int) []int {
	inverse := make([]int, len(order))
	for to, from := range order {
		inverse[from] = to
	}
	return inverse
}

// permutedValues returns the hypotheses that the channels of the values are permuted.
func (d *draft) permutedValues(order []int) []hypothesis {
	says, rows := d.order(order), d.thirdOf(2, order)
	return []hypothesis{
		{name: "permuted", at: attention, general: true, says: "the values, in attn.qkv.weight and attn.v_bias, " + says, apply: func(d *draft) bool {
			return d.rearrangeFused("put the values in order", rows)
		}},
		{name: "permuted", at: attention, general: true, says: "the values in attn.qkv.weight alone " + says, apply: func(d *draft) bool {
			return d.rearrange("attn.qkv.weight", "put the values in order", rows, nil)
		}},
	}
}

// solveValues finds for each channel of the reference the channel of the values that it has, also of other heads.
func solveValues(ctx context.Context, b *blockCase, d *draft, want *whatif.Rows) ([]hypothesis, error) {
	heads, width := d.Config.Heads, d.Config.HeadDim()
	wanted := columnsOf(want)
	order := slices.Repeat([]int{-1}, want.Width)
	for by := range heads {
		got, err := rolledHeads(ctx, b, d, source{value: 1}, by)
		if err != nil {
			return nil, err
		}
		columns := columnsOf(got)
		for i := range order {
			for c := range width {
				at := i/width*width + c
				if similarity := dot(wanted.column(i), columns.column(at)); similarity > 1-slack*slack {
					order[i] = (at + by*width) % want.Width
				}
			}
		}
	}
	if !(match{from: order}).permutation() {
		return nil, nil
	}
	return d.permutedValues(order), nil
}

// thirdOf returns the order of the rows of qkv.weight in which one third, queries (0), keys (1) or values (2), is permuted.
func (d *draft) thirdOf(part int, order []int) []int {
	rows := make([]int, 3*len(order))
	for i := range rows {
		rows[i] = i
	}
	for i, from := range order {
		rows[part*len(order)+i] = part*len(order) + from
	}
	return rows
}

// changedValues returns the hypotheses about the factor and the bias of the values.
func (d *draft) changedValues(ctx context.Context, t *target, m match) ([]hypothesis, error) {
	old, err := d.vector("attn.v_bias")
	if err != nil || old == nil {
		return nil, err
	}
	var all []hypothesis
	want := slices.Clone(old)
	for i := range want {
		want[i] = m.factor[i]*old[i] + m.offset[i]
	}
	if f := m.scaled(slack); f != 0 && math.Abs(f-1) > slack/4 {
		f = round(f)
		third := func(values []float64, _ tensor.Shape) []float64 {
			scaled := slices.Clone(values)
			for i := 2 * len(values) / 3; i < len(values); i++ {
				scaled[i] *= f
			}
			return scaled
		}
		says := "the values in attn.qkv.weight are multiplied by " + factorText(f)
		all = append(all, hypothesis{name: "scaled", at: attention, general: true, says: says, apply: func(d *draft) bool {
			return d.edit("attn.qkv.weight", "multiply the values by "+factorText(f), third)
		}})
	}
	return append(all, d.recognised(ctx, t, atAttention, "attn.v_bias", want)...), nil
}

// source says which heads one head of the reference has its queries, keys, bias and values from.
type source struct{ query, key, bias, value int }

// solveHeads finds for each head of the reference the heads of the draft that it has its queries, keys, bias and values from.
func solveHeads(ctx context.Context, b *blockCase, d *draft, block *whatif.Block, want *whatif.Rows) ([]hypothesis, error) {
	heads := d.Config.Heads
	found := slices.Repeat([]source{{-1, -1, -1, -1}}, heads)
	for _, moving := range []source{{0, 0, 0, 0}, {0, 0, 1, 0}, {1, 1, 0, 0}, {1, 0, 0, 0}, {0, 1, 0, 0}, {1, 0, 1, 0}, {0, 1, 1, 0}} {
		for by := range heads {
			if by == 0 && moving != (source{}) || by > 0 && moving == (source{}) || block.Table == nil && moving.bias == 1 {
				continue
			}
			got, err := rolledHeads(ctx, b, d, moving, by)
			if err != nil {
				return nil, err
			}
			for h := range heads {
				if found[h].value >= 0 {
					continue
				}
				if at := sameHead(want, got, h, heads); at >= 0 {
					found[h] = source{(at + by*moving.query) % heads, (at + by*moving.key) % heads, (at + by*moving.bias) % heads, at}
				}
			}
		}
	}
	return d.headsFrom(found), nil
}

// rolledHeads returns the context of a draft in which queries, keys, values or the bias of each head are those of another one.
func rolledHeads(ctx context.Context, b *blockCase, d *draft, moving source, by int) (*whatif.Rows, error) {
	rolled := d.copied()
	order := make([]int, d.Config.Heads)
	for h := range order {
		order[h] = (h + by) % len(order)
	}
	rolled.moveHeads(moving.query*by > 0, moving.key*by > 0, moving.value*by > 0, moving.bias*by > 0, order)
	block, err := rolled.Block(b.block)
	if err != nil {
		return nil, err
	}
	return block.Context(ctx, b.x, b.rows)
}

// moveHeads permutes the heads of queries, keys, values and bias: head h becomes head order[h].
func (d *draft) moveHeads(query, key, value, bias bool, order []int) bool {
	width := d.Config.HeadDim()
	channels := make([]int, 0, len(order)*width)
	for _, head := range order {
		for i := range width {
			channels = append(channels, head*width+i)
		}
	}
	done := true
	for part, moved := range []bool{query, key, value} {
		if moved {
			done = d.rearrangeFused("put the heads in order", d.thirdOf(part, channels)) && done
		}
	}
	if bias {
		done = d.rearrange(table, "put the heads in order", nil, order) && done
	}
	return done
}

// sameHead returns the head of got that is head h of want, up to a constant, or -1.
func sameHead(want, got *whatif.Rows, h, heads int) int {
	width := want.Width / heads
	for step := range heads {
		other := (h + step) % heads
		difference, size := 0.0, 0.0
		for c := range width {
			meanWant, meanGot := 0.0, 0.0
			for t := range want.Count {
				meanWant += want.Row(t)[h*width+c] / float64(want.Count)
				meanGot += got.Row(t)[other*width+c] / float64(want.Count)
			}
			for t := range want.Count {
				w := want.Row(t)[h*width+c] - meanWant
				g := got.Row(t)[other*width+c] - meanGot
				difference += (w - g) * (w - g)
				size += w * w
			}
		}
		if difference <= slack*slack*size {
			return other
		}
	}
	return -1
}

// headsFrom returns the hypotheses that heads come from others.
func (d *draft) headsFrom(found []source) []hypothesis {
	parts := []struct {
		name string
		of   func(s source) int
	}{
		{"queries", func(s source) int { return s.query }},
		{"keys", func(s source) int { return s.key }},
		{"values", func(s source) int { return s.value }},
		{"relative position bias", func(s source) int { return s.bias }},
	}
	orders, moved := make([][]int, len(parts)), []string{}
	for p, one := range parts {
		used := make([]bool, len(found))
		shifted := false
		for h, s := range found {
			from := one.of(s)
			if from < 0 || used[from] {
				return nil
			}
			used[from] = true
			orders[p] = append(orders[p], from)
			shifted = shifted || from != h
		}
		if shifted {
			moved = append(moved, one.name)
		}
	}
	if len(moved) == 0 {
		return nil
	}
	var says []string
	for p, one := range parts {
		if slices.Contains(moved, one.name) {
			says = append(says, fmt.Sprintf("the heads of the %s are in the order %s", one.name, brief(orders[p])))
		}
	}
	return []hypothesis{{name: "permuted-heads", at: attention, general: true, says: strings.Join(says, ", and "), apply: func(d *draft) bool {
		done := true
		for p, one := range parts {
			if slices.Contains(moved, one.name) {
				done = d.moveHeads(p == 0, p == 1, p == 2, p == 3, orders[p]) && done
			}
		}
		return done
	}}}
}

// solveScale solves for the factor of the products of queries and keys. want is the attention branch.
func solveScale(ctx context.Context, b *blockCase, d *draft, want *whatif.Rows) ([]hypothesis, error) {
	if d.Rules.QueryScale != 0 {
		return nil, nil
	}
	usual := 1 / math.Sqrt(float64(d.Config.HeadDim()))
	factor, err := simplest(func(logarithm float64) (float64, error) {
		scaled := d.copied()
		scaled.Rules.QueryScale = usual * math.Exp2(logarithm)
		block, err := scaled.Block(b.block)
		if err != nil {
			return 0, err
		}
		got, err := block.Attention(ctx, b.x, b.rows)
		if err != nil {
			return 0, err
		}
		return drift.Compare(got.Values, want.Values).RMS, nil
	})
	if err != nil || factor == 1 {
		return nil, err
	}
	return []hypothesis{program(
		"query-scale", attention, fmt.Sprintf("the products of queries and keys are multiplied by %s/√%d, not 1/√%[2]d", factorText(factor), d.Config.HeadDim()),
		"multiply the queries by 1/√(width of a head), once", func(r *whatif.Rules) { r.QueryScale = usual * factor },
	)}, nil
}

// simplest returns the factor from 1/128 to 128 for whose logarithm to base 2 a function is lowest: a simple number, if there is one near.
func simplest(f func(logarithm float64) (float64, error)) (float64, error) {
	best, least := 0.0, math.Inf(1)
	for x := -7.0; x <= 7; x += 0.5 {
		y, err := f(x)
		if err != nil {
			return 0, err
		}
		if y < least {
			best, least = x, y
		}
	}
	const rough, exact = 1e-3, 1e-7
	low, high, err := narrowed(f, best-0.5, best+0.5, rough)
	if err != nil {
		return 0, err
	}
	middle := math.Exp2((low + high) / 2)
	if simple := round(middle); simple != middle {
		return simple, nil
	}
	low, high, err = narrowed(f, low, high, exact)
	return math.Exp2((low + high) / 2), err
}

// narrowed returns an interval up to width wide in which a function is lowest, by the golden section.
func narrowed(f func(float64) (float64, error), low, high, width float64) (float64, float64, error) {
	const golden = 0.6180339887498949
	left, right := high-golden*(high-low), low+golden*(high-low)
	a, err := f(left)
	if err != nil {
		return 0, 0, err
	}
	b, err := f(right)
	for err == nil && high-low > width {
		if a < b {
			high, right, b = right, left, a
			left = high - golden*(high-low)
			a, err = f(left)
		} else {
			low, left, a = left, right, b
			right = low + golden*(high-low)
			b, err = f(right)
		}
	}
	return low, high, err
}
