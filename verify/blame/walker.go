package blame

import (
	"maps"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/verify/drift"
)

// scoped is a hypothesis about one block, or, if block is negative, about all of the model.
type scoped struct {
	hypothesis
	block int
}

const allBlocks = -1

// everywhereOnly returns hypotheses about the whole model.
func everywhereOnly(all []hypothesis) (found []scoped) {
	for _, h := range all {
		if !h.alone {
			found = append(found, scoped{h, allBlocks})
		}
	}
	return found
}

// likeliest are the names of mistakes that programs and conversions make in all blocks, the likeliest first: for large models, not all can be tried.
var likeliest = []string{"epsilon", "normalisation", "channel-order", "activation", "transposed", "no-relative-position-bias", "all-reshaped", "order", "qkv-order", "qkv-layout"}

// unlikely returns how many mistakes are likelier.
func (h scoped) unlikely() int {
	at := slices.Index(likeliest, h.name)
	if at < 0 || h.name == "epsilon" && !h.concerns(pooled) { // that of one norm
		return len(likeliest)
	}
	return at
}

// endsOnly reports whether a hypothesis concerns nothing but what comes after the last block.
func (h scoped) endsOnly() bool {
	return !slices.ContainsFunc(h.at, func(p part) bool { return p < atPool })
}

// same reports whether two hypotheses are the same about the same place.
func (h scoped) same(other scoped) bool {
	return h.name == other.name && h.says == other.says && h.block == other.block
}

// stage returns the stage of the finding of a hypothesis: a single one if it concerns no other.
func (h scoped) stage() string {
	switch {
	case h.block != allBlocks:
		return engine.Stage{Kind: engine.Block, Block: h.block}.String()
	case slices.Equal(h.at, embed):
		return engine.Stage{Kind: engine.Embed}.String()
	case slices.Equal(h.at, pooled):
		return engine.Stage{Kind: engine.Pool}.String()
	case slices.Equal(h.at, head):
		return engine.Stage{Kind: engine.Logits}.String()
	case slices.Equal(h.at, pyramid):
		return engine.Stage{Kind: engine.Pyramid}.String()
	case slices.Equal(h.at, fusedMaps):
		return engine.Stage{Kind: engine.Fused}.String()
	}
	return WholeModel
}

// walker is a model with mistakes on its way through the forward pass.
type walker struct {
	hypotheses []scoped
	notes      []string
	// state is the stream after the blocks so far.
	state *whatif.Rows
	// streams are those after so many blocks that UPerNet taps, where they are not those of the model with what is assumed.
	streams map[int]*whatif.Rows
	// applied has for each hypothesis whether it changed something.
	applied  []bool
	distance drift.Distance
}

func newWalker(hypotheses ...scoped) *walker {
	return &walker{hypotheses: hypotheses, notes: make([]string, len(hypotheses)), applied: make([]bool, len(hypotheses))}
}

// plain returns the hypotheses without their places.
func (w *walker) plain() (all []hypothesis) {
	for _, h := range w.hypotheses {
		all = append(all, h.hypothesis)
	}
	return all
}

// with returns a walker at the same place with more mistakes.
func (w *walker) with(more ...scoped) *walker {
	next := newWalker(slices.Concat(w.hypotheses, more)...)
	copy(next.notes, w.notes)
	copy(next.applied, w.applied)
	next.state, next.streams = w.state, maps.Clone(w.streams)
	return next
}

// keep remembers the stream after that many blocks, if UPerNet taps it.
func (w *walker) keep(m *march, blocks int) {
	if !m.tapped(blocks) {
		return
	}
	if w.streams == nil {
		w.streams = map[int]*whatif.Rows{}
	}
	w.streams[blocks] = w.state
}

// void reports whether a hypothesis about one of the blocks up to that one changed nothing there.
func (w *walker) void(block int) bool {
	for i, h := range w.hypotheses {
		if h.block != allBlocks && h.block <= block && !w.applied[i] {
			return true
		}
	}
	return false
}

// first returns the first block that a hypothesis can affect.
func (w *walker) first() int {
	first := 0
	for i, h := range w.hypotheses {
		if h.block == allBlocks {
			return 0
		}
		if i == 0 || h.block < first {
			first = h.block
		}
	}
	return first
}

// draft returns the walker's model at one stage, where the hypotheses are applied that concern these parts of it, and which parts those affect that are not
// assumed anyway.
func (m *march) draft(w *walker, stage engine.Stage, parts ...part) (d *draft, touched []part) {
	d = newDraft(m.search.model, m.input, stage)
	for i, h := range w.hypotheses {
		if !h.concerns(parts) || h.block != allBlocks && (!stage.InBlock() || stage.Block != h.block) {
			continue
		}
		before := d.edits[sharedTableName]
		d.note = ""
		if !h.apply(d) || h.block != allBlocks && d.edits[sharedTableName] != before {
			continue // or it would concern the other blocks, too
		}
		w.applied[i], w.notes[i] = true, d.note
		if i >= len(m.assumed.hypotheses) {
			touched = append(touched, h.at...)
		}
	}
	return d, touched
}

// sharedTableName is the parameter that all blocks share of some models.
const sharedTableName = "rel_pos_bias.relative_position_bias_table"
