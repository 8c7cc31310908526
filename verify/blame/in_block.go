package blame

import (
	"fmt"

	"github.com/beitzoo/beitzoo/beit/engine/whatif"
)

var wholeBlock = []part{atAttention, atMiddle, atMLP}

// inBlock returns the mistakes that concern both branches of a block.
func inBlock() []hypothesis {
	const advice = "use the order of BEiT: x + gamma_1 attention(norm1(x)), then the same with the MLP"
	all := []hypothesis{
		exchanging("swapped-gammas", []part{atMiddle, atMLP}, "gamma_1", "gamma_2"),
		{name: "no-layer-scale", at: []part{atMiddle, atMLP}, says: "gamma_1 and gamma_2 are left out", apply: func(d *draft) bool {
			return d.edit("gamma_1", "ones", ones) && d.edit("gamma_2", "ones", ones)
		}},
		{name: "swapped-norms", at: []part{atAttention, atMLP}, says: "norm1 and norm2 are exchanged", apply: func(d *draft) bool {
			return d.exchange("norm1.weight", "norm2.weight") && d.exchange("norm1.bias", "norm2.bias")
		}},
		{name: "all-reshaped", at: wholeBlock, says: "no linear weight was transposed, only reshaped", apply: func(d *draft) bool {
			done := true
			for _, name := range []string{"attn.qkv.weight", "attn.proj.weight", "mlp.fc1.weight", "mlp.fc2.weight"} {
				done = d.edit(name, "read as [in, out] and transpose", reread) && done
			}
			return done
		}},
	}
	for _, o := range []struct {
		says  string
		order whatif.Order
	}{
		{"the norms come after the sums (post-norm)", whatif.NormAfterSum},
		{"the norms come after the branches", whatif.NormAfterBranch},
		{"layer scale comes after the residual sum", whatif.ScaleAfterSum},
		{"both branches read the same input, side by side", whatif.SideBySide},
		{"the residual connection around the attention is missing", whatif.NoFirstResidual},
		{"the residual connection around the MLP is missing", whatif.NoSecondResidual},
		{"the residual stream is that after the norms", whatif.ResidualOfNorm},
	} {
		all = append(all, program("order", wholeBlock, o.says, advice, func(r *whatif.Rules) { r.Order = o.order }))
	}
	return append(all, hypothesis{name: "other-block", at: wholeBlock, alone: true, says: "it has the weights of ", apply: func(d *draft) bool { return d.neighbour(1) }},
		hypothesis{name: "other-block", at: wholeBlock, alone: true, says: "it has the weights of ", apply: func(d *draft) bool { return d.neighbour(-1) }})
}

// neighbour gives the block of the draft the weights of another one, step blocks further.
func (d *draft) neighbour(step int) bool {
	var own int
	if len(d.places) != 1 {
		return false
	}
	if n, _ := fmt.Sscanf(d.places[0], "blocks.%d.", &own); n != 1 || own+step < 0 || own+step >= d.Config.Depth {
		return false
	}
	from := prefix(own + step)
	d.note = from[:len(from)-1]
	for _, p := range d.Config.Params() {
		if name, found := cutPrefix(p.Name, d.places[0]); found && !d.take(p.Name, from+name) {
			return false
		}
	}
	return true
}
