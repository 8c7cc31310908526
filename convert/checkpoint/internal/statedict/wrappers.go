package statedict

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/internal/text"
)

// wrappers are the keys under which training programs keep the model, in the order in which they are looked for. The first two are unilm's
// order.
var wrappers = []string{
	"model", "module", "state_dict", "model_state_dict", "model_state", "net", "network", "params", "weights", teacherKey, studentKey,
}

// The keys of self-distillation. If there are both, the user has to choose: the teacher is an average of the student in DINO, and another model elsewhere.
const teacherKey, studentKey = "teacher", "student"

// several says that nothing tells which of several state dicts under the keys of a dict is meant.
func (s *search) several(keys ...string) error {
	return checkpoint.NoModel("%s holds several sets of tensors: %s", s.here(), quoteAll(keys)).WithHint("select one of them by its name").Offering(s.below(keys))
}

// here says where the search is.
func (s *search) here() string {
	if len(s.path) == 0 {
		return "the file"
	}
	return quote(strings.Join(s.path, "."))
}

// below returns the paths to keys of the dict where the search is, as Options.Select names them.
func (s *search) below(keys []string) []string {
	paths := make([]string, len(keys))
	for i, key := range keys {
		paths[i] = strings.Join(append(slices.Clone(s.path), key), ".")
	}
	return paths
}

// training are keys of what only a training program needs.
var training = []string{
	"optimizer", "optimizer_state_dict", "optimizer_states", "optim", "opt", "lr_scheduler", "lr_schedulers", "scheduler", "scaler",
	"loss_scaler", "amp", "grad_scaler", "callbacks", "loops", "master_weights", "LR_Scheduler", "StructuredToParameterName@@",
}

var (
	// headName matches what programs call the head of a model: head, fc.weight, linear_probe, cls_head.
	headName = regexp.MustCompile(`(?i)(^|[._])(heads?|classifier|fc|probe)($|[._])`)
	// accumulator matches what Paddle's optimizers call their state.
	accumulator = regexp.MustCompile(`_(moment\d?|beta\d_pow_acc|velocity|momentum|mean_square|mean_grad|inf_norm|avg_squared_(grad|update)|fp32_master)_\d+$`)
)

// follow goes down to the dict that Options.Select names. What is left of the path where no key fits is a prefix of names.
func (s *search) follow(dict *pickle.Dict, wanted string) (inner *pickle.Dict, prefix string, err error) {
	for rest := wanted; rest != ""; {
		key, value, ok := longestKey(dict, rest)
		if !ok {
			return dict, rest, nil
		}
		inner, isDict := s.dict(value)
		if !isDict {
			return nil, "", s.noDictAt(dict, key, value)
		}
		s.path = append(s.path, key)
		s.siblings(dict, key)
		dict = inner
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, key), ".")
	}
	return dict, "", nil
}

// longestKey finds the key that the path begins with; keys may hold dots themselves.
func longestKey(dict *pickle.Dict, path string) (string, pickle.Value, bool) {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') {
		if value, ok := dict.Get(path[:end]); ok {
			return path[:end], value, true
		}
	}
	return "", nil, false
}

// choose descends through wrappers to the dict that holds the parameters.
func (s *search) choose(dict *pickle.Dict) (*pickle.Dict, error) {
	if err := s.origins[dict].err; err != nil {
		return nil, err
	}
	if len(s.path) > 8 {
		return nil, checkpoint.NoModel("more than 8 wrappers around the state dict")
	}
	if s.optimizer(dict) {
		return nil, s.onlyOptimizer()
	}
	for _, key := range wrappers {
		if inner, ok := s.stateDict(dict, key); ok {
			if _, both := s.stateDict(dict, studentKey); both && key == teacherKey {
				return nil, s.several(teacherKey, studentKey)
			}
			return s.descend(dict, key, inner)
		}
	}
	if named(dict) > 0 {
		return dict, nil
	}
	return s.only(dict)
}

// onlyOptimizer says where the model is that belongs to an optimizer: beside it in the file, if something was selected, or in another file.
func (s *search) onlyOptimizer() error {
	if len(s.found.Others) == 0 {
		return checkpoint.NoModel("the file holds the state of an optimizer, not a model").WithHint(
			"give the model's own file: PaddlePaddle saves it beside this one as .pdparams, PyTorch programs in the same file under \"model\"")
	}
	models := slices.DeleteFunc(slices.Clone(s.found.Others), checkpoint.IsAverage)
	if len(models) == 0 {
		models = s.found.Others
	}
	return checkpoint.NoModel("%s is the state of an optimizer, not a model", quote(strings.Join(s.path, "."))).
		WithHint("the model is in this very file, under %s: select that", quoteAll(models)).Offering(models)
}

