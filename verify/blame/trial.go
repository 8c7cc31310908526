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

// Kinds of stages.
const (
	embed  = "embed"
	block  = "block"
	pool   = "pool"
	logits = "logits"
)

// trial is a model under a hypothesis, which changes a copy.
type trial struct {
	config  arch.Config
	weights []tensor.Named
	input   engine.Input
	before  engine.Activation
	engine  native.Engine
	// kind is the kind of the stage, prefix begins the names of a block's parameters.
	kind, prefix string
	// whole tells that everything from the pixels on is run, and a change applies to every block.
	whole bool
	// advice is set by a hypothesis that knows what to type.
	advice string
	// note completes the hypothesis's sentence.
	note string
}

func newTrial(c Case) *trial {
	t := &trial{config: c.Config, weights: slices.Clone(c.Weights), input: c.Input, kind: c.After.Name}
	if number, isBlock := strings.CutPrefix(strings.TrimSuffix(c.After.Name, ".attn"), "blocks."); isBlock {
		t.kind, t.prefix = block, "blocks."+number+"."
	}
	if c.Before != nil {
		t.before = *c.Before
	}
	t.whole = c.Before == nil && t.kind != embed
	if t.whole {
		t.prefix = ""
	}
	return t
}

// covers tells whether a parameter takes part in the stage.
func (t *trial) covers(name string) bool {
	switch {
	case t.whole:
		return true
	case t.kind == block:
		return strings.HasPrefix(name, t.prefix)
	case strings.HasPrefix(name, "blocks."):
		return false
	}
	tail := strings.HasPrefix(name, "norm.") || strings.HasPrefix(name, "fc_norm.")
	head := strings.HasPrefix(name, "head.") || strings.HasPrefix(name, "lm_head.")
	return t.kind == pool && tail || t.kind == logits && head || t.kind == embed && !tail && !head
}

// sentence puts the place and what was found into words.
func (t *trial) sentence(h hypothesis) string {
	place := strings.TrimSuffix(t.prefix, ".")
	switch {
	case t.whole:
		place = "the model"
	case t.kind != block:
		place = t.kind
	}
	return fmt.Sprintf("%s agrees with the reference if %s%s", place, h.says, t.note)
}

// edit changes the values of the parameters of the stage whose name ends in that, and tells whether there are any. The change is
// computed when the tensor is read.
func (t *trial) edit(ending string, change func(values []float64, shape tensor.Shape) []float64) bool {
	any := false
	for i, w := range t.weights {
		if t.covers(w.Name) && (w.Name == ending || strings.HasSuffix(w.Name, "."+ending)) {
			any = true
			t.weights[i].View = tensor.View{DType: tensor.F64, Shape: w.Shape, Data: edited{w.View, change}}
		}
	}
	return any
}

// exchange swaps the tensors of the parameters ending in a and in b, block by block.
func (t *trial) exchange(a, b string) bool {
	any := false
	for i, w := range t.weights {
		stem, isA := strings.CutSuffix(w.Name, a)
		if !isA || !t.covers(w.Name) {
			continue
		}
		j := slices.IndexFunc(t.weights, func(other tensor.Named) bool { return other.Name == stem+b })
		if j >= 0 {
			t.weights[i].View, t.weights[j].View = t.weights[j].View, t.weights[i].View
			any = true
		}
	}
	return any
}

// rename gives parameters that begin with from the beginning to.
func (t *trial) rename(from, to string) {
	for i, w := range t.weights {
		if rest, found := strings.CutPrefix(w.Name, from); found {
			t.weights[i].Name = to + rest
		}
	}
}

// edited is a tensor under a change, in float64.
type edited struct {
	view   tensor.View
	change func(values []float64, shape tensor.Shape) []float64
}

func (e edited) Bytes() ([]byte, error) {
	values, err := tensor.Float64s(e.view)
	if err != nil {
		return nil, err
	}
	raw := make([]byte, 0, 8*len(values))
	for _, v := range e.change(values, e.view.Shape) {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
	}
	return raw, nil
}

func (e edited) WriteTo(w io.Writer) (int64, error) {
	raw, err := e.Bytes()
	if err != nil {
		return 0, err
	}
	return tensor.Memory(raw).WriteTo(w)
}
