package convert

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/internal/text"
)

const normFirstNote = "the module normalises the tokens by what it calls fc_norm, and takes no mean: the norm is read as that of all tokens"

// pooled makes a model end as its module says that it does, where that is the same model under other names, and returns clauses that say where it is not.
// told says that something else states the architecture, too.
func (m *modules) pooled(model *Model, told bool) []string {
	root, ok := m.rootOf(model)
	stated := m.by[root].Attributes["global_pool"]
	pool, says := stated.(string) // of timm: timm/models/beit.py, and pool of timm/layers/pool1d.py
	where := "it"
	if root != "" {
		where = text.Quote(root)
	}
	if kind := notPlain(stated); ok && kind != "" {
		return []string{"the global_pool of " + where + " is " + kind}
	}
	if !ok || !says || model.Config.Masked() {
		return nil
	}
	found, head := model.Config.Pooling, model.Config.Classes > 0
	model.From[card.Pooling] = card.Module
	switch {
	case pool == "avg" && found == arch.MeanPooling:
		if n := m.by[root].Attributes["num_prefix_tokens"]; n != nil && n != int64(1) {
			return []string{fmt.Sprintf("%s takes the mean of all tokens but the first %s, and that of a BEiT leaves out one", where, shown(n))}
		}
	case pool == "avg" && found == arch.ClassToken:
		return []string{where + " normalises all tokens before it takes their mean, and a BEiT the mean"}
	case pool == "avg":
		model.warn("the module ends in the mean of the patch tokens, which has no norm: the model is read as one that ends in all tokens")
	case pool == "token" && found == arch.MeanPooling && !told:
		model.normFirst(normFirstNote)
	case pool == "token" && found == arch.ClassToken:
	case pool == "token":
		return []string{where + " takes the class token, and its parameters, or what else is stated of it, say otherwise"}
	case pool == "" && head:
		return []string{where + " has no pooling (its global_pool is empty), so that its head gives classes for each token, not for the image"}
	case pool == "" && found == arch.MeanPooling && told:
		return []string{where + " has no pooling (its global_pool is empty), and what else is stated of it says that it has"}
	case pool == "" && found != arch.NoPooling:
		if found == arch.MeanPooling {
			model.normFirst(normFirstNote)
		}
		model.warn("the module ends in all tokens behind its norm (its global_pool is empty): the model has the same parameters, and ends in the class token of these")
	case pool == "":
	default:
		return []string{fmt.Sprintf("%s pools the tokens by %s, and a BEiT takes the class token or the mean of the patch tokens", where, text.Quote(pool))}
	}
	return nil
}

// rootOf returns the path of the module that has a model's class token.
func (m *modules) rootOf(model *Model) (string, bool) {
	for _, change := range model.Changes {
		if change.Name == "cls_token" && len(change.From) > 0 {
			path := above(change.From[0], 1)
			_, ok := m.by[path]
			return path, ok
		}
	}
	return "", false
}

// patching returns clauses that say where the convolution of a model does not cut images into its patches.
func (m *modules) patching(name string, patch int) []string {
	path := above(name, 1)
	var problems []string
	for _, a := range []struct {
		names []string
		only  int64
	}{
		{[]string{"stride", "_stride"}, int64(patch)},
		{[]string{"padding", "_padding"}, 0},
		{[]string{"dilation", "_dilation"}, 1},
	} {
		for _, attribute := range a.names {
			if found := oddSide(m.by[path].Attributes[attribute], a.only); found != nil {
				problems = append(problems, fmt.Sprintf("the %s of %s is %s, not %d", strings.TrimPrefix(attribute, "_"), text.Quote(path), shown(found), a.only))
			}
		}
	}
	return problems
}

// oddSide returns the first value in an attribute, a number or a list of such, that is not the only right one, or nil.
func oddSide(attribute any, only int64) any {
	switch value := attribute.(type) {
	case nil:
		return nil
	case []any:
		for _, side := range value {
			if found := oddSide(side, only); found != nil {
				return found
			}
		}
		return nil
	case string:
		if only == 0 && strings.EqualFold(value, "valid") { // a word for no padding
			return nil
		}
	case int64:
		if value == only {
			return nil
		}
	}
	return attribute
}

// shown returns a value of a module for a message.
func shown(value any) string {
	switch value := value.(type) {
	case bool, int64, float64:
		return fmt.Sprint(value)
	case string:
		return text.Quote(text.Cut(value, 100))
	}
	return cmp.Or(notPlain(value), "a list or dict")
}

