package naming

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// wrapperWords are components of names that stand for a wrapper of a module, wherever it stands: torch.compile's, that of torch's FSDP and of its activation
// checkpointing, and that of DataParallel, DistributedDataParallel and AveragedModel. The last is the only one that a program might use for something else.
var wrapperWords = []string{"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "module"}

// wrapping is what is known of the names in a file before any scheme is asked.
type wrapping struct {
	// original are the names in the file, names the same without wrapper words. No two of names are equal if no two of original are.
	original, names []string
	// shapes are those of the tensors.
	shapes []tensor.Shape
	// removed counts, for each wrapper word, the names that it was removed from.
	removed map[string]int
}

// unwrap removes the wrapper words from names. If that would make two names equal, "module" stays, and if that is not enough, all of them do.
func unwrap(tensors []tensor.Named) *wrapping {
	w := &wrapping{original: make([]string, len(tensors))}
	for i, t := range tensors {
		w.original[i] = t.Name
		w.shapes = append(w.shapes, t.Shape)
	}
	distinct := count(w.original)
	for _, words := range [][]string{wrapperWords, wrapperWords[:len(wrapperWords)-1]} {
		w.names, w.removed = make([]string, len(tensors)), map[string]int{}
		for i, name := range w.original {
			w.names[i] = w.withoutWords(name, words)
		}
		if count(w.names) == distinct {
			return w
		}
	}
	w.names, w.removed = w.original, nil
	return w
}

func count(names []string) int {
	distinct := make(map[string]struct{}, len(names))
	for _, name := range names {
		distinct[name] = struct{}{}
	}
	return len(distinct)
}

// withoutWords returns a name without the components that are one of words. The last component is the parameter's own.
func (w *wrapping) withoutWords(name string, words []string) string {
	for _, word := range words {
		if !strings.Contains(name, word+".") {
			continue
		}
		components := strings.Split(name, ".")
		last := len(components) - 1
		kept := slices.DeleteFunc(components[:last:last], func(component string) bool { return component == word })
		if len(kept) < last {
			w.removed[word]++
			name = strings.Join(append(kept, components[last]), ".")
		}
	}
	return name
}

// notes says which words were removed.
func (w *wrapping) notes() []string {
	var notes []string
	for _, word := range wrapperWords {
		if n := w.removed[word]; n > 0 {
			notes = append(notes, fmt.Sprintf("removed %s from %s, which a wrapper of a training program put there", text.Quote(word+"."), text.Count(n, "name", "names")))
		}
	}
	return notes
}

// inFile returns a prefix of the name at i as the file has it: with the wrapper words that stand in it, and without the last dot.
func (w *wrapping) inFile(i int, prefix string) string {
	name := w.original[i]
	for end := range len(name) {
		if name[end] != '.' {
			continue
		}
		probe := &wrapping{removed: map[string]int{}}
		if got := probe.withoutWords(name[:end+1]+"x", wrapperWords); got == prefix+"x" || name[:end+1] == prefix {
			return name[:end]
		}
	}
	return strings.TrimSuffix(prefix, ".")
}

// A name with more bytes or components than these is no anchor of a model.
const longestAnchor, deepestAnchor = 400, 24

// anchors are the patterns of a scheme by which a model is found wherever in a name they stand: those of its blocks, and the weight of its patch embedding.
type anchors struct {
	// by has, for a pattern, the indices of the tables that have it; stems those of the tables in which it is the patch embedding's weight.
	by, stems map[string][]int
	// first are the first components of patterns; numbered says that one of them has the block's number.
	first    map[string]bool
	numbered bool
}

func anchorsOf(tables []*table) *anchors {
	a := &anchors{by: map[string][]int{}, stems: map[string][]int{}, first: map[string]bool{}}
	for i, t := range tables {
		for pattern, at := range t.parts {
			into := a.by
			canonical := t.rows[at.row].canonical
			if len(canonical) == 1 && stems[canonical[0]] {
				into = a.stems
			} else if !placeholder.MatchString(pattern) || t.family == segmenterFamily && !isBlock(canonical) {
				continue
			}
			into[pattern] = append(into[pattern], i)
			first, _, _ := strings.Cut(pattern, ".")
			a.first[first] = true
			a.numbered = a.numbered || placeholder.MatchString(first)
		}
	}
	return a
}

// isBlock reports whether parameters are those of a transformer block.
func isBlock(canonical []string) bool {
	return len(canonical) > 0 && strings.HasPrefix(canonical[0], "blocks.")
}

// place is where in the names of a file a scheme finds a model: they begin with prefix, of which the name at index at is an example.
type place struct {
	prefix string
	at     int
	// blocks is how many parameters of blocks are there, stem whether the patch embedding is.
	blocks int
	stem   bool
}

func (p place) complete() bool { return p.stem && p.blocks > 0 }

// places returns, for each table, the places at which its scheme finds a model, the one with most parameters first. Those with a patch embedding and blocks
// are models; if there are none, the only one that is returned holds half of all names, or it is all names.
func (w *wrapping) places(tables []*table) [][]place {
	anchors := anchorsOf(tables)
	found := make([]map[string]*place, len(tables))
	for i := range found {
		found[i] = map[string]*place{}
	}
	at := func(table, name int, prefix string) *place {
		if found[table][prefix] == nil {
			found[table][prefix] = &place{prefix: prefix, at: name}
		}
		return found[table][prefix]
	}
	for i, name := range w.names {
		if len(name) > longestAnchor {
			continue
		}
		for start, depth := 0, 0; depth < deepestAnchor; depth++ {
			first, _, more := strings.Cut(name[start:], ".")
			if anchors.first[first] || anchors.numbered {
				for pattern := range patternsOf(name[start:]) {
					for _, table := range anchors.by[pattern] {
						at(table, i, name[:start]).blocks++
					}
					for _, table := range anchors.stems[pattern] {
						at(table, i, name[:start]).stem = true
					}
				}
			}
			if !more {
				break
			}
			start += len(first) + 1
		}
	}
	places := make([][]place, len(tables))
	for i, t := range tables {
		places[i] = t.choosePlaces(found[i], len(w.names))
	}
	return places
}

func (t *table) choosePlaces(found map[string]*place, names int) []place {
	var complete []place
	best := place{}
	for _, prefix := range slices.Sorted(maps.Keys(found)) {
		p := *found[prefix]
		if t.ignores(prefix) {
			continue
		}
		if p.complete() {
			complete = append(complete, p)
		}
		if 2*p.blocks >= names && p.blocks > best.blocks {
			best = p
		}
	}
	if len(complete) == 0 {
		return []place{best}
	}
	if t.family == segmenterFamily {
		complete = outermost(complete)
	}
	slices.SortStableFunc(complete, func(a, b place) int { return cmp.Compare(b.blocks, a.blocks) })
	return complete
}

// outermost returns the places without those within another with as many blocks: transformers has a BEiT under the names of one model within those of another.
func outermost(places []place) []place {
	return slices.DeleteFunc(slices.Clone(places), func(p place) bool {
		return slices.ContainsFunc(places, func(other place) bool {
			return other.prefix != p.prefix && strings.HasPrefix(p.prefix, other.prefix) && other.blocks >= p.blocks
		})
	})
}

// ignores reports whether a prefix leads into something that may stand beside a model of the scheme.
func (t *table) ignores(prefix string) bool {
	for rest, more := prefix, true; more && rest != ""; _, rest, more = strings.Cut(rest, ".") {
		if _, ignored := matchesAny(t.ignored, rest+"x"); ignored {
			return true
		}
	}
	return false
}
