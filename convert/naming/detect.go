package naming

import (
	"cmp"
	"context"
	"slices"

	"github.com/beitzoo/beitzoo/tensor"
)

// detect reads the tensors by each scheme, or by the one that is given, and returns the reading that fits best, with the names of other schemes that
// mean the same. If there is an error, best is the one that came nearest, or nil where nothing was read.
func detect(ctx context.Context, tensors []tensor.Named, options Options) (best *reading, equivalent []string, err error) {
	candidates := schemes
	if options.Scheme != "" {
		given, err := ByName(options.Scheme)
		if err != nil {
			return nil, nil, err
		}
		candidates = []*Scheme{given}
	}
	if options.Map != nil {
		candidates = []*Scheme{options.Map}
	}
	tables := make([]*table, len(candidates))
	for i, s := range candidates {
		tables[i] = s.table()
	}
	if options.Map != nil {
		var patterns []string
		for _, r := range options.Map.ignored {
			patterns = append(patterns, r.prefix)
		}
		if err := CheckMatching(patterns, tensors); err != nil {
			return nil, nil, err
		}
	}
	names := unwrap(tensors)
	readings := make([]*reading, len(candidates))
	for i, places := range names.places(tables) {
		readings[i] = tables[i].read(ctx, tensors, names, places, options)
	}
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if options.Map != nil && options.MapMayNotFit && !readings[0].exact(len(tensors)) {
		without := options
		without.Map = nil
		best, equivalent, err := detect(ctx, tensors, without)
		if known := readings[0].recognised(len(tensors)); err == nil && best.exact(len(tensors)) || 2*known < len(tensors)-len(readings[0].beside) {
			return best, equivalent, err
		}
	}
	slices.SortStableFunc(readings, func(a, b *reading) int { return cmp.Compare(b.score, a.score) })
	best = readings[0]
	if known := best.recognised(len(tensors)); 2*known < len(tensors)-len(best.beside) || known == 0 {
		return best, nil, best.explainUnknown(len(tensors))
	}
	if len(best.models) > 1 {
		return best, nil, best.severalModels(ctx, tensors)
	}
	return settle(readings, options.Prefer)
}

// settle decides between readings that score the same. They are sorted, best first. Different meanings are a *TieError. Of schemes with the same meaning
// only those count that leave the least of the names unexplained in front. Of these the preferred one is chosen; else one whose program stores relative
// position indices if and only if the file has some; else, for a masked model, one whose program has a class for it; else the first in the list of schemes.
func settle(readings []*reading, prefer string) (chosen *reading, equivalent []string, err error) {
	best := readings[0]
	equal := []*reading{best}
	for _, r := range readings[1:] {
		if r.score != best.score {
			continue
		}
		if r.signature() != best.signature() {
			return best, nil, &TieError{Schemes: []string{best.Name, r.Name}}
		}
		equal = append(equal, r)
	}
	shortest := len(slices.MinFunc(equal, func(a, b *reading) int { return len(a.outer) - len(b.outer) }).outer)
	equal = slices.DeleteFunc(equal, func(r *reading) bool { return len(r.outer) > shortest })
	rank := func(r *reading) int {
		rank := 0
		if r.Name == prefer {
			rank += 4
		}
		if r.writesIndex == (len(r.indices) > 0) {
			rank += 2
		}
		if !r.config.Masked() || r.MaskedNote == "" {
			rank++
		}
		return rank
	}
	chosen = slices.MaxFunc(equal, func(a, b *reading) int { return rank(a) - rank(b) }) // the first of several
	for _, r := range equal {
		if r != chosen {
			equivalent = append(equivalent, r.Name)
		}
	}
	return chosen, equivalent, nil
}
