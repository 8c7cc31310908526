package adapt

import (
	"fmt"
	"maps"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/tensor"
)

// Options say what to change. The zero value changes nothing.
type Options struct {
	// ImageHeight and ImageWidth are the size of images in pixels; both 0 keep it. Patches must divide it.
	ImageHeight, ImageWidth int
	// Resize is how tables and pos_embed are resampled; empty means Unilm. It counts only with an image size.
	Resize Method
	// Classes is the number of classes of the new head; 0 keeps the head, unless Rows says otherwise.
	Classes int
	// Head says how the new head is made; empty means Rows if there are any, and else Seeded if the number of classes changes: a head of the same number stays.
	Head Head
	// Rows choose rows of the old head, an index or the name of a class each, in the order of the new head.
	Rows []string
	// Seed is that of a seeded head.
	Seed uint64
	// Given, if not nil, is the new head, of Classes classes.
	Given *Given
	// PerBlockBias gives each block a relative position bias table of its own: a copy of the shared one.
	PerBlockBias bool
	// Headless leaves out the head. The norm before it stays, and so does a mask token, without which the model would be one of the class token.
	Headless bool
	// Norm says where the norm before the new head of what was a masked model comes from; empty means FreshNorm.
	Norm Norm
	// Trained says that training follows, so that no note says that it has to.
	Trained bool
}

// Given is a head that somebody fitted.
type Given struct {
	// Weight is [Classes, EmbedDim] and Bias [Classes]; they are rounded to the dtype of the model.
	Weight, Bias []float64
	// What says who fitted it, and to what, as the end of a sentence: "fitted by a linear probe to ...".
	What string
}

// Any reports whether the options change anything.
func (o Options) Any() bool {
	return o.ImageHeight != 0 || o.ImageWidth != 0 || o.replacesHead() || o.PerBlockBias || o.Headless || o.Resize != "" || o.Norm != ""
}

// Names of steps. What a lossy step overwrites or leaves out can't be had back from the result.
const (
	// StepBias gives each block a table of its own.
	StepBias = "per-block-bias"
	// StepResize resamples tables and position embeddings.
	StepResize = "resize"
	// StepHead replaces the head, or leaves it out.
	StepHead = "head"
	// StepNorm replaces the last norm.
	StepNorm = "norm"
	// StepMaskToken leaves out the mask token.
	StepMaskToken = "mask-token"
	// StepClassBranch leaves out the blocks that only pre-training with a class-token branch uses.
	StepClassBranch = "cls-branch"
	// StepDrop leaves out tensors of a file by their names. It is the reader's step, not one of this package.
	StepDrop = "drop"
	// StepTables adds a table for all blocks to those of the blocks, when a file that has both is read. It is lossy if a sum was rounded.
	StepTables = "tables"
	// StepCast changes the dtype of parameters when they are written. It is not a step of this package either, and needs no permission beyond the dtype that is
	// asked for: what it destroys is counted.
	StepCast = "cast"
	// StepRepair restores parameters that a conversion damaged, from what a reference computed. It is a step of whoever verified the model: see package verify.
	StepRepair = "repair"
	// StepTrain is a training, which changes all or some parameters. It is a step of whoever trained the model: see package finetune.
	StepTrain = "finetune"
)

// StepNames returns the names of all steps.
func StepNames() []string {
	return []string{StepBias, StepResize, StepHead, StepNorm, StepMaskToken, StepClassBranch, StepDrop, StepTables, StepCast, StepRepair, StepTrain}
}

// LossyNames returns the names of the steps that can be lossy.
func LossyNames() []string {
	return []string{StepResize, StepHead, StepNorm, StepMaskToken, StepClassBranch, StepDrop, StepTables}
}

// Step is one change.
type Step struct {
	// Name is one of the Step constants.
	Name string `json:"name"`
	// What is a sentence without a full stop.
	What string `json:"what"`
	// Lossy says that what was there before can't be had back from the result.
	Lossy bool `json:"lossy,omitempty"`
	// Tensors are the canonical names of the parameters that were changed, made or left out.
	Tensors []string `json:"tensors,omitempty"`
	// Rounded are the parameters whose values were computed, and rounded to their dtype when they were stored. Others were moved, or taken as they were.
	Rounded []string `json:"rounded,omitempty"`
}

