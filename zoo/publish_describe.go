package zoo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/vocabulary"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/zoo/manifest"
)

// Description is what would be published of a checkpoint beside its weights.
type Description struct {
	// Manifest has everything but what is computed from files: blobs, recordings, tensors and verdict.
	Manifest manifest.Manifest
	// Card says which facts are in the manifest. Card.From names the source of each item.
	Card card.Card
	// Source says how the checkpoint was read.
	Source convert.Input
	// Notes are remarks for people: what was left out or replaced, and what is a guess.
	Notes []string
}

// Describe opens a checkpoint and says how Publish would describe it. It writes nothing. A description that contradicts the weights is a *manifest.Error.
func (z *Zoo) Describe(ctx context.Context, p Publication) (*Description, error) {
	w := &publishRun{zoo: z, Publication: p}
	model, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	defer model.Close()
	return w.describe(model)
}

// open opens the checkpoint. What it leaves open, the draft may state.
func (w *publishRun) open(ctx context.Context) (*convert.Model, error) {
	options := w.Open
	model, err := convert.Open(ctx, w.Checkpoint, options)
	stated := w.draftConfig()
	inference := (*arch.InferenceError)(nil)
	if stated == nil || err != nil && !errors.As(err, &inference) {
		return model, err
	}
	guessed := func(item card.Item) bool {
		if err == nil {
			return model.From[item].Guess() && !slices.Contains(w.Draft.Assumed, item)
		}
		if slices.Contains(w.Draft.Assumed, item) {
			w.assumed = append(w.assumed, item)
		}
		return true
	}
	if options.Heads == 0 && guessed(card.Heads) {
		options.Heads = stated.Heads
	}
	if options.Window == (arch.Window{}) && guessed(card.Window) {
		options.Window.Height, options.Window.Width = stated.Window()
	}
	if options.Taps == nil && stated.Segments() && guessed(card.Taps) {
		options.Taps = &stated.Segmentation.Taps
	}
	if options.Epsilon == 0 && guessed(card.Epsilon) {
		options.Epsilon = stated.Epsilon
	}
	if err == nil {
		if err := model.Close(); err != nil {
			return nil, err
		}
	}
	w.Open = options
	return convert.Open(ctx, w.Checkpoint, options)
}

// draftConfig returns the architecture that the draft states, or nil.
func (w *publishRun) draftConfig() *arch.Config {
	switch {
	case w.Draft == nil:
		return nil
	case w.Draft.Config != nil:
		return w.Draft.Config
	}
	named, err := arch.ByName(w.Draft.Architecture)
	if err != nil {
		return nil
	}
	return &named
}

// describe returns the description of an opened checkpoint, checked.
func (w *publishRun) describe(model *convert.Model) (*Description, error) {
	d := &Description{Source: model.Input(), Card: model.Card()}
	d.Card.From = maps.Clone(d.Card.From)
	d.Manifest = w.baseManifest(d, model.Config)
	if w.Draft != nil {
		d.Manifest = w.Draft.Onto(d.Manifest)
	}
	m, config := &d.Manifest, model.Config
	m.Format, m.ID, m.Version, m.Parameters = manifest.Format, w.Name, w.Version, config.Parameters()
	if w.Draft == nil || !w.Draft.States("state_dict") {
		m.StateDict = shownKey(d.Card.StateDict)
	}
	m.Blobs, m.Recordings, m.Tensors, m.Verdict, m.Assumed = nil, nil, nil, nil, nil
	m.Categories.Count = config.Classes
	m.Architecture, m.Config = config.Name, nil
	if known, err := arch.ByName(config.Name); err != nil || known != config {
		m.Architecture, m.Config = "", &config
	}
	w.describeLabels(d)
	if err := d.checkLabels(); err != nil {
		return nil, err
	}
	w.describePalette(d)
	w.describeProblem(d)
	if err := w.describeRecipe(d, model); err != nil {
		return nil, err
	}
	w.listAssumed(d)
	return d, w.check(d, config)
}

// shownKey returns the key of a state dict as a manifest can hold it.
func shownKey(key string) string {
	const longest = 190
	return text.Line(text.Shorten(key, longest))
}

