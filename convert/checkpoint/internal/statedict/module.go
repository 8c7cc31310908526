package statedict

import (
	"fmt"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
)

// moduleForm says under which attributes a framework's modules keep their parts.
type moduleForm struct {
	parameters, buffers, parts, unsaved string
}

// moduleForms are those of torch.nn.Module and of paddle.nn.Layer.
var moduleForms = []moduleForm{
	{"_parameters", "_buffers", "_modules", "_non_persistent_buffers_set"},
	{"_parameters", "_buffers", "_sub_layers", "_non_persistable_buffer_names_set"},
}

const (
	// maxParts bounds how many modules, parameters and buffers the whole modules of a file may have together; BEiT large has 1,000. Shared ones count as often
	// as they are reached.
	maxParts = 100_000
	// maxNesting bounds how deeply modules may lie in each other.
	maxNesting = 100
	// maxNames bounds the bytes of all names together.
	maxNames = 16 << 20
)

// attributes returns the attributes of a saved object.
func attributes(record *pickle.Record) (*pickle.Dict, bool) {
	switch state := record.State.(type) {
	case *pickle.Dict:
		return state, true
	case *pickle.Tuple: // (attributes, slots)
		if len(state.Items) == 2 {
			dict, ok := state.Items[0].(*pickle.Dict)
			return dict, ok
		}
	}
	return nil, false
}

// formOf returns how a value keeps its parts if it is a whole module.
func formOf(value pickle.Value) (*pickle.Record, moduleForm, bool) {
	record, ok := value.(*pickle.Record)
	if !ok {
		return nil, moduleForm{}, false
	}
	dict, ok := attributes(record)
	if !ok {
		return nil, moduleForm{}, false
	}
	for _, form := range moduleForms {
		if has(dict, form.parameters) && has(dict, form.parts) {
			return record, form, true
		}
	}
	return nil, moduleForm{}, false
}

// has reports whether a dict lies under a key.
func has(dict *pickle.Dict, key string) bool {
	value, _ := dict.Get(key)
	_, ok := value.(*pickle.Dict)
	return ok
}

// budget counts what was made of all whole modules of a file: a file can have many that share their parts.
type budget struct {
	parts, names int
	// unsaved are the sets of names of buffers that state dicts leave out, each made once.
	unsaved map[*pickle.List]map[string]bool
	*teller
}

// take counts something with a name of so many bytes.
func (b *budget) take(name int) error {
	if b.names += name; b.names > maxNames {
		return checkpoint.Unsafe("the names in the modules of the file have more than %d bytes", maxNames)
	}
	if b.parts++; b.parts > maxParts {
		return checkpoint.Unsafe("modules with more than %d parts and parameters", maxParts)
	}
	return nil
}

// flattener makes the state dict of a whole module, with the names that the framework's state_dict would give: those of the parts, joined by dots.
type flattener struct {
	*budget
	entries []pickle.Entry
	// left counts buffers that state dicts leave out, and indices are those of them that can be checked.
	left    int
	indices []Tensor
	// modules are all that were met, outer ones first, with what they tell.
	modules []checkpoint.Module
}

// flatten takes the parameters and buffers of a module, and counts the buffers that state dicts leave out. Nothing of its classes is run.
func (b *budget) flatten(module *pickle.Record) (*pickle.Dict, origin) {
	f := &flattener{budget: b}
	dict := &pickle.Dict{}
	err := f.module("", module, 0)
	if err == nil {
		err = dict.Reset(f.entries)
	}
	if err != nil {
		dict = &pickle.Dict{}
	}
	return dict, origin{class: module.Class, unsaved: f.left, indices: f.indices, modules: f.modules, err: err}
}

func (f *flattener) module(prefix string, value pickle.Value, depth int) error {
	if depth > maxNesting {
		return checkpoint.Unsafe("modules that lie in each other more than %d deep", maxNesting)
	}
	record, form, ok := formOf(value)
	if !ok {
		return checkpoint.Unsupported("the part %s of the module is %s", quote(strings.TrimSuffix(prefix, ".")), kindOf(value)).
			WithHint("%s", adviceModule)
	}
	dict, _ := attributes(record)
	told, err := f.told(record, dict)
	if err != nil {
		return err
	}
	f.modules = append(f.modules, checkpoint.Module{Path: strings.TrimSuffix(prefix, "."), Hooks: hooks(dict), Object: told})
	if err := f.tensors(prefix, dict, form.parameters, nil); err != nil {
		return err
	}
	unsaved, err := f.texts(dict, form.unsaved)
	if err != nil {
		return err
	}
	if err := f.tensors(prefix, dict, form.buffers, unsaved); err != nil {
		return err
	}
	return f.each(prefix, dict, form.parts, func(name string, part pickle.Value) error {
		return f.module(name+".", part, depth+1)
	})
}

