package pickle

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
)

// wrappers are the keys under which training programs keep the model, in the order in which they are looked for. The first two are unilm's
// order; DINO and iBOT publish the teacher.
var wrappers = []string{
	"model", "module", "state_dict", "model_state_dict", "model_state", "net", "network", "params", "weights", "teacher", "student",
}

// training are keys of what only a training program needs.
var training = []string{
	"optimizer", "optimizer_state_dict", "optimizer_states", "optim", "opt", "lr_scheduler", "lr_schedulers", "scheduler", "scaler",
	"loss_scaler", "amp", "grad_scaler", "callbacks", "loops", "master_weights", "LR_Scheduler", "StructuredToParameterName@@",
}

var (
	// average matches keys of moving averages: model_ema, state_dict_ema, ema, EMA_model, swa_model.
	average = regexp.MustCompile(`(?i)(^|[^a-z])(ema|swa)([^a-z]|$)`)
	// accumulator matches what Paddle's optimizers call their state.
	accumulator = regexp.MustCompile(`_(moment\d?|beta\d_pow_acc|velocity|momentum|mean_square|mean_grad|inf_norm|avg_squared_(grad|update)|fp32_master)_\d+$`)
	// prefix matches what wrapping a module for training puts in front of all its parameter names.
	prefix = regexp.MustCompile(`^(module\.|_orig_mod\.)`)
)

// follow goes to what Options.Select names.
func (s *selector) follow(dict *Dict, wanted string) (*Dict, error) {
	for rest := wanted; rest != ""; {
		key, value, ok := longestKey(dict, rest)
		if !ok {
			return nil, checkpoint.NoModel("the file has nothing called %q", wanted).WithHint("it has %s", keys(dict))
		}
		inner, isDict := value.(*Dict)
		if !isDict {
			return nil, checkpoint.NoModel("%q is no dict of tensors", wanted).WithHint("the file has %s", keys(dict))
		}
		s.path = append(s.path, key)
		s.siblings(dict, key)
		dict = inner
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, key), ".")
	}
	return dict, nil
}

// longestKey finds the key that the path begins with; keys may hold dots themselves.
func longestKey(dict *Dict, path string) (string, Value, bool) {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') {
		if value, ok := dict.Get(path[:end]); ok {
			return path[:end], value, true
		}
	}
	return "", nil, false
}

// choose descends through wrappers to the dict that holds the parameters.
func (s *selector) choose(dict *Dict) (*Dict, error) {
	if len(s.path) > 8 {
		return nil, checkpoint.NoModel("more than 8 wrappers around the state dict")
	}
	if s.optimizer(dict) {
		return nil, checkpoint.NoModel("the file holds the state of an optimizer, not a model").WithHint(
			"pass the model's own file: PaddlePaddle saves it beside this one as .pdparams, PyTorch programs in the same file under \"model\"")
	}
	for _, key := range wrappers {
		if inner, ok := s.stateDict(dict, key); ok {
			return s.descend(dict, key, inner)
		}
	}
	if named(dict) > 0 {
		return dict, nil
	}
	return s.search(dict)
}

func (s *selector) descend(dict *Dict, key string, inner *Dict) (*Dict, error) {
	s.path = append(s.path, key)
	s.siblings(dict, key)
	return s.choose(inner)
}

// search looks for the only candidate under a key that is no known wrapper.
func (s *selector) search(dict *Dict) (*Dict, error) {
	var candidates, averages []string
	for _, entry := range dict.Entries {
		key, ok := entry.Key.(string)
		if _, holds := s.stateDict(dict, key); !ok || !holds || slices.Contains(training, key) {
			continue
		}
		if average.MatchString(key) {
			averages = append(averages, key)
		} else {
			candidates = append(candidates, key)
		}
	}
	switch {
	case len(candidates) == 1:
		inner, _ := s.stateDict(dict, candidates[0])
		return s.descend(dict, candidates[0], inner)
	case len(candidates) > 1:
		return nil, checkpoint.NoModel("the file holds several sets of tensors: %s", quoteAll(candidates)).WithHint("choose one with --select NAME")
	case len(averages) > 0:
		return nil, checkpoint.NoModel("the file holds nothing but moving averages of the weights: %s", quoteAll(averages)).
			WithHint("if that is what you want: --select %s", averages[0])
	case slices.ContainsFunc(training, func(key string) bool { _, ok := dict.Get(key); return ok }):
		return nil, checkpoint.NoModel("the file holds the state of a training run, but no model").
			WithHint("pass the model's own file: PaddlePaddle saves it as .pdparams")
	}
	return nil, checkpoint.NoModel("the file holds no tensors; it has %s", keys(dict)).WithHint("%s", adviceStateDict)
}

// siblings notes what lies beside the chosen key: other weights, which can be selected, and the rest.
func (s *selector) siblings(dict *Dict, chosen string) {
	var others []string
	for _, entry := range dict.Entries {
		key, isText := entry.Key.(string)
		if isText && key == chosen {
			continue
		}
		if _, holds := s.stateDict(dict, key); isText && holds && !slices.Contains(training, key) {
			name := strings.Join(append(slices.Clone(s.path[:len(s.path)-1]), key), ".")
			s.note("%s holds another %d tensors; --select %s takes them", quote(name), s.tensors(entry.Value), quote(name))
			continue
		}
		others = append(others, s.describe(entry))
	}
	s.leftOut(others)
}

func (s *selector) note(format string, args ...any) {
	s.found.Notes = append(s.found.Notes, fmt.Sprintf(format, args...))
}

// mostNamed is how many keys a sentence names.
const mostNamed = 8

func (s *selector) leftOut(others []string) {
	if len(others) == 0 {
		return
	}
	text := strings.Join(others[:min(len(others), mostNamed)], ", ")
	if more := len(others) - mostNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	s.note("left out: %s", text)
}

// describe names an entry that is left out.
func (s *selector) describe(entry Entry) string {
	name := "an entry without a name"
	if key, ok := entry.Key.(string); ok {
		name = quote(key)
	}
	if n := s.tensors(entry.Value); n > 0 {
		name += fmt.Sprintf(" (%d tensors)", n)
	}
	return name
}

func keys(dict *Dict) string {
	var names []string
	for _, entry := range dict.Entries {
		if key, ok := entry.Key.(string); ok {
			names = append(names, key)
		}
	}
	if len(names) == 0 {
		return "no keys"
	}
	return quoteAll(names)
}

func quoteAll(names []string) string {
	quoted := make([]string, 0, mostNamed)
	for _, name := range names[:min(len(names), mostNamed)] {
		quoted = append(quoted, quote(name))
	}
	text := strings.Join(quoted, ", ")
	if more := len(names) - mostNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// stripPrefixes removes what every name begins with because of a training wrapper, as often as it does.
func (s *selector) stripPrefixes() {
	for len(s.found.Tensors) > 0 {
		common := prefix.FindString(s.found.Tensors[0].Name)
		if common == "" {
			return
		}
		for _, t := range s.found.Tensors {
			if !strings.HasPrefix(t.Name, common) || t.Name == common {
				return
			}
		}
		for i := range s.found.Tensors {
			s.found.Tensors[i].Name = strings.TrimPrefix(s.found.Tensors[i].Name, common)
		}
		s.note("removed %q from the front of every name", common)
	}
}
