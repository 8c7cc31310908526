package verify

import (
	"github.com/beitzoo/beitzoo/beit/engine"
)

// factorSlack is how many times its limits a branch may be off that differs by a factor: the factors are rounded too, in this program and in the other.
const factorSlack = 4

// excuseBranches excuses the branches of attention that differ by a factor for each channel while the stream after the block does not differ. Such is a layer
// scale that was folded into the projection: the function of the model is the same.
func (v *verification) excuseBranches(r *Result) {
	at := map[string]*Tap{}
	for i := range r.Taps {
		at[r.Taps[i].Name] = &r.Taps[i]
	}
	for _, m := range v.taps {
		stage, err := engine.ParseStage(m.name)
		if err != nil || stage.Kind != engine.Attention || m.local == nil || m.local.scaled > factorSlack {
			continue
		}
		branch, stream := at[m.name], at[engine.Stage{Kind: engine.Block, Block: stage.Block}.String()]
		if branch == nil || stream == nil || !stream.OK || stream.Local == nil || !stream.Local.OK || branch.OK && branch.Local.OK {
			continue
		}
		branch.OK, branch.Excused, branch.Local.OK = true, true, true
		v.excused = append(v.excused, m.name)
	}
}
