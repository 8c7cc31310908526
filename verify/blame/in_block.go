package blame

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
)

var (
	wholeBlock = []part{atAttention, atMiddle, atMLP}
	branches   = []part{atAttention, atMLP}
	wholeModel = []part{atEmbed, atAttention, atMiddle, atMLP, atPool, atLogits}
	// sums are where the branches meet the stream.
	sums = []part{atMiddle, atMLP}
)

// inBlock returns the mistakes that concern both branches of a block.
func inBlock() []hypothesis {
	const advice = "use the order of BEiT: x + gamma_1 attention(norm1(x)), then the same with the MLP"
	all := []hypothesis{
		exchanging("swapped-gammas", sums, "gamma_1", "gamma_2"),
		{name: "no-layer-scale", at: sums, says: "gamma_1 and gamma_2 are left out (layer scale)", apply: func(d *draft) bool {
			return d.edit("gamma_1", "ones", ones) && d.edit("gamma_2", "ones", ones)
		}},
		noScale([]part{atMiddle}, "gamma_1", "attn.proj"),
		noScale(mlp, "gamma_2", "mlp.fc2"),
		taking("gamma_1 is used for both branches", []part{atMLP}, "gamma_2", "gamma_1"),
		taking("gamma_2 is used for both branches", []part{atMiddle}, "gamma_1", "gamma_2"),
		{name: "all-reshaped", at: wholeBlock, says: "no linear weight was transposed, only reshaped", apply: func(d *draft) bool {
			done := true
			for _, name := range []string{"attn.qkv.weight", "attn.proj.weight", "mlp.fc1.weight", "mlp.fc2.weight"} {
				done = d.edit(name, "read as [in, out] and transpose", reread) && done
			}
			return done
		}},
		exchanging("swapped-biases", branches, "attn.proj.bias", "mlp.fc2.bias"),
		{name: "squared", at: sums, says: "layer scale is applied twice: gamma_1 and gamma_2 are squared", apply: func(d *draft) bool {
			squares := mapping(func(v float64) float64 { return v * v })
			return d.edit("gamma_1", "square", squares) && d.edit("gamma_2", "square", squares)
		}},
	}
	for _, o := range []struct {
		says  string
		at    []part
		order whatif.Order
	}{
		{"the norms come after the sums (post-norm)", wholeBlock, whatif.NormAfterSum},
		{"the norms come after the branches", wholeBlock, whatif.NormAfterBranch},
		{"layer scale comes after the residual sum", sums, whatif.ScaleAfterSum},
		{"layer scale comes before the branches, on their inputs", wholeBlock, whatif.ScaleFirst},
		{"both branches read the same input, side by side (in parallel)", sums, whatif.SideBySide},
		{"the MLP comes before the attention", wholeBlock, whatif.MLPFirst},
		{"the residual connection around the attention is missing", sums, whatif.NoFirstResidual},
		{"the residual connection around the MLP is missing", sums, whatif.NoSecondResidual},
		{"the residual stream is that after the norms", sums, whatif.ResidualOfNorm},
	} {
		all = append(all, program("order", o.at, o.says, advice, func(r *whatif.Rules) { r.Order = o.order }))
	}
	all = append(all, lonely(program("no-block", sums, "the block is left out: its output is its input", "compute all blocks",
		func(r *whatif.Rules) { r.Order = whatif.NoBlock }))...)
	all = append(all, hypothesis{
		name: "no-block", at: sums, says: "the last block is left out", side: Program, advice: "compute all blocks", whole: true, apply: func(d *draft) bool {
			if last := prefix(d.Config.Depth - 1); len(d.places) != 1 || d.places[0] != last {
				return false
			}
			d.Rules.Order = whatif.NoBlock
			return true
		},
	})
	for _, percent := range []int{10, 20, 30, 5, 15, 40, 50} {
		says := fmt.Sprintf("both branches are multiplied by 1/(1 - %g): drop path (stochastic depth) was left on", float64(percent)/100)
		all = append(all, program("drop-path", sums, says, "run the model in evaluation mode", func(r *whatif.Rules) { r.BranchScale = 1 / (1 - float64(percent)/100) }))
	}
	return append(all, halfWeights()...)
}