// scaled returns a clause if the attention at a path multiplies its scores by something else than all BEiT do.
func (m *modules) scaled(path string, width int) []string {
	usual := 1 / math.Sqrt(float64(width))
	for _, attribute := range []string{"scale", "scaling"} {
		stated := m.by[path].Attributes[attribute]
		scale, ok := stated.(float64)
		if whole, isInt := stated.(int64); isInt {
			scale, ok = float64(whole), true
		}
		if stated != nil && (!ok || math.IsNaN(scale) || math.Abs(scale-usual) > 1e-5*usual) {
			return []string{fmt.Sprintf("%s multiplies its scores by %s, not %g", text.Quote(path), shown(stated), usual)}
		}
	}
	return nil
}

// beside says what a whole module does beside computing with the parameters of a model: none of it is carried.
func (m *modules) beside(model *Model) {
	var does, own []string
	parts := m.idle(model)
	for _, path := range m.paths {
		object := m.by[path]
		name := "the module itself"
		if path != "" {
			name = text.Quote(path)
		}
		if parts[path] {
			does = append(does, fmt.Sprintf("%s (%s)", name, text.Quote(text.Cut(lastOf(object.Class), 100))))
		}
		for _, hook := range object.Hooks {
			does = append(does, fmt.Sprintf("%s of %s", text.Quote(text.Cut(hook, 100)), name))
		}
		if class := text.Quote(text.Cut(object.Class, 100)); !knownLibrary(object.Class) && !slices.Contains(own, class) {
			own = append(own, class)
		}
	}
	if len(does) > 0 {
		model.warn("only the weights of the module in the file are read, not what it does beside, so its results may differ from those of the model: " +
			text.List(does, mostStated, ""))
	}
	if len(own) > 0 {
		model.warn("of the module in the file only the weights are read, and no library that beitzoo knows has its class, so that what it computes with them may be " +
			"something else than a BEiT: " + text.List(own, mostStated, ""))
	}
}

// ofUPerNet reports whether a part without parameters is one that a library's own class with UPerNet has: what follows its convolutions, and how its maps are pooled.
func (m *modules) ofUPerNet(model *Model, path string) bool {
	class := m.by[path].Class
	return model.Config.Segments() && slices.Contains(convolutionalParts, lastOf(class)) && ofFramework(class) && knownLibrary(m.by[""].Class)
}

// convolutionalParts are classes of torch and paddle that UPerNet and the necks before it are made of, beside convolutions.
var convolutionalParts = []string{"ReLU", "GELU", "MaxPool2d", "MaxPool2D", "AdaptiveAvgPool2d", "AdaptiveAvgPool2D"}

// idle returns the paths of modules that have no parameters, neither of their own nor in their parts, and do something all the same.
func (m *modules) idle(model *Model) map[string]bool {
	idle, mlps, without := map[string]bool{}, mlpsOf(model), leftOutWhole(model)
	for _, path := range m.paths {
		if without[above(path, 1)] {
			continue
		}
		if class := m.by[path].Class; !quietClasses[lastOf(class)] && !strings.Contains(strings.ToLower(above(class, 1)), "loss") && !m.activates(mlps, path) &&
			!m.ofDVAE(model, path) && !m.ofUPerNet(model, path) {
			idle[path] = true
		}
	}
	for _, t := range model.File.Tensors {
		for path := above(t.Name, 1); ; path = above(path, 1) {
			delete(idle, path)
			if path == "" {
				break
			}
		}
	}
	maps.DeleteFunc(idle, func(path string, _ bool) bool { return under(idle, path) })
	return idle
}

// needless returns clauses that name the parts of a BEiT, without parameters, that are of the framework's own classes and that no BEiT has: norms, activations and
// the like, which a forward pass may run between what it has.
func (m *modules) needless(model *Model) []string {
	if model.Config.Kind != arch.Transformer {
		return nil
	}
	root := m.innermost(model)
	idle, mlps := m.idle(model), mlpsOf(model)
	var clauses []string
	for _, path := range m.paths {
		class := m.by[path].Class
		inside := root == "" && path != "" || strings.HasPrefix(path, root+".")
		if !idle[path] || !inside || !ofFramework(class) || m.mayEnd(model, root, path) || under(mlps, path) && isActivation(path, class) {
			continue
		}
		clauses = append(clauses, fmt.Sprintf("it has %s at %s, where no BEiT has one", text.Quote(text.Cut(lastOf(class), 100)), text.Quote(path)))
	}
	if more := len(clauses) - mostStated; more > 0 {
		clauses = append(clauses[:mostStated], fmt.Sprintf("and %d more of such", more))
	}
	return clauses
}

