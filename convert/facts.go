package convert

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/configs"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
)

// collect fills in the facts about the model, each from the first source that states it: the caller, the manifest, the files beside the weights, the file
// itself, its parameters, what is usual. wantedFrom is where the architecture comes from.
func (m *Model) collect(options OpenOptions, beside folderConfigs, own ownCard, wantedFrom card.Origin, config *configs.TransformersFacts, computed computed) error {
	m.From = map[card.Item]card.Origin{}
	m.setStateDict(options, own)
	for item, inferred := range map[card.Item]arch.Source{
		card.Window: m.WindowFrom, card.Heads: m.HeadsFrom, card.Pooling: m.PoolingFrom, card.Bias: arch.FromNames, card.Taps: m.TapsFrom,
	} {
		switch {
		case item == card.Taps && !m.Config.Segments():
		case wantedFrom != card.Parameters:
			m.From[item] = options.carried(wantedFrom, own, item)
		case inferred == arch.Assumed:
			m.From[item] = card.Assumed
		default:
			m.From[item] = card.Origin(inferred)
		}
	}
	if options.Heads != 0 {
		m.From[card.Heads] = card.Asked
	}
	if options.Taps != nil {
		m.From[card.Taps] = card.Asked
		if !m.Config.Segments() {
			return &NoClassesError{Path: m.File.Path, Item: card.Taps, Masked: m.Config.Masked(), Kind: m.Config.Kind}
		}
	}
	if wantedFrom == card.Config && m.Config.Convolutional() {
		var from arch.Source
		if _, from = m.Config.WithUsualPicture(); from == arch.Assumed {
			m.Assumptions = append(m.Assumptions, m.Config.PictureAssumption())
		}
		m.From[card.Window] = card.Origin(from)
	}
	if options.Window != (arch.Window{}) {
		m.From[card.Window] = card.Asked
	}
	m.From[card.Activation] = card.Assumed
	if wantedFrom == card.Config || wantedFrom == card.Metadata || wantedFrom == card.Manifest {
		m.From[card.Activation] = options.carried(wantedFrom, own, card.Activation)
	}
	if computed.gelu {
		m.From[card.Activation] = card.Module
	}
	if m.Config.Segments() { // which pools nothing
		delete(m.From, card.Pooling)
	}
	m.setEpsilon(options, beside, own, wantedFrom, computed.epsilon)
	if err := m.leaveOutOfDVAE(options); err != nil {
		return err
	}
	if err := m.setLabels(options, beside, own, config); err != nil {
		return err
	}
	m.noteLabels(beside, config)
	m.setPalette(options, own)
	m.setRecipe(options, beside, own)
	m.setProblem(options, beside, own, config)
	if m.From[card.ProblemIs] == card.Asked && !m.Config.Classifies() {
		return &NoClassesError{Path: m.File.Path, Item: card.ProblemIs, Masked: m.Config.Masked(), Kind: m.Config.Kind}
	}
	return m.Config.Validate()
}

// leaveOutOfDVAE takes out what there is in models with transformer blocks alone. It is an error to ask for any of it.
func (m *Model) leaveOutOfDVAE(options OpenOptions) error {
	if !m.Config.Convolutional() {
		return nil
	}
	switch {
	case options.Heads != 0:
		return &NoClassesError{Path: m.File.Path, Item: card.Heads, Kind: m.Config.Kind}
	case options.Epsilon != 0:
		return &NoClassesError{Path: m.File.Path, Item: card.Epsilon, Kind: m.Config.Kind}
	}
	for _, item := range []card.Item{card.Heads, card.Pooling, card.Bias, card.Activation, card.Epsilon} {
		delete(m.From, item)
	}
	return nil
}

// carried returns the origin of an item that was read from the given one: a guess that the manifest or the file's metadata carries stays one.
func (o OpenOptions) carried(from card.Origin, own ownCard, item card.Item) card.Origin {
	switch {
	case from == card.Metadata && own.Card != nil && own.From[item] != "":
		return own.From[item]
	case from == card.Manifest && o.Known != nil && o.Known.From[item] != "":
		return o.Known.From[item]
	}
	return from
}

