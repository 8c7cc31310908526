package statedict

import (
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
)

// telling are the attributes of modules that can tell what a model computes, in the words of torch, paddle, timm, transformers and OpenMMLab.
var telling = []string{
	"eps", "_epsilon", "num_heads", "num_attention_heads", "window_size", "img_size", "config", "approximate", "_approximate",
	"global_pool", "num_prefix_tokens", "scale", "scaling", "stride", "_stride", "padding", "_padding", "dilation", "_dilation",
	"act", "act_fn", "activate", "activation", "activation_fn", "intermediate_act_fn",
}

const (
	// maxPlain bounds how many plain values are taken of all modules together, and deepestPlain how deep they lie in an attribute.
	maxPlain, deepestPlain = 1 << 20, 4
	// longestPlain bounds the texts among them, in bytes.
	longestPlain = 1000
)

// plainer turns plain values of a pickle into values of Go. An object is turned once, as modules share their configuration.
type plainer struct {
	left    int
	objects map[*pickle.Record]checkpoint.Object
}

func newPlainer() *plainer {
	return &plainer{left: maxPlain, objects: map[*pickle.Record]checkpoint.Object{}}
}

// told returns what a module tells in its own attributes.
func (p *plainer) told(module *pickle.Record, attributes *pickle.Dict) checkpoint.Object {
	object := checkpoint.Object{Class: module.Class.String(), Attributes: map[string]any{}}
	for _, name := range telling {
		if value, there := attributes.Get(name); there {
			if plain, ok := p.plain(value, deepestPlain); ok {
				object.Attributes[name] = plain
			}
		}
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

// plain returns a value in terms of [checkpoint.Object], and reports whether it is a plain one. What is not plain in it is left out.
func (p *plainer) plain(value pickle.Value, depth int) (any, bool) {
	if p.left--; p.left < 0 || depth == 0 {
		return nil, false
	}
	switch value := value.(type) {
	case bool, int64, float64:
		return value, true
	case string:
		return value, len(value) <= longestPlain
	case *pickle.Global:
		return checkpoint.Object{Class: value.String()}, true
	case *pickle.List:
		return p.items(value.Items, depth)
	case *pickle.Tuple:
		return p.items(value.Items, depth)
	case *pickle.Dict:
		return p.entries(value, depth), true
	case *pickle.Record:
		object, known := p.objects[value]
		if !known {
			object.Class = value.Class.String()
			if state, ok := attributes(value); ok {
				object.Attributes = p.entries(state, depth)
			}
			p.objects[value] = object
		}
		return object, true
	}
	return nil, false
}

func (p *plainer) items(items []pickle.Value, depth int) (any, bool) {
	all := make([]any, 0, min(len(items), max(0, p.left)))
	for _, item := range items {
		plain, ok := p.plain(item, depth-1)
		if !ok {
			return nil, false
		}
		all = append(all, plain)
	}
	return all, true
}

func (p *plainer) entries(dict *pickle.Dict, depth int) map[string]any {
	all := map[string]any{}
	for _, entry := range dict.Entries {
		key, ok := entry.Key.(string)
		if number, isNumber := entry.Key.(int64); isNumber {
			key, ok = strconv.FormatInt(number, 10), true
		}
		if plain, isPlain := p.plain(entry.Value, depth-1); ok && isPlain && len(key) <= longestPlain {
			all[key] = plain
		}
	}
	return all
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
