package naming

import (
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// WriteOptions say which of a scheme's forms is wanted.
type WriteOptions struct {
	// Wrapper is the name of one of the scheme's Wrappers; it decides what the head is called. Empty takes the first for such a model.
	Wrapper string
}

// WrapperError says that a wrapper doesn't go with a scheme or model.
type WrapperError struct{ Wrapper, Scheme, Why string }

func (e *WrapperError) Error() string {
	return fmt.Sprintf("the wrapper %.60q does not go with %s: %s", e.Wrapper, e.Scheme, e.Why)
}

// Hint lists the wrappers of the scheme, or of all if it has none.
func (e *WrapperError) Hint() string {
	var lists []string
	own, err := ByName(e.Scheme)
	for _, s := range schemes {
		if err == nil && len(own.Wrappers) > 0 && s != own {
			continue
		}
		var names []string
		for _, w := range s.Wrappers {
			names = append(names, w.Name)
		}
		if len(names) > 0 {
			lists = append(lists, fmt.Sprintf("wrappers of %s: %s", s.Name, strings.Join(names, ", ")))
		}
	}
	return strings.Join(lists, "; ")
}

// Is reports that asking for the wrapper was a mistake.
func (e *WrapperError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Write names canonical parameters as the scheme of that name does: see [Scheme.Write].
func Write(scheme string, config arch.Config, canonical []tensor.Named, options WriteOptions) ([]tensor.Named, error) {
	s, err := ByName(scheme)
	if err != nil {
		return nil, err
	}
	return s.Write(config, canonical, options)
}

// Write names canonical parameters as the scheme does, in its layout, and adds the relative position indices if the scheme stores them. The tensors must be
// exactly config.Params(), in any order: a *[MismatchError] if not. A map that has no row for some of them is a *[GapError], one that states another number of
// heads an *[UnfitMapError]. The views of the result are
// lazy; its order is that of config.Params.
func (s *Scheme) Write(config arch.Config, canonical []tensor.Named, options WriteOptions) ([]tensor.Named, error) {
	wrapper, err := s.wrapper(config, options.Wrapper)
	if err != nil {
		return nil, err
	}
	t := s.tableOf(config)
	if err := t.named(config, wrapper); err != nil {
		return nil, err
	}
	given, err := exactly(canonical, config)
	if err != nil {
		return nil, err
	}
	if err := t.gaps(config, wrapper); err != nil {
		return nil, err
	}
	if err := s.headsConflict(config.Heads, "the model"); err != nil {
		return nil, s.headsUnfit(err)
	}
	indices := t.indexNames(config)
	var written []tensor.Named
	for _, p := range config.Params() {
		names, by, block, err := t.spell(p.Name, config, wrapper)
		if err != nil {
			return nil, err
		}
		if p.Name == fill(by.canonical[0], block) { // of a row for several parameters the first one stands for all
			var views []tensor.View
			for _, pattern := range by.canonical {
				views = append(views, given[fill(pattern, block)].view)
			}
			if views, err = by.operation.Inverse().Apply(views...); err != nil {
				return nil, &TensorError{Name: p.Name, Err: err}
			}
			for i, view := range views {
				written = append(written, tensor.Named{Name: names[i], View: view})
			}
		}
		if index := indices[p.Name]; index != "" {
			written = append(written, tensor.Named{Name: index, View: indexView(config)})
		}
	}
	if s.zeroPosition && !config.AbsolutePosition {
		position, err := t.zeros(config, given["patch_embed.proj.weight"].view.DType)
		if err != nil {
			return nil, err
		}
		written = append(written, position)
	}
	return written, nil
}

// Spell returns the names under which Write puts each parameter: see [Scheme.Spell].
func Spell(scheme string, config arch.Config, options WriteOptions) ([][]string, error) {
	s, err := ByName(scheme)
	if err != nil {
		return nil, err
	}
	return s.Spell(config, options)
}

// Spell returns the names under which Write puts each parameter, in the order of config.Params: three for a weight that is split, else one. Parameters that a
// map joins have the same name.
func (s *Scheme) Spell(config arch.Config, options WriteOptions) ([][]string, error) {
	wrapper, err := s.wrapper(config, options.Wrapper)
	if err != nil {
		return nil, err
	}
	t := s.tableOf(config)
	if err := t.named(config, wrapper); err != nil {
		return nil, err
	}
	if err := t.gaps(config, wrapper); err != nil {
		return nil, err
	}
	var all [][]string
	for _, p := range config.Params() {
		names, _, _, err := t.spell(p.Name, config, wrapper)
		if err != nil {
			return nil, err
		}
		all = append(all, names)
	}
	return all, nil
}

// gaps returns a *[GapError] if a parameter has no row by which it is written.
func (t *table) gaps(config arch.Config, wrapper string) error {
	var missing []string
	for _, p := range config.Params() {
		by, block := t.writing(p.Name, config, wrapper)
		if by == nil {
			missing = append(missing, p.Name)
			continue
		}
		for _, pattern := range by.canonical { // the other parameters of the row must be written by it, too
			if also, _ := t.writing(fill(pattern, block), config, wrapper); also != by {
				missing = append(missing, p.Name)
			}
		}
	}
	if len(missing) > 0 {
		return &GapError{Map: t.Name, Parameters: missing, Writing: true}
	}
	return nil
}

// exactly finds the parameters of an architecture among tensors with canonical names; no prefixes, and no other spellings.
func exactly(tensors []tensor.Named, config arch.Config) (map[string]param, error) {
	canonical, err := ByName(Canonical)
	if err != nil {
		return nil, err
	}
	r := &reading{table: canonical.tableOf(config), params: map[string]param{}, config: config, configErr: config.Validate()}
	for _, t := range tensors {
		by, _ := r.writing(t.Name, config, "")
		if _, twice := r.params[t.Name]; twice || by == nil {
			r.unexpected = append(r.unexpected, t.Name)
			continue
		}
		r.params[t.Name] = param{view: t.View, from: []string{t.Name}, row: *by}
	}
	return r.params, r.check(&config)
}

// spell returns the names of a canonical parameter in the scheme, the row that makes them, and the parameter's block.
func (t *table) spell(canonical string, config arch.Config, wrapper string) ([]string, *row, int, error) {
	by, block := t.writing(canonical, config, wrapper)
	if by == nil {
		return nil, nil, block, &GapError{Map: t.Name, Parameters: []string{canonical}, Writing: true}
	}
	names := make([]string, len(by.foreign))
	for i, pattern := range by.foreign {
		names[i] = t.withPrefix(fill(pattern, block), config)
	}
	return names, by, block, nil
}

// withPrefix returns a name as it is written: some schemes leave their prefix out in models without a head.
func (t *table) withPrefix(name string, config arch.Config) string {
	if t.bare && config.Classes == 0 {
		return strings.TrimPrefix(name, t.prefix)
	}
	return name
}

// writing returns the row by which a canonical parameter is written, and its block; nil if there is none.
func (t *table) writing(canonical string, config arch.Config, wrapper string) (*row, int) {
	pattern, block := split(canonical)
	at := slices.IndexFunc(t.rows, func(r row) bool {
		return !r.readOnly && slices.Contains(r.canonical, pattern) &&
			(r.pooling == "" || r.pooling == config.Pooling) && r.branch.fits(config) &&
			(r.wrapper == "" || wrapper == "" || r.wrapper == wrapper) && (r.kind == "" || r.kind == config.Kind)
	})
	if at < 0 {
		return nil, -1
	}
	return &t.rows[at], block
}

// wrapper checks the wanted wrapper, or takes the usual one. Schemes without wrappers for such models return "".
func (s *Scheme) wrapper(config arch.Config, wanted string) (string, error) {
	fitting := s.WrappersFor(config)
	switch {
	case wanted == "" && len(fitting) == 0:
		return "", nil
	case wanted == "":
		return fitting[0], nil
	case slices.Contains(fitting, wanted):
		return wanted, nil
	case len(fitting) == 0:
		return "", &WrapperError{wanted, s.Name, "it has no wrappers" + map[bool]string{true: " for models of this kind"}[len(s.Wrappers) > 0]}
	}
	at := slices.IndexFunc(s.Wrappers, func(w Wrapper) bool { return w.Name == wanted })
	if at < 0 {
		return "", &WrapperError{wanted, s.Name, "it has no wrapper of that name"}
	}
	return "", &WrapperError{wanted, s.Name, fmt.Sprintf("it is for %s, and the model is %s", s.Wrappers[at].what(), wrapped(config))}
}

// what says which models the class is for.
func (w Wrapper) what() string {
	switch {
	case w.Kind == arch.UPerNet:
		return "segmentation models"
	case w.Masked:
		return "masked image modelling"
	}
	return "classifiers"
}

// wrapped says what a model with a wrapper is.
func wrapped(config arch.Config) string {
	switch {
	case config.Segments():
		return "a segmentation model"
	case config.Masked():
		return "for masked image modelling"
	}
	return "a classifier"
}