// tensors takes what lies under an attribute, except for the names that are unsaved.
func (f *flattener) tensors(prefix string, attributes *pickle.Dict, attribute string, unsaved map[string]bool) error {
	return f.each(prefix, attributes, attribute, func(name string, value pickle.Value) error {
		if unsaved[strings.TrimPrefix(name, prefix)] {
			f.left++
			if tensor, ok := asTensor(value); ok && isIndex(name) {
				f.indices = append(f.indices, Tensor{name, tensor})
			}
			return nil
		}
		tensor, ok := asTensor(value)
		if !ok {
			return checkpoint.Unsupported("the parameter %s of the module is %s", quote(name), kindOf(value)).WithHint("%s", adviceModule)
		}
		f.entries = append(f.entries, pickle.Entry{Key: name, Value: tensor})
		return nil
	})
}

// isIndex reports whether a buffer is what BEiT's classes call a relative position index.
func isIndex(name string) bool {
	return name[strings.LastIndexByte(name, '.')+1:] == "relative_position_index"
}

// each calls do with the full name and the value of everything under an attribute that is not None.
func (f *flattener) each(prefix string, attributes *pickle.Dict, attribute string, do func(name string, value pickle.Value) error) error {
	value, there := attributes.Get(attribute)
	dict, ok := value.(*pickle.Dict)
	if !ok {
		if there {
			return checkpoint.Unsupported("%q of the module is %s", attribute, kindOf(value)).WithHint("%s", adviceModule)
		}
		return nil
	}
	for _, entry := range dict.Entries {
		name, isText := entry.Key.(string)
		if !isText {
			return checkpoint.Malformed("a part of a module has a name that is not a text")
		}
		if err := f.take(len(prefix) + len(name)); err != nil {
			return err
		}
		if entry.Value == nil {
			continue
		}
		if err := do(prefix+name, entry.Value); err != nil {
			return err
		}
	}
	return nil
}

const adviceModule = "load it with the program that made it, and save the state dict alone: torch.save(model.state_dict(), \"weights.pth\")"

// texts returns the items of a set of names, which may be missing.
func (b *budget) texts(attributes *pickle.Dict, attribute string) (map[string]bool, error) {
	value, there := attributes.Get(attribute)
	if !there {
		return nil, nil
	}
	list, ok := value.(*pickle.List)
	if !ok {
		return nil, checkpoint.Unsupported("%q of the module is %s", attribute, kindOf(value)).WithHint("%s", adviceModule)
	}
	if known, ok := b.unsaved[list]; ok {
		return known, nil
	}
	all := map[string]bool{}
	for _, item := range list.Items {
		name, ok := item.(string)
		if !ok {
			return nil, checkpoint.Malformed("%q of the module holds something that is not a text", attribute)
		}
		if err := b.take(len(name)); err != nil {
			return nil, err
		}
		all[name] = true
	}
	b.unsaved[list] = all
	return all, nil
}

// kindOf says what a value is, in words.
func kindOf(value pickle.Value) string {
	switch value := value.(type) {
	case *pickle.Record:
		what := "an object of class " + quote(value.Class.String())
		if deep := hidden(value); deep != nil {
			return what + ", in which lies " + deep.What
		}
		return what + " that keeps its parts in a way of its own"
	case *pickle.Opaque:
		return value.What
	case *pickle.Global:
		return "the class or function " + quote(value.String())
	}
	return fmt.Sprintf("not what belongs there (%s)", plainKind(value))
}

// hidden returns what stands where a whole module has its attributes or parts, if it was not read, or nil.
func hidden(record *pickle.Record) *pickle.Opaque {
	if opaque, ok := record.State.(*pickle.Opaque); ok {
		return opaque
	}
	dict, ok := attributes(record)
	if !ok {
		return nil
	}
	for _, form := range moduleForms {
		for _, name := range []string{form.parameters, form.parts} {
			value, _ := dict.Get(name)
			if opaque, ok := value.(*pickle.Opaque); ok {
				return opaque
			}
		}
	}
	return nil
}

func plainKind(value pickle.Value) string {
	switch value.(type) {
	case string:
		return "text"
	case bool, int64, float64:
		return "a number"
	case *pickle.Dict:
		return "a dict"
	case *pickle.List, *pickle.Tuple:
		return "a list"
	}
	return "another value"
}
