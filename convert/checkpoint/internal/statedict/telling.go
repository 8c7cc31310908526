package statedict

import (
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
)

// telling are the attributes of modules that can tell what a model computes, in the words of torch, paddle, timm, transformers and OpenMMLab. Their values
// are numbers, texts, pairs of numbers, or objects of which tellingOfParts are taken.
var telling = []string{
	"eps", "_epsilon", "num_heads", "num_attention_heads", "window_size", "img_size", "config", "approximate", "_approximate",
	"global_pool", "num_prefix_tokens", "scale", "scaling", "stride", "_stride", "padding", "_padding", "dilation", "_dilation",
	"act", "act_fn", "activate", "activation", "activation_fn", "intermediate_act_fn",
}

// tellingOfParts are the attributes that are taken of an object in an attribute of a module: of functions, and of configurations of transformers.
var tellingOfParts = []string{
	"approximate", "_approximate",
	"hidden_act", "hidden_size", "id2label", "image_size", "intermediate_size", "layer_norm_eps", "layer_scale_init_value", "num_attention_heads", "num_channels",
	"num_hidden_layers", "num_labels", "patch_size", "problem_type", "use_absolute_position_embeddings", "use_mask_token", "use_mean_pooling",
	"use_relative_position_bias", "use_shared_relative_position_bias", "vocab_size",
	"_out_features", "_out_indices", "add_fpn", "auxiliary_channels", "auxiliary_concat_input", "auxiliary_in_channels", "auxiliary_num_convs", backboneConfig,
	"out_features", "out_indices", "pool_scales", "reshape_hidden_states", "segmentation_indices", "use_auxiliary_head",
}

// backboneConfig is the attribute of a configuration in which another one lies, of which the same attributes are taken.
const backboneConfig = "backbone_config"

const (
	// maxTold bounds what is taken of all modules of a file together: a value counts as one, and a text as many more as it has bytes. The names of the 21,841
	// classes of ImageNet-22k count less than a million.
	maxTold = 16 << 20
	// longestTold bounds the texts that are taken, in bytes, and mostItems the lists.
	longestTold, mostItems = 1000, 16
)

// teller turns what modules tell into values of Go. An object is turned once, as modules share their configuration.
type teller struct {
	left    int
	objects map[*pickle.Record]checkpoint.Object
}

func newTeller() *teller {
	return &teller{left: maxTold, objects: map[*pickle.Record]checkpoint.Object{}}
}

// told returns what a module tells in its own attributes. It is an error if that is too much: what is left out would tell of another model.
func (t *teller) told(module *pickle.Record, attributes *pickle.Dict) (checkpoint.Object, error) {
	made := t.object(module, attributes, telling, t.part)
	if t.left < 0 {
		return made, checkpoint.Unsafe("the settings of the modules of the file have more than %d values and bytes of text", maxTold)
	}
	return made, nil
}

// object takes some attributes. None is what it is not to have the attribute.
func (t *teller) object(record *pickle.Record, attributes *pickle.Dict, names []string, take func(pickle.Value) any) checkpoint.Object {
	object := checkpoint.Object{Class: record.Class.String()}
	if slices.ContainsFunc(record.Args, func(value pickle.Value) bool { return value != nil }) {
		object.Partly = "made with arguments of which it is not known what they set"
	}
	if pair, ok := record.State.(*pickle.Tuple); ok && len(pair.Items) == 2 && pair.Items[1] != nil {
		object.Partly = "saved with slots, which can set what its attributes do not"
	}
	for _, name := range names {
		value, there := attributes.Get(name)
		if !there || value == nil || t.left < 0 {
			continue
		}
		if object.Attributes == nil {
			object.Attributes = map[string]any{}
		}
		object.Attributes[name] = take(value)
	}
	return object
}

// hooking are the attributes under which torch and paddle keep what is called before and after a module.
var hooking = []string{"_forward_pre_hooks", "_forward_hooks", "_forward_post_hooks"}

// maxHooks bounds how many hooks of a module are named.
const maxHooks = 8

