package blame

import (
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/tensor"
)

const fused = "attn.qkv.weight"

// inQKV returns the hypotheses that queries, keys and values, or their heads, stand in another order, in the weight alone and with the fused bias, and those
// about one of them alone.
func inQKV() []hypothesis {
	var all []hypothesis
	for _, order := range []struct {
		says  string
		order [3]int
	}{
		{"q and k are exchanged", [3]int{1, 0, 2}},
		{"q and v are exchanged", [3]int{2, 1, 0}},
		{"k and v are exchanged", [3]int{0, 2, 1}},
		{"it is read as k, v, q", [3]int{2, 0, 1}},
		{"it is read as v, q, k", [3]int{1, 2, 0}},
	} {
		all = append(all, layout("qkv-order", order.says, func(c arch.Config) []int { return thirds(3*c.EmbedDim, order.order) })...)
	}
	const three, heads, width = 0, 1, 2
	names := [3]string{"3", "heads", "width"}
	for _, axes := range [][3]int{{heads, three, width}, {three, width, heads}, {heads, width, three}, {width, heads, three}, {width, three, heads}} {
		text := "[" + names[axes[0]] + ", " + names[axes[1]] + ", " + names[axes[2]] + "]"
		sizes := func(c arch.Config) [3]int { return [3]int{3, c.Heads, c.HeadDim()} }
		all = append(all, layout("qkv-layout", "it is read as "+text+", not as [3, heads, width]", func(c arch.Config) []int {
			return inverted(permutedAxes(sizes(c), axes))
		})...)
		all = append(all, layout("qkv-layout", "it is rearranged from [3, heads, width] to "+text,
			func(c arch.Config) []int { return permutedAxes(sizes(c), axes) })...)
	}
	all = append(all, inThirds()...)
	reversedColumns := func(c arch.Config) []int { return reversed(c.EmbedDim) }
	return append(all, lonely(
		arranging(attention, fused, "the columns of attn.qkv.weight are reversed", nil, reversedColumns, "", nil),
		arranging(attention, fused, "the columns of attn.qkv.weight are rolled by 1", nil, func(c arch.Config) []int { return rolled(c.EmbedDim, 1) },
			"", nil),
		arranging(attention, fused, "the columns of attn.qkv.weight are rolled back by 1", nil,
			func(c arch.Config) []int { return rolled(c.EmbedDim, -1) }, "", nil),
		arranging(attention, fused, "the rows of attn.qkv.weight are reversed", func(c arch.Config) []int { return reversed(3 * c.EmbedDim) }, nil, "",
			nil),
		arranging(attention, fused, "the rows of attn.qkv.weight are rolled by 1", func(c arch.Config) []int { return rolled(3*c.EmbedDim, 1) }, nil,
			"", nil),
		arranging(attention, fused, "the rows of attn.qkv.weight are rolled back by 1", func(c arch.Config) []int { return rolled(3*c.EmbedDim, -1) },
			nil, "", nil),
	)...)
}

// layout returns two hypotheses: the rows of qkv are in another order in the weight alone, and with the biases.
func layout(name, says string, rows func(arch.Config) []int) []hypothesis {
	return []hypothesis{
		{name: name, at: attention, says: "in attn.qkv.weight and the biases " + says, apply: func(d *draft) bool {
			return d.rearrangeFused("put the rows in order", rows(d.Config))
		}},
		{name: name, at: attention, says: "in attn.qkv.weight alone " + says, apply: func(d *draft) bool {
			return d.rearrange(fused, "put the rows in order", rows(d.Config), nil)
		}},
	}
}

// third is a part of the rows of qkv: 0 are queries, 1 keys, 2 values.
type third int

func (t third) String() string {
	return [...]string{"the queries (q)", "the keys (k)", "the values (v)"}[t]
}

// of returns a change of these rows alone, as a matrix [C, C].
func (t third) of(change changeFunc) changeFunc {
	return func(values []float64, shape tensor.Shape) []float64 {
		part := len(values) / 3
		out := append([]float64(nil), values...)
		copy(out[int(t)*part:], change(values[int(t)*part:(int(t)+1)*part], tensor.Shape{shape[0] / 3, shape[1]}))
		return out
	}
}