// noScale returns the hypothesis that a layer scale is all ones: the program leaves it out, or the checkpoint has it in the weights before it, too.
func noScale(at []part, gamma, before string) hypothesis {
	h := inexact(editing("no-layer-scale", at, gamma, gamma+" is left out (or folded into "+before+" already): it is all ones", "ones", ones))[0]
	h.side = Either
	return h
}

// halfWeights returns the hypotheses that a program has parameters in half precision.
func halfWeights() []hypothesis {
	var all []hypothesis
	for _, half := range halfTypes {
		all = append(all, hypothesis{
			name: "half-weights", at: wholeModel, says: "the weights are rounded to " + half.says, side: Program, advice: "load the weights in float32", apply: func(d *draft) bool {
				for _, p := range d.Config.Params() {
					place := ""
					if block := blockOf(p.Name); block >= 0 {
						place = prefix(block)
					}
					if !slices.Contains(d.places, place) {
						continue
					}
					t, err := d.Tensor(p.Name)
					if err != nil {
						return false
					}
					d.Set(p.Name, t.Map(func(values []float64) []float64 {
						rounded := slices.Clone(values)
						half.round(rounded)
						return rounded
					}))
				}
				return true
			},
		})
	}
	return all
}

// taking returns the hypothesis that one parameter of a block is used for another, too.
func taking(says string, at []part, name, from string) hypothesis {
	return hypothesis{name: otherTensor, at: at, says: says + ": " + name + " is that of " + from, apply: func(d *draft) bool {
		done := false
		for _, place := range d.places {
			if d.Has(place+name) && d.Has(place+from) {
				done = d.take(place+name, place+from) || done
			}
		}
		return done
	}}
}

// inNorms returns the mistakes in the norms of a block.
func inNorms() []hypothesis {
	const kind = "subtract the mean, and divide by the root of variance + epsilon, with the variance of n values"
	all := []hypothesis{
		both("norm1 and norm2 are exchanged", exchanging("swapped-norms", branches, "norm1.weight", "norm2.weight"), exchanging("", nil, "norm1.bias", "norm2.bias")),
		exchanging("swapped-norms", branches, "norm1.weight", "norm2.weight"),
		exchanging("swapped-norms", branches, "norm1.bias", "norm2.bias"),
		exchanging("swapped-norms", attention, "norm1.weight", "norm1.bias"),
		exchanging("swapped-norms", mlp, "norm2.weight", "norm2.bias"),
		both("norm1 is used for both branches: norm2 is that of norm1", taking("", mlp, "norm2.weight", "norm1.weight"), taking("", mlp, "norm2.bias", "norm1.bias")),
		both("norm2 is used for both branches: norm1 is that of norm2", taking("", attention, "norm1.weight", "norm2.weight"),
			taking("", attention, "norm1.bias", "norm2.bias")),
	}
	for i, n := range []struct {
		at   []part
		name string
	}{{attention, "norm1"}, {mlp, "norm2"}} {
		all = append(all,
			editing("ones", n.at, n.name+".weight", n.name+".weight is left out: it is all ones", "ones", ones),
			editing("no-bias", n.at, n.name+".bias", n.name+".bias is left out", "zero", zeros),
			both(n.name+" has neither weight (all ones) nor bias (zero)", editing("ones", n.at, n.name+".weight", "", "ones", ones),
				editing("", n.at, n.name+".bias", "", "zero", zeros)),
			program("no-norm", n.at, n.name+" is left out", "apply "+n.name+" before the branch", func(r *whatif.Rules) {
				if i == 0 {
					r.NoNorm1 = true
				} else {
					r.NoNorm2 = true
				}
			}))
	}
	all = append(all, hypothesis{
		name: "ones", at: []part{atAttention, atMLP, atPool}, says: "all norms have neither weight (all ones) nor bias (zero)",
		apply: func(d *draft) bool {
			done := false
			for _, name := range []string{"norm1", "norm2", d.Config.NormName()} {
				done = d.edit(name+".weight", "ones", ones) && d.edit(name+".bias", "zero", zeros) || done
			}
			return done
		}, whole: true,
	})
	for _, k := range []struct {
		says string
		kind whatif.NormKind
	}{
		{"divide by n - 1: the variance is the unbiased one, of a sample", whatif.UnbiasedNorm},
		{"add epsilon to the standard deviation, outside of the root", whatif.OutsideNorm},
		{"do not subtract the mean (RMSNorm)", whatif.RMSNorm},
		{"neither subtract the mean nor add the bias (RMSNorm)", whatif.RMSNormAlone},
	} {
		set := func(r *whatif.Rules) { r.Norm = k.kind }
		all = append(all, program("norm-kind", []part{atAttention, atMLP, atPool}, "the norms "+k.says, kind, set),
			everywhere(program("norm-kind", branches, "the norms of the blocks "+k.says, kind, set)))
	}
	return all
}

