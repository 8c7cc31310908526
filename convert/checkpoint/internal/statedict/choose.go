package statedict

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Options say which state dict of a file is wanted.
type Options struct {
	// Select is a key, or keys joined by dots, or empty for the trained weights. Where there is no such key, it is what the names of the wanted tensors begin
	// with.
	Select string
	// FileSize bounds what the tensors may sum up to: 4 times as many bytes and 1 GiB, because one stored byte can serve many tensors.
	FileSize int64
	// Shards accepts parts of tensors, which processes of a distributed training had together.
	Shards bool
}

// Dict is the chosen dict of tensors.
type Dict struct {
	// Wrapper is the path of keys that led to the dict, joined by dots, or empty.
	Wrapper string
	// Class is that of the whole module whose parameters the tensors are, or empty. It comes from the file: quote it.
	Class string
	// Modules are that module and its parts, outer ones first, with paths as the names of the tensors have them.
	Modules []checkpoint.Module
	// Unsaved are relative position indices in that module that its state dict would not have.
	Unsaved []Tensor
	// Reason says why the dict was taken, and not one of Others, if nothing was selected.
	Reason string
	// Others are the paths to other dicts of tensors that can be selected.
	Others []string
	// Stated is what lies beside the dict and says something of the model, in the order of the file.
	Stated []checkpoint.Statement
	// Heads are the paths to tensors, or dicts of these, beside the dict that have the name of a head.
	Heads []string
	// Tensors are in the order of the file. Names are unique and not empty.
	Tensors []Tensor
	// Notes say what was left out, one sentence each.
	Notes []string
}

// Tensor is an entry of a state dict.
type Tensor struct {
	Name string
	// Value is *pickle.Array or *pickle.TorchTensor, or *Shard if Options.Shards is set.
	Value pickle.Value
}

// Choose returns the state dict among the wrappers of training programs. It takes a moving average or an optimizer's state only if that is
// asked for by name. Errors are of type *checkpoint.Error.
func Choose(root pickle.Value, options Options) (*Dict, error) {
	s := &search{survey: newSurvey(), found: &Dict{}}
	dict, ok := s.dict(root)
	if !ok {
		dict, ok = s.listed(root)
	}
	if !ok {
		return nil, s.noDict(root)
	}
	prefix := ""
	if options.Select != "" {
		var err error
		if dict, prefix, err = s.follow(dict, options.Select); err != nil {
			return nil, err
		}
	}
	outer, followed := dict, s.path
	chosen, err := s.choose(dict)
	if err == nil && prefix != "" {
		chosen, err = s.part(chosen, prefix)
	}
	if err != nil && prefix != "" && errors.Is(err, checkpoint.ErrNoModel) {
		return nil, s.noSuchPart(options.Select, outer, followed)
	}
	if err != nil {
		return nil, err
	}
	if err := s.collect(chosen, options); err != nil {
		return nil, err
	}
	s.found.Wrapper = strings.Join(s.path, ".")
	if options.Select == "" && len(s.found.Others) > 0 {
		s.found.Reason = s.reason()
	}
	return s.found, nil
}

// part keeps the entries of a dict whose keys begin with a prefix, and removes that from the keys.
func (s *search) part(dict *pickle.Dict, prefix string) (*pickle.Dict, error) {
	names, at := tensorNames(dict)
	part, ok := checkpoint.PartOf(names, prefix)
	if !ok {
		return nil, checkpoint.NoModel("no name begins with %q", prefix)
	}
	kept := make([]pickle.Entry, len(part.Kept))
	for i, index := range part.Kept {
		kept[i] = pickle.Entry{Key: part.Names[i], Value: dict.Entries[at[index]].Value}
	}
	for _, other := range part.Others {
		s.found.Others = append(s.found.Others, strings.Join(append(slices.Clone(s.path), other), "."))
	}
	s.path = append(s.path, strings.TrimSuffix(prefix, "."))
	s.found.Notes = append(s.found.Notes, part.Notes...)
	made := &pickle.Dict{}
	if module, ok := s.origins[dict]; ok {
		module.modules, module.indices = below(module.modules, prefix), indicesBelow(module.indices, prefix)
		s.origins[made] = module
	}
	return made, made.Reset(kept)
}

