//go:build !race

package verify_test

import (
	"slices"
	"testing"
)

// TestResult_RepairOfTokenizers repairs each fault of a tokenizer that leaves its information, and wants it verified, with the values that it had before.
func TestResult_RepairOfTokenizers(t *testing.T) {
	t.Parallel()
	repairable := map[string]struct{ trust, lengths bool }{
		"two convolutions exchanged":                {},
		"two convolutions exchanged, logits alone":  {},
		"two convolutions of the decoder exchanged": {},
		"post gain left out":                        {trust: true},
		"post gain twice":                           {},
		"codebook rolled":                           {},
		"tokens of the decoder rolled":              {},
		"codes not of length 1":                     {lengths: true}, // which the l2 norm takes away
		"blocks of VQ-KD exchanged":                 {},
		"a layer of VQ-KD's decoder reshaped":       {},
	}
	count := 0
	for _, fault := range tokenizerFaults {
		how, is := repairable[fault.name]
		if !is {
			continue
		}
		count++
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			g := tokenizer(t, fault.recording)
			right := slices.Clone(g.Weights)
			fault.plant(t, g)
			repair, err := verified(t, g).Repair(g.Weights, how.trust)
			if err != nil || len(repair.Remaining) > 0 {
				t.Fatalf("%+v, %v", repair, err)
			}
			g.Weights = repair.Weights
			if again := verified(t, g); !again.OK {
				t.Errorf("repaired, it differs at %s", again.FirstDivergence)
			}
			if !how.lengths {
				sameValues(t, g, right)
			}
		})
	}
	if count != len(repairable) {
		t.Errorf("%d of %d faults are planted", count, len(repairable))
	}
}