// setStateDict says which state dict the weights are: of those in the file, or, if it has only one, what is known about where that comes from.
func (m *Model) setStateDict(options OpenOptions, own ownCard) {
	m.From[card.StateDict] = card.File
	if m.File.Wrapper != "" && options.Select != "" {
		m.From[card.StateDict] = card.Asked
	}
	switch {
	case len(m.File.Others) > 0:
		m.StateDict = m.File.Wrapper
	case options.Known != nil && options.Known.StateDict != "":
		m.StateDict, m.From[card.StateDict] = options.Known.StateDict, card.Manifest
	case own.Card != nil && own.StateDict != "":
		m.StateDict, m.From[card.StateDict] = own.StateDict, card.Metadata
	}
}

func (m *Model) setEpsilon(options OpenOptions, beside folderConfigs, own ownCard, wantedFrom card.Origin, module float64) {
	switch {
	case m.Config.Convolutional(): // which has no norms
	case options.Epsilon != 0:
		m.Config.Epsilon, m.From[card.Epsilon] = options.Epsilon, card.Asked
	case wantedFrom != card.Parameters:
		m.From[card.Epsilon] = options.carried(wantedFrom, own, card.Epsilon)
	case module != 0:
		m.Config.Epsilon, m.From[card.Epsilon] = module, card.Module
	case own.epsilon != 0:
		m.Config.Epsilon, m.From[card.Epsilon] = own.epsilon, card.Metadata
	case m.epsilonBeside() != 0:
		m.Config.Epsilon, m.From[card.Epsilon] = m.epsilonBeside(), card.Beside
	case m.By.StatesEpsilon():
		m.Config.Epsilon, m.From[card.Epsilon] = m.By.Epsilon, card.Map
	case m.By.Epsilon != arch.Epsilon && m.File.Metadata[MetadataScheme] == "": // [Metadata] leaves out arch.Epsilon
		m.Config.Epsilon, m.From[card.Epsilon] = m.By.Epsilon, card.Usual
	case beside.timm != nil:
		m.From[card.Epsilon] = card.TimmConfig // timm's BEiT classes have no other
	default:
		m.From[card.Epsilon] = card.Default
	}
}

// setLabels takes the first names of classes that are stated. It is an error if there is not one for each class.
func (m *Model) setLabels(options OpenOptions, beside folderConfigs, own ownCard, module *configs.TransformersFacts) error {
	set := func(labels []string, from card.Origin) {
		if m.Labels == nil && labels != nil && (from == card.Asked || !card.Placeholder(labels)) {
			m.Labels, m.From[card.Labels] = labels, from
		}
	}
	set(options.Labels, card.Asked)
	if options.Known != nil {
		set(options.Known.Labels, card.Manifest)
	}
	if beside.card != nil {
		set(beside.card.Labels, card.Config)
	}
	if beside.timm != nil {
		set(beside.timm.Labels, card.TimmConfig)
	}
	if module != nil && len(module.Labels) == m.Config.Classes {
		set(module.Labels, card.Module)
	}
	if own.Card != nil {
		set(own.Labels, card.Metadata)
	}
	set(m.labelsBeside(), card.Beside)
	if !m.Config.NamesClasses() {
		if m.From[card.Labels] == card.Asked {
			return &NoClassesError{Path: m.File.Path, Item: card.Labels, Masked: m.Config.Masked(), Kind: m.Config.Kind}
		}
		m.Labels = nil
		delete(m.From, card.Labels)
		return nil
	}
	if err := card.CheckLabels(m.Labels, m.Config.Classes); err != nil {
		if m.From[card.Labels] == card.Asked {
			return err
		}
		return fmt.Errorf("%s: %w", m.From[card.Labels], err)
	}
	if n := oddLabels(m.Labels); n > 0 {
		m.Notes = append(m.Notes, fmt.Sprintf("%s of %d (%s) cannot be shown as they are: they are empty, or have control characters; state others if they matter",
			text.Count(n, "name of a class", "names of classes"), len(m.Labels), m.From[card.Labels]))
	}
	return nil
}