// noSuchPart says that a dict at a path has neither a key nor a prefix of a name, and what it has: keys with state dicts, and what names of tensors begin with
// in the one that would be chosen.
func (s *search) noSuchPart(wanted string, dict *pickle.Dict, path []string) error {
	var holding, prefixes []string
	for _, key := range keys(dict) {
		if _, holds := s.stateDict(dict, key); holds && !slices.Contains(training, key) && s.selectable(valueAt(dict, key)) {
			holding = append(holding, key)
		}
	}
	within := &search{survey: s.survey, found: &Dict{}}
	if chosen, err := within.choose(dict); err == nil {
		names, _ := tensorNames(chosen)
		prefixes = checkpoint.Prefixes(names)
	}
	outer := &search{path: path}
	return checkpoint.NoSuchPart(wanted, outer.below(holding), outer.below(prefixes))
}

func valueAt(dict *pickle.Dict, key string) pickle.Value {
	value, _ := dict.Get(key)
	return value
}

// tensorNames returns the names of the tensors in a dict, and where their entries are.
func tensorNames(dict *pickle.Dict) (names []string, at []int) {
	for i, entry := range dict.Entries {
		name, isText := entry.Key.(string)
		if _, isTensor := asTensor(entry.Value); isText && isTensor {
			names, at = append(names, name), append(at, i)
		}
	}
	return names, at
}

// search is the way down to a state dict.
type search struct {
	*survey
	path  []string
	found *Dict
}

const adviceStateDict = "give a file that holds a state dict: parameter names with their tensors"

// listed returns the items of a list or tuple under their numbers if there are tensors with names in some of them.
func (s *search) listed(root pickle.Value) (*pickle.Dict, bool) {
	var items []pickle.Value
	switch root := root.(type) {
	case *pickle.List:
		items = root.Items
	case *pickle.Tuple:
		items = root.Items
	}
	if !slices.ContainsFunc(items, s.selectable) {
		return nil, false
	}
	entries := make([]pickle.Entry, len(items))
	for i, item := range items {
		entries[i] = pickle.Entry{Key: strconv.Itoa(i), Value: item}
	}
	dict := &pickle.Dict{}
	return dict, dict.Reset(entries) == nil
}

// noDict explains what a file holds that is not a dict.
func (s *search) noDict(root pickle.Value) error {
	what := "no tensors"
	switch root := root.(type) {
	case *pickle.Array, *pickle.TorchTensor:
		what = "one tensor without a name"
	case *pickle.Tuple, *pickle.List:
		if _, ok := asTensor(root); ok {
			what = "one tensor without the name of its parameter"
		} else if n := s.tensors(root); n > 0 {
			what = fmt.Sprintf("a list of %d tensors without names", n)
		}
	case *pickle.Record:
		return checkpoint.NoModel("the file holds %s", kindOf(root)).WithHint("%s", adviceModule)
	}
	return checkpoint.NoModel("the file holds %s", what).WithHint("%s", adviceStateDict)
}

// asTensor accepts what the frameworks save for a tensor: an array, a rebuilt tensor, or Paddle's pair of parameter name and array.
func asTensor(value pickle.Value) (pickle.Value, bool) {
	switch value := value.(type) {
	case *pickle.Array, *pickle.TorchTensor:
		return value, true
	case *pickle.Opaque:
		if shard, ok := shardOf(value); ok && shard.Whole() {
			return shard.Local, true
		}
		return value, value.Tensor
	case *pickle.Tuple:
		if len(value.Items) == 2 {
			_, named := value.Items[0].(string)
			array, ok := value.Items[1].(*pickle.Array)
			return array, named && ok
		}
	}
	return nil, false
}

