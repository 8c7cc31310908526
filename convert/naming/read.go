package naming

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/tensor"
)

// Read finds out what model the tensors are: scheme, architecture, canonical parameters. It reads elements only of relative position indices,
// which it compares with the computed ones, and of biases that must be zero. Data that transforms need is read when the result's views are.
//
// Tensors that differ from an architecture's parameters are reported together as *MismatchError; see also the other errors of this package and
// *arch.InferenceError.
func Read(ctx context.Context, tensors []tensor.Named, options Options) (*Model, error) {
	best, equivalent, err := choose(tensors, options)
	if err != nil {
		return nil, err
	}
	if err := best.check(options.Arch); err != nil {
		return nil, err
	}
	model := &Model{Scheme: best.name, Equivalent: equivalent, Config: best.config, Dropped: best.dropped}
	for _, p := range best.config.Params() {
		f := best.found[p.Name]
		model.Tensors = append(model.Tensors, tensor.Named{Name: p.Name, View: f.view})
		model.Changes = append(model.Changes, Change{Name: p.Name, From: f.from, Operation: f.row.operation.Name})
	}
	if err := model.dropIndices(ctx, best.buffers, options.SkipIndex); err != nil {
		return nil, err
	}
	model.note()
	return model, nil
}

// excuseMaskToken drops the mask token of a classifier: its training program kept it, but no forward pass of a classifier uses it.
func (c *candidate) excuseMaskToken() {
	f, ok := c.found["mask_token"]
	if !ok || c.configErr != nil || c.config.MaskToken || c.config.Pooling == arch.AllTokens {
		return
	}
	if _, classifier := c.found["head.weight"]; !classifier {
		return
	}
	size, _ := f.view.Size()
	c.dropped = append(c.dropped, Dropped{Name: f.from[0], Reason: "a classifier masks nothing", Bytes: size})
	delete(c.found, "mask_token")
}

// relatives are parameters of models that are BEiTs with something more, which can't be converted.
var relatives = []ignored{
	{"decode_head.", "a segmentation model"},
	{"auxiliary_head.", "a segmentation model"},
	{"backbone.fpn", "the backbone of a segmentation model"},
	{"fpn", "the backbone of a segmentation model"},
	{"cls_pt_layers.", "a pre-training checkpoint of BEiT v2"},
}

// stranged explains tensors that are mostly unknown.
func (c *candidate) stranged(total int) error {
	if err := c.relative(); err != nil {
		return err
	}
	e := &NotBEiTError{Scheme: c.name, Known: c.recognised(total), Total: total}
	if len(c.unexpected) > 0 {
		e.Example = slices.Min(c.unexpected)
	}
	return e
}

// relative tells whether some unexpected tensor gives away a known relative.
func (c *candidate) relative() error {
	for _, name := range c.unexpected {
		bare := name
		for _, wrapper := range wrappers {
			bare = strings.TrimPrefix(bare, wrapper)
		}
		for _, r := range relatives {
			if strings.HasPrefix(bare, r.prefix) {
				return &UnsupportedError{What: r.why, Name: name}
			}
		}
	}
	return nil
}

// check reports what keeps the candidate from being a model of real numbers.
func (c *candidate) check(given *arch.Config) error {
	if err := c.relative(); err != nil {
		return err
	}
	if c.refused != nil {
		return c.refused
	}
	if given != nil && !given.MaskToken && given.Pooling != arch.AllTokens && c.masked() {
		return &MaskedModelError{Architecture: describe(*given)}
	}
	if c.configErr != nil {
		if len(c.shapes)+len(c.missing) > 0 {
			return c.unreadable()
		}
		return c.configErr
	}
	if mismatch := c.mismatch(); mismatch != nil {
		mismatch.finish(c.config)
		return mismatch
	}
	for _, p := range c.config.Params() {
		if f := c.found[p.Name]; !f.view.DType.IsFloat() {
			return &TensorError{Name: f.from[0], Err: fmt.Errorf("elements of type %s: a parameter must be F64, F32, BF16 or F16", f.view.DType)}
		}
	}
	return nil
}

// unreadable is for tensors so odd that no architecture could be inferred.
func (c *candidate) unreadable() error {
	e := &MismatchError{Scheme: c.name, Architecture: "any BEiT", Missing: c.missing, Shapes: c.shapes}
	for i := range e.Shapes {
		e.Shapes[i].Want = tensor.Shape{}
	}
	e.finish(c.config)
	return fmt.Errorf("%w; %w", e, c.configErr)
}

// masked tells whether the tensors are those of masked image modelling.
func (c *candidate) masked() bool {
	_, head := c.found["head.weight"]
	_, token := c.found["mask_token"]
	_, lm := c.found["lm_head.weight"]
	return !head && (token || lm)
}

// note says in sentences what a user may want to know.
func (m *Model) note() {
	if len(m.Equivalent) > 0 {
		m.Notes = append(m.Notes, fmt.Sprintf("this model's parameters have the same names in %s", strings.Join(append([]string{m.Scheme}, m.Equivalent...), " and ")))
	}
	count, bytes := map[string]int{}, map[string]int64{}
	var reasons []string
	for _, d := range m.Dropped {
		if count[d.Reason] == 0 {
			reasons = append(reasons, d.Reason)
		}
		count[d.Reason]++
		bytes[d.Reason] += d.Bytes
	}
	for _, reason := range reasons {
		m.Notes = append(m.Notes, fmt.Sprintf("left out %d tensors of %d bytes: %s", count[reason], bytes[reason], reason))
	}
}