// String returns name and sentence.
func (s Step) String() string { return s.Name + ": " + s.What }

// Rounded returns the names of the parameters whose values steps computed and rounded.
func Rounded(steps []Step) []string {
	var names []string
	for _, s := range steps {
		names = append(names, s.Rounded...)
	}
	return names
}

// Result is the changed model.
type Result struct {
	// Card has the new architecture, and the facts that still hold. Its map From is a copy.
	Card card.Card
	// Tensors are the parameters, in the order of Card.Config.Params. They are lazy: they read those that were given, and compute, when they are read.
	Tensors []tensor.Named
	// From has for each of Tensors the canonical name of the parameter that it was made from, or "" if it is fresh.
	From []string
	// Steps are in the order in which they were taken. There are none if nothing had to be changed.
	Steps []Step
	// Notes are sentences for people.
	Notes []string
}

// model is what is being changed.
type model struct {
	card.Card
	// views are the parameters by their canonical names, from the names of what they were made from. What Config no longer has may still be there.
	views map[string]tensor.View
	from  map[string]string
	steps []Step
	notes []string
}

// Apply changes a model, whose parameters must be those of c.Config. It reads no element: the views of the result do, and stay valid as long as those given.
// The errors are *[OptionsError], *[SizeError],
// *[WindowError] and *[RowsError], and *[arch.KindError] for a tokenizer, of which nothing can be changed.
func Apply(c card.Card, parameters []tensor.Named, o Options) (*Result, error) {
	m := &model{Card: c, views: map[string]tensor.View{}, from: map[string]string{}}
	m.From = maps.Clone(c.From)
	if m.From == nil {
		m.From = map[card.Item]card.Origin{}
	}
	for _, t := range parameters {
		m.views[t.Name], m.from[t.Name] = t.View, t.Name
	}
	if err := o.check(c.Config); err != nil {
		return nil, err
	}
	if o.PerBlockBias {
		m.copyTable()
	}
	if err := m.resize(o); err != nil {
		return nil, err
	}
	if err := m.setHead(o); err != nil {
		return nil, err
	}
	m.Config = m.Config.Named()
	if err := m.Config.Validate(); err != nil {
		return nil, err
	}
	return m.result()
}

func (m *model) result() (*Result, error) {
	r := &Result{Card: m.Card, Steps: m.steps, Notes: m.notes}
	for _, p := range m.Config.Params() {
		view, ok := m.views[p.Name]
		if !ok || !view.Shape.Equal(p.Shape) {
			return nil, fmt.Errorf("the parameters are not those of the architecture: %s is %s instead of %s", p.Name, view.Shape, p.Shape)
		}
		r.Tensors = append(r.Tensors, tensor.Named{Name: p.Name, View: view})
		r.From = append(r.From, m.from[p.Name])
	}
	return r, nil
}

func (m *model) step(s Step) { m.steps = append(m.steps, s) }

func (m *model) note(format string, args ...any) {
	m.notes = append(m.notes, fmt.Sprintf(format, args...))
}

// put makes a parameter from another, or a fresh one if from is empty.
func (m *model) put(name string, view tensor.View, from string) {
	m.views[name], m.from[name] = view, m.from[from]
}

// copyTable gives each block the shared table.
func (m *model) copyTable() {
	if m.Config.Bias == arch.BlockBias {
		m.note("each block has a relative position bias table of its own already: nothing is copied")
		return
	}
	const shared = "rel_pos_bias." + tableSuffix
	m.Config.Bias, m.From[card.Bias] = arch.BlockBias, card.Asked
	names := []string{shared}
	for _, p := range m.Config.Params() {
		if strings.HasSuffix(p.Name, tableSuffix) {
			m.put(p.Name, m.views[shared], shared)
			names = append(names, p.Name)
		}
	}
	m.step(Step{Name: StepBias, What: fmt.Sprintf("the shared relative position bias table was copied to each of %d blocks", len(names)-1), Tensors: names})
}
