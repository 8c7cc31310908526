package statedict

import (
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
)

// survey answers how many tensors lie below a value, and whether a dict is an optimizer's. It looks at each value once, because a file can
// let many keys share one large dict.
type survey struct {
	budget
	counts     map[pickle.Value]int
	optimizers map[*pickle.Dict]bool
	// names has the dicts with named tensors somewhere below.
	names map[*pickle.Dict]bool
	// modules are the state dicts of whole modules, and origins, by these, the modules.
	modules map[*pickle.Record]*pickle.Dict
	origins map[*pickle.Dict]origin
}

// origin is the whole module of which a dict is the state dict.
type origin struct {
	class pickle.Global
	// unsaved counts its buffers that state dicts leave out, and indices are those of them that say where relative positions stand in a table.
	unsaved int
	indices []Tensor
	// modules are it and its parts.
	modules []checkpoint.Module
	// err says why there is no state dict; then the dict is empty.
	err error
}

func newSurvey() *survey {
	return &survey{
		budget: budget{unsaved: map[*pickle.List]map[string]bool{}, teller: newTeller()},
		counts: map[pickle.Value]int{}, names: map[*pickle.Dict]bool{}, optimizers: map[*pickle.Dict]bool{},
		modules: map[*pickle.Record]*pickle.Dict{}, origins: map[*pickle.Dict]origin{},
	}
}

// dict accepts a dict, and a whole module, of which it returns the state dict.
func (s *survey) dict(value pickle.Value) (*pickle.Dict, bool) {
	if dict, ok := value.(*pickle.Dict); ok {
		return dict, true
	}
	module, _, ok := formOf(value)
	if !ok {
		return nil, false
	}
	if made, known := s.modules[module]; known {
		return made, true
	}
	made, from := s.flatten(module)
	s.modules[module], s.origins[made] = made, from
	return made, true
}

// tensors counts the tensors below a value, shared ones as often as they can be reached.
func (s *survey) tensors(value pickle.Value) int {
	if _, ok := asTensor(value); ok {
		return 1
	}
	switch value := value.(type) {
	case *pickle.Dict:
		return s.sum(value, len(value.Entries), func(i int) pickle.Value { return value.Entries[i].Value })
	case *pickle.List:
		return s.sum(value, len(value.Items), func(i int) pickle.Value { return value.Items[i] })
	case *pickle.Tuple:
		return s.sum(value, len(value.Items), func(i int) pickle.Value { return value.Items[i] })
	case *pickle.Record:
		if dict, ok := s.dict(value); ok {
			return max(len(dict.Entries), s.broken(dict))
		}
	}
	return 0
}

// broken returns 1 for the state dict of a module that could not be read, so that it is not passed over, and 0 for any other.
func (s *survey) broken(dict *pickle.Dict) int {
	if s.origins[dict].err != nil {
		return 1
	}
	return 0
}

func (s *survey) sum(container pickle.Value, n int, item func(i int) pickle.Value) int {
	if known, ok := s.counts[container]; ok {
		return known
	}
	total := 0
	for i := range n {
		total = min(total+s.tensors(item(i)), math.MaxInt32)
	}
	s.counts[container] = total
	return total
}

// stateDict returns the dict under a key if there are tensors in it that belong to no optimizer.
func (s *survey) stateDict(dict *pickle.Dict, key string) (*pickle.Dict, bool) {
	value, _ := dict.Get(key)
	inner, ok := s.dict(value)
	return inner, ok && s.tensors(value) > 0 && !s.optimizer(inner)
}

// selectable reports whether there are tensors with names below a value, so that selecting it can find some.
func (s *survey) selectable(value pickle.Value) bool {
	dict, ok := s.dict(value)
	if !ok {
		return false
	}
	known, ok := s.names[dict]
	if !ok {
		known = named(dict) > 0 || s.broken(dict) > 0 || slices.ContainsFunc(dict.Entries, func(entry pickle.Entry) bool { return s.selectable(entry.Value) })
		s.names[dict] = known
	}
	return known
}

// optimizer recognises torch.optim by its keys and Paddle's optimizers by the names of their accumulators.
func (s *survey) optimizer(dict *pickle.Dict) bool {
	known, ok := s.optimizers[dict]
	if !ok {
		known = isOptimizer(dict)
		s.optimizers[dict] = known
	}
	return known
}

func isOptimizer(dict *pickle.Dict) bool {
	_, state := dict.Get("state")
	_, groups := dict.Get("param_groups")
	if state && groups {
		return true
	}
	accumulators := 0
	for _, entry := range dict.Entries {
		// Names of accumulators end in a digit, and most keys don't.
		if key, ok := entry.Key.(string); ok && key != "" && key[len(key)-1] <= '9' && accumulator.MatchString(key) {
			accumulators++
		}
	}
	return accumulators > 0 && accumulators*2 > named(dict)
}

// named counts the tensors that lie in the dict itself under a text key.
func named(dict *pickle.Dict) int {
	count := 0
	for _, entry := range dict.Entries {
		_, isText := entry.Key.(string)
		if _, isTensor := asTensor(entry.Value); isText && isTensor {
			count++
		}
	}
	return count
}
