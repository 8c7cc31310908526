package pickle

import (
	"slices"

	"github.com/nlpodyssey/gopickle/types"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
)

// object is a Record or a dict class while the machine still works on it.
type object struct {
	class   Global
	args    []any
	state   any
	items   []any
	entries types.Dict
	// isDict marks the classes that become a Dict; their state (torch's _metadata) is dropped.
	isDict bool
}

var (
	_ types.DictSetter   = (*object)(nil)
	_ types.ListAppender = (*object)(nil)
	_ stateSetter        = (*object)(nil)
	_ stateSetter        = (*TorchTensor)(nil)
)

// Set is SETITEM on a class derived from dict.
func (o *object) Set(key, value any) { o.entries.Set(key, value) }

// Append is APPEND on a class derived from list.
func (o *object) Append(value any) { o.items = append(o.items, value) }

func (o *object) setState(_ *loader, state any) error {
	if o.state != nil && !o.isDict {
		return checkpoint.Malformed("an object is filled twice")
	}
	o.state = state
	return nil
}

// setState drops the attributes of a tensor: none changes its elements.
func (t *TorchTensor) setState(*loader, any) error { return nil }

// inert makes a record of a call that is known to be harmless.
func inert(_ *loader, class *Global, args []any) (any, error) {
	return &object{class: *class, args: args}, nil
}

// dictionary makes a dict class: from nothing, from a dict, or from a list of pairs.
func dictionary(l *loader, class *Global, args []any) (any, error) {
	made := &object{class: *class, isDict: true}
	if class.Name == "defaultdict" && len(args) > 0 {
		args = args[1:] // what it would call for a missing key
	}
	if len(args) == 0 {
		return made, nil
	}
	if len(args) == 1 {
		entries, ok, err := l.pairs(args[0])
		if err != nil {
			return nil, err
		}
		if ok {
			made.entries = entries
			return made, nil
		}
	}
	return nil, badArguments(class)
}

// pairs copies the entries of a dict, or of a list of pairs.
func (l *loader) pairs(value any) (types.Dict, bool, error) {
	switch value := value.(type) {
	case *types.Dict:
		if err := l.charge(2 * len(*value)); err != nil {
			return nil, false, err
		}
		return slices.Clone(*value), true, nil
	case *object:
		if err := l.charge(2 * len(value.entries)); err != nil {
			return nil, false, err
		}
		return slices.Clone(value.entries), value.isDict, nil
	}
	var entries types.Dict
	items, ok := itemsOf(value)
	if err := l.charge(2 * len(items)); err != nil {
		return nil, false, err
	}
	for _, item := range items {
		pair, isPair := itemsOf(item)
		if !isPair || len(pair) != 2 {
			return nil, false, nil
		}
		entries.Set(pair[0], pair[1])
	}
	return entries, ok, nil
}

// itemsOf returns the items of a list or tuple.
func itemsOf(value any) ([]any, bool) {
	switch value := value.(type) {
	case *types.List:
		return *value, true
	case *types.Tuple:
		return *value, true
	}
	return nil, false
}

func badArguments(callable *Global) error {
	return checkpoint.Malformed("%q with arguments that it does not take", callable.String())
}