// noteLabels says which names of classes are stated and not taken.
func (m *Model) noteLabels(beside folderConfigs, module *configs.TransformersFacts) {
	if !m.Config.NamesClasses() {
		return
	}
	var broken error
	switch {
	case beside.card != nil && beside.transformers.LabelsErr != nil:
		broken = besides(beside.path, beside.transformers.LabelsErr)
	case module != nil && module.LabelsErr != nil:
		broken = module.LabelsErr
	}
	if broken != nil && m.Labels == nil {
		m.Notes = append(m.Notes, fmt.Sprintf("the names of the classes are lost, since they can't be told apart (%s): state them if they matter", broken))
	}
	if beside.timm != nil && beside.timm.Described {
		m.Notes = append(m.Notes, "label_descriptions in config.json, longer names of the classes, are left out")
	}
}

func (m *Model) setRecipe(options OpenOptions, beside folderConfigs, own ownCard) {
	set := func(recipe *card.Recipe, name string, from card.Origin) {
		if !m.StatesRecipe() && m.recipeErr == nil && (recipe != nil || name != "") {
			m.Facts.Recipe, m.RecipeName, m.From[card.Preparing] = recipe, name, from
		}
	}
	set(options.Recipe, options.RecipeName, card.Asked)
	if options.Known != nil {
		set(options.Known.Recipe, options.Known.RecipeName, options.carried(card.Manifest, own, card.Preparing))
	}
	if beside.processor != nil && !m.StatesRecipe() {
		recipe, err := configs.ParseProcessor(beside.processor)
		if err != nil {
			m.recipeErr = besides(beside.processorFile, err)
		} else {
			set(&recipe, "", card.Processor)
		}
	}
	if beside.timm != nil && !m.StatesRecipe() {
		m.recipeErr = beside.timm.RecipeErr
		set(beside.timm.Recipe, "", card.TimmConfig)
	}
	if own.Card != nil {
		set(own.Recipe, own.RecipeName, options.carried(card.Metadata, own, card.Preparing))
	}
}

func (m *Model) setProblem(options OpenOptions, beside folderConfigs, own ownCard, module *configs.TransformersFacts) {
	set := func(problem card.Problem, from card.Origin) {
		if m.Problem == "" && problem != "" {
			m.Problem, m.From[card.ProblemIs] = problem, from
		}
	}
	set(options.Problem, card.Asked)
	if options.Known != nil {
		set(options.Known.Problem, card.Manifest)
	}
	if beside.card != nil {
		set(beside.card.Problem, card.Config)
	}
	if module != nil {
		set(module.Problem, card.Module)
	}
	if own.Card != nil {
		set(own.Problem, card.Metadata)
	}
}

// NoClassesError says that the caller stated something about the classes of a model that has none, or about the transformer blocks of one without.
type NoClassesError struct {
	Path string
	// Item is what was stated: [card.Labels], [card.ProblemIs], [card.Pooling] or [card.Taps]; of a dVAE also [card.Heads] or [card.Epsilon].
	Item card.Item
	// Masked says that the model predicts visual tokens, and Kind that it is no BEiT; otherwise it has no head.
	Masked bool
	Kind   arch.Kind
}

func (e *NoClassesError) Error() string {
	model, what := "a model without a head", "names of classes are"
	if e.Item == card.Taps {
		model = "no segmentation model"
	}
	if e.Masked {
		model = "a masked-image model, which predicts something for each patch"
	}
	if e.Kind != arch.Transformer {
		model = e.Kind.What()
	}
	lacks := "classes"
	switch e.Item {
	case card.ProblemIs:
		what = "a problem type is"
	case card.Pooling:
		what, lacks = "a pooling is", "head behind pooled tokens"
	case card.Taps:
		what, lacks = "tapped blocks are", "segmentation head"
	case card.Heads:
		what, lacks = "a number of attention heads is", "attention"
	case card.Epsilon:
		what, lacks = "an epsilon is", "norms"
	}
	return fmt.Sprintf("%s: %s given, but this is %s: it has no %s", e.Path, what, model, lacks)
}

// Is reports that the call does not fit the model.
func (e *NoClassesError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do.
func (e *NoClassesError) Hint() string {
	if e.Kind != arch.Transformer || e.Item == card.Taps {
		return "leave that out"
	}
	return "leave that out, or take the fine-tuned model"
}

// oddLabels counts the names of classes that no file of names, a line each, could hold.
func oddLabels(labels []string) int {
	n := 0
	for _, label := range labels {
		if strings.TrimSpace(label) == "" || strings.ContainsFunc(label, unicode.IsControl) {
			n++
		}
	}
	return n
}
