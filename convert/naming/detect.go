package naming

import (
	"cmp"
	"context"
	"slices"
	"strings"

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
	tables := tablesFor(candidates, names)
	places := names.places(tables)
	tables, places = withoutTokenizers(tables, places)
	tables, places = preferSegmenters(tables, places)
	readings := make([]*reading, len(tables))
	for i, at := range places {
		readings[i] = tables[i].read(ctx, tensors, names, at, options)
	}
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	slices.SortStableFunc(readings, func(a, b *reading) int { return cmp.Compare(b.score, a.score) })
	best = readings[0]
	if options.Map != nil && options.MapMayNotFit && !best.exact(len(tensors)) {
		without := options
		without.Map = nil
		other, equivalent, err := detect(ctx, tensors, without)
		if known := best.recognised(len(tensors)); err == nil && other.exact(len(tensors)) || 2*known < len(tensors)-len(best.beside) {
			return other, equivalent, err
		}
	}
	if known := best.recognised(len(tensors)); 2*known < len(tensors)-len(best.beside) || known == 0 {
		return best, nil, best.explainUnknown(len(tensors))
	}
	if len(best.models) > 1 {
		return best, nil, best.severalModels(ctx, tensors)
	}
	return settle(readings, options.Prefer)
}

// tablesFor returns the tables of schemes that the names may be read by, those of BEiT first. Tokenizers are looked for only if a component of a name is one
// that they have, and by maps, which may call anything anything.
func tablesFor(candidates []*Scheme, names *wrapping) []*table {
	var there [families]bool
	there[beitFamily] = true
	for _, name := range names.names {
		there[vqkdFamily] = there[vqkdFamily] || strings.Contains(name, "quantize.") || strings.Contains(name, "encode_task_layer.")
		there[segmenterFamily] = there[segmenterFamily] || strings.Contains(name, "decode_head.") || strings.Contains(name, "auxiliary_head.")
		there[dvaeFamily] = there[dvaeFamily] || strings.Contains(name, "blocks.group_") || strings.Contains(name, "blocks.input.")
	}
	var tables []*table
	for f := range families {
		for _, s := range candidates {
			if t := s.table(f); t != nil && (there[f] || s.file != "") {
				tables = append(tables, t)
			}
		}
	}
	if len(tables) == 0 { // a scheme that is of tokenizers alone, and tensors of something else
		for f := range families {
			if t := candidates[0].table(f); t != nil {
				tables = append(tables, t)
			}
		}
	}
	return tables
}

// withoutTokenizers leaves out the tables of tokenizers if a BEiT is there, too, and no part of one: then it is what the file is about, and its tokenizer has to
// be asked for by its prefix.
func withoutTokenizers(tables []*table, places [][]place) ([]*table, [][]place) {
	var parts []string // prefixes of what tokenizers consist of, and of what stands beside them
	within := func(prefix string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.HasPrefix(prefix, part) })
	}
	for i, t := range tables {
		for _, p := range places[i] {
			if t.family == vqkdFamily && p.blocks > 0 {
				parts = append(parts, p.prefix+"encoder.", p.prefix+"decoder.", p.prefix+"teacher", p.prefix+"loss", p.prefix+"scaling")
			}
		}
	}
	beit := false
	for i, t := range tables {
		for _, p := range places[i] {
			beit = beit || (t.family == beitFamily || t.family == segmenterFamily) && p.blocks > 0 && !within(p.prefix)
		}
	}
	if !beit {
		return tables, places
	}
	var kept []*table
	var keptPlaces [][]place
	for i, t := range tables {
		if t.family == beitFamily || t.family == segmenterFamily || t.file != "" {
			kept, keptPlaces = append(kept, t), append(keptPlaces, places[i])
		}
	}
	return kept, keptPlaces
}

// settle decides between readings that score the same. They are sorted, best first. Different meanings are a *TieError. Of schemes with the same meaning
// only those count that leave the least of the names unexplained in front. Of these the preferred one is chosen; else one whose program stores relative
// position indices if and only if the file has some, or has tokenizers alone; else, for a masked model, one whose program has a class for it; else the first in
// the list of schemes.
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
		if r.writesIndex == (len(r.indices) > 0) && (r.family == beitFamily || r.family == segmenterFamily) || r.Scheme.table(beitFamily) == nil {
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
