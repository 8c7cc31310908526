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

// trial is a copy of the case that a hypothesis changes: a stage, or a whole model.
type trial struct {
	config  arch.Config
	weights []tensor.Named
	input   engine.Input
	before  engine.Activation
	engine  native.Engine
	stage   engine.Stage
	// whole means that the whole model is run, and that a change applies to every block.
	whole bool
	// epsilon is the LayerNorm epsilon that the hypothesis sets, or 0.
	epsilon float64
	// note is appended to the sentence of the hypothesis.
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

// covers reports whether the trial uses a parameter.
func (t *trial) covers(parameter string) bool { return t.whole || t.stage.Reads(parameter) }

// place returns the name of the stage that the trial changes. For a part of a block it is that of the block.
func (t *trial) place() string {
	if t.whole {
		return WholeModel
	}
	place := t.stage
	if place.InBlock() {
		place.Kind = engine.Block
	}
	return place.String()
}

// sentence returns the sentence of the finding: "blocks.1 agrees with the reference if attn.proj.weight is transposed".
func (t *trial) sentence(h hypothesis) string {
	who := t.place()
	if t.whole {
		who = "the model"
	}
	return fmt.Sprintf("%s agrees with the reference if %s%s", who, h.says, t.note)
}

// edit changes the values of the trial's parameters whose names end in ending, and reports whether there are any. The new values are computed when the
// tensor is read.
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

// exchange exchanges, in each block, the tensors of the parameters whose names end in a and in b, and reports whether there are any.
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

// rename replaces the prefix from of parameter names by to.
func (t *trial) rename(from, to string) {
	for i, w := range t.weights {
		if rest, found := strings.CutPrefix(w.Name, from); found {
			t.weights[i].Name = to + rest
		}
	}
}

// changedData are the elements of a tensor after a change, as float64.
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