// check checks the description as a reader would, but that there are no blobs yet.
func (w *publishRun) check(d *Description, config arch.Config) error {
	checked := d.Manifest
	if w.Name == "" && w.Version == "" { // a template has neither yet
		checked.ID, checked.Version = "unnamed", "0.0.0"
	}
	var err error
	if w.Draft != nil {
		err = w.Draft.Check(&checked, config, Known())
	} else {
		err = manifest.CheckUnpublished("the manifest of "+cmp.Or(w.Name, "these weights"), &checked, config, Known())
	}
	if err != nil {
		return err
	}
	_, err = encodeManifest(&checked)
	return err
}

// encodeManifest returns the file of a manifest that readers can read.
func encodeManifest(m *manifest.Manifest) (*manifest.Document, error) {
	raw, err := manifest.Encode(m)
	if err != nil {
		return nil, err
	}
	if len(raw) > manifest.MaxSize {
		return nil, &ManifestSizeError{Size: len(raw), Labels: len(m.Categories.Labels)}
	}
	return manifest.Parse(m.Reference().String()+".yaml", raw)
}

// baseManifest returns a copy of the manifest that describes the weights as far as no draft does.
func (w *publishRun) baseManifest(d *Description, config arch.Config) manifest.Manifest {
	base := w.Base
	if base == nil {
		if base = w.zoo.embeddedManifest(w.Name); base != nil {
			if of, err := Architecture(base); err != nil || of != config {
				d.note("the manifest %s of the program describes weights of another architecture, and is not used", base.Reference())
				base = nil
			} else {
				d.note("what is not stated is taken from the manifest %s of the program", base.Reference())
			}
		}
	}
	if base == nil {
		base = defaultManifest(w.Name)
	}
	m := *base
	m.Preprocessing, m.Sources = slices.Clone(m.Preprocessing), slices.Clone(m.Sources)
	return m
}

func (d *Description) note(format string, args ...any) {
	d.Notes = append(d.Notes, fmt.Sprintf(format, args...))
}

// isStated reports whether an item of the card was stated about these weights, rather than known from the manifest of the same name or guessed.
func (d *Description) isStated(item card.Item) bool {
	from := d.Card.From[item]
	return from != "" && !from.Guess() && from != card.Manifest
}

// describeLabels decides on the names of the classes: those that were asked for, of the draft, of the weights, or of the base, in this order.
func (w *publishRun) describeLabels(d *Description) {
	own, categories := d.Card.Labels, &d.Manifest.Categories
	switch {
	case w.WithoutLabels:
		if categories.Labels = nil; categories.Names() != nil {
			categories.Set = manifest.NotStated
		}
		delete(d.Card.From, card.Labels)
	case d.Card.From[card.Labels] == card.Asked:
		categories.Labels = own
	case w.Draft != nil && w.Draft.States("categories.labels"):
		if d.isStated(card.Labels) && !card.Placeholder(own) && !slices.Equal(own, categories.Labels) {
			d.note("the names of the classes in %s are published, not those in %s", w.Draft.File, d.Card.From[card.Labels])
		}
		d.Card.From[card.Labels] = card.Described
	case d.isStated(card.Labels) && card.Placeholder(own):
		d.note("the names of the classes in %s are only numbers, such as LABEL_0, and are not published", d.Card.From[card.Labels])
		w.labelsOfBase(d)
	case d.isStated(card.Labels):
		categories.Labels = own
	default:
		w.labelsOfBase(d)
	}
	shortenLabels(categories)
	d.Card.Labels = categories.Names()
	if d.Card.Labels == nil && d.Card.Config.NamesClasses() && !w.WithoutLabels {
		d.note("nobody states the names of the %s", text.Count(categories.Count, "class", "classes"))
	}
}

// shortenLabels leaves out names that the set says.
func shortenLabels(c *manifest.Categories) {
	if known := vocabulary.Of(c.Labels); known != nil && slices.Equal(known.Labels(), c.Labels) {
		c.Set, c.Labels = known.Name(), nil
	}
}

// checkLabels returns a *[LabelError] about the first name of a class that readers would refuse. Those of a draft are checked with the rest of it.
func (d *Description) checkLabels() error {
	from := d.Card.From[card.Labels]
	if from == card.Described {
		return nil
	}
	for class, label := range d.Card.Labels {
		if problem := card.LabelProblem(label); problem != "" {
			return &LabelError{Class: class, Problem: problem, From: from}
		}
	}
	return nil
}

// labelsOfBase keeps the labels of the base.
func (w *publishRun) labelsOfBase(d *Description) {
	delete(d.Card.From, card.Labels)
	switch {
	case d.Manifest.Categories.Names() == nil:
	case w.Draft != nil && w.Draft.States("categories.set"):
		d.Card.From[card.Labels] = card.Described
	default:
		d.Card.From[card.Labels] = card.Manifest
	}
}

