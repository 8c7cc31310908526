package naming

import (
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/tensor"
)

// WriteOptions say which of a scheme's forms is wanted.
type WriteOptions struct {
	// Wrapper is PASSL's class around the backbone, BEiTWrapper and so on; it decides what the head is called. Empty takes BEiTWrapper,
	// and BEiTPTWrapper for masked image modelling. Other schemes have none.
	Wrapper string
}

// WrapperError says that a wrapper doesn't go with a scheme or model.
type WrapperError struct{ Wrapper, Scheme, Why string }

func (e *WrapperError) Error() string {
	return fmt.Sprintf("the wrapper %.60q does not go with %s: %s", e.Wrapper, e.Scheme, e.Why)
}

// Hint lists the wrappers.
func (e *WrapperError) Hint() string {
	return "wrappers of passl: " + strings.Join([]string{BEiTWrapper, BEiTFTWrapper, BEiTPTWrapper}, ", ")
}

// Write names canonical parameters as a scheme does, in its layout, and adds the relative position indices where the scheme stores them. The
// tensors must be exactly config.Params(), in any order: a *MismatchError if not. The result's views are lazy; its order is that of config.Params.
func Write(name string, config arch.Config, canonical []tensor.Named, options WriteOptions) ([]tensor.Named, error) {
	s, err := find(name)
	if err != nil {
		return nil, err
	}
	wrapper, err := s.wrapper(config, options.Wrapper)
	if err != nil {
		return nil, err
	}
	table := tables()[name]
	identity := tables()[Canonical].exactly(canonical, config)
	if err := identity.check(&config); err != nil {
		return nil, err
	}
	indices := table.indices(config)
	var written []tensor.Named
	for _, p := range config.Params() {
		named, err := table.write(p.Name, identity.found[p.Name].view, config, wrapper)
		if err != nil {
			return nil, err
		}
		written = append(written, named...)
		if index := indices[p.Name]; index != "" {
			written = append(written, tensor.Named{Name: index, View: indexView(config)})
		}
	}
	for i := range written {
		written[i].Name = s.bareName(written[i].Name, config)
	}
	return written, nil
}

// Spell gives the names under which Write puts each parameter, in the order of config.Params: three for a weight that is split, else one.
func Spell(name string, config arch.Config, options WriteOptions) ([][]string, error) {
	s, err := find(name)
	if err != nil {
		return nil, err
	}
	wrapper, err := s.wrapper(config, options.Wrapper)
	if err != nil {
		return nil, err
	}
	var names [][]string
	for _, p := range config.Params() {
		r, block := tables()[name].written(p.Name, config, wrapper)
		if r == nil {
			return nil, fmt.Errorf("the scheme %s has no name for %s", name, quote(p.Name))
		}
		var spelled []string
		for _, pattern := range r.foreign {
			spelled = append(spelled, s.bareName(fill(pattern, block), config))
		}
		names = append(names, spelled)
	}
	return names, nil
}

// bareName leaves the prefix out where the scheme does so for models without a head.
func (s *scheme) bareName(name string, config arch.Config) string {
	if s.bare && config.Classes == 0 {
		return strings.TrimPrefix(name, s.prefix)
	}
	return name
}

// exactly matches tensors by their canonical names alone: no prefixes, no other spellings.
func (c *compiled) exactly(tensors []tensor.Named, config arch.Config) *candidate {
	result := &candidate{compiled: c, found: map[string]found{}, config: config, configErr: config.Validate()}
	for _, t := range tensors {
		r, _ := c.written(t.Name, config, "")
		if _, twice := result.found[t.Name]; twice || r == nil {
			result.unexpected = append(result.unexpected, t.Name)
			continue
		}
		result.found[t.Name] = found{view: t.View, from: []string{t.Name}, row: *r}
	}
	return result
}

// write names one parameter.
func (c *compiled) write(canonical string, view tensor.View, config arch.Config, wrapper string) ([]tensor.Named, error) {
	r, block := c.written(canonical, config, wrapper)
	if r == nil {
		return nil, fmt.Errorf("the scheme %s has no name for %s", c.name, quote(canonical))
	}
	views, err := r.operation.Inverse().Apply(view)
	if err != nil {
		return nil, &TensorError{canonical, err}
	}
	named := make([]tensor.Named, len(views))
	for i, v := range views {
		named[i] = tensor.Named{Name: fill(r.foreign[i], block), View: v}
	}
	return named, nil
}

// written is the row by which a canonical parameter is written.
func (c *compiled) written(canonical string, config arch.Config, wrapper string) (*row, int) {
	pattern, block := split(canonical)
	at := slices.IndexFunc(c.rows, func(r row) bool {
		return !r.readOnly && len(r.canonical) == 1 && r.canonical[0] == pattern &&
			(r.pooling == "" || r.pooling == config.Pooling) &&
			(r.wrapper == "" || wrapper == "" || r.wrapper == wrapper)
	})
	if at < 0 {
		return nil, -1
	}
	return &c.rows[at], block
}

// wrapper checks the wanted wrapper, or takes the usual one.
func (s *scheme) wrapper(config arch.Config, wanted string) (string, error) {
	switch {
	case s.name != PASSL && wanted != "":
		return "", &WrapperError{wanted, s.name, "only passl has wrappers"}
	case s.name != PASSL:
		return "", nil
	case wanted == "" && config.MaskToken:
		return BEiTPTWrapper, nil
	case wanted == "":
		return BEiTWrapper, nil
	case !slices.Contains([]string{BEiTWrapper, BEiTFTWrapper, BEiTPTWrapper}, wanted):
		return "", &WrapperError{wanted, s.name, "it has no wrapper of that name"}
	case (wanted == BEiTPTWrapper) != config.MaskToken:
		return "", &WrapperError{wanted, s.name, "BEiTPTWrapper is for masked image modelling, the others for classifiers"}
	}
	return wanted, nil
}
