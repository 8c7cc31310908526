package convert

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/configs"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// ModuleError says that a whole module computes something else with its parameters than beitzoo does.
type ModuleError struct {
	Path string
	// Problems are clauses that name the modules in question.
	Problems []string
	// Convolutional says that it is a part of a dVAE.
	Convolutional bool
}

func (e *ModuleError) Error() string {
	what := "a BEiT"
	if e.Convolutional {
		what = "a dVAE"
	}
	return fmt.Sprintf("%s: the module in the file is not %s that beitzoo can compute: %s", e.Path, what, strings.Join(e.Problems, "; "))
}

// Is reports that the file is unusable input.
func (e *ModuleError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says why there is no way around.
func (e *ModuleError) Hint() string {
	if e.Convolutional {
		return "beitzoo computes a dVAE as OpenAI's classes do; the state dict of this module alone would be taken for one, which is another model"
	}
	return "a BEiT has the exact GELU in every block, one epsilon, patches side by side, and the class token or the mean of the patch tokens before its head; " +
		"the state dict of this module alone would be taken for one, which is another model"
}

// modules are those of the whole module that a file holds, by their paths; none if it holds a state dict.
type modules struct {
	by map[string]checkpoint.Module
	// paths are in the order of the file.
	paths []string
	// config is what the configuration of transformers in the module says; nil if there is none.
	config *configs.TransformersFacts
}

// readModules reads what a whole module states. The configuration that its parts share is read as config.json is; path is that of the file.
func readModules(file *checkpoint.Checkpoint) (*modules, error) {
	m := &modules{by: make(map[string]checkpoint.Module, len(file.Modules))}
	for _, module := range file.Modules {
		m.by[module.Path] = module
		m.paths = append(m.paths, module.Path)
		if m.config != nil {
			continue
		}
		raw, err := transformersConfig(module.Object)
		if err != nil {
			return m, &ModuleError{Path: file.Path, Problems: []string{err.Error()}}
		}
		if raw == nil {
			continue
		}
		facts, err := configs.ParseTransformers(raw)
		if err != nil {
			return m, besides(fmt.Sprintf("%s: the configuration of the module", file.Path), err)
		}
		m.config = &facts
	}
	return m, nil
}

// transformersConfig returns the config.json that transformers would write for a module, as far as it is kept; nil if it has no configuration of a BEiT.
func transformersConfig(module checkpoint.Object) ([]byte, error) {
	config, ok := module.Attributes["config"].(checkpoint.Object)
	if !ok {
		return nil, nil
	}
	document, err := configDocument(config)
	if document == nil || err != nil {
		return nil, err
	}
	if backbone, ok := config.Attributes["backbone_config"].(checkpoint.Object); ok {
		if document["backbone_config"], err = configDocument(backbone); err != nil {
			return nil, err
		}
	}
	document["architectures"] = []string{lastOf(module.Class)}
	raw, err := json.Marshal(document)
	if err != nil { // such as an epsilon that is not a number
		return nil, errors.New("its configuration has values that no config.json can have")
	}
	return raw, nil
}

// configDocument returns what a config.json has of a configuration, but for the class of the model; nil if it is not one of a BEiT.
func configDocument(config checkpoint.Object) (map[string]any, error) {
	types := map[string]configs.Type{"BeitConfig": configs.BEiT, "Data2VecVisionConfig": configs.Data2Vec, "UperNetConfig": configs.UPerNet}
	model, ok := types[lastOf(config.Class)]
	if !ok || config.Attributes == nil {
		return nil, nil
	}
	if config.Partly != "" {
		return nil, fmt.Errorf("its configuration is %s", config.Partly)
	}
	document := map[string]any{"model_type": model}
	for _, name := range slices.Sorted(maps.Keys(config.Attributes)) {
		value := config.Attributes[name]
		if _, inner := value.(checkpoint.Object); inner && name == "backbone_config" && model == configs.UPerNet {
			continue
		}
		if kind := notPlain(value); kind != "" {
			return nil, fmt.Errorf("%s of its configuration is %s", text.Quote(name), kind)
		}
		if name == "_out_features" || name == "_out_indices" { // what transformers keeps behind properties of these names
			name = strings.TrimPrefix(name, "_")
		}
		document[name] = value
	}
	return document, nil
}

// notPlain says what a value is that is no number, text, list or dict of these, and returns "" for one that is.
func notPlain(value any) string {
	switch value := value.(type) {
	case checkpoint.Object:
		return "the class or function " + text.Quote(text.Cut(value.Class, 100))
	case checkpoint.Unread:
		return string(value)
	case []any:
		for _, item := range value {
			if kind := notPlain(item); kind != "" {
				return "a list in which there is " + kind
			}
		}
	}
	return ""
}

// lastOf returns what follows the last dot.
func lastOf(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// above returns the path of the module that so many levels above a tensor: 1 is the one that has it.
func above(name string, levels int) string {
	for range levels {
		name = name[:max(0, strings.LastIndexByte(name, '.'))]
	}
	return name
}

// whole returns the first of several attributes of a module that is a whole number above 0, or 0.
func (m *modules) whole(path string, attributes ...string) int {
	for _, attribute := range attributes {
		if n, ok := m.by[path].Attributes[attribute].(int64); ok && n > 0 && n < 1<<20 {
			return int(n)
		}
	}
	return 0
}

// sides returns an attribute of a module that is a height and a width above 0.
func (m *modules) sides(path, attribute string) (height, width int, ok bool) {
	pair, _ := m.by[path].Attributes[attribute].([]any)
	if len(pair) != 2 {
		return 0, 0, false
	}
	first, isFirst := pair[0].(int64)
	second, isSecond := pair[1].(int64)
	ok = isFirst && isSecond && first > 0 && second > 0 && first < 1<<20 && second < 1<<20
	return int(first), int(second), ok
}

// Hints returns the heads and the window that the modules state that have a model's parameters; see [naming.Statement].
func (m *modules) Hints(nameOf func(canonical string) string, patch int) arch.Hints {
	hints := arch.Hints{HeadsFrom: arch.Source(card.Module), WindowFrom: arch.Source(card.Module)}
	if name := nameOf("blocks.0.attn.qkv.weight"); name != "" {
		hints.Heads = m.whole(above(name, 2), headCounts...)
	}
	for _, table := range []string{"blocks.0.attn.relative_position_bias_table", "rel_pos_bias.relative_position_bias_table"} {
		if name := nameOf(table); name != "" {
			if height, width, ok := m.sides(above(name, 1), "window_size"); ok {
				hints.Window = arch.Window{Height: height, Width: width}
			}
		}
	}
	if name := nameOf("patch_embed.proj.weight"); name != "" && hints.Window == (arch.Window{}) && patch > 0 {
		if height, width, ok := m.sides(above(name, 2), "img_size"); ok {
			hints.Window = arch.Window{Height: height / patch, Width: width / patch}
		}
	}
	if m.config == nil {
		return hints
	}
	if hints.Heads == 0 {
		hints.Heads = m.config.Config.Heads
	}
	if m.config.Config.Segments() {
		taps := m.config.Config.Segmentation.Taps
		hints.Taps, hints.TapsFrom = &taps, arch.Source(card.Module)
	}
	if hints.Window == (arch.Window{}) {
		hints.Window.Height, hints.Window.Width = m.config.Config.Window()
	}
	return hints
}

// computed is what the modules that have a model's parameters state about how they compute.
type computed struct {
	// epsilon is that of its norms; 0 if none states it.
	epsilon float64
	// gelu: at least one module says that it is the exact GELU, and none says something else.
	gelu bool
	// problems are clauses: what is not so in any BEiT.
	problems []string
	// epsilons are the different ones, with the first module that has each.
	epsilons []string
}

// compute looks at the modules that have the parameters of a model.
func (m *modules) compute(model *Model) computed {
	var c computed
	seen := map[float64]bool{}
	heads := map[int]bool{}
	var headed, acts, unusable []string
	for _, change := range model.Changes {
		if len(change.From) == 0 {
			continue
		}
		name, canonical := change.From[0], change.Name
		switch {
		case strings.HasSuffix(canonical, "norm1.weight") || strings.HasSuffix(canonical, "norm2.weight") || canonical == "norm.weight" || canonical == "fc_norm.weight":
			path := above(name, 1)
			if class := m.by[path].Class; ofFramework(class) && lastOf(class) != "LayerNorm" {
				c.problems = append(c.problems, fmt.Sprintf("the norm %s is %s, not a LayerNorm", text.Quote(path), text.Quote(text.Cut(lastOf(class), 100))))
			}
			epsilon, ok, odd := m.epsilonOf(path)
			if odd != "" && !slices.Contains(unusable, odd) {
				unusable = append(unusable, odd)
			}
			if ok && !seen[epsilon] {
				seen[epsilon] = true
				c.epsilons = append(c.epsilons, fmt.Sprintf("%g in %s", epsilon, text.Quote(path)))
				c.epsilon = epsilon
			}
		case strings.HasSuffix(canonical, "attn.qkv.weight"):
			path := above(name, 2)
			n := m.whole(path, headCounts...)
			if n == 0 && (m.states(path, headCounts...) || m.by[path].Partly != "") {
				unusable = append(unusable, "the number of attention heads of "+text.Quote(path)+" is not stated as a whole number above 0")
			}
			if n > 0 && !heads[n] {
				heads[n] = true
				headed = append(headed, fmt.Sprintf("%d in %s", n, text.Quote(path)))
			}
			c.problems = append(c.problems, m.scaled(path, model.Config.HeadDim())...)
		case canonical == "patch_embed.proj.weight":
			c.problems = append(c.problems, m.patching(name, model.Config.PatchSize)...)
		case strings.HasSuffix(canonical, "mlp.fc1.weight"):
			acts = append(acts, above(name, 2))
		}
	}
	c.problems = append(c.problems, m.convolutional(model)...)
	c.problems = append(c.problems, m.needless(model)...)
	if len(unusable) > 0 {
		c.problems = append(c.problems, text.List(unusable, mostStated, ""))
	}
	if len(headed) > 1 {
		c.problems = append(c.problems, "its blocks have different numbers of attention heads: "+text.List(headed, mostStated, ""))
	}
	if scales := model.Config.Segmentation.PoolScales; m.config != nil && m.config.Config.Segments() && m.config.Config.Segmentation.PoolScales != scales {
		c.problems = append(c.problems, fmt.Sprintf("its configuration states the pool scales %d, and beitzoo computes a module without a config.json with %d",
			m.config.Config.Segmentation.PoolScales, scales))
	}
	if m.config != nil && c.epsilon == 0 {
		c.epsilon = m.config.Config.Epsilon
	}
	c.activations(m, acts)
	if m.config != nil && len(c.problems) == 0 {
		c.gelu = true // what else it says is an error of its own
	}
	return c
}

// mostStated is how many modules a message names.
const mostStated = 4

// What modules call the number of their heads, and the epsilon of a norm.
var (
	headCounts = []string{"num_heads", "num_attention_heads"}
	epsilons   = []string{"eps", "_epsilon"}
)

// states reports whether a module has one of several attributes.
func (m *modules) states(path string, attributes ...string) bool {
	return slices.ContainsFunc(attributes, func(name string) bool { _, there := m.by[path].Attributes[name]; return there })
}

// epsilonOf returns the epsilon that a norm states, or says what is odd about it.
func (m *modules) epsilonOf(path string) (epsilon float64, ok bool, odd string) {
	for _, name := range epsilons {
		if epsilon, ok := m.by[path].Attributes[name].(float64); ok && epsilon > 0 && epsilon < 1 {
			return epsilon, true, ""
		}
	}
	if m.states(path, epsilons...) || m.by[path].Partly != "" {
		return 0, false, "the epsilon of " + text.Quote(path) + " is not stated as a number between 0 and 1"
	}
	return 0, false, ""
}

// isActivation reports whether a part of an MLP is an activation, by its own name or that of its class.
func isActivation(path, class string) bool {
	return slices.Contains(activationNames, lastOf(path)) || strings.Contains(strings.ToLower(above(class, 1)), "activation")
}

// activations finds the activations within the MLPs of a model, whose paths are given: parts of the MLP and functions that it holds.
func (c *computed) activations(m *modules, mlps []string) {
	inside := map[string]bool{}
	for _, path := range mlps {
		inside[path] = true
	}
	var odd []string
	look := func(path string, object checkpoint.Object) {
		if exactGELU(object) {
			c.gelu = true
			return
		}
		what := lastOf(object.Class)
		if approximate, ok := object.Attributes["approximate"].(string); ok && what == "GELU" {
			what += " with the approximation " + text.Quote(approximate)
		} else if object.Partly != "" {
			what = text.Quote(text.Cut(what, 100)) + " " + object.Partly
		} else if what == "GELU" {
			what += " with an approximation"
		} else {
			what = text.Quote(text.Cut(what, 100))
		}
		odd = append(odd, fmt.Sprintf("%s is %s", text.Quote(path), what))
	}
	for _, path := range m.paths {
		object := m.by[path].Object
		if under(inside, path) && isActivation(path, object.Class) {
			look(path, object)
		}
		if !inside[path] {
			continue
		}
		for _, name := range activationNames {
			switch function := object.Attributes[name].(type) {
			case nil:
			case checkpoint.Object:
				look(path+"."+name, function)
			case string:
				look(path+"."+name, checkpoint.Object{Class: function})
			default:
				odd = append(odd, fmt.Sprintf("%s is %s", text.Quote(path+"."+name), cmp.Or(notPlain(function), "no function")))
			}
		}
	}
	if len(odd) > 0 {
		c.gelu = false
		c.problems = append(c.problems, "the activation "+text.List(odd, mostStated, ""))
	}
}

// activationNames are what programs call the activation of an MLP.
var activationNames = []string{"act", "act_fn", "activate", "activation", "activation_fn", "intermediate_act_fn"}

// under reports whether a path lies below one of others.
func under(others map[string]bool, path string) bool {
	for path != "" {
		if path = above(path, 1); others[path] {
			return true
		}
	}
	return false
}

// exactGELU reports whether a module or function is the GELU of BEiT: that of torch, paddle, timm or transformers without an approximation.
func exactGELU(object checkpoint.Object) bool {
	switch lastOf(object.Class) {
	case "GELU", "GELUActivation", "gelu":
	default:
		return false
	}
	if object.Partly != "" {
		return false
	}
	for _, name := range []string{"approximate", "_approximate"} {
		switch object.Attributes[name] {
		case nil, "none", false:
		default:
			return false
		}
	}
	return true
}