// inOrder returns the mistakes in the order of blocks, in a whole model.
func inOrder() []hypothesis {
	var all []hypothesis
	for _, o := range []struct {
		says string
		of   func(block, depth int) int
	}{
		{"the blocks are in the reverse order", func(block, depth int) int { return depth - 1 - block }},
		{"the blocks are rolled by 1", func(block, depth int) int { return (block + 1) % depth }},
		{"the blocks are rolled back by 1", func(block, depth int) int { return (block + depth - 1) % depth }},
		{"the blocks are in the order of their numbers as text: 0, 1, 10, 11, 2", asText},
		{"the blocks are in another order: their numbers were sorted as text", fromText},
	} {
		all = append(all, hypothesis{name: "block-order", at: wholeBlock, whole: true, says: o.says, apply: func(d *draft) bool {
			changed := false
			for _, place := range d.places {
				own := blockOf(place)
				if from := o.of(own, d.Config.Depth); from != own {
					changed = true
					if !d.takeAll(place, prefix(from), everything) {
						return false
					}
				}
			}
			return changed
		}})
	}
	return all
}

func asText(block, depth int) int {
	numbers := make([]string, depth)
	for i := range numbers {
		numbers[i] = strconv.Itoa(i)
	}
	slices.Sort(numbers)
	from, _ := strconv.Atoi(numbers[block]) // which is a number
	return from
}

func fromText(block, depth int) int {
	for i := range depth {
		if asText(i, depth) == block {
			return i
		}
	}
	return block
}

// blockOf returns the number of the block whose prefix it is, or -1.
func blockOf(place string) int {
	var block int
	if n, _ := fmt.Sscanf(place, "blocks.%d.", &block); n != 1 {
		return -1
	}
	return block
}

func everything(string) bool { return true }

// takeAll gives some parameters of a block the values that they have in another block.
func (d *draft) takeAll(place, from string, which func(name string) bool) bool {
	done := false
	for _, p := range d.Config.Params() {
		if name, found := strings.CutPrefix(p.Name, place); found && which(name) {
			if !d.take(p.Name, from+name) {
				return false
			}
			done = true
		}
	}
	return done
}

// otherBlock and otherTensor are the hypotheses that parameters are those of another block.
const otherBlock, otherTensor = "other-block", "other-tensor"