// inThirds returns the mistakes in queries, keys or values alone.
func inThirds() []hypothesis {
	each := func(change changeFunc) changeFunc {
		return func(values []float64, shape tensor.Shape) []float64 {
			for t := range third(3) {
				values = t.of(change)(values, shape)
			}
			return values
		}
	}
	all := []hypothesis{editing("transposed", attention, fused, "q, k and v, in attn.qkv.weight, are each transposed", "transpose each third", each(reread))}
	for t := range third(3) {
		all = append(all, lonely(editing("transposed", attention, fused, t.String()+" in attn.qkv.weight are transposed", "transpose these rows", t.of(reread)))...)
	}
	all = append(all, lonely(inexact(scaledQueries()...)...)...)
	for _, c := range changes[:2] {
		says := third(2).String() + " in attn.qkv.weight alone, each " + c.says
		all = append(all, lonely(editing(c.name, attention, fused, says, c.repair+" these rows", third(2).of(c.of)))...)
	}
	for t := range third(3) {
		all = append(all, lonely(editing("negated", attention, fused, t.String()+" in attn.qkv.weight are negated", "negate these rows", t.of(scale(-1))))...)
		if t == 0 {
			all = append(all, lonely(both("the queries (q), in attn.qkv.weight and attn.q_bias, are negated",
				editing("negated", attention, fused, "", "negate these rows", t.of(scale(-1))), editing("", nil, "attn.q_bias", "", "negate", scale(-1))))...)
		}
		for _, order := range channelOrders {
			rows := func(c arch.Config) []int { return inHeads(c, int(t), order.of(c.HeadDim())) }
			all = append(all, lonely(arranging(attention, fused, "the channels in each head of "+t.String()+" in attn.qkv.weight "+order.says, rows, nil,
				"", nil))...)
		}
	}
	return append(all, inHeadOrder()...)
}

// inHeadOrder returns the hypotheses that heads stand in another order: in the weight alone, in the weight and the biases, and in the table.
func inHeadOrder() []hypothesis {
	var all []hypothesis
	for _, o := range headOrders {
		for _, of := range []struct {
			says  string
			parts []int
			bias  bool
		}{
			{"queries (q)", []int{0}, true},
			{"keys (k)", []int{1}, false},
			{"values (v)", []int{2}, true},
			{"queries and keys", []int{0, 1}, true},
			{"queries, keys and values", []int{0, 1, 2}, true},
		} {
			order := func(c arch.Config) []int { return headsOf(c, o.of(c.Heads), of.parts) }
			alone := "the heads of the " + of.says + " in attn.qkv.weight alone " + o.says
			all = append(all, hypothesis{name: "permuted-heads", at: attention, says: alone, apply: func(d *draft) bool {
				rows := order(d.Config)
				return rows != nil && d.rearrange(fused, "put the heads in order", rows, nil)
			}})
			if !of.bias {
				continue
			}
			with := "the heads of the " + of.says + ", in attn.qkv.weight and the biases, " + o.says
			all = append(all, hypothesis{name: "permuted-heads", at: attention, says: with, apply: func(d *draft) bool {
				rows := order(d.Config)
				return rows != nil && d.rearrangeFused("put the heads in order", rows)
			}})
		}
		all = append(all, hypothesis{
			name: "permuted-heads", at: attention, says: "the heads that the columns of attn.proj.weight belong to " + o.says, apply: func(d *draft) bool {
				order := headsOf(d.Config, o.of(d.Config.Heads), []int{0})
				return order != nil && d.rearrange("attn.proj.weight", "put the columns in order", nil, order[:d.Config.EmbedDim])
			},
		}, hypothesis{
			name: "permuted-heads", at: attention, says: "the heads of the relative position bias table " + o.says, apply: func(d *draft) bool {
				order := o.of(d.Config.Heads)
				return order != nil && d.rearrange(table, "put the heads in order", nil, order)
			},
		})
	}
	return lonely(all...)
}

// headOrders are the orders of heads that are tried without a solver; nil where an earlier one is the same.
var headOrders = []struct {
	says string
	of   func(heads int) []int
}{
	{"are in reverse order", reversed},
	{"are rolled by 1", func(heads int) []int { return ofMany(heads, rolled(heads, 1)) }},
	{"are rolled back by 1", func(heads int) []int { return ofMany(heads, rolled(heads, -1)) }},
}

// ofMany returns an order, or nil for one or two heads, which have but one other order.
func ofMany(heads int, order []int) []int {
	const two = 2
	if heads <= two {
		return nil
	}
	return order
}

