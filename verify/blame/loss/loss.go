package loss

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Kind is what is suspicious about a parameter.
type Kind string

// The kinds of suspicions, most certain first.
const (
	// NotFinite: Count values are NaN or infinite, the first at Element.
	NotFinite Kind = "not-finite"
	// Zero, Ones and Constant: all values are the same, Value.
	Zero     Kind = "zero"
	Ones     Kind = "ones"
	Constant Kind = "constant"
	// Copy: the values are those of the parameter Of.
	Copy Kind = "copy"
	// Rounded: every value is one of DType, though it is stored in a finer one.
	Rounded Kind = "rounded"
	// Quantised: every value is a whole multiple of one number, or of one for each row, and Count bits hold them.
	Quantised Kind = "quantised"
	// ZeroSlices: the slices Indices along Axis are zero; of a vector, the values Indices. Repeated: Count slices along Axis are the same as another one: Indices[0] is Indices[1].
	ZeroSlices Kind = "zero-slices"
	Repeated   Kind = "repeated"
	// Initial: the values are as programs draw them before training.
	Initial Kind = "initial"
	// Outlier: the value at Element, Value, is far outside.
	Outlier Kind = "outlier"
)

// Suspicion is something about one parameter that its siblings do not have.
type Suspicion struct {
	// Tensor is the canonical name of the parameter.
	Tensor string
	Kind   Kind
	// Of is the canonical name of another parameter; Value, Count, Axis, Indices, Element and DType are facts that depend on Kind.
	Of      string
	Value   float64
	Count   int64
	Axis    int
	Indices []int
	Element []int
	DType   tensor.DType
	// Throughout means that the parameter shows it in every block, so that only parameters of other roles are without. Some models are so from the beginning.
	Throughout bool
	// Sentence names the parameter and says what is suspicious, without a full stop.
	Sentence string
}

// Look reads each parameter once, as many at a time as there are cores, and returns what is suspicious, in the order of the parameters, at most one suspicion of a
// kind for each. Names are canonical and shapes are those of the architecture; parameters with other names are looked at alone. Errors are those of reading,
// and of ctx.
func Look(ctx context.Context, config arch.Config, weights []tensor.Named) ([]Suspicion, error) {
	looks := make([]look, len(weights))
	err := parallel.Each(ctx, len(weights), func(_ context.Context, i int) (err error) {
		looks[i], err = lookAt(weights[i])
		return err
	})
	if err != nil {
		return nil, err
	}
	tail := slices.DeleteFunc(slices.Clone(looks), func(l look) bool { return !l.behind() })
	found := make([][]Suspicion, len(weights))
	for i := range looks {
		found[i] = suspicions(looks[i], []company{siblingsOf(looks, i), kinOf(looks, i)}, tail, config)
	}
	copies(looks, found)
	coarseThroughout(looks, found)
	var all []Suspicion
	for i, of := range found {
		for _, s := range of {
			s.Tensor = weights[i].Name
			s.Sentence = weights[i].Name + " " + s.Sentence
			all = append(all, s)
		}
	}
	return all, nil
}

// suspicions returns what is suspicious about a parameter beside its siblings, or beside its kin.
func suspicions(l look, beside []company, tail []look, config arch.Config) (found []Suspicion) {
	for _, others := range beside {
		for _, s := range []*Suspicion{
			constant(l, others, tail), initial(l, others, tail), notFinite(l), coarse(l, others), zeroSlices(l, others, config), repeated(l, others, config), outlier(l, others),
		} {
			if s != nil && !slices.ContainsFunc(found, func(earlier Suspicion) bool { return earlier.Kind == s.Kind }) {
				s.Throughout = others.throughout
				found = append(found, *s)
			}
		}
	}
	return found
}

// role splits a canonical name into what parameters of the same role share and the block: "blocks.#.gamma_1" and 3. Parameters in no block have -1.
func role(name string) (string, int) {
	for _, stem := range []string{"blocks.", "cls_pt_layers."} {
		rest, inside := strings.CutPrefix(name, stem)
		number, parameter, more := strings.Cut(rest, ".")
		if block, err := strconv.Atoi(number); inside && more && err == nil {
			return stem + "#." + parameter, block
		}
	}
	return name, -1
}

