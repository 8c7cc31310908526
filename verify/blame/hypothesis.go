package blame

import "slices"

// hypothesis is a mistake that a program or a conversion may have made.
type hypothesis struct {
	// name is that of Finding.Hypothesis.
	name string
	// at are the parts of the forward pass that it can affect.
	at []part
	// says completes the sentence "STAGE agrees with the reference if ".
	says string
	// side is whose fault it is; empty means Checkpoint.
	side Side
	// advice says what to change, or is empty.
	advice string
	// apply changes the draft. It returns false if the hypothesis does not apply to it.
	apply func(*draft) bool
	// alone means that it is tried on single stages only: on a whole model it would not make sense, or be one of too many.
	alone bool
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
)

// concerns reports whether the hypothesis can affect one of the parts.
func (h hypothesis) concerns(parts []part) bool {
	return slices.ContainsFunc(h.at, func(p part) bool { return slices.Contains(parts, p) })
}

// hypotheses returns all hypotheses that are listed, the likeliest first. Those that are solved for from activations are found by solvers.
func hypotheses() []hypothesis {
	return slices.Concat(epsilons(), inAttention(), inMLP(), inBlock(), inEmbed(), inPool(), inLogits())
}
