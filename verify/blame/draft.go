package blame

import (
	"encoding/binary"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/whatif"
	"github.com/beitzoo/beitzoo/tensor"
)

// draft is a model under the assumption of one or more mistakes.
type draft struct {
	*whatif.Version
	input whatif.Input
	// places are the prefixes of the parameters that a hypothesis changes: "blocks.1.", or those of all blocks, or "" outside of blocks.
	places []string
	// edits says for each parameter that was changed what was done.
	edits map[string]string
	// epsilon is the LayerNorm epsilon that a hypothesis sets, or 0.
	epsilon float64
	// note is appended to the sentence of a hypothesis, and where says which part it concerns.
	note  string
	where Place
	// stage is the one that is looked at alone, behind the blocks of UPerNet; the zero value for others.
	stage engine.Stage
}

// newDraft returns the model as it is, to be changed at one stage, or in all blocks if stage has no kind.
func newDraft(m *whatif.Model, input whatif.Input, stage engine.Stage) *draft {
	d := &draft{Version: m.Version(), input: input, places: []string{""}, edits: make(map[string]string)}
	if decodes(m.Config, stage) {
		d.stage = stage
	}
	switch {
	case stage.InBlock():
		d.places = []string{prefix(stage.Block)}
	case stage == engine.Stage{}:
		d.places = nil
		for i := range m.Config.Depth {
			d.places = append(d.places, prefix(i))
		}
	}
	return d
}

func prefix(block int) string { return "blocks." + strconv.Itoa(block) + "." }

// reads reports whether a parameter behind the blocks of UPerNet matters: all do, unless a stage is looked at alone.
func (d *draft) reads(name string) bool {
	return d.stage == engine.Stage{} || d.stage.Reads(d.Config, name)
}

// copied returns a draft with the same changes, which can be changed further.
func (d *draft) copied() *draft {
	c := *d
	c.Version, c.edits = d.Copy(), maps.Clone(d.edits)
	return &c
}

// table stands for the relative position bias table of a block, or the one that all blocks share.
const table = "attn.relative_position_bias_table"

// names returns the full names of a parameter in the places of the draft, as far as the model has it.
func (d *draft) names(ending string) []string {
	if ending == table && d.Config.Bias == arch.SharedBias {
		ending = "rel_pos_bias.relative_position_bias_table"
	}
	var names []string
	for _, place := range d.places {
		if d.Has(place + ending) {
			names = append(names, place+ending)
		}
	}
	if names == nil && d.Has(ending) {
		return []string{ending}
	}
	return names
}

// set replaces a parameter, by its full name.
func (d *draft) set(name, says string, t *whatif.Tensor) {
	d.Set(name, t)
	d.edits[name] = strings.TrimPrefix(d.edits[name]+", "+says, ", ")
}

// edit changes the values of a parameter, and reports whether there is one. says names the change for the repair: "transpose".
func (d *draft) edit(ending, says string, change func(values []float64, shape tensor.Shape) []float64) bool {
	names := d.names(ending)
	for _, name := range names {
		t, err := d.Tensor(name)
		if err != nil {
			return false
		}
		d.set(name, says, t.Map(func(values []float64) []float64 { return change(values, t.Shape) }))
	}
	return len(names) > 0
}

// rearrange permutes rows and columns of a parameter: row i becomes row rows[i] of what it was. Nil leaves them as they are.
func (d *draft) rearrange(ending, says string, rows, columns []int) bool {
	names := d.names(ending)
	for _, name := range names {
		t, err := d.Tensor(name)
		if err != nil || rows != nil && len(rows) != t.Shape[0] {
			return false
		}
		d.set(name, says, t.Rearrange(rows, columns))
	}
	return len(names) > 0
}

// exchange exchanges two parameters of the same shape in each place.
func (d *draft) exchange(a, b string) bool {
	found := false
	for _, place := range d.places {
		if d.Has(place+a) && d.Has(place+b) {
			found = d.swap(place+a, place+b) || found
		}
	}
	return found
}

// swap exchanges two parameters, by their full names.
func (d *draft) swap(a, b string) bool {
	x, errA := d.Tensor(a)
	y, errB := d.Tensor(b)
	if errA != nil || errB != nil || !x.Shape.Equal(y.Shape) {
		return false
	}
	d.set(a, "exchange with "+b, y)
	d.set(b, "exchange with "+a, x)
	return true
}

// take gives a parameter the values of another one of the model as it is, by their full names.
func (d *draft) take(name, from string) bool {
	t, err := d.Model.Tensor(from)
	if err != nil {
		return false
	}
	d.set(name, "take that of "+from, t)
	return true
}

// rearrangeFused permutes the rows of qkv.weight and the fused bias with it: cat(q_bias, 0, v_bias), where programs keep it in one piece. What lands on the
// keys does not matter, since softmax cannot see it.
func (d *draft) rearrangeFused(says string, rows []int) bool {
	if !d.rearrange("attn.qkv.weight", says, rows, nil) {
		return false
	}
	for _, place := range d.places {
		q, errQ := d.Tensor(place + "attn.q_bias")
		v, errV := d.Tensor(place + "attn.v_bias")
		if errQ != nil || errV != nil {
			return false
		}
		width := d.Config.EmbedDim
		fused := slices.Concat(q.Values(), make([]float64, width), v.Values())
		for i, part := range []string{"attn.q_bias", "attn.k_bias", "attn.v_bias"} {
			moved := make([]float64, width)
			for j := range moved {
				moved[j] = fused[rows[i*width+j]]
			}
			if slices.Equal(moved, fused[i*width:(i+1)*width]) {
				continue
			}
			t := whatif.NewTensor(tensor.Shape{width}, moved)
			if part == "attn.k_bias" {
				d.Set(place+part, t)
			} else {
				d.set(place+part, says+" (with a bias of zero for the keys)", t)
			}
		}
	}
	return true
}

// empties reports whether a parameter holds different values before, and zeros or ones alone in the draft: what agrees with the draft does not use them.
func (d *draft) empties(before *draft) bool {
	return slices.ContainsFunc(d.tensors(), func(name string) bool {
		old, errOld := before.Tensor(name)
		now, errNow := d.Tensor(name)
		return errOld == nil && errNow == nil && isConstant(now.Values()) && !isConstant(old.Values())
	})
}

// tensors returns the names of the parameters that are changed, sorted.
func (d *draft) tensors() []string { return slices.Sorted(maps.Keys(d.edits)) }

// restoring returns the edits of these parameters.
func (d *draft) restoring(names []string) []Edit {
	var all []Edit
	for _, name := range names {
		if t, err := d.Tensor(name); err == nil { // which was read before
			all = append(all, Edit{Tensor: name, Says: d.edits[name], View: tensor.View{DType: tensor.F64, Shape: t.Shape, Data: doubles{t}}})
		}
	}
	return all
}

// doubles are the elements of a tensor as float64.
type doubles struct{ t *whatif.Tensor }

func (d doubles) Bytes() ([]byte, error) {
	raw := make([]byte, 0, 8*len(d.t.Values()))
	for _, v := range d.t.Values() {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
	}
	return raw, nil
}

func (d doubles) WriteTo(w io.Writer) (int64, error) {
	raw, _ := d.Bytes() // which has no error
	return tensor.Memory(raw).WriteTo(w)
}