// hooks returns what is called before and after a module, or in place of its class's forward, which accelerate does.
func hooks(module *pickle.Dict) []string {
	var names []string
	if own, ok := module.Get("forward"); ok {
		names = append(names, hookName(own))
	}
	for _, attribute := range hooking {
		value, _ := module.Get(attribute)
		dict, ok := value.(*pickle.Dict)
		for i := 0; ok && i < len(dict.Entries) && len(names) < maxHooks; i++ {
			names = append(names, hookName(dict.Entries[i].Value))
		}
	}
	return names
}

func hookName(value pickle.Value) string {
	switch value := value.(type) {
	case *pickle.Global:
		return value.String()
	case *pickle.Record:
		return value.Class.String()
	}
	return "a hook"
}

// part returns the value of an attribute of a module.
func (t *teller) part(value pickle.Value) any { return t.partOf(value, 1) }

// partOf returns the value of an attribute; configurations may lie so many levels deep in it.
func (t *teller) partOf(value pickle.Value, levels int) any {
	record, ok := value.(*pickle.Record)
	if !ok {
		return t.value(value)
	}
	object, known := t.objects[record]
	if !known {
		state, ok := attributes(record)
		if !ok {
			state = &pickle.Dict{}
		}
		object = t.object(record, state, tellingOfParts, t.value)
		if inner, ok := valueAt(state, backboneConfig).(*pickle.Record); ok && levels > 0 && object.Attributes != nil {
			object.Attributes[backboneConfig] = t.partOf(inner, levels-1)
		}
		if !ok && record.State != nil {
			object.Partly = "in a form of its own"
		}
		t.objects[record] = object
	}
	return object
}

// value returns a number, a text, a list of these or a dict of texts. Anything else becomes a [checkpoint.Unread], so that nobody takes it for missing.
func (t *teller) value(value pickle.Value) any {
	switch value := value.(type) {
	case *pickle.List:
		return t.items(value.Items, value)
	case *pickle.Tuple:
		return t.items(value.Items, value)
	case *pickle.Dict:
		return t.texts(value)
	case *pickle.Global:
		return checkpoint.Object{Class: value.String()}
	}
	return t.plain(value)
}

func (t *teller) plain(value pickle.Value) any {
	t.left--
	switch value := value.(type) {
	case bool, int64, float64:
		return value
	case string:
		if t.left -= len(value); len(value) <= longestTold {
			return value
		}
	}
	return checkpoint.Unread(kindOf(value))
}

func (t *teller) items(items []pickle.Value, list pickle.Value) any {
	if len(items) > mostItems {
		return checkpoint.Unread(kindOf(list))
	}
	all := make([]any, len(items))
	for i, item := range items {
		all[i] = t.plain(item)
	}
	return all
}

// texts returns a dict of which the values are texts, such as the names of classes by their numbers.
func (t *teller) texts(dict *pickle.Dict) any {
	all := map[string]any{}
	for _, entry := range dict.Entries {
		if t.left < 0 {
			break
		}
		key, ok := entry.Key.(string)
		if number, isNumber := entry.Key.(int64); isNumber {
			key, ok = strconv.FormatInt(number, 10), true
		}
		label, isText := t.plain(entry.Value).(string)
		if t.left -= len(key); !ok || !isText || len(key) > longestTold {
			return checkpoint.Unread(kindOf(dict))
		}
		if _, twice := all[key]; twice { // as a number and as a text
			return checkpoint.Unread(kindOf(dict))
		}
		all[key] = label
	}
	return all
}

// indicesBelow returns those of indices whose names begin with a prefix, which is removed.
func indicesBelow(indices []Tensor, prefix string) []Tensor {
	var kept []Tensor
	for _, t := range indices {
		if name, ok := strings.CutPrefix(t.Name, strings.TrimSuffix(prefix, ".")+"."); ok {
			kept = append(kept, Tensor{name, t.Value})
		}
	}
	return kept
}

// below returns those of modules whose paths begin with a prefix, which is removed.
func below(modules []checkpoint.Module, prefix string) []checkpoint.Module {
	var kept []checkpoint.Module
	for _, m := range modules {
		if path, ok := strings.CutPrefix(m.Path+".", strings.TrimSuffix(prefix, ".")+"."); ok {
			kept = append(kept, checkpoint.Module{Path: strings.TrimSuffix(path, "."), Hooks: m.Hooks, Object: m.Object})
		}
	}
	return kept
}