// describePalette decides on the colours of the classes: those of the draft, of the weights, or of the base, in this order.
func (w *publishRun) describePalette(d *Description) {
	palette := &d.Manifest.Categories.Palette
	switch {
	case w.Draft != nil && w.Draft.States("categories.palette"):
		if own := d.Card.Palette; d.isStated(card.Palette) && !slices.Equal(own, *palette) {
			d.note("the palette in %s is published, not that in %s", w.Draft.File, d.Card.From[card.Palette])
		}
		d.Card.From[card.Palette] = card.Described
	case d.isStated(card.Palette):
		*palette = d.Card.Palette
	case len(*palette) > 0:
		d.Card.From[card.Palette] = card.Manifest
	}
	d.Card.Palette = *palette
}

// describeProblem decides on what the logits mean, by the same rule.
func (w *publishRun) describeProblem(d *Description) {
	stated := w.Draft != nil && w.Draft.States("categories.problem_type")
	switch own := d.Card.Problem; {
	case own != "" && d.Card.From[card.ProblemIs] == card.Asked, own != "" && !stated && d.isStated(card.ProblemIs):
		d.Manifest.Categories.Problem = own
	case stated:
		if own != "" && own != d.Manifest.Categories.Problem {
			d.note("the problem_type in %s is published, not %s, which %s has", w.Draft.File, own, d.Card.From[card.ProblemIs])
		}
		d.Card.From[card.ProblemIs] = card.Described
	case d.Manifest.Categories.Problem != "":
		d.Card.From[card.ProblemIs] = card.Manifest
	}
	d.Card.Problem = d.Manifest.Categories.Problem
}

// describeRecipe decides on how images are prepared, by the same rule. If nobody states it, the usual recipe is published as a guess.
func (w *publishRun) describeRecipe(d *Description, model *convert.Model) error {
	m := &d.Manifest
	choice, recipeErr := model.Recipe()
	known := recipeErr == nil && (model.Config.Classifies() || d.Card.From[card.Preparing] != "")
	fits := choice.Recipe.Fits(model.Config)
	drafted := w.Draft != nil && w.Draft.States("preprocessing")
	weak := choice.Guessed() || choice.From == card.Architecture // nobody stated it of these weights
	set := func(recipe *card.Recipe, name string, from card.Origin) {
		d.Card.Recipe, d.Card.RecipeName = recipe, name
		delete(d.Card.From, card.Preparing)
		if recipe != nil {
			d.Card.From[card.Preparing] = from
		}
	}
	switch {
	case w.WithoutRecipe:
		m.Preprocessing = []manifest.Preprocessing{}
		set(nil, "", "")
		return nil
	case drafted && choice.From != card.Asked:
		if known && !choice.Guessed() && choice.From != card.Manifest && len(m.Preprocessing) > 0 && choice.Recipe != m.Preprocessing[0].Recipe {
			d.note("the recipe for images in %s is published, not that of %s", w.Draft.File, choice.From)
		}
	case card.NoRecipe(recipeErr) && d.Card.From[card.Preparing] == card.Asked:
		return recipeErr
	case recipeErr != nil && !errors.Is(recipeErr, card.ErrNoRecipe) && !card.NoRecipe(recipeErr):
		d.note("how images are prepared is not taken from the files beside the weights, since beitzoo can't do it: %s", recipeErr)
	case known && !fits && !choice.Guessed() && choice.From != card.Architecture:
		return &RecipeSizeError{Recipe: choice.Recipe, From: choice.From, Config: model.Config}
	case known && fits && choice.From != card.Manifest && (!weak || len(m.Preprocessing) == 0):
		w.putRecipe(d, choice)
		set(&choice.Recipe, choice.Name, choice.From)
		return nil
	}
	if len(m.Preprocessing) == 0 {
		set(nil, "", "")
		if model.Config.Classifies() {
			d.note("nobody states how images are prepared, so none of it is published")
		}
		return nil
	}
	from := card.Manifest
	switch {
	case drafted:
		from = card.Described
	case choice.From == card.ManifestGuess:
		from = card.ManifestGuess
	}
	first := m.Preprocessing[0]
	set(&first.Recipe, recipeName(first, model.Config), from)
	return nil
}