// fromOthers returns the hypotheses that the block of a draft, a part of it, or one of its parameters is that of block from.
func fromOthers(from int) []hypothesis {
	source := strings.TrimSuffix(prefix(from), ".")
	of := func(name string, at []part, says string, which func(name string) bool) hypothesis {
		return hypothesis{name: name, at: at, alone: true, says: says, apply: func(d *draft) bool {
			if len(d.places) != 1 {
				return false
			}
			own := blockOf(d.places[0])
			return own >= 0 && own != from && d.takeAll(d.places[0], prefix(from), which)
		}}
	}
	all := []hypothesis{
		of(otherBlock, wholeBlock, "it is taken from the weights of "+source+": the blocks are in another order, or one is used twice", everything),
		of(otherBlock, attention, "its attention is taken from the weights of "+source, startsWith("attn.")),
		of(otherBlock, attention, "its attention and norm1 are taken from the weights of "+source, startsWith("attn.", "norm1.")),
		of(otherBlock, mlp, "its MLP is taken from the weights of "+source, startsWith("mlp.")),
		of(otherBlock, mlp, "its MLP and norm2 are taken from the weights of "+source, startsWith("mlp.", "norm2.")),
		of(otherBlock, branches, "its norms are taken from the weights of "+source, startsWith("norm")),
		of(otherBlock, attention, "its norm1 is taken from the weights of "+source, startsWith("norm1.")),
		of(otherBlock, mlp, "its norm2 is taken from the weights of "+source, startsWith("norm2.")),
		of(otherBlock, sums, "its layer scale (gamma_1 and gamma_2) is taken from the weights of "+source, startsWith("gamma")),
		of(otherBlock, mlp, "its mlp.fc1 is taken from the weights of "+source, startsWith("mlp.fc1.")),
		of(otherBlock, mlp, "its mlp.fc2 is taken from the weights of "+source, startsWith("mlp.fc2.")),
		of(otherBlock, attention, "its attn.proj is taken from the weights of "+source, startsWith("attn.proj.")),
	}
	for _, p := range []struct {
		at    []part
		names []string
	}{
		{attention, []string{
			"norm1.weight", "norm1.bias", "attn.qkv.weight", "attn.q_bias", "attn.v_bias", "attn.relative_position_bias_table", "attn.proj.weight",
			"attn.proj.bias",
		}},
		{[]part{atMiddle}, []string{"gamma_1"}},
		{mlp, []string{"norm2.weight", "norm2.bias", "mlp.fc1.weight", "mlp.fc1.bias", "mlp.fc2.weight", "mlp.fc2.bias", "gamma_2"}},
	} {
		for _, own := range p.names {
			all = append(all, of(otherTensor, p.at, own+" is taken from "+source, func(name string) bool { return name == own }))
		}
	}
	return all
}

// displaced is something of a block that was found to be in another one: hypothesis number which of fromOthers.
type displaced struct{ from, to, which int }

// returned returns the hypotheses that blocks are exchanged of which one was found to be in the place of the other.
func (s *Search) returned(t *target, d *draft) []hypothesis {
	var known []hypothesis
	for _, m := range s.displaced {
		h := fromOthers(m.to)[m.which]
		if slices.Equal(d.places, []string{prefix(m.from)}) && h.concerns(t.parts) && !h.concerns(t.done) {
			known = append(known, h)
		}
	}
	return known
}

// keepDisplaced remembers which block a hypothesis takes something from.
func (s *Search) keepDisplaced(h hypothesis, d *draft) {
	if h.name != otherBlock && h.name != otherTensor || len(d.places) != 1 {
		return
	}
	for from := range s.model.Config.Depth {
		if which := slices.IndexFunc(fromOthers(from), h.same); which >= 0 {
			s.displaced = append(s.displaced, displaced{from, blockOf(d.places[0]), which})
		}
	}
}

// fromOthers tries whether something in a block is what another block has, one other block after the other.
func (s *Search) fromOthers(ctx context.Context, t *target, start *trial) (best *trial, tried []*trial, err error) {
	if len(start.draft.places) != 1 || blockOf(start.draft.places[0]) < 0 {
		return nil, nil, nil
	}
	for _, from := range s.nearby(blockOf(start.draft.places[0])) {
		var known []hypothesis
		for _, h := range fromOthers(from) {
			if h.concerns(t.parts) && !h.concerns(t.done) {
				known = append(known, h)
			}
		}
		best, more, err := s.improve(ctx, t, start, known)
		if err != nil || best != nil {
			return best, nil, err
		}
		tried = append(tried, more...)
		s.model.Forget(prefix(from))
	}
	return nil, tried, nil
}

// nearby returns the other blocks, the nearest first.
func (s *Search) nearby(block int) []int {
	var all []int
	for step := 1; step < s.model.Config.Depth; step++ {
		for _, other := range []int{block + step, block - step} {
			if other >= 0 && other < s.model.Config.Depth {
				all = append(all, other)
			}
		}
	}
	return all
}