// leftOutWhole returns the paths of modules of whose parameters all were left out, such as the layers of the class token's branch: no model is computed with them.
func leftOutWhole(model *Model) map[string]bool {
	whole := map[string]bool{}
	for _, d := range model.Dropped {
		for path := above(d.Name, 1); path != ""; path = above(path, 1) {
			whole[path] = true
		}
	}
	for _, change := range model.Changes {
		for _, from := range change.From {
			for path := above(from, 1); path != ""; path = above(path, 1) {
				delete(whole, path)
			}
		}
	}
	return whole
}

// mayEnd reports whether a module makes probabilities of what attention or the model as a whole computes, as its name says: that is warned of, or no difference.
func (m *modules) mayEnd(model *Model, root, path string) bool {
	if !slices.Contains([]string{"Softmax", "LogSoftmax", "Sigmoid"}, lastOf(m.by[path].Class)) {
		return false
	}
	return above(path, 1) == root || lastOf(m.by[path].Class) == "Softmax" && slices.ContainsFunc(model.Changes, func(c naming.Change) bool {
		return strings.HasSuffix(c.Name, "attn.qkv.weight") && len(c.From) > 0 && above(c.From[0], 2) == above(path, 1)
	})
}

// innermost returns the path of the innermost module that has all parameters of a model.
func (m *modules) innermost(model *Model) string {
	root, found := "", false
	for _, change := range model.Changes {
		for _, from := range change.From {
			path := above(from, 1)
			if !found {
				root, found = path, true
			}
			for root != "" && path != root && !strings.HasPrefix(path, root+".") {
				root = above(root, 1)
			}
		}
	}
	return root
}

// ofFramework reports whether a class is one of the framework's own layers, which do what their names say.
func ofFramework(class string) bool {
	return strings.HasPrefix(class, "torch.nn.") || strings.HasPrefix(class, "paddle.nn.")
}

// mlpsOf returns the paths of the modules of a model that have the first layer of an MLP, and what follows it.
func mlpsOf(model *Model) map[string]bool {
	mlps := map[string]bool{}
	for _, change := range model.Changes {
		if strings.HasSuffix(change.Name, "mlp.fc1.weight") && len(change.From) > 0 {
			mlps[above(change.From[0], 2)] = true
		}
	}
	return mlps
}

// activates reports whether a module is the activation of an MLP, which is looked at elsewhere.
func (m *modules) activates(mlps map[string]bool, path string) bool {
	return (slices.Contains(activationNames, lastOf(path)) || under(mlps, path)) && exactGELU(m.by[path].Object)
}

// quietClasses are those of modules without parameters that do nothing when a model is run, that only hold others, or whose doing the names of other
// parameters tell: torch, paddle, timm, mmcv, transformers.
var quietClasses = map[string]bool{
	"Identity": true, "Dropout": true, "Dropout1D": true, "Dropout2d": true, "DropPath": true, "BeitDropPath": true, "Data2VecVisionDropPath": true, "PatchDropout": true,
	"Sequential": true, "ModuleList": true, "ModuleDict": true, "LayerList": true, "LayerDict": true, "ParameterList": true, "ParameterDict": true,
	"BeitPooler": true, "Data2VecVisionPooler": true, "BeitAttention": true, "AdaptivePadding": true,
}

// packed returns the path of the first module that keeps its weights packed, as those of torch.ao.nn.quantized do, or "".
func (m *modules) packed() string {
	for _, path := range m.paths {
		if class := m.by[path].Class; strings.HasPrefix(class, "torch.") && strings.Contains(class, ".quantized.") {
			return path
		}
	}
	return ""
}

// knownLibrary reports whether a class is of a library whose modules compute what their names say, or of the files of
// unilm's BEiT and of OpenAI's dVAE.
func knownLibrary(class string) bool {
	library, _, _ := strings.Cut(class, ".")
	return slices.Contains(knownLibraries, library)
}

var knownLibraries = []string{
	"torch", "timm", "transformers", "paddle", "passl", "mmpretrain", "mmcls", "mmseg", "mmcv", "mmengine", "torchvision", "torchmetrics", "accelerate", "deepspeed",
	"lightning", "pytorch_lightning", "modeling_finetune", "modeling_pretrain", "modeling_cyclical", "modeling_vqkd", "norm_ema_quantizer", "dall_e",
}

// warn adds to the warnings that everyone who opens the model sees.
func (m *Model) warn(sentence string) { m.warnings = append(m.warnings, sentence) }