func notFinite(l look) *Suspicion {
	if l.odd == 0 {
		return nil
	}
	at := indices(l.firstOdd, l.shape)
	return &Suspicion{
		Kind: NotFinite, Count: l.odd, Element: at,
		Sentence: fmt.Sprintf("holds %s that %s NaN or infinite, the first at %v", text.Count(int(l.odd), "value", "values"), isAre(l.odd), at),
	}
}

func isAre(n int64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// constant finds a parameter whose values are all the same. That norm and head behind the blocks are all as before training is no loss, but a model to be fine-tuned.
func constant(l look, others company, tail []look) *Suspicion {
	if !l.constant() || l.elements < 2 || !others.most(func(s look) bool { return !s.constant() }) || l.begins(tail) {
		return nil
	}
	s := &Suspicion{Kind: Constant, Value: l.low, Sentence: fmt.Sprintf("is %g throughout", float32(l.low))}
	switch l.low {
	case 0:
		s.Kind, s.Sentence = Zero, "is all zero"
	case 1:
		s.Kind, s.Sentence = Ones, "is one throughout"
	}
	if start := l.start(); start >= 0 && float32(start) == float32(l.low) {
		s.Sentence += ", as before training"
	}
	s.Sentence += others.say("are not")
	return s
}

// behind reports whether a parameter is a vector behind the blocks.
func (l look) behind() bool {
	stem, _, _ := strings.Cut(l.name, ".")
	return len(l.shape) == 1 && slices.Contains([]string{"norm", "fc_norm", "head", "lm_head"}, stem)
}

// begins reports whether a parameter is behind the blocks, and all others there are as before training.
func (l look) begins(tail []look) bool {
	return l.behind() && len(tail) > 1 && !slices.ContainsFunc(tail, func(other look) bool { return !other.constant() || other.start() != other.low })
}

// start returns the constant that programs set a parameter to before training, or -1: norms, biases, and gamma of layer scale (microsoft/unilm
// beit/modeling_finetune.py, and its scripts).
func (l look) start() float64 {
	parameter := l.name[strings.LastIndexByte(l.name, '.')+1:]
	switch {
	case strings.Contains(l.name, "norm") && parameter == "weight":
		return 1
	case parameter == "bias", strings.HasSuffix(parameter, "_bias"), strings.HasSuffix(parameter, "_table"):
		return 0
	case strings.HasPrefix(parameter, "gamma_") && slices.Contains([]float32{0.1, 1e-5, 1e-6}, float32(l.low)):
		return l.low
	}
	return -1
}

// coarse finds a parameter that was rounded or quantised, unlike others.
func coarse(l look, others company) *Suspicion {
	s := l.coarse()
	if s == nil || !others.most(func(other look) bool { return other.constant() || !other.coarseAs(l) }) {
		return nil
	}
	s.Sentence += others.say("were not")
	return s
}

// coarse returns the suspicion that all values of a parameter were rounded or quantised, whatever those of others are, or nil.
func (l look) coarse() *Suspicion { return cmp.Or(l.quantised(), l.rounded()) }

// coarseAs reports whether a parameter was rounded or quantised in the same way as another.
func (l look) coarseAs(other look) bool {
	return l.grain == other.grain && l.steps.bits == other.steps.bits
}

// rounded returns the suspicion that all values of a parameter were rounded, whatever those of others are, or nil.
func (l look) rounded() *Suspicion {
	if !l.telling() || l.grain == l.dtype {
		return nil
	}
	return &Suspicion{
		Kind: Rounded, DType: l.grain,
		Sentence: fmt.Sprintf("was rounded to %s: all of its values are of that type, though it is stored as %s", l.grain, l.dtype),
	}
}

// telling reports whether a parameter has enough different values to show of which type they are.
func (l look) telling() bool { return l.elements >= fewest && l.distinct >= fewest && !l.constant() }

// coarseThroughout adds to what was found that parameters were rounded or quantised which, since most of their part were, differ from no others of their kind.
// Files in float64 mostly hold values of float32.
func coarseThroughout(looks []look, found [][]Suspicion) {
	parts := map[string]company{}
	for _, l := range looks {
		if l.telling() {
			parts[part(l)] = company{looks: append(parts[part(l)].looks, l)}
		}
	}
	for i, l := range looks {
		s := l.coarse()
		if s == nil || s.DType == tensor.F32 || slices.ContainsFunc(found[i], func(known Suspicion) bool { return known.Kind == s.Kind }) {
			continue
		}
		if parts[part(l)].most(l.coarseAs) {
			s.Throughout = true
			s.Sentence += ", as are those of most others"
			found[i] = append(found[i], *s)
		}
	}
}

// fewest is the least number of elements, and of different ones, that show anything.
const fewest = 8

func zeroSlices(l look, others company, config arch.Config) *Suspicion {
	if l.constant() {
		return nil
	}
	axes := config.Axes(l.name)
	_, block := role(l.name)
	for axis, zero := range l.zero {
		which := slices.DeleteFunc(slices.Clone(zero), func(i int) bool {
			// The rows for the class token are never trained in the last block of a model that pools the patches.
			ofClass := axis == 0 && block == config.Depth-1 && len(axes) > 0 && i >= l.shape[0]-axes[0].Rest
			return ofClass || !others.most(func(s look) bool { return axis >= len(s.zero) || !slices.Contains(s.zero[axis], i) })
		})
		if len(which) == 0 {
			continue
		}
		name := [2]string{"row", "column"}[axis]
		if len(l.shape) == 1 {
			name = "value"
		}
		words := text.Count(len(which), name, name+"s")
		if len(axes) == len(l.shape) {
			known := axes[axis]
			known.Name = cmp.Or(known.Name, name)
			words = known.Called(which, l.shape[axis])
		}
		return &Suspicion{Kind: ZeroSlices, Axis: axis, Indices: which, Sentence: "has zeros alone in " + words + others.say("do not")}
	}
	return nil
}

// farOutside is how many times as far from the mean as the next value, and as any value of a sibling, an outlier is.
const farOutside = 5

func outlier(l look, others company) *Suspicion {
	if others.throughout || l.elements < fewest || l.odd > 0 || l.next == 0 || l.top < farOutside*l.next {
		return nil
	}
	for _, s := range others.looks {
		if l.top < farOutside*s.top {
			return nil
		}
	}
	at := indices(l.topAt, l.shape)
	return &Suspicion{
		Kind: Outlier, Element: at, Value: l.topValue,
		Sentence: fmt.Sprintf("has one value far outside, %.6g at %v: the next is %.2g as far from the mean", l.topValue, at, l.next/l.top),
	}
}

// copies adds suspicions for parameters with equal values, unless those of one role are equal in all blocks, as tables that blocks share are.
func copies(looks []look, found [][]Suspicion) {
	groups := map[uint64][]int{}
	for i, l := range looks {
		if l.elements >= fewest && !l.constant() {
			groups[l.hash] = append(groups[l.hash], i)
		}
	}
	for i, l := range looks {
		group := groups[l.hash]
		if len(group) < 2 || !slices.Contains(group, i) || shared(looks, group) {
			continue
		}
		other := group[0]
		if other == i {
			other = group[1]
		}
		found[i] = append(found[i], Suspicion{Kind: Copy, Of: looks[other].name, Sentence: "has the values of " + looks[other].name})
	}
}

// shared reports whether the parameters of a group are those of one role in all blocks, of which there are more than two.
func shared(looks []look, group []int) bool {
	own, _ := role(looks[group[0]].name)
	count := 0
	for _, l := range looks {
		if theirs, _ := role(l.name); theirs == own {
			count++
		}
	}
	for _, i := range group {
		if theirs, _ := role(looks[i].name); theirs != own {
			return false
		}
	}
	return count > 2 && count == len(group)
}
