package naming

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/transform"
)

// table is a scheme's rows for one family of models made ready for look-ups.
type table struct {
	*Scheme
	family family
	// prefix is the scheme's, which models of other families than BEiT don't have, and ignored is what it says of names beside the family's.
	prefix  string
	ignored []reason
	rows    []row // with .* expanded and operations complete
	// parts finds the row, and the part of it, by a foreign pattern without the scheme's prefix.
	parts map[string]rowPart
	// index holds the patterns of relative position indices, also without the prefix.
	index map[string]bool
}

// rowPart is one of the foreign parameters of a row.
type rowPart struct{ row, part int }

// table returns the scheme's table for a family, or nil if it has no rows of it. Tables are made once.
func (s *Scheme) table(f family) *table {
	s.once.Do(func() {
		for f := range families {
			if f == beitFamily && s.file != "" || slices.ContainsFunc(s.rows, func(r row) bool { return r.family() == f }) {
				s.compiled[f] = compile(s, f)
			}
		}
	})
	return s.compiled[f]
}

// tableOf returns the scheme's table for the kind of a model: an empty one if it has none.
func (s *Scheme) tableOf(config arch.Config) *table {
	f := familyOf(config.Kind)
	if t := s.table(f); t != nil {
		return t
	}
	return &table{Scheme: s, family: f}
}

func compile(s *Scheme, f family) *table {
	t := &table{Scheme: s, family: f, parts: map[string]rowPart{}, index: map[string]bool{}}
	if f == beitFamily {
		t.prefix = s.prefix
	}
	if f == beitFamily || s.file != "" {
		t.ignored = s.ignored
	}
	if f == vqkdFamily {
		t.ignored = append(slices.Clone(t.ignored), vqkdLeavings...)
	}
	for _, r := range s.rows {
		if r.family() != f && (f != segmenterFamily || s.file == "" || !lends(s.rows, r)) {
			continue
		}
		for _, expanded := range expand(r) {
			if expanded.operation.Inputs() == 0 {
				expanded.operation = transform.Keep(1)
			}
			if s.transposed && !expanded.laidOut && len(expanded.canonical) == 1 && linearWeights()[expanded.canonical[0]] {
				expanded.operation = transform.Then(each(len(expanded.foreign), transform.TransposeMatrix()), expanded.operation)
			}
			t.rows = append(t.rows, expanded)
		}
	}
	for i, r := range t.rows {
		for part, pattern := range r.foreign {
			key := strings.TrimPrefix(pattern, t.prefix)
			if _, taken := t.parts[key]; !taken {
				t.parts[key] = rowPart{i, part}
			}
		}
	}
	for _, pattern := range slices.Concat(s.blockIndex, s.sharedIndex) {
		t.index[strings.TrimPrefix(pattern, t.prefix)] = f == beitFamily || f == segmenterFamily
	}
	return t
}

// lends reports whether a row of a map for parameters of a BEiT is one for those of UPerNet, too: if no row is for these alone.
func lends(rows []row, r row) bool {
	return r.family() == beitFamily && !slices.ContainsFunc(rows, func(other row) bool {
		return other.family() == segmenterFamily && slices.Equal(other.canonical, r.canonical) && (len(r.canonical) > 0 || slices.Equal(other.foreign, r.foreign))
	})
}

// each returns the operation for each of n tensors, which is the operation itself if n is 1.
func each(n int, operation transform.Operation) transform.Operation {
	if n == 1 {
		return operation
	}
	return transform.Each(n, operation)
}

// find returns which part of which row a name is, and of which block; index says that it is a relative position index instead. The name has no prefixes
// but, possibly, the scheme's own.
func (t *table) find(name string) (part rowPart, block int, index, known bool) {
	if len(name) > longestAnchor {
		return rowPart{}, -1, false, false // no pattern is as long
	}
	for pattern, number := range patternsOf(strings.TrimPrefix(name, t.prefix)) {
		if t.index[pattern] {
			return rowPart{}, number, true, true
		}
		if part, known = t.parts[pattern]; known {
			return part, number, false, true
		}
	}
	return rowPart{}, -1, false, false
}

// expand makes two rows of one that ends in .*: for the weight and for the bias.
func expand(r row) []row {
	if !strings.HasSuffix(r.foreign[0], ".*") {
		return []row{r}
	}
	var rows []row
	for _, kind := range []string{"weight", "bias"} {
		one := r
		one.canonical, one.foreign = []string{strings.TrimSuffix(r.canonical[0], "*") + kind}, []string{strings.TrimSuffix(r.foreign[0], "*") + kind}
		rows = append(rows, one)
	}
	return rows
}

// linearWeights returns the patterns of the weights of linear layers, from the architectures themselves.
var linearWeights = sync.OnceValue(func() map[string]bool {
	patterns := map[string]bool{}
	for _, name := range arch.Names() {
		config, _ := arch.ByName(name)
		for _, p := range config.Params() {
			if pattern, _ := split(p.Name); p.Linear {
				patterns[pattern] = true
			}
		}
	}
	return patterns
})

// split takes the block's number out of a name: of "blocks.3.gamma_1" it returns "blocks.{i}.gamma_1" and 3. Of a dVAE it is that within the group: of
// "blocks.group_2.block_1.id_path.w" it returns "blocks.group_2.block_{i}.id_path.w" and 1. Names without a number, or with one that is not written as a program
// would, come back whole, with block -1.
func split(name string) (pattern string, block int) {
	at := 0
	for component := range strings.SplitSeq(name, ".") {
		end := at + len(component)
		if number, is := strings.CutPrefix(component, "block_"); is && strings.HasPrefix(name, "blocks.group_") {
			at, component = end-len(number), number
		}
		if component != "" && strings.Trim(component, "0123456789") == "" {
			number, err := strconv.Atoi(component)
			if err != nil || strconv.Itoa(number) != component {
				return name, -1
			}
			return name[:at] + "{i}" + name[end:], number
		}
		at = end + 1
	}
	return name, -1
}
