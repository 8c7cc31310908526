package convert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
)

// LossyStepsError says that changes which were asked for lose something, so that the output can't be proved to hold the model.
type LossyStepsError struct {
	// Steps are those that lose something and were not allowed to; Allowed are the names of those that were.
	Steps   []adapt.Step
	Allowed []string
}

func (e *LossyStepsError) Error() string {
	sentences := make([]string, len(e.Steps))
	for i, s := range e.Steps {
		sentences[i] = s.String()
	}
	return "the output would not hold all of the model: " + strings.Join(sentences, "; ")
}

// Is reports that the request contradicts itself.
func (e *LossyStepsError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Names returns the names of the steps, each once.
func (e *LossyStepsError) Names() []string {
	var names []string
	for _, s := range e.Steps {
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

// Hint says what to allow.
func (e *LossyStepsError) Hint() string {
	return "name the steps that may lose something: " + strings.Join(e.Names(), ", ")
}

// checkLossy returns an error for names that no lossy step has. A cast may be named, though the dtype alone allows it.
func checkLossy(names []string) error {
	for _, name := range names {
		if known := adapt.LossyNames(); name != adapt.StepCast && !slices.Contains(known, name) {
			return &TargetError{Reason: text.Quote(name) + " is not a step that can lose something", Advice: suggest.Hint(suggest.Nearest(name, known), known)}
		}
	}
	return nil
}

// forNewHead takes out what is asked for the classes of a new head, which would contradict those of the old one, and returns it.
func (o *Options) forNewHead() card.Facts {
	var facts card.Facts
	if o.Adapt.Classes != 0 && o.Adapt.Rows == nil {
		facts.Labels, facts.Problem = o.Labels, o.Problem
		o.Labels, o.Problem = nil, ""
	}
	return facts
}

// Adapt changes the opened model, as [adapt.Apply] does: its Config, Facts and Tensors are then those of the changed model, and its Changes say for each parameter
// where it comes from. How its images are prepared stays as it was, also if that followed from the architecture, unless the result says otherwise. The errors are
// those of [adapt.Apply].
func (m *Model) Adapt(o adapt.Options) (*adapt.Result, error) {
	if !m.StatesRecipe() && o.Any() {
		if choice, err := m.Recipe(); err == nil && choice.From == card.Architecture { // changed, it is not that architecture
			m.Facts.Recipe, m.RecipeName, m.From[card.Preparing] = &choice.Recipe, choice.Name, choice.From
		}
	}
	result, err := adapt.Apply(m.Card(), m.Tensors, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.File.Path, err)
	}
	changes := map[string]naming.Change{}
	for _, c := range m.Changes {
		changes[c.Name] = c
	}
	m.Changes = nil
	for i, t := range result.Tensors {
		change := naming.Change{From: []string{}}
		if from := result.From[i]; from != "" {
			change = changes[from]
		}
		change.Name = t.Name
		m.Changes = append(m.Changes, change)
	}
	if h, w := m.Config.ImageHeight, m.Config.ImageWidth; h != result.Card.Config.ImageHeight || w != result.Card.Config.ImageWidth {
		m.processor = nil // it makes images of the old size
	}
	if kept := branchNote(m.Config.ClassBlocks); result.Card.Config.ClassBlocks == 0 {
		m.Notes = slices.DeleteFunc(m.Notes, func(note string) bool { return note == kept })
	}
	m.Config, m.Facts, m.Tensors = result.Card.Config, result.Card.Facts, result.Tensors
	m.Notes = slices.Concat(m.Notes, result.Notes)
	return result, nil
}

// adapt changes the model as asked for, and adds to the options for writing it what was done. head is what is asked for the classes of a new head.
func (m *Model) adapt(options *Options, head card.Facts) (*adapt.Result, error) {
	before := slices.Concat(m.dropSteps(), m.folded())
	result, err := m.Adapt(options.Adapt)
	if err != nil {
		return nil, err
	}
	result.Steps = slices.Concat(before, result.Steps)
	var refused []adapt.Step
	for _, s := range result.Steps {
		if s.Lossy && options.Prove && !slices.Contains(options.AllowLossy, s.Name) {
			refused = append(refused, s)
		}
	}
	if len(refused) > 0 {
		return nil, &LossyStepsError{Steps: refused, Allowed: options.AllowLossy}
	}
	if head.Labels != nil {
		if err := card.CheckLabels(head.Labels, m.Config.Classes); err != nil {
			return nil, err
		}
		m.Labels, m.From[card.Labels] = head.Labels, card.Asked
	}
	if head.Problem != "" {
		m.Problem, m.From[card.ProblemIs] = head.Problem, card.Asked
	}
	options.Steps = slices.Concat(m.Steps, result.Steps)
	return result, nil
}

// folded returns the step by which two kinds of bias table became one while the file was read; none if it has one kind.
func (m *Model) folded() []adapt.Step {
	if m.Folded == 0 {
		return nil
	}
	step := adapt.Step{Name: adapt.StepTables, What: "the bias table for all blocks was added to those of the blocks, exactly", Lossy: m.Rounded > 0}
	if step.Lossy {
		step.What = fmt.Sprintf("the bias table for all blocks was added to those of the blocks, and %s rounded", text.Count(m.Rounded, "sum was", "sums were"))
	}
	for _, t := range m.Tensors {
		if strings.HasPrefix(t.Name, "blocks.") && strings.HasSuffix(t.Name, "relative_position_bias_table") {
			step.Tensors = append(step.Tensors, t.Name)
		}
	}
	return []adapt.Step{step}
}

// addSteps says in the report which steps were taken, and to which parameters.
func (r *Report) addSteps(steps []adapt.Step) {
	r.Steps = append(r.Steps, steps...)
	for _, s := range steps {
		if s.Lossy {
			r.Lossy = append(r.Lossy, s.String())
		}
		for i, p := range r.Parameters {
			if slices.Contains(s.Tensors, p.Name) {
				r.Parameters[i].Steps = append(r.Parameters[i].Steps, s.Name)
			}
		}
	}
}
