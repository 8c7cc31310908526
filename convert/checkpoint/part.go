package checkpoint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// FewestOfModel is less than the number of tensors of a vision transformer with one block: fewer are a layer, or a part of one.
const FewestOfModel = 12

// average matches what programs call a moving average of a model: model_ema, state_dict_ema, ema, EMA_model, swa_model, averaged_model.
var average = regexp.MustCompile(`(?i)(^|[^a-z])(ema|swa|averaged?)([^a-z]|$)`)

// IsAverage reports whether a key or prefix has the name of a moving average of the weights of a model.
func IsAverage(name string) bool { return average.MatchString(name) }

// Part is one of several models whose tensors lie in one state dict: those of which the names begin with a prefix.
type Part struct {
	// Kept are the indices of its names, and Names what follows the prefix in them.
	Kept  []int
	Names []string
	// Others are the other prefixes in the state dict, without the dot, each of which Options.Select can name.
	Others []string
	// Notes say what was taken and left out, one sentence each.
	Notes []string
}

// mostLeft is how many names or prefixes of what is left out a sentence has.
const mostLeft = 8

// PartOf returns the names that begin with prefix and a dot, and reports whether there are any. A dot at the end of prefix does not count.
func PartOf(names []string, prefix string) (Part, bool) {
	prefix = strings.TrimSuffix(prefix, ".") + "."
	var part Part
	var rest []string
	for i, name := range names {
		below, ok := strings.CutPrefix(name, prefix)
		if !ok || below == "" {
			rest = append(rest, name)
			continue
		}
		part.Kept = append(part.Kept, i)
		part.Names = append(part.Names, below)
	}
	if len(part.Kept) == 0 {
		return Part{}, false
	}
	part.Others = Prefixes(rest)
	part.Notes = []string{fmt.Sprintf("took the %s whose names begin with %s, and removed that", text.Count(len(part.Kept), "tensor", "tensors"), quoteName(prefix))}
	if len(rest) > 0 {
		part.Notes = append(part.Notes, "left out: "+text.List(groups(rest, part.Others), mostLeft, ""))
	}
	return part, true
}

// Prefixes returns what stands before the first dot of several names, in the order of the names.
func Prefixes(names []string) []string {
	var found []string
	count := map[string]int{}
	for _, name := range names {
		first, _, dotted := strings.Cut(name, ".")
		if !dotted || first == "" {
			continue
		}
		if count[first]++; count[first] == 1 {
			found = append(found, first)
		}
	}
	return slices.DeleteFunc(found, func(prefix string) bool { return count[prefix] == 1 })
}

// groups describes names in few words: those with one of the prefixes together, the others by themselves.
func groups(names, prefixes []string) []string {
	count := map[string]int{}
	for _, prefix := range prefixes {
		count[prefix] = 0
	}
	var alone []string
	for _, name := range names {
		first, _, dotted := strings.Cut(name, ".")
		if _, known := count[first]; dotted && known {
			count[first]++
		} else {
			alone = append(alone, quoteName(name))
		}
	}
	var all []string
	for _, prefix := range prefixes {
		all = append(all, fmt.Sprintf("%d tensors whose names begin with %s", count[prefix], quoteName(prefix+".")))
	}
	return append(all, alone...)
}

// quoteName shows a name of a file. It is cut so that a sentence can hold several.
func quoteName(name string) string { return text.Quote(text.Cut(name, 100)) }

// Take keeps the tensors of a checkpoint without keys whose names begin with prefix, and removes that from them. The error lists the prefixes that exist.
func (c *Checkpoint) Take(prefix string) error {
	names := make([]string, len(c.Tensors))
	for i, t := range c.Tensors {
		names[i] = t.Name
	}
	part, ok := PartOf(names, prefix)
	if !ok {
		return NoSuchPart(prefix, nil, Prefixes(names))
	}
	kept := make([]tensor.Named, len(part.Kept))
	for i, at := range part.Kept {
		kept[i] = tensor.Named{Name: part.Names[i], View: c.Tensors[at].View}
	}
	c.Tensors = kept
	c.Wrapper = strings.TrimSuffix(prefix, ".")
	c.Others = append(c.Others, part.Others...)
	c.Notes = append(c.Notes, part.Notes...)
	return nil
}

// NoSuchPart says that a file has neither a key nor a prefix that was asked for, and which it has.
func NoSuchPart(wanted string, keys, prefixes []string) *Error {
	err := NoModel("the file has nothing called %q", text.Cut(wanted, 100))
	err.Absent = true
	var has []string
	if len(keys) > 0 {
		has = append(has, "the keys "+text.List(quoteNames(keys), mostLeft, ""))
	}
	if len(prefixes) > 0 {
		has = append(has, "names that begin with "+text.List(quoteNames(prefixes), mostLeft, ""))
	}
	if len(has) == 0 {
		return err.WithHint("it holds one set of tensors: leave the selection out")
	}
	return err.WithHint("it has %s", strings.Join(has, ", and ")).Offering(slices.Concat(keys, prefixes))
}

func quoteNames(names []string) []string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quoteName(name)
	}
	return quoted
}