// putRecipe makes a recipe the first one of the manifest. Others that the manifest has stay behind it.
func (w *publishRun) putRecipe(d *Description, choice card.Choice) {
	p := manifest.Preprocessing{Source: choice.Name, Recipe: choice.Recipe}
	switch {
	case p.Source != "":
	case choice.From == card.Asked:
		p.Source = "the publisher"
	default:
		p.Source = string(choice.From)
	}
	if choice.Guessed() {
		p.Note = fmt.Sprintf("A guess that nobody confirmed: %s.", choice.From)
	}
	rest := slices.DeleteFunc(d.Manifest.Preprocessing, func(other manifest.Preprocessing) bool { return other.Source == p.Source })
	d.Manifest.Preprocessing = append([]manifest.Preprocessing{p}, rest...)
}

// listAssumed enters what is a guess. What a known architecture has is not, but for the taps and the epsilon: the same tensors are run with others.
func (w *publishRun) listAssumed(d *Description) {
	for _, item := range manifest.Assumable() {
		ofArchitecture := d.Manifest.Architecture != "" && !slices.Contains([]card.Item{card.Preparing, card.Taps, card.Epsilon}, item)
		if d.Card.From[item].Guess() && !ofArchitecture || slices.Contains(w.assumed, item) {
			d.Manifest.Assumed = append(d.Manifest.Assumed, item)
		}
	}
}

// RecipeSizeError says that images are prepared in another size than the model takes.
type RecipeSizeError struct {
	Recipe card.Recipe
	// From says where the recipe is stated.
	From   card.Origin
	Config arch.Config
}

func (e *RecipeSizeError) Error() string {
	return fmt.Sprintf("the recipe for images (%s) makes pictures of %d x %d pixels, and the model takes %d x %d",
		e.From, e.Recipe.Crop, e.Recipe.Crop, e.Config.ImageHeight, e.Config.ImageWidth)
}

// Is reports that model and recipe do not belong together.
func (e *RecipeSizeError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what to do.
func (e *RecipeSizeError) Hint() string { return "state the recipe for this size, or publish none" }

// LabelError says that the name of a class can't be published.
type LabelError struct {
	Class int
	// Problem is what is wrong with the name, as [card.LabelProblem] says it; From says where the names come from.
	Problem string
	From    card.Origin
}

func (e *LabelError) Error() string {
	return fmt.Sprintf("the name of class %d %s (%s)", e.Class, e.Problem, e.From)
}

// Is reports that the names are not what readers take.
func (e *LabelError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what to do.
func (e *LabelError) Hint() string { return "state the names of the classes, or publish without them" }

// ManifestSizeError says that a manifest is too large to be read.
type ManifestSizeError struct {
	// Size is in bytes; Labels is the number of names of classes in it.
	Size, Labels int
}

func (e *ManifestSizeError) Error() string {
	return fmt.Sprintf("the manifest has %d bytes with the names of %d classes; at most %d bytes are read", e.Size, e.Labels, manifest.MaxSize)
}

// Is reports that the names are too long or too many.
func (e *ManifestSizeError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what to do.
func (e *ManifestSizeError) Hint() string {
	return "shorten the names, or publish without them: readers then have to state them"
}

// dropForeign leaves out what the base says of other weights, if its digests show that it describes others.
func (w *publishRun) dropForeign() {
	base := w.Base
	if base == nil {
		base = w.zoo.embeddedManifest(w.Name)
	}
	same := func(a, b manifest.Tensor) bool { return a.Name == b.Name && a.Digest == b.Digest }
	if base == nil || len(base.Tensors) == 0 || slices.EqualFunc(base.Tensors, w.m.Tensors, same) {
		return
	}
	stated := func(field string) bool { return w.Draft != nil && w.Draft.States(field) }
	if !stated("sources") && len(w.m.Sources) > 0 || !stated("accuracy") && len(w.m.Accuracy) > 0 || !stated("masked_accuracy") && len(w.m.MaskedAccuracy) > 0 ||
		!stated("segmentation_accuracy") && len(w.m.SegmentationAccuracy) > 0 {
		w.description.note("the weights are not those of %s: its sources and accuracies are left out", base.Reference())
	}
	if !stated("sources") {
		w.m.Sources = []manifest.Source{}
	}
	if !stated("accuracy") {
		w.m.Accuracy = nil
	}
	if !stated("masked_accuracy") {
		w.m.MaskedAccuracy = nil
	}
	if !stated("segmentation_accuracy") {
		w.m.SegmentationAccuracy = nil
	}
}
