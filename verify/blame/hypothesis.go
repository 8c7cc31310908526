package blame

import (
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
)

// hypothesis is a mistake that a program or a conversion may have made.
type hypothesis struct {
	// name is that of Finding.Hypothesis.
	name string
	// at are the parts of the forward pass that it can affect.
	at []part
	// says completes the sentence "STAGE agrees with the reference if ".
	says string
	// parameter is the ending of the name of the vector that is another one, for anotherVector.
	parameter string
	// side is whose fault it is; empty means Checkpoint.
	side Side
	// advice says what to change, or is empty.
	advice string
	// apply changes the draft. It returns false if the hypothesis does not apply to it.
	apply func(*draft) bool
	// alone means that it is tried on single stages only: on a whole model it would not make sense, or be one of too many.
	alone bool
	// whole means that it is tried on whole models only: on a single stage another hypothesis computes the same.
	whole bool
	// general means that it was solved for, and may hold for other blocks, too: the same order of rows.
	general bool
	// ruled means that a program may do it as well: if all blocks have it, by one rule.
	ruled bool
	// slack is how much further from the reference than rounding leads it may stay, as a share of the largest value: pixels are recorded in float32, and those that
	// follow from them are only as good.
	slack float64
}

// part is a part of the forward pass.
type part int

// The parts. A hypothesis about one of them cannot affect what is computed before.
const (
	// atEmbed is everything before the first block, the input too.
	atEmbed part = iota + 1
	// atAttention is the attention branch before layer scale: norm1, qkv, the bias table, proj.
	atAttention
	// atMiddle is where the attention branch meets the residual stream: gamma_1.
	atMiddle
	// atMLP is the MLP branch and where it meets the stream: norm2, fc1, fc2, gamma_2.
	atMLP
	// atPool is what turns tokens into the input of the head.
	atPool
	// atLogits is the head.
	atLogits
	// atNecks, atLaterals, atPyramid, atFused, atFull and atAuxiliary are what UPerNet has behind its blocks, each for the stages that decoderParts names.
	atNecks
	atLaterals
	atPyramid
	atFused
	atFull
	atAuxiliary
)

// concerns reports whether the hypothesis can affect one of the parts.
func (h hypothesis) concerns(parts []part) bool {
	return slices.ContainsFunc(h.at, func(p part) bool { return slices.Contains(parts, p) })
}

// exceeds reports whether the hypothesis can affect other parts, too.
func (h hypothesis) exceeds(parts []part) bool {
	return slices.ContainsFunc(h.at, func(p part) bool { return !slices.Contains(parts, p) })
}

// same reports whether both are the same hypothesis.
func (h hypothesis) same(other hypothesis) bool { return h.name == other.name && h.says == other.says }

// hypotheses returns all hypotheses that are listed, the likeliest first. Those that are solved for from activations are found by solvers.
func hypotheses() []hypothesis {
	return slices.Concat(
		epsilons(), inAttention(), inQKV(), inTable(), inMLP(), inBlock(), inNorms(), inOrder(), inVectors(), inWeights(), rescaled(), inOutputs(),
		inEmbed(), inInput(), []hypothesis{foldedNormalisation()}, inPool(), inLogits(),
	)
}

// program returns a hypothesis about the rules of the program.
func program(name string, at []part, says, advice string, set func(r *whatif.Rules)) hypothesis {
	return hypothesis{name: name, at: at, says: says, side: Program, advice: advice, apply: func(d *draft) bool {
		set(&d.Rules)
		return true
	}}
}

// editing returns a hypothesis about one parameter.
func editing(name string, at []part, ending, says, repair string, change changeFunc) hypothesis {
	return hypothesis{name: name, at: at, says: says, apply: func(d *draft) bool { return d.edit(ending, repair, change) }}
}

// exchanging returns the hypothesis that two parameters are exchanged.
func exchanging(name string, at []part, a, b string) hypothesis {
	return hypothesis{name: name, at: at, says: a + " and " + b + " are exchanged", apply: func(d *draft) bool { return d.exchange(a, b) }}
}

// both returns the hypothesis that two others hold at once, under the name of the first.
func both(says string, a, b hypothesis) hypothesis {
	apply := a.apply
	a.says, a.apply = says, func(d *draft) bool { return apply(d) && b.apply(d) }
	return a
}

// lonely returns the hypotheses as such that are tried on single stages only.
func lonely(all ...hypothesis) []hypothesis {
	for i := range all {
		all[i].alone = true
	}
	return all
}

// storedSlack is how far parameters that were computed and stored in float32 lead, as a share of the largest value of a stage.
const storedSlack = 2e-6

// inexact returns the hypotheses as such that compute parameters of those that were stored, which float32 had rounded.
func inexact(all ...hypothesis) []hypothesis {
	for i := range all {
		all[i].slack = storedSlack
	}
	return all
}

// everywhere returns the hypothesis as one that is tried on whole models only.
func everywhere(h hypothesis) hypothesis {
	h.whole = true
	return h
}
