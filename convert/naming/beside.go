package naming

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// counters are the last components of names under which training programs count; those tensors have one element.
var counters = []string{
	"n_averaged", "steps", "num_updates", "num_batches_tracked", "decay", "step", "global_step", "epoch", "iteration", "iter", "initted", "num_samples_seen", "best_acc",
}

// losses are components of the names of weights of classes, and the like, that belong to a loss. Those tensors have at most one dimension.
var losses = []string{
	"criterion", "criteria", "loss", "losses", "loss_fn", "loss_func", "loss_function", "cls_loss", "ce_loss", "cross_entropy", "base_criterion", "class_weights",
}

// metrics are components of the names of what metrics collect, which may follow the name of a part of the data.
var (
	metrics = []string{"acc", "acc1", "acc5", "accuracy", "top1", "top5", "f1", "auroc", "metric", "metrics", "confmat", "precision", "recall", "loss", "meter"}
	splits  = []string{"train_", "val_", "valid_", "validation_", "test_", "best_"}
)

// harmless says what a tensor is that can't be a part of a model, by its name and shape, or returns "".
func harmless(name string, shape tensor.Shape) string {
	if len(name) > longestAnchor {
		return ""
	}
	components := strings.Split(name, ".")
	last := components[len(components)-1]
	elements, err := shape.Elements()
	if err != nil {
		return ""
	}
	if elements == 1 && len(shape) <= 1 && slices.Contains(counters, last) {
		return "a counter of a training program"
	}
	if len(shape) > 1 {
		return ""
	}
	for _, component := range components {
		if slices.Contains(losses, component) {
			return "a weight of a loss"
		}
		for _, split := range splits {
			if base, found := strings.CutPrefix(component, split); found && slices.Contains(metrics, base) {
				return "what a metric collected"
			}
		}
	}
	if len(components) > 1 && slices.Contains(metrics, components[0]) {
		return "what a metric collected"
	}
	return ""
}

// tokens are components of names of tokens that some vision transformers have beside the class token.
var tokens = []string{"dist_token", "distillation_token", "reg_token", "register_tokens", "storage_tokens", "head_dist"}

// leaveOut notes a tensor that does not belong to the model.
func (r *reading) leaveOut(named tensor.Named, why string) {
	size, _ := named.Size()
	r.dropped = append(r.dropped, Dropped{Name: named.Name, Reason: why, Bytes: size, Beside: true})
}

// sortBeside leaves out the tensors that stand beside the model, but for those that may belong to it: tokens of other vision transformers, and, if the
// model has no head, whatever has a dimension of the model's width.
func (r *reading) sortBeside(tensors []tensor.Named) {
	_, head := r.params["head.weight"]
	_, maskedHead := r.params["lm_head.weight"]
	for _, i := range r.beside {
		why := harmless(r.names.names[i], tensors[i].Shape)
		fits := r.family == beitFamily && !head && !maskedHead && r.configErr == nil && slices.Contains(tensors[i].Shape, r.config.EmbedDim)
		isToken := slices.ContainsFunc(tokens, func(token string) bool { return strings.Contains("."+r.names.names[i]+".", "."+token+".") })
		if why == "" && (fits || isToken || r.followsHead(i, tensors)) {
			r.doubtful = append(r.doubtful, i)
			continue
		}
		if why == "" {
			why = fmt.Sprintf("the names of the model begin with %s", text.Quote(r.inner))
		}
		r.leaveOut(tensors[i], why)
	}
}

// followsHead reports whether a tensor beside the model is the weight or the bias of a linear layer that takes what the head of the model gives.
func (r *reading) followsHead(i int, tensors []tensor.Named) bool {
	if r.configErr != nil || r.config.Classes == 0 {
		return false
	}
	stem, isWeight := strings.CutSuffix(r.names.names[i], ".weight")
	other := stem + ".bias"
	if !isWeight {
		stem, isWeight = strings.CutSuffix(r.names.names[i], ".bias")
		if other = stem + ".weight"; !isWeight {
			return false
		}
	}
	at := slices.IndexFunc(r.beside, func(j int) bool { return r.names.names[j] == other })
	if at < 0 {
		return false
	}
	weight, bias := tensors[i].Shape, tensors[r.beside[at]].Shape
	if len(weight) < len(bias) {
		weight, bias = bias, weight
	}
	return len(weight) == 2 && len(bias) == 1 && weight[1] == r.config.Classes && weight[0] == bias[0]
}

