package convert

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Options say what to read and what to write. The zero value finds out everything, and takes format and scheme from the name of the output.
type Options struct {
	OpenOptions
	SaveOptions
	// Adapt says how the model is changed before it is written. If Adapt asks for a new head that is not made of rows of the old one, Labels and Problem are
	// those of the new head.
	Adapt adapt.Options
	// AllowLossy are the names of the steps of Adapt that may lose something although Prove is set, some of [adapt.LossyNames]. Without it, such a step is a
	// *LossyStepsError then.
	AllowLossy []string
	// DType is what the parameters are cast to; Invalid keeps theirs.
	DType tensor.DType
	// AllowLostValues lets Prove pass although the cast makes values infinite, zero or NaN. Without it they are a *LostValuesError. If Prove is not set,
	// they are only reported.
	AllowLostValues bool
}

// Convert reads the checkpoint at source, a file or folder, and writes it to target. For target see Save. On any error nothing new is
// left behind. A target that is the source itself, under whatever name, is refused with *SameFileError.
func Convert(ctx context.Context, source, target string, options Options) (*Report, error) {
	to, err := newTarget(target, options.SaveOptions)
	if err != nil {
		return nil, err
	}
	if options.DType != tensor.Invalid && !options.DType.IsFloat() {
		return nil, &TargetError{Reason: fmt.Sprintf("cannot cast to %s", options.DType), Advice: "take f32, f64, bf16 or f16"}
	}
	if err := checkLossy(options.AllowLossy); err != nil {
		return nil, err
	}
	head := options.forNewHead()
	options.Headless = options.Headless || options.Adapt.Headless || options.Adapt.Classes != 0
	model, err := Open(ctx, source, options.OpenOptions)
	if err != nil {
		return nil, err
	}
	defer model.Close()
	if err := to.apart(source); err != nil {
		return nil, err
	}
	if err := to.vacant(source); err != nil {
		return nil, err
	}
	adapted, err := model.adapt(&options, head)
	if err != nil {
		return nil, err
	}
	report := model.report()
	report.addSteps(adapted.Steps)
	canonical, casts, err := report.cast(ctx, model.Tensors, options.DType)
	if err != nil {
		return nil, err
	}
	options.Steps = slices.Concat(options.Steps, casts)
	if lost := report.lost(); len(lost) > 0 && options.Prove && !options.AllowLostValues {
		return nil, &LostValuesError{DType: options.DType, Parameters: lost}
	}
	if err := model.carry(&options.SaveOptions); err != nil {
		return nil, err
	}
	saved, err := to.save(ctx, model.Config, canonical, options.SaveOptions)
	if err != nil {
		return nil, err
	}
	report.finish(saved, options.DryRun)
	report.Snippet = Snippet(saved, model.Config)
	return report, nil
}

// Input says what was read.
func (m *Model) Input() Input {
	warnings := slices.Clone(m.warnings)
	if m.doubt != "" {
		warnings = append(warnings, m.doubt)
	}
	if m.conflict != "" {
		warnings = append(warnings, m.conflict)
	}
	if m.overridden != "" {
		warnings = append(warnings, m.overridden)
	}
	if choice, err := m.Recipe(); err == nil && m.Config.Classifies() && !choice.Recipe.Fits(m.Config) {
		warnings = append(warnings, fmt.Sprintf("the recipe for images (%s) makes pictures of %d x %d pixels, and the model takes %d x %d: it can't classify with this recipe",
			choice.From, choice.Recipe.Crop, choice.Recipe.Crop, m.Config.ImageHeight, m.Config.ImageWidth))
	}
	if m.By != nil {
		if other := m.By.NotSquareNote(m.Config); other != "" {
			warnings = append(warnings, other)
		}
		if m.By.EpsilonNote != "" {
			warnings = append(warnings, m.By.EpsilonNote)
		}
	}
	return Input{
		Path: m.File.Path, Format: m.File.Format, Container: m.File.Container, Wrapper: m.File.Wrapper, Class: m.File.Class, OtherDicts: m.File.Others, Reason: m.File.Reason,
		Scheme: m.Scheme, Assumptions: m.Assumptions, Warnings: warnings, Bytes: m.File.Size, Tensors: len(m.File.Tensors),
	}
}

// carry puts the facts about the model into the options for writing it, with the recipe by which it is run, even if that is a guess: the target may suggest
// another guess. A preprocessor_config.json beside the source is carried as it is, unless the caller or a manifest states something else.
func (m *Model) carry(options *SaveOptions) error {
	options.Facts = m.Facts
	options.Facts.From = maps.Clone(m.From)
	if m.processor != nil && (m.From[card.Preparing] == card.Processor || m.recipeErr != nil) {
		options.processor = m.processor
	}
	if !m.StatesRecipe() && m.recipeErr != nil {
		options.recipeErr = m.recipeErr
		return nil
	}
	choice, err := m.Recipe()
	if !m.StatesRecipe() && !m.Config.Classifies() && choice.From != card.Architecture {
		return nil // what is usual for classifiers
	}
	if errors.Is(err, card.ErrNoRecipe) || card.NoRecipe(err) && m.From[card.Preparing] != card.Asked {
		return nil
	}
	if err != nil {
		return err
	}
	options.Facts.Recipe, options.Facts.RecipeName, options.Facts.From[card.Preparing] = &choice.Recipe, choice.Name, choice.From
	return nil
}

// report fills in what is known after opening.
func (m *Model) report() *Report {
	r := &Report{
		Input:        m.Input(),
		Architecture: m.Config, Notes: slices.Clone(m.Notes),
	}
	for i, t := range m.Tensors {
		r.Parameters = append(r.Parameters, Parameter{
			Name: t.Name, From: m.Changes[i].From, Read: m.Changes[i].Operation, DType: t.DType.String(), Shape: t.Shape,
		})
	}
	for _, d := range m.Dropped {
		r.Dropped = append(r.Dropped, Dropped(d))
	}
	return r
}

func (r *Report) finish(saved *Saved, dryRun bool) {
	r.Saved, r.DryRun = *saved, dryRun
	r.Notes = append(r.Notes, saved.Notes...)
	if saved.LeftOut > 0 {
		r.Lossy = append(r.Lossy, text.Count(saved.LeftOut, "counter of a batch norm is", "counters of batch norms are")+" lost")
	}
	for i := range r.Parameters {
		r.Parameters[i].To = saved.Names[i]
	}
}
