package naming

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Options say what is known beforehand.
type Options struct {
	// Scheme is the name of the naming scheme; empty detects it.
	Scheme string
	// Map is a scheme of the caller's own, which counts in place of Scheme. If MapMayNotFit is set, it is tried first, and tensors most of which it does not
	// know are read as if it were not there.
	Map          *Scheme
	MapMayNotFit bool
	// Prefer is the scheme to report where several have the same names, such as the one that a file's metadata states.
	Prefer string
	// Arch is the architecture that the tensors must have; nil infers it. ArchFrom says where it comes from, for messages.
	Arch     *arch.Config
	ArchFrom arch.Source
	// Bare says that Arch is that of a model without a head whose tensors tell how it ends: with a norm, or as its last block leaves the tokens.
	Bare bool
	// Hints are what is known of the architecture if Arch is nil.
	Hints arch.Hints
	// Within is what the file itself states of the architecture, which counts where Hints has nothing; nil if it states nothing.
	Within Statement
	// SkipIndex leaves the relative position indices in the file unread, but for one row if nothing else tells the window. They are 200 MB in a large model.
	SkipIndex bool
	// KeyBias takes models whose keys have a bias that is not zero. It is left out and named in Model.KeyBias: softmax does not see it, so the function of the
	// model is the same. Without the option such a model is refused, since no program of BEiT can hold the bias.
	KeyBias bool
}

// Statement is what something states of the modules of a model.
type Statement interface {
	// Hints returns what it states, given a function that returns the name in the file of the first tensor of a parameter, or "", and the size of a patch in
	// pixels, or 0.
	Hints(nameOf func(canonical string) string, patch int) arch.Hints
}

// Model is a checkpoint whose tensors were recognised as those of a BEiT.
type Model struct {
	// Scheme is the naming scheme of the tensors. Equivalent are others that name the parameters of this model the same way.
	Scheme     string
	Equivalent []string
	// By is the scheme of that name.
	By     *Scheme
	Config arch.Config
	// HeadsFrom, WindowFrom, PoolingFrom and TapsFrom say where Config has these properties from, and Assumptions which are guesses. All are empty if Options.Arch
	// states the architecture.
	HeadsFrom, WindowFrom, PoolingFrom, TapsFrom arch.Source
	Assumptions                                  []arch.Assumption
	// Tensors are the canonical parameters, in the order of Config.Params. Their views are lazy and valid until the checkpoint is closed.
	Tensors []tensor.Named
	// Changes say for each of Tensors where it comes from.
	Changes []Change
	// Folded is the number of blocks whose bias table is the sum of their own in the file and of one for all blocks, and Rounded that of the elements of these
	// sums that the dtype of the tables can't hold.
	Folded, Rounded int
	// KeyBias are the tensors whose part for the keys was left out though it is not zero; see Options.KeyBias.
	KeyBias []string
	// MaskToken is the name of a mask token in the file that was left out, since the model masks nothing, though it is not zero; or empty.
	MaskToken string
	// Dropped are the tensors of the file that are not parameters.
	Dropped []Dropped
	// Notes are sentences for people.
	Notes []string
}

// Change says what became of a parameter.
type Change struct {
	// Name is canonical.
	Name string `json:"name"`
	// From are the names in the file.
	From []string `json:"from"`
	// Operation is what was done to the elements, such as "transposed", or empty.
	Operation string `json:"operation,omitempty"`
}

// Dropped is a tensor that was left out.
type Dropped struct {
	Name string `json:"name"`
	// Reason is a clause.
	Reason string `json:"reason"`
	// Bytes is the size in the file.
	Bytes int64 `json:"bytes"`
	// Beside: it is no part of the model, whose names begin otherwise, or that has no such part.
	Beside bool `json:"beside,omitempty"`
}

