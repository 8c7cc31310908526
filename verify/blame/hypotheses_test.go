//go:build !race

package blame

import (
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/beit/engine"
)

// stageFor returns the stage at which a hypothesis shows.
func stageFor(h hypothesis) engine.Stage {
	switch h.at[0] {
	case atEmbed:
		return engine.Stage{Kind: engine.Embed}
	case atPool:
		return engine.Stage{Kind: engine.Pool}
	case atLogits:
		return engine.Stage{Kind: engine.Logits}
	}
	return engine.Stage{Kind: engine.Block, Block: 1}
}

// TestFind_EachHypothesis computes a reference under each hypothesis, and makes sure that Find names it, or one that computes the same, with and without
// the attention branch and from the logits alone.
func TestFind_EachHypothesis(t *testing.T) {
	t.Parallel()
	for _, h := range slices.Concat(hypotheses(), fromOthers(0), fromOthers(2)) {
		if h.whole {
			continue
		}
		t.Run(h.name+"/"+h.says, func(t *testing.T) {
			t.Parallel()
			played := false
			for _, config := range configs() {
				if played {
					break
				}
				weights := drawn(config)
				right, _ := run(t, config, weights, nil, false)
				wrong, applied := run(t, config, weights, &h, false)
				stage := stageFor(h)
				if !applied || !differs(right, wrong, stage) {
					continue
				}
				played = true
				for _, branch := range []bool{false, true} {
					check(t, config, weights, caseAt(config, wrong, stage, branch), h)
				}
			}
			if !played {
				t.Error("no architecture has what it is about")
			}
		})
	}
}

// TestFind_FromLogitsAlone makes sure that mistakes of a whole program are found without any activation in between.
func TestFind_FromLogitsAlone(t *testing.T) {
	t.Parallel()
	for _, h := range hypotheses() {
		if h.alone {
			continue
		}
		t.Run(h.name+"/"+h.says, func(t *testing.T) {
			t.Parallel()
			for _, config := range append(configs(), deep()) {
				weights := drawn(config)
				right, _ := run(t, config, weights, nil, true)
				wrong, applied := run(t, config, weights, &h, true)
				logits := engine.Stage{Kind: engine.Logits}
				if !applied || !differs(right, wrong, logits) {
					continue
				}
				c := caseAt(config, wrong, logits, false)
				c.Before = nil
				check(t, config, weights, c, h)
				return
			}
			t.Error("no architecture has what it is about")
		})
	}
}
