package blame

import (
	"context"
	"encoding/binary"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/tensor"
)

// stageDraft is a model under the assumption of a mistake.
type stageDraft struct {
	config  arch.Config
	weights []tensor.Named
	input   engine.Input
	before  *engine.Activation
	// edited are the parameters that the mistake changes.
	edited map[string]tensor.View
	// choose computes visual tokens from codes in another way, and after changes a result; nil for none.
	choose func(codes []float64, d *stageDraft) []float64
	// only is the stage that is looked at alone, so that what a program does everywhere is said of its parameters; nil for whole models.
	only  *engine.Stage
	after func(stage engine.Stage, values []float64)
}

func (d *stageDraft) copied() *stageDraft {
	c := *d
	c.edited = map[string]tensor.View{}
	return &c
}

// view returns a parameter.
func (d *stageDraft) view(name string) tensor.View {
	if view, is := d.edited[name]; is {
		return view
	}
	for _, w := range d.weights {
		if w.Name == name {
			return w.View
		}
	}
	return tensor.View{}
}

// values returns the elements of a parameter, or nil if there is none or it cannot be read.
func (d *stageDraft) values(name string) []float64 {
	view := d.view(name)
	if view.Data == nil {
		return nil
	}
	values, err := tensor.Float64s(view)
	if err != nil {
		return nil
	}
	return values
}

// set replaces a parameter.
func (d *stageDraft) set(name string, values []float64) {
	raw := make([]byte, 0, 8*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
	}
	d.edited[name] = tensor.View{DType: tensor.F64, Shape: d.view(name).Shape, Data: tensor.Memory(raw)}
}

// edit changes a parameter, and reports whether there is one of that name.
func (d *stageDraft) edit(name string, change changeFunc) bool {
	values := d.values(name)
	if values == nil {
		return false
	}
	if d.only == nil || d.only.Reads(d.config, name) {
		d.set(name, change(values, d.view(name).Shape))
	}
	return true
}

// exchange exchanges two parameters of the same shape.
func (d *stageDraft) exchange(a, b string) bool {
	one, other := d.view(a), d.view(b)
	if one.Data == nil || other.Data == nil || !one.Shape.Equal(other.Shape) {
		return false
	}
	d.edited[a], d.edited[b] = other, one
	return true
}

// changed returns the names of the parameters that are changed.
func (d *stageDraft) changed() (names []string) {
	for name := range d.edited {
		names = append(names, name)
	}
	return names
}

// touches reports whether the draft computes a stage in another way than the model.
func (d *stageDraft) touches(stage engine.Stage) bool {
	if d.after != nil || d.choose != nil && stage.Kind == engine.Tokens || stage.Kind == engine.Embed && len(d.edited) == 0 {
		return true
	}
	return slices.ContainsFunc(d.changed(), func(name string) bool { return stage.Reads(d.config, name) })
}

// compute returns the activation of a stage, from the input or from the one before it.
func (d *stageDraft) compute(ctx context.Context, stage engine.Stage, whole bool) (values []float64, err error) {
	weights := make([]tensor.Named, len(d.weights))
	for i, w := range d.weights {
		weights[i] = w
		if view, is := d.edited[w.Name]; is {
			weights[i].View = view
		}
	}
	parts, err := native.Engine{}.Parts(d.config, weights, engine.Options{DType: tensor.F64})
	if err != nil {
		return nil, err
	}
	if !whole {
		var before []engine.Activation
		if d.before != nil {
			before = append(before, *d.before)
		}
		a, err := d.step(ctx, parts, stage, before)
		return a.Values, err
	}
	done := map[engine.Stage]engine.Activation{}
	for _, s := range d.needed(stage) {
		var before []engine.Activation
		for _, input := range s.Inputs(d.config) {
			before = append(before, done[input])
		}
		if done[s], err = d.step(ctx, parts, s, before); err != nil {
			return nil, err
		}
	}
	return done[stage].Values, nil
}

// needed returns a stage and all from which it is computed, in their order.
func (d *stageDraft) needed(stage engine.Stage) []engine.Stage {
	all := []engine.Stage{stage}
	for i := 0; i < len(all); i++ {
		for _, input := range all[i].Inputs(d.config) {
			if !slices.Contains(all, input) {
				all = append(all, input)
			}
		}
	}
	slices.SortFunc(all, engine.Stage.Compare)
	return all
}

// step computes one stage.
func (d *stageDraft) step(ctx context.Context, parts *native.Parts, stage engine.Stage, before []engine.Activation) (a engine.Activation, err error) {
	if stage.Kind == engine.Tokens && d.choose != nil {
		return engine.Activation{Name: stage.String(), Shape: before[0].Shape[:2], Values: d.choose(before[0].Values, d)}, nil
	}
	parts.Free()
	part, err := parts.Load(stage)
	if err != nil {
		return a, err
	}
	all, err := part(ctx, d.input, before...)
	if err != nil {
		return a, err
	}
	a = all[len(all)-1]
	for _, one := range all {
		if one.Name == stage.String() {
			a = one
		}
	}
	if d.after != nil {
		d.after(stage, a.Values)
	}
	return a, nil
}