// Read finds out what model the tensors are: scheme, architecture, canonical parameters. It reads elements only of relative position indices, which it
// compares with the computed ones, and of biases that must be zero. Everything else is read when the views of the result are.
//
// The names of the parameters may begin with anything, and hold what wrappers of modules put into them; tensors beside the model are left out, and named in
// Notes. Several models are a *[SeveralModelsError], tensors beside the model that may belong to it a *[BesideError]. Tensors of a model that is known not to
// be a BEiT are a *[StrangerError], adapters of PEFT an *[AdapterError].
//
// Tensors that differ from an architecture's parameters are reported together as *[MismatchError], parameters for which a map has no row as *[GapError]; an
// *[UnfitMapError] around such an error says which lines of a map explain it;
// see also the other errors of this package, *[arch.InferenceError] and *[arch.ConflictError].
func Read(ctx context.Context, tensors []tensor.Named, options Options) (*Model, error) {
	if err := adapter(tensors); err != nil {
		return nil, err
	}
	best, equivalent, err := detect(ctx, tensors, options)
	if best == nil {
		return nil, err
	}
	if err == nil {
		err = best.check(options.Arch)
	}
	err = best.blameMap(err)
	if relative := (*UnsupportedError)(nil); best.file == "" && (best.family == beitFamily || best.family == segmenterFamily) && !errors.As(err, &relative) {
		if stranger := best.stranger(tensors, err); stranger != nil {
			return nil, stranger
		}
	}
	if err != nil {
		return nil, err
	}
	model := &Model{Scheme: best.Name, By: best.Scheme, Equivalent: equivalent, Config: best.config, Dropped: best.dropped, Notes: best.notes(), KeyBias: best.keyBias}
	if options.Arch == nil {
		inferred := best.inferred
		model.HeadsFrom, model.WindowFrom, model.PoolingFrom, model.Assumptions = inferred.HeadsFrom, inferred.WindowFrom, inferred.PoolingFrom, inferred.Assumptions
		model.TapsFrom = inferred.TapsFrom
	}
	for _, p := range best.config.Params() {
		made := best.params[p.Name]
		model.Tensors = append(model.Tensors, tensor.Named{Name: p.Name, View: made.view})
		model.Changes = append(model.Changes, Change{Name: p.Name, From: made.from, Operation: made.row.operation.Name})
	}
	model.Notes = append(model.Notes, best.said...)
	if len(best.zeroed) > 0 {
		model.Notes = append(model.Notes, fmt.Sprintf("the model has no biases for queries and values (qkv_bias=False): %s read as zeros, which is the same model; "+
			"if it was trained with such biases, they are lost", text.Count(len(best.zeroed), "bias was", "biases were")))
	}
	if err := model.countRounded(ctx, best.sums); err != nil {
		return nil, err
	}
	if err := model.loseMaskToken(best.maskToken); err != nil {
		return nil, err
	}
	if err := model.dropIndices(ctx, best.indices, options.SkipIndex); err != nil {
		return nil, err
	}
	if options.Map != nil && options.Map != best.Scheme {
		model.Notes = append(model.Notes, fmt.Sprintf("the map %s was not used: the tensors have the names of %s", options.Map.file, best.Name))
	}
	if best.doubts > 0 {
		model.Notes = append(model.Notes, fmt.Sprintf("the map %s is a draft: %s marked that nobody has looked at (%s)",
			best.file, text.Count(best.doubts, "row is", "rows are"), MapDoubt))
	}
	model.addNotes()
	return model, nil
}

// addNotes says in sentences what a user may want to know.
func (m *Model) addNotes() {
	if c := m.Config; c.Regression && m.PoolingFrom != "" {
		m.Notes = append(m.Notes, fmt.Sprintf("lm_head has %d outputs, as many as the model is wide, so "+
			"it is taken for data2vec's regression of a teacher's features, not for visual tokens", c.Classes))
	}
	if len(m.Equivalent) > 0 {
		m.Notes = append(m.Notes, fmt.Sprintf("the names of the parameters are the same in %s", strings.Join(append([]string{m.Scheme}, m.Equivalent...), ", ")))
	}
	count, bytes := map[string]int{}, map[string]int64{}
	var reasons, beside []string
	for _, d := range m.Dropped {
		if d.Beside {
			beside = append(beside, fmt.Sprintf("%s (%s)", text.Quote(d.Name), d.Reason))
			continue
		}
		if count[d.Reason] == 0 {
			reasons = append(reasons, d.Reason)
		}
		count[d.Reason]++
		bytes[d.Reason] += d.Bytes
	}
	for _, reason := range reasons {
		m.Notes = append(m.Notes, fmt.Sprintf("left out %s of %d bytes: %s", text.Count(count[reason], "tensor", "tensors"), bytes[reason], reason))
	}
	if telling := m.telling(); len(telling) > 0 {
		m.Notes = append(m.Notes, fmt.Sprintf("results may change: %s, which was left out, may belong to how images are prepared or to how logits are scaled in the program that has it",
			text.List(telling, mostBeside, "")))
	}
	if len(beside) > 0 {
		m.Notes = append(m.Notes, fmt.Sprintf("left out %s beside the model: %s", text.Count(len(beside), "tensor", "tensors"), text.List(beside, mostBeside, "")))
	}
}

// scaling are what programs call tensors beside a model with which they prepare images, or multiply logits.
var scaling = []string{"temperature", "temp", "t", "logit_scale", "logit_bias", "mean", "std", "pixel_mean", "pixel_std", "image_mean", "image_std", "input_mean", "input_std"}

// telling returns those of the tensors that were left out which are likely to change what a program computes.
func (m *Model) telling() []string {
	var names []string
	for _, d := range m.Dropped {
		if slices.Contains(scaling, strings.ToLower(d.Name[strings.LastIndexByte(d.Name, '.')+1:])) {
			names = append(names, text.Quote(d.Name))
		}
	}
	return names
}

// mostBeside is how many of the tensors beside a model a note names.
const mostBeside = 8
