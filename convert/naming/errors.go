package naming

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// UnknownSchemeError says that there is no scheme of that name.
type UnknownSchemeError struct{ Name, Nearest string }

func (e *UnknownSchemeError) Error() string { return "unknown naming scheme " + text.Quote(e.Name) }

// Is reports that asking for the scheme was a mistake.
func (e *UnknownSchemeError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint lists the schemes.
func (e *UnknownSchemeError) Hint() string {
	return suggest.Hint(e.Nearest, Names())
}

// NotBEiTError says that most of the tensors are not those of a BEiT, whatever the scheme.
type NotBEiTError struct {
	// Scheme is the one that knows most of the names: Known of Total.
	Scheme       string
	Known, Total int
	// Example is the name of a tensor that it does not know.
	Example string
}

func (e *NotBEiTError) Error() string {
	if e.Total == 0 {
		return "not a BEiT: there are no tensors"
	}
	if e.Known == 0 {
		return fmt.Sprintf("no BEiT that beitzoo knows: none of the %s has a name that a scheme knows, such as %s", text.Count(e.Total, "tensor", "tensors"), text.Quote(e.Example))
	}
	return fmt.Sprintf("no BEiT that beitzoo knows: the scheme %s, which fits best, knows %d of %d tensors, and not %s", e.Scheme, e.Known, e.Total, text.Quote(e.Example))
}

// Is reports that the tensors are unusable input.
func (e *NotBEiTError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what is expected.
func (e *NotBEiTError) Hint() string {
	return "give a BEiT checkpoint of " + programs()
}

// MatchingError says that it would take too long to match patterns with names.
type MatchingError struct {
	// Patterns and Names are how many there are, Bytes the length of all names.
	Patterns, Names int
	Bytes           int64
}

func (e *MatchingError) Error() string {
	return fmt.Sprintf("matching %s with the names of %s, %d bytes, would take too long", text.Count(e.Patterns, "pattern", "patterns"),
		text.Count(e.Names, "tensor", "tensors"), e.Bytes)
}

// Is reports that the input is unusable.
func (e *MatchingError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what takes less time.
func (e *MatchingError) Hint() string {
	return "a BEiT has a thousand tensors with names of less than 100 bytes: give its own file, or fewer patterns, without question marks"
}

// UnsupportedError says that the tensors are a relative of BEiT that can't be converted.
type UnsupportedError struct {
	What string
	// Name is a parameter that only such a model has.
	Name string
	// Way is how a model that can be read is made of it, or empty.
	Way string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("this is %s, because it has a parameter %s", e.What, text.Quote(e.Name))
}

// Is reports that the tensors are unusable input.
func (e *UnsupportedError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what is supported.
func (e *UnsupportedError) Hint() string {
	return cmp.Or(e.Way, "beitzoo takes BEiT classifiers, masked-image-modelling models, and segmentation models with UPerNet")
}

// StrangerError says that the tensors are those of a model that is not a BEiT, and which.
type StrangerError struct {
	// What is a model, with an article. Name is the tensor that gives it away.
	What, Name string
	// Part is a prefix, without the last dot, under which the file has something that can be read, and PartIs what that is; both may be empty.
	Part, PartIs string
}

func (e *StrangerError) Error() string {
	return fmt.Sprintf("not a BEiT but %s: it has %s", e.What, text.Quote(e.Name))
}

// Is reports that the tensors are unusable input.
func (e *StrangerError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what can be read.
func (e *StrangerError) Hint() string {
	if e.Part != "" {
		return fmt.Sprintf("it holds %s: select it by its prefix, %s", e.PartIs, e.Part)
	}
	return "beitzoo computes the blocks of BEiT alone, which are those of BEiT v2, DiT and data2vec-vision too, from " + programs()
}

// SeveralModelsError says that one state dict holds several complete models.
type SeveralModelsError struct {
	// Scheme is that of their names. Prefixes are what these begin with, without the last dot, sorted; one of them may be empty.
	Scheme   string
	Prefixes []string
	// Strangers are other models in the file that are no BEiTs, by their prefixes; StrangerPrefixes are these, sorted.
	Strangers        map[string]*StrangerError
	StrangerPrefixes []string
}

func (e *SeveralModelsError) Error() string {
	var under []string
	for _, prefix := range e.Prefixes {
		if prefix == "" {
			under = append(under, "names without a prefix")
		} else {
			under = append(under, text.Quote(prefix+"."))
		}
	}
	message := fmt.Sprintf("the state dict holds %d models: under %s", len(e.Prefixes)+len(e.StrangerPrefixes), text.List(under, listed, ""))
	for _, prefix := range e.StrangerPrefixes {
		message += fmt.Sprintf("; under %s %s", text.Quote(prefix+"."), e.Strangers[prefix])
	}
	return message
}

// Is reports that the tensors are unusable input.
func (e *SeveralModelsError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says how to choose.
func (e *SeveralModelsError) Hint() string {
	if e.Prefixes[0] == "" {
		return "select one of them by its prefix, or drop the names that begin with a prefix"
	}
	return "select one of them by its prefix"
}

// Patterns match the names of all models that have a prefix.
func (e *SeveralModelsError) Patterns() []string {
	var patterns []string
	for _, prefix := range slices.Concat(e.Prefixes, e.StrangerPrefixes) {
		if prefix != "" {
			patterns = append(patterns, prefix+".*")
		}
	}
	return patterns
}

// BesideError says that tensors beside the model may belong to it: a head of a name that the scheme does not have, or tokens of another vision transformer.
type BesideError struct {
	// Prefix is what the names of the model begin with, without the last dot.
	Prefix string
	// Names are the tensors, in the order of the file. Patterns match them, and nothing of the model.
	Names, Patterns []string
}

func (e *BesideError) Error() string {
	var names []string
	for _, name := range e.Names {
		names = append(names, text.Quote(name))
	}
	return fmt.Sprintf("%s beside the model, whose names begin with %s: %s", text.Count(len(e.Names), "tensor that may belong to it stands",
		"tensors that may belong to it stand"), text.Quote(e.Prefix+"."), text.List(names, listed, ""))
}

// Is reports that the tensors are unusable input.
func (e *BesideError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says how to leave them out.
func (e *BesideError) Hint() string {
	return "if the model is complete without them, select its prefix or drop them; if they are a part of it, say which with a map"
}

// MaskedModelError says that a masked-image-modelling checkpoint was asked to be a classifier.
type MaskedModelError struct{ Architecture string }

func (e *MaskedModelError) Error() string {
	return fmt.Sprintf("a masked-image-modelling checkpoint can't become the classifier %s: it holds no fc_norm and no head, which come from training on "+
		"labels, and has one position bias table for all blocks", e.Architecture)
}

// Is reports that the tensors are unusable input.
func (e *MaskedModelError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what to take instead.
func (e *MaskedModelError) Hint() string {
	return "take a checkpoint that was fine-tuned (ft22k, ft1k in its name), or convert it as what it is, without naming an architecture"
}

// TieError says that several schemes fit equally and mean different things.
type TieError struct{ Schemes []string }

func (e *TieError) Error() string {
	return "the tensors fit the schemes " + strings.Join(e.Schemes, " and ") + " equally, which differ in what they mean"
}

// Is reports that the tensors are unusable input.
func (e *TieError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says how to choose.
func (e *TieError) Hint() string { return "say which scheme it is" }

// PositionIndexError says that a relative_position_index in the file is not the one that the architecture has.
type PositionIndexError struct {
	Name string
	// Query and Key are the place of the first entry that differs.
	Query, Key int
	Got, Want  int64
	// Transposed: the buffer is the right index with queries and keys exchanged.
	Transposed bool
}

func (e *PositionIndexError) Error() string {
	message := fmt.Sprintf("%s is not the index of this architecture: entry [%d, %d] is %d instead of %d", text.Quote(e.Name), e.Query, e.Key, e.Got, e.Want)
	if e.Transposed {
		message += "; it is that index transposed"
	}
	return message
}

// Is reports that the tensors are unusable input.
func (e *PositionIndexError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what it means.
func (e *PositionIndexError) Hint() string {
	if e.Transposed {
		return "whatever wrote this file transposed a matrix that is not a weight; its linear weights may be wrong too"
	}
	return "the model was run with other position offsets than BEiT's, so its tables mean something else"
}

// TensorError says which tensor an operation refused.
type TensorError struct {
	Name string
	Err  error
	// Complex: the elements are complex numbers.
	Complex bool
}

func (e *TensorError) Error() string { return text.Quote(e.Name) + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *TensorError) Unwrap() error { return e.Err }

// Hint explains a key bias.
func (e *TensorError) Hint() string {
	if e.Complex {
		return "take the real part where the file was made, and save that: t.real.clone()"
	}
	if errors.Is(e.Err, transform.ErrNotZero) {
		return "the keys of a BEiT have no bias; this is another model, such as a plain vision transformer"
	}
	return ""
}

// Missing is a parameter that is not there.
type Missing struct {
	// Name is what the scheme calls it, Canonical what the architecture calls it.
	Name, Canonical string
	// Nearest is an unexpected tensor that may be meant, or empty.
	Nearest string
}

// Unexpected is a tensor that the scheme or the architecture doesn't have.
type Unexpected struct {
	Name string
	// Nearest is a missing parameter that may be meant, or empty.
	Nearest string
}

// IllShaped is a parameter of the wrong shape. Got and Want are in the layout of the file.
type IllShaped struct {
	Name      string
	Got, Want tensor.Shape
}

// MismatchError says how tensors differ from the parameters of an architecture. Each list is sorted by name.
type MismatchError struct {
	Scheme, Architecture string
	Missing              []Missing
	Unexpected           []Unexpected
	Shapes               []IllShaped
	// Head is that of Unexpected which may be the weight of the head of a model that has none of the name that the scheme has; or empty.
	Head string
}

// listed is how many of each list Error names; the fields have them all.
const listed = 5

func (e *MismatchError) Error() string {
	var parts []string
	add := func(count int, verb string, describe func(i int) string) {
		if count == 0 {
			return
		}
		items := make([]string, min(count, listed))
		for i := range items {
			items[i] = describe(i)
		}
		part := fmt.Sprintf("%s %s", verb, strings.Join(items, ", "))
		if count > listed {
			part += fmt.Sprintf(" and %d more", count-listed)
		}
		parts = append(parts, part)
	}
	add(len(e.Missing), "missing", func(i int) string { return similar(e.Missing[i].Name, e.Missing[i].Nearest) })
	add(len(e.Unexpected), "unexpected", func(i int) string { return similar(e.Unexpected[i].Name, e.Unexpected[i].Nearest) })
	add(len(e.Shapes), "ill-shaped", func(i int) string {
		s := e.Shapes[i]
		if len(s.Want) == 0 { // it is not known
			return fmt.Sprintf("%s %s", text.Quote(s.Name), s.Got)
		}
		return fmt.Sprintf("%s %s instead of %s", text.Quote(s.Name), s.Got, s.Want)
	})
	return fmt.Sprintf("%s %s in the scheme %s: %s",
		text.Count(len(e.Missing)+len(e.Unexpected)+len(e.Shapes), "tensor does not fit", "tensors do not fit"), e.Architecture, e.Scheme, strings.Join(parts, "; "))
}

// Is reports that the tensors are unusable input.
func (e *MismatchError) Is(kind error) bool { return kind == errdef.ErrInput }

func similar(name, nearest string) string {
	if nearest == "" {
		return text.Quote(name)
	}
	return fmt.Sprintf("%s (near: %s)", text.Quote(name), text.Quote(nearest))
}

// Explained reports whether Hint says all: what is missing shows a model with other parts than a BEiT has, not a file that is cut off.
func (e *MismatchError) Explained() bool { return e.without() != "" }

// without returns what a model has no parameters for, if nothing else is wrong, and what to do; or "".
func (e *MismatchError) without() string {
	if len(e.Missing) == 0 || len(e.Unexpected)+len(e.Shapes) > 0 {
		return ""
	}
	all := func(is func(canonical string) bool) bool {
		return !slices.ContainsFunc(e.Missing, func(m Missing) bool { return !is(m.Canonical) })
	}
	bias := func(name string) bool { return strings.HasSuffix(name, "bias") }
	ofNorm := func(name string) bool { return strings.Contains(name, "norm") }
	last := func(name string) bool { return strings.HasPrefix(name, "norm.") || strings.HasPrefix(name, "fc_norm.") }
	const zeros = "biases of zeros compute the same, so add them to the state dict under these names"
	switch {
	case len(e.Missing) == 2 && all(last):
		return "the model has no norm behind its last block, and beitzoo computes one before every head: there is no way around, but features can be read without the head"
	case all(func(name string) bool { return bias(name) && ofNorm(name) }):
		return "the norms have no biases. If they are LayerNorms, " + zeros + "; if they are RMSNorms, which take no mean, this is another model than a BEiT, and there is no way around"
	case all(func(name string) bool {
		return strings.HasSuffix(name, ".q_bias") || strings.HasSuffix(name, ".v_bias")
	}):
		return "the model has no biases for queries and values, and a BEiT has: " + zeros
	case all(func(name string) bool { return bias(name) && !ofNorm(name) }):
		return "if the model was built without these biases, " + zeros + "; else the file is incomplete: get the whole one"
	}
	return ""
}

// Hint says what to look at.
func (e *MismatchError) Hint() string {
	switch {
	case e.Head != "":
		return fmt.Sprintf("if %s is the head of the model, say so with a row of a map; without it the model gives features, not classes", text.Quote(e.Head))
	case e.Explained():
		return e.without()
	case len(e.Missing) > 0 && len(e.Unexpected) > 0:
		return "parameters may have been renamed; look at the list of tensors, or name the architecture or the scheme"
	case len(e.Missing) > 0:
		return "the checkpoint is incomplete; get the whole file, or name the architecture or the scheme"
	case len(e.Unexpected) > 0:
		return "the checkpoint holds more than this model; remove what does not belong to it, or name the architecture or the scheme"
	}
	return "the checkpoint may be of another size, or its matrices transposed; name the architecture or the scheme"
}