// headsOf returns the order of the rows of qkv in which the heads of these thirds are in that order; nil for no order.
func headsOf(c arch.Config, heads, thirds []int) []int {
	if heads == nil {
		return nil
	}
	order := rolled(3*c.EmbedDim, 0)
	for _, part := range thirds {
		for i := range c.EmbedDim {
			order[part*c.EmbedDim+i] = part*c.EmbedDim + heads[i/c.HeadDim()]*c.HeadDim() + i%c.HeadDim()
		}
	}
	return order
}

// channelOrders are orders of the channels in a head that programs use for rotations.
var channelOrders = []struct {
	says string
	of   func(width int) []int
}{
	{"are reversed", reversed},
	{"are rearranged from [width/2, 2] to [2, width/2]", func(width int) []int { return halves(width, 2, width/2) }},
	{"are rearranged from [2, width/2] to [width/2, 2]", func(width int) []int { return halves(width, width/2, 2) }},
}

// halves returns grid(rows, columns), or no change for an odd width.
func halves(width, rows, columns int) []int {
	if rows*columns != width {
		return rolled(width, 0)
	}
	return grid(rows, columns)
}

// inHeads returns the order of the rows of qkv in which the channels of each head of one third are in another order.
func inHeads(c arch.Config, part int, order []int) []int {
	rows := rolled(3*c.EmbedDim, 0)
	for head := range c.Heads {
		first := part*c.EmbedDim + head*c.HeadDim()
		for i, from := range order {
			rows[first+i] = first + from
		}
	}
	return rows
}

// scaledQueries returns the hypotheses that the queries, or all of qkv, have a factor.
func scaledQueries() []hypothesis {
	const also = "; a program that does this in every block has to multiply the queries by 1/√(width of a head), once"
	var all []hypothesis
	for _, f := range []struct {
		says string
		of   func(c arch.Config) float64
	}{
		{"2", func(arch.Config) float64 { return 2 }},
		{"1/2", func(arch.Config) float64 { return 0.5 }},
		{"√d: 1/√d is applied twice or not at all", func(c arch.Config) float64 { return sqrt(c.HeadDim()) }},
		{"1/√d", func(c arch.Config) float64 { return 1 / sqrt(c.HeadDim()) }},
		{"1/d", func(c arch.Config) float64 { return 1 / float64(c.HeadDim()) }},
		{"d", func(c arch.Config) float64 { return float64(c.HeadDim()) }},
		{"√d/√C, as if the scale were by the width of all heads", func(c arch.Config) float64 { return sqrt(c.HeadDim()) / sqrt(c.EmbedDim) }},
		{"√d/√(number of heads)", func(c arch.Config) float64 { return sqrt(c.HeadDim()) / sqrt(c.Heads) }},
		{"√d/8, as if the heads had width 64", func(c arch.Config) float64 { return sqrt(c.HeadDim()) / 8 }},
	} {
		times := func(d *draft, name string, of func(changeFunc) changeFunc) bool {
			factor := f.of(d.Config)
			return math.Abs(factor-1) > 1e-9 && d.edit(name, "multiply by "+factorText(round(factor)), of(scale(factor)))
		}
		whole := func(change changeFunc) changeFunc { return change }
		queries := func(d *draft) bool { return times(d, fused, third(0).of) }
		bias := func(d *draft) bool { return times(d, "attn.q_bias", whole) }
		all = append(all,
			hypothesis{
				name: "query-scale", at: attention, ruled: true, says: "the queries, in attn.qkv.weight and attn.q_bias, are multiplied by " + f.says,
				advice: "scale the queries (q) in the checkpoint" + also,
				apply:  func(d *draft) bool { return queries(d) && bias(d) },
			},
			hypothesis{name: "query-scale", at: attention, says: "the queries in attn.qkv.weight alone are multiplied by " + f.says, apply: queries},
			hypothesis{name: "scaled", at: attention, says: "attn.q_bias alone is multiplied by " + f.says, apply: bias},
		)
	}
	return append(all,
		editing("scaled", attention, fused, "attn.qkv.weight is multiplied by 2", "multiply by 2", scale(2)),
		editing("scaled", attention, fused, "attn.qkv.weight is multiplied by 1/2", "multiply by 1/2", scale(0.5)),
		editing("negated", attention, fused, "attn.qkv.weight is negated", "negate", scale(-1)),
	)
}