func (s *search) descend(dict *pickle.Dict, key string, inner *pickle.Dict) (*pickle.Dict, error) {
	s.path = append(s.path, key)
	s.siblings(dict, key)
	return s.choose(inner)
}

// only goes down to the only candidate under a key that is not a known wrapper.
func (s *search) only(dict *pickle.Dict) (*pickle.Dict, error) {
	var candidates, averages []string
	for _, entry := range dict.Entries {
		key, ok := entry.Key.(string)
		if _, holds := s.stateDict(dict, key); !ok || !holds || slices.Contains(training, key) {
			continue
		}
		if checkpoint.IsAverage(key) {
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
		return nil, s.several(candidates...)
	case len(averages) == 1 && slices.ContainsFunc(s.path, checkpoint.IsAverage): // which was asked for
		inner, _ := s.stateDict(dict, averages[0])
		return s.descend(dict, averages[0], inner)
	case len(averages) > 0:
		return nil, checkpoint.NoModel("%s holds nothing but moving averages of the weights: %s", s.here(), quoteAll(averages)).
			WithHint("if that is what you want, select it by its name").Offering(s.below(averages))
	case slices.ContainsFunc(training, func(key string) bool { _, ok := dict.Get(key); return ok }):
		return nil, checkpoint.NoModel("%s holds the state of a training run, but no model", s.here()).
			WithHint("give the model's own file: PaddlePaddle saves it as .pdparams")
	}
	if len(s.path) > 0 {
		return nil, s.withSelectable(checkpoint.NoModel("%s holds no tensors with names: it is %s", s.here(), s.kindUnder(dict)))
	}
	return nil, checkpoint.NoModel("the file holds no tensors; it has %s", quoteAll(keys(dict))).WithHint("%s", adviceStateDict)
}

// noDictAt says what lies under a key of a dict that is selected and is no dict of tensors, and what can be selected beside it.
func (s *search) noDictAt(dict *pickle.Dict, key string, value pickle.Value) error {
	err := checkpoint.NoModel("%s is not a dict of tensors, but %s", quote(s.below([]string{key})[0]), s.kindUnder(value))
	s.path = append(s.path, key)
	s.siblings(dict, key)
	return s.withSelectable(err)
}

// withSelectable adds to an error about what was selected the state dicts beside it.
func (s *search) withSelectable(err *checkpoint.Error) error {
	if len(s.found.Others) == 0 {
		return err.WithHint("%s", adviceStateDict)
	}
	return err.WithHint("tensors with names lie under %s: select that", quoteAll(s.found.Others)).Offering(s.found.Others)
}

// kindUnder says what a value is in which there are no tensors with names.
func (s *search) kindUnder(value pickle.Value) string {
	n := s.tensors(value)
	switch value := value.(type) {
	case *pickle.Array:
		return "one tensor of shape " + value.Shape.String()
	case *pickle.TorchTensor:
		return "one tensor of shape " + value.Shape.String()
	case *pickle.Dict:
		switch {
		case len(value.Entries) == 0:
			return "an empty dict"
		case n > 0:
			return fmt.Sprintf("a dict in which %s without names of parameters", text.Count(n, "tensor lies", "tensors lie"))
		}
		return "a dict without tensors, which has " + quoteAll(keys(value))
	case *pickle.List, *pickle.Tuple:
		if n > 0 {
			return fmt.Sprintf("a list of %s without names", text.Count(n, "tensor", "tensors"))
		}
		return "a list without tensors"
	case *pickle.Record, *pickle.Opaque, *pickle.Global:
		return kindOf(value)
	case nil:
		return "None"
	}
	return plainKind(value)
}

// siblings notes what lies beside the chosen key: other weights, which can be selected, and the rest.
func (s *search) siblings(dict *pickle.Dict, chosen string) {
	var others []string
	beside := s.tensors(valueAt(dict, chosen))
	for _, entry := range dict.Entries {
		key, isText := entry.Key.(string)
		if isText && key == chosen {
			continue
		}
		if isText && headName.MatchString(key) && s.tensors(entry.Value) > 0 {
			s.found.Heads = append(s.found.Heads, strings.Join(append(slices.Clone(s.path[:len(s.path)-1]), key), "."))
		}
		if isText && s.other(dict, s.path[:len(s.path)-1], key, beside) {
			continue
		}
		if isText && slices.Contains(training, key) {
			s.averagesIn(key, entry.Value, 3)
		}
		what, before := s.describe(entry), len(s.found.Stated)
		if isText && key != "" {
			s.overlooked(key, entry.Value, 3)
		}
		others = append(others, what+butFor(key, s.found.Stated[before:]))
	}
	s.leftOut(others)
}

// other notes the dict under a key of another one, at a path, if there are tensors in it that can be selected, and reports whether there are. beside is how many
// tensors the chosen dict has: a layer beside a model is none.
func (s *search) other(dict *pickle.Dict, path []string, key string, beside int) bool {
	inner, holds := s.stateDict(dict, key)
	if !holds || slices.Contains(training, key) || !s.selectable(inner) {
		return false
	}
	if n := s.tensors(inner); n < checkpoint.FewestOfModel && 4*n < beside && s.broken(inner) == 0 {
		return false
	}
	name := strings.Join(append(slices.Clone(path), key), ".")
	s.found.Others = append(s.found.Others, name)
	s.note("%s holds another %s, which can be selected by that name", quote(name), text.Count(s.tensors(inner), "tensor", "tensors"))
	return true
}

// averagesIn notes the moving averages of weights, known by their keys, in what only a training program needs: callbacks keep some there. It looks down some
// levels of dicts, at the first entries of each.
func (s *search) averagesIn(path string, value pickle.Value, levels int) {
	dict, ok := value.(*pickle.Dict)
	if !ok || levels == 0 || s.optimizer(dict) {
		return
	}
	above := s.path[:max(0, len(s.path)-1)]
	for _, entry := range dict.Entries[:min(len(dict.Entries), mostLooked)] {
		key, isText := entry.Key.(string)
		if !isText || key == "" || checkpoint.IsAverage(key) && s.other(dict, append(slices.Clone(above), path), key, 0) {
			continue
		}
		s.averagesIn(path+"."+key, entry.Value, levels-1)
	}
}

// mostLooked is how many entries of a dict are looked at for what may lie in them.
const mostLooked = 200

// reason says why the chosen state dict was taken, and not one of the others in the file.
func (s *search) reason() string {
	if !slices.ContainsFunc(s.found.Others, func(name string) bool { return !checkpoint.IsAverage(name) }) {
		return "moving averages of the weights, which the names of the others stand for, are taken only if asked for"
	}
	if len(s.path) == 0 {
		return "its tensors lie in no dict of their own"
	}
	return quote(s.path[len(s.path)-1]) + " comes first among the keys under which training programs keep a model"
}

// butFor says what of an entry is not left out, since it is read as what it says of the model.
func butFor(key string, stated []checkpoint.Statement) string {
	var read []string
	for _, statement := range stated {
		if inner, below := strings.CutPrefix(statement.Path, key+"."); below && statement.Problem == "" {
			read = append(read, quote(inner))
		}
	}
	if len(read) == 0 {
		return ""
	}
	return " (but for " + text.List(read, mostNamed, "") + ")"
}

// namingKeys are those under which training programs keep the names of classes, and normKeys those of the epsilon of all norms.
var namingKeys, normKeys = []string{"classes", "CLASSES", "class_names", "label_names", "labels", "id2label"}, []string{"layer_norm_eps", "norm_eps"}

// paletteKeys are those under which programs of OpenMMLab keep the colours of classes, and configKeys those of the text of a configuration.
var paletteKeys, configKeys = []string{"PALETTE", "palette"}, []string{"config", "cfg"}

// isTold reports whether something is read from what lies under a key.
func isTold(key string) bool {
	return slices.ContainsFunc([][]string{namingKeys, normKeys, paletteKeys, configKeys}, func(keys []string) bool { return slices.Contains(keys, key) })
}

// overlooked keeps what an entry that is left out says of the model and would be missed: names of classes, and an epsilon, where they are plain data. It looks
// down some levels of dicts, at the first entries of each.
func (s *search) overlooked(path string, value pickle.Value, levels int) {
	key := path[strings.LastIndexByte(path, '.')+1:]
	if s.segmentation(path, key, value) {
		return
	}
	if slices.Contains(namingKeys, key) {
		if names := textsIn(value); len(names) > 0 && len(s.found.Stated) < maxStated {
			s.found.Stated = append(s.found.Stated, checkpoint.Statement{Path: path, Labels: names})
			return
		}
	}
	if epsilon, ok := value.(float64); ok && slices.Contains(normKeys, key) && len(s.found.Stated) < maxStated {
		s.found.Stated = append(s.found.Stated, checkpoint.Statement{Path: path, Epsilon: epsilon})
		return
	}
	dict, ok := value.(*pickle.Dict)
	if !ok || levels == 0 {
		return
	}
	for _, entry := range dict.Entries[:min(len(dict.Entries), mostLooked)] {
		if inner, isText := entry.Key.(string); isText && inner != "" && (levels > 1 || isTold(inner)) {
			s.overlooked(path+"."+inner, entry.Value, levels-1)
		}
	}
}

// segmentation keeps what programs for segmentation say of a model, and reports whether the entry is such a one.
func (s *search) segmentation(path, key string, value pickle.Value) bool {
	stated := checkpoint.Statement{Path: path}
	config, isText := value.(string)
	switch {
	case slices.Contains(paletteKeys, key) && value != nil:
		if stated.Palette = coloursIn(value); stated.Palette == nil {
			stated.Problem = "is not a list of colours, three whole numbers each"
		}
	case slices.Contains(configKeys, key) && isText && strings.Contains(config, "out_indices"):
		if stated.Config = config; len(config) > maxConfig {
			stated.Config, stated.Problem = "", fmt.Sprintf("is a configuration of %d bytes; at most %d are read", len(config), maxConfig)
		}
	default:
		return false
	}
	if len(s.found.Stated) < maxStated {
		s.found.Stated = append(s.found.Stated, stated)
	}
	return true
}

// maxConfig is more bytes than the text of a configuration has: those of mmsegmentation have about 10,000.
const maxConfig = 1 << 20

// coloursIn returns a list of colours, or nil if it has anything else or is empty.
func coloursIn(value pickle.Value) [][3]int64 {
	items, ok := listOf(value)
	if !ok || len(items) == 0 || len(items) > maxClasses {
		return nil
	}
	colours := make([][3]int64, len(items))
	for i, item := range items {
		numbers, ok := listOf(item)
		if !ok || len(numbers) != len(colours[i]) {
			return nil
		}
		for j, number := range numbers {
			if colours[i][j], ok = number.(int64); !ok {
				return nil
			}
		}
	}
	return colours
}

// listOf returns the items of a list or tuple.
func listOf(value pickle.Value) ([]pickle.Value, bool) {
	switch value := value.(type) {
	case *pickle.List:
		return value.Items, true
	case *pickle.Tuple:
		return value.Items, true
	}
	return nil, false
}

// Limits of what is kept: statements, names of classes, and bytes of each. ImageNet-22k has 21,841 classes.
const maxStated, maxClasses, longestClass = 16, 100_000, 1000

// textsIn returns the texts of a list, or of a dict in the order of its keys, which are the numbers from 0 on; nil if it has anything else.
func textsIn(value pickle.Value) []string {
	items, isList := listOf(value)
	if dict, isDict := value.(*pickle.Dict); isDict && !isList {
		items = byNumber(dict)
	}
	if len(items) > maxClasses {
		return nil
	}
	texts := make([]string, len(items))
	for i, item := range items {
		name, isText := item.(string)
		if !isText || len(name) > longestClass {
			return nil
		}
		texts[i] = name
	}
	return texts
}

// byNumber returns the values of a dict whose keys are the numbers from 0 on, or texts of these, in their order; nil if they are not.
func byNumber(dict *pickle.Dict) []pickle.Value {
	items := make([]pickle.Value, len(dict.Entries))
	for _, entry := range dict.Entries {
		at, isNumber := entry.Key.(int64)
		if key, isText := entry.Key.(string); isText {
			number, err := strconv.Atoi(key)
			at, isNumber = int64(number), err == nil
		}
		if !isNumber || at < 0 || at >= int64(len(items)) || items[at] != nil {
			return nil
		}
		items[at] = entry.Value
	}
	return items
}

func (s *search) note(format string, args ...any) {
	s.found.Notes = append(s.found.Notes, fmt.Sprintf(format, args...))
}

// mostNamed is how many keys a sentence names.
const mostNamed = 8

func (s *search) leftOut(others []string) {
	if len(others) == 0 {
		return
	}
	s.note("left out: %s", text.List(others, mostNamed, ""))
}

// describe names an entry that is left out.
func (s *search) describe(entry pickle.Entry) string {
	name := "an entry without a name"
	if key, ok := entry.Key.(string); ok {
		name = quote(key)
	}
	if n := s.tensors(entry.Value); n > 0 {
		name += fmt.Sprintf(" (%d tensors)", n)
	}
	return name
}

func keys(dict *pickle.Dict) []string {
	var names []string
	for _, entry := range dict.Entries {
		_, isTensor := asTensor(entry.Value)
		if key, ok := entry.Key.(string); ok && !isTensor {
			names = append(names, key)
		}
	}
	return names
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quote(name)
	}
	return text.List(quoted, mostNamed, "no keys")
}

// quote shows a key. It is cut so that a sentence can hold several.
func quote(key string) string { return text.Quote(text.Cut(key, 100)) }
