package blame

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/tensor"
)

// trial is a stage, or a whole model, under a hypothesis, which changes a copy.
type trial struct {
	config  arch.Config
	weights []tensor.Named
	input   engine.Input
	before  engine.Activation
	engine  native.Engine
	stage   engine.Stage
	// whole means that everything from the pixels to the stage is run, and that a change applies to every block.
	whole bool
	// epsilon is what the hypothesis sets for that of the LayerNorms, or 0.
	epsilon float64
	// note completes the hypothesis's sentence.
	note string
}

func newTrial(c Case, stage engine.Stage) *trial {
	t := &trial{config: c.Config, weights: slices.Clone(c.Weights), input: c.Input, stage: stage}
	if c.Before != nil {
		t.before = *c.Before
	}
	t.whole = c.Before == nil && stage.Kind != engine.Embed
	return t
}

// covers reports whether the trial reads a parameter.
func (t *trial) covers(parameter string) bool { return t.whole || t.stage.Reads(parameter) }

// sentence says where the hypothesis holds, and what it is.
func (t *trial) sentence(h hypothesis) string {
	place := t.stage
	if place.InBlock() {
		place.Kind = engine.Block
	}
	who := place.String()
	if t.whole {
		who = "the model"
	}
	return fmt.Sprintf("%s agrees with the reference if %s%s", who, h.says, t.note)
}

// edit changes the values of the parameters of the stage with that last part of a name, and reports whether there are any. The change is
// computed when the tensor is read.
func (t *trial) edit(ending string, change func(values []float64, shape tensor.Shape) []float64) bool {
	found := false
	for i, w := range t.weights {
		if t.covers(w.Name) && (w.Name == ending || strings.HasSuffix(w.Name, "."+ending)) {
			found = true
			t.weights[i].View = tensor.View{DType: tensor.F64, Shape: w.Shape, Data: changedData{w.View, change}}
		}
	}
	return found
}

// exchange exchanges the tensors of the parameters ending in a and in b, block by block, and reports whether there are any.
func (t *trial) exchange(a, b string) bool {
	found := false
	for i, w := range t.weights {
		stem, isA := strings.CutSuffix(w.Name, a)
		if !isA || !t.covers(w.Name) {
			continue
		}
		j := slices.IndexFunc(t.weights, func(other tensor.Named) bool { return other.Name == stem+b })
		if j >= 0 {
			t.weights[i].View, t.weights[j].View = t.weights[j].View, t.weights[i].View
			found = true
		}
	}
	return found
}

// rename replaces the beginning of the names that begin with from.
func (t *trial) rename(from, to string) {
	for i, w := range t.weights {
		if rest, found := strings.CutPrefix(w.Name, from); found {
			t.weights[i].Name = to + rest
		}
	}
}

// changedData are the elements of a tensor under a change, in float64.
type changedData struct {
	view   tensor.View
	change func(values []float64, shape tensor.Shape) []float64
}

func (d changedData) Bytes() ([]byte, error) {
	values, err := tensor.Float64s(d.view)
	if err != nil {
		return nil, err
	}
	raw := make([]byte, 0, 8*len(values))
	for _, v := range d.change(values, d.view.Shape) {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
	}
	return raw, nil
}

func (d changedData) WriteTo(w io.Writer) (int64, error) {
	raw, err := d.Bytes()
	if err != nil {
		return 0, err
	}
	return tensor.Memory(raw).WriteTo(w)
}