// collect takes the tensors of the chosen dict and notes what else lies in it.
func (s *search) collect(chosen *pickle.Dict, options Options) error {
	var others []string
	var total int64
	beside := named(chosen)
	for _, entry := range chosen.Entries {
		value, isTensor := asTensor(entry.Value)
		name, isText := entry.Key.(string)
		if !isTensor && isText && s.other(chosen, s.path, name, beside) {
			continue
		}
		if !isTensor || !isText || name == "" {
			others = append(others, s.describe(entry))
			continue
		}
		shard, isShard := shardOf(entry.Value)
		if isShard = isShard && options.Shards; isShard {
			value = shard.Local
		}
		size, err := sizeOf(name, value)
		if err != nil {
			return err
		}
		total += size
		if most := 4*options.FileSize + 1<<30; total > most || size > most {
			return checkpoint.Unsafe("the tensors sum up to more than %d bytes in a file of %d", most, options.FileSize)
		}
		if isShard {
			value = shard
		}
		s.found.Tensors = append(s.found.Tensors, Tensor{name, value})
	}
	if err := s.placeholders(); err != nil {
		return err
	}
	for _, t := range s.origins[chosen].indices {
		size, err := sizeOf(t.Name, t.Value)
		if err != nil {
			return err
		}
		if total += size; total > 4*options.FileSize+1<<30 {
			return checkpoint.Unsafe("the tensors sum up to more than %d bytes in a file of %d", 4*options.FileSize+1<<30, options.FileSize)
		}
		s.found.Unsaved = append(s.found.Unsaved, t)
	}
	s.leftOut(others)
	s.noteModule(chosen)
	return nil
}

// placeholders returns an error if most tensors have no elements, as stage 3 of DeepSpeed's ZeRO leaves them, or if they are the flat ones of FSDP.
func (s *search) placeholders() error {
	empty := 0
	for _, t := range s.found.Tensors {
		usual := strings.HasSuffix(t.Name, ".weight") || strings.HasSuffix(t.Name, ".bias")
		if made, ok := t.Value.(*pickle.TorchTensor); ok && usual && made.Shape.Equal(tensor.Shape{0}) {
			empty++
		}
		if last := t.Name[strings.LastIndexByte(t.Name, '.')+1:]; last == "_flat_param" || last == "flat_param" {
			return checkpoint.NoModel("%s is the flat parameter in which FSDP keeps a part of several tensors; their names and shapes are not in the file", quote(t.Name)).
				WithHint("%s", adviceFlat)
		}
	}
	if empty*2 <= len(s.found.Tensors) {
		return nil
	}
	return checkpoint.NoModel("%d of %d tensors are placeholders of shape [0], which stage 3 of DeepSpeed's ZeRO leaves where each process has a part", empty,
		len(s.found.Tensors)).WithHint("%s", adviceZeRO)
}

const (
	adviceZeRO = "put the parts together with the script that DeepSpeed writes into the folder of the checkpoint: python zero_to_fp32.py FOLDER OUTPUT; or save with " +
		"stage3_gather_16bit_weights_on_model_save"
	adviceFlat = "save the whole model: with FSDP.state_dict_type(model, StateDictType.FULL_STATE_DICT, FullStateDictConfig(offload_to_cpu=True, rank0_only=True)): " +
		"torch.save(model.state_dict(), FILE)"
)

// noteModule says that the dict is made of a whole module, if it is.
func (s *search) noteModule(chosen *pickle.Dict) {
	module, ok := s.origins[chosen]
	if !ok {
		return
	}
	s.found.Class, s.found.Modules = module.class.String(), module.modules
	s.note("a whole module of class %s: its parameters and buffers were read where they lie, and nothing of its classes was run", quote(s.found.Class))
	if module.unsaved > 0 {
		s.note("left out, as state dicts do: %s that the module computes itself", text.Count(module.unsaved, "buffer", "buffers"))
	}
}

const adviceFloat8 = "save it in a type that can be read: torch.save({name: t.float() for name, t in state_dict.items()}, \"weights.pth\"); if scales stand beside such weights, " +
	"multiply each weight by its own first, and leave them out"

func sizeOf(name string, value pickle.Value) (int64, error) {
	view := tensor.View{}
	switch value := value.(type) {
	case *pickle.Array:
		view = value.View
	case *pickle.TorchTensor:
		view.DType, view.Shape = value.DType, value.Shape
	case *pickle.Opaque:
		if shard, ok := shardOf(value); ok {
			return 0, shard.Refuse(name)
		}
		err := checkpoint.Unsupported("parameter %s is %s", quote(name), value.What)
		if err.Advice = value.Advice; err.Advice == "" && strings.Contains(value.What, "float8") {
			err.Advice = adviceFloat8
		}
		return 0, err
	}
	size, err := view.Size()
	if err != nil || size > math.MaxInt64/2 {
		return 0, checkpoint.Malformed("parameter %s has the impossible shape %s", quote(name), view.Shape)
	}
	return size, nil
}
