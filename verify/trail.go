package verify

import (
	"maps"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
)

// trail keeps those activations of a forward pass that later parts are computed from.
type trail struct {
	config arch.Config
	// last is the index of the last part that is computed from a stage, and parts is the number of those that were added.
	last  map[engine.Stage]int
	parts int
	kept  map[engine.Stage]*engine.Activation
}

func newTrail(config arch.Config) *trail {
	t := &trail{config: config, last: map[engine.Stage]int{}, kept: map[engine.Stage]*engine.Activation{}}
	for i, stages := range partsOf(config) {
		for _, needed := range stages[0].Inputs(config) {
			t.last[needed] = i
		}
	}
	return t
}

// clone returns a trail that goes on by itself. Both have the same activations.
func (t *trail) clone() *trail {
	cloned := *t
	cloned.kept = maps.Clone(t.kept)
	return &cloned
}

// inputs returns the activations from which a stage is computed, and whether they are all there.
func (t *trail) inputs(stage engine.Stage) (all []engine.Activation, complete bool) {
	for _, needed := range stage.Inputs(t.config) {
		a := t.kept[needed]
		if a == nil {
			return nil, false
		}
		all = append(all, *a)
	}
	return all, true
}

// set replaces the activation of a stage, if a later part needs it.
func (t *trail) set(stage engine.Stage, a *engine.Activation) {
	if t.kept[stage] != nil {
		t.kept[stage] = a
	}
}

// own gives what is kept of stages memory that nobody else has.
func (t *trail) own(stages []engine.Stage) {
	for _, stage := range stages {
		if a := t.kept[stage]; a != nil {
			a.Values = slices.Clone(a.Values)
		}
	}
}

// add keeps the activations of the next part, of which a nil pointer stands for one that nobody knows, and forgets those that no later part needs.
func (t *trail) add(stages []engine.Stage, all []*engine.Activation) {
	for i, stage := range stages {
		t.kept[stage] = all[i]
	}
	for stage := range t.kept {
		if t.last[stage] <= t.parts {
			delete(t.kept, stage)
		}
	}
	t.parts++
}