// prefixInFile returns the prefix of a model as the file has it, without the last dot.
func (r *reading) prefixInFile(p place) string { return r.names.inFile(p.at, p.prefix) }

// mostExamined is of how many models in one state dict it is found out whether they are BEiTs.
const mostExamined = 8

// severalModels returns the error that lists the models: those that are not known to be something else.
func (r *reading) severalModels(ctx context.Context, tensors []tensor.Named) error {
	e := &SeveralModelsError{Scheme: r.Name, Strangers: map[string]*StrangerError{}}
	var first error
	for i, p := range r.models {
		prefix := r.prefixInFile(p)
		if i < mostExamined && prefix != "" {
			if stranger := strangerUnder(ctx, tensors, prefix); stranger != nil {
				e.Strangers[prefix], e.StrangerPrefixes = stranger, append(e.StrangerPrefixes, prefix)
				first = cmp.Or(first, error(stranger))
				continue
			}
		}
		e.Prefixes = append(e.Prefixes, prefix)
	}
	if len(e.Prefixes) == 0 {
		return first
	}
	slices.Sort(e.Prefixes)
	slices.Sort(e.StrangerPrefixes)
	return e
}

// strangerUnder returns what the model is whose names begin with a prefix and a dot, if it is known not to be a BEiT.
func strangerUnder(ctx context.Context, tensors []tensor.Named, prefix string) *StrangerError {
	var own []tensor.Named
	for _, t := range tensors {
		if name, ok := strings.CutPrefix(t.Name, prefix+"."); ok {
			own = append(own, tensor.Named{Name: name, View: t.View})
		}
	}
	best, _, err := detect(ctx, own, Options{})
	if best == nil || len(best.models) > 1 {
		return nil
	}
	if err == nil {
		err = best.check(nil)
	}
	var stranger *StrangerError
	errors.As(best.stranger(own, err), &stranger)
	return stranger
}

// notes says what was removed from the names, and which head was found beside the model.
func (r *reading) notes() []string {
	notes := r.names.notes()
	if r.outer != "" {
		notes = append(notes, fmt.Sprintf("the names of the model begin with %s, which was removed", text.Quote(r.outer)))
	}
	for _, name := range []string{"head.weight", "lm_head.weight"} {
		for _, from := range r.params[name].from {
			if i := slices.Index(r.names.original, from); !strings.HasPrefix(r.names.names[i], r.outer) {
				notes = append(notes, fmt.Sprintf("%s, which stands beside the model, was taken for its head", text.Quote(from)))
			}
		}
	}
	return notes
}

// misplaced returns a *BesideError if tensors beside the model may belong to it.
func (r *reading) misplaced() error {
	if len(r.doubtful) == 0 {
		return nil
	}
	e := &BesideError{}
	for _, i := range r.doubtful {
		e.Names = append(e.Names, r.names.original[i])
	}
	for i, name := range r.names.names {
		if strings.HasPrefix(name, r.inner) {
			e.Prefix = r.names.inFile(i, r.inner)
			break
		}
	}
	e.Patterns = globs(e.Names, e.Prefix)
	return e
}

// globs returns few patterns that stand for names and for what begins as they do, but not for names that begin with a prefix: net.head.* for net.head.weight and
// net.head.bias beside net.encoder.
func globs(names []string, prefix string) []string {
	var patterns []string
	for _, name := range names {
		within := strings.Split(prefix, ".")
		components := strings.Split(name, ".")
		same := 0
		for same < min(len(within), len(components)-1) && within[same] == components[same] {
			same++
		}
		pattern := strings.Join(components[:same+1], ".")
		if same+1 < len(components) {
			pattern += ".*"
		}
		if !slices.Contains(patterns, pattern) {
			patterns = append(patterns, pattern)
		}
	}
	return patterns
}
