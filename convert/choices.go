package convert

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// ChoiceError says that what was selected in a file, or what is taken if nothing is, is no model, and which models the file has. Each of these was opened, with
// the same options, so that no advice leads to another refusal.
type ChoiceError struct {
	// Path is the file, and Selected what was selected in it, or empty.
	Path, Selected string
	// Err says what is wrong with that. Looks says what it looks like, or is empty where Err says all.
	Err   error
	Looks string
	// Choices are the models.
	Choices []Choice
}

// Choice is a model in a file that can be opened.
type Choice struct {
	// Select is what [OpenOptions] takes for it. It is empty if the model is what is taken where nothing is selected, and has no name.
	Select string
	// Drop are the patterns of names to leave out with it: the other models, if its own names have no prefix.
	Drop []string
	// Config is its architecture. Average says that it has the name of a moving average.
	Config  arch.Config
	Average bool

	wrapper string
}

func (e *ChoiceError) Error() string {
	if e.Looks == "" {
		return e.Err.Error()
	}
	return e.Path + ": " + e.Finding()
}

// Finding is what Error says, without the file, if Looks is not empty.
func (e *ChoiceError) Finding() string {
	return fmt.Sprintf("under %s lies no model, but %s", text.Quote(e.Selected), e.Looks)
}

// Unwrap returns what is wrong with what was selected.
func (e *ChoiceError) Unwrap() error { return e.Err }

// Is reports that the file is unusable input as it is.
func (e *ChoiceError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what can be selected.
func (e *ChoiceError) Hint() string {
	var names []string
	for _, choice := range e.Choices {
		names = append(names, choice.words())
	}
	if len(names) == 0 {
		return "no part of the file can be read as a model, with all that is stated of it: look at what it holds"
	}
	return text.Or(names)
}

// words says how to take a model, and what it is.
func (c Choice) words() string {
	is := cmp.Or(c.Config.Name, "a BEiT of "+text.Count(c.Config.Depth, "block", "blocks"))
	if c.Average {
		is += ", by its name a moving average"
	}
	switch {
	case len(c.Drop) > 0:
		return fmt.Sprintf("drop %s, which leaves a model (%s)", text.List(quotedNames(c.Drop), mostChoices, ""), is)
	case c.Select == "":
		return fmt.Sprintf("select nothing: the whole file is a model (%s)", is)
	}
	return fmt.Sprintf("select %s (%s)", text.Quote(c.Select), is)
}

// mostChoices is how many models of a file are opened to offer them, and mostTried how often that is tried.
const mostChoices, mostTried = 4, 12

// offer adds to an error about what was opened which models the file has, if the error is about what was taken in it and there may be others. others are the
// names of these that are known.
func offer(ctx context.Context, path string, options OpenOptions, file *checkpoint.Checkpoint, err error) error {
	var others []string
	if wrong := (*checkpoint.Error)(nil); errors.As(err, &wrong) {
		others = wrong.Keys
	}
	if file != nil {
		others = file.Others
	}
	if ctx.Err() != nil || options.Select == "" && len(others) == 0 || !aboutChoice(err, options.Select, file) {
		return err
	}
	c := &choosing{path: path, options: options, others: others}
	c.options.SkipIndex = true
	c.try(ctx, "", nil)
	for len(c.others) > 0 && c.tried < mostTried && len(c.found) < mostChoices && ctx.Err() == nil {
		next := c.others[0]
		c.others = c.others[1:]
		c.try(ctx, next, nil)
	}
	e := &ChoiceError{Path: path, Selected: options.Select, Err: err, Choices: c.found}
	if file != nil && options.Select != "" {
		e.Looks = looks(file, e.Choices, err)
	}
	if len(e.Choices) == 0 && e.Looks == "" && options.Select == "" {
		return err
	}
	return e
}

// aboutChoice reports whether an error is about which part of a file was taken: there is no such part, or it is nothing that beitzoo reads.
func aboutChoice(err error, selected string, file *checkpoint.Checkpoint) bool {
	if file == nil {
		return errors.Is(err, checkpoint.ErrNoModel)
	}
	var (
		foreign   *naming.NotBEiTError
		stranger  *naming.StrangerError
		mismatch  *naming.MismatchError
		inference *arch.InferenceError
	)
	switch {
	case errors.As(err, &stranger):
		return stranger.Part == ""
	case errors.As(err, &mismatch):
		return selected != "" && len(mismatch.Missing) > 0
	case errors.As(err, &inference):
		return selected != "" && len(file.Tensors) < checkpoint.FewestOfModel
	}
	return errors.As(err, &foreign)
}

// choosing opens what is in a file.
type choosing struct {
	path    string
	options OpenOptions
	// others are what is still to be tried, and seen what was.
	others, seen []string
	tried        int
	found        []Choice
}

// try opens the file with something selected, and the rest dropped, and remembers it if it is a model; else it learns from the error what else could be tried.
func (c *choosing) try(ctx context.Context, selected string, rest []string) {
	if len(rest) == 0 && (slices.Contains(c.seen, selected) || selected == c.options.Select && selected != "") {
		return
	}
	c.seen = append(c.seen, selected)
	c.tried++
	options := c.options
	options.Select, options.Drop = selected, slices.Concat(options.Drop, rest)
	file, err := openFile(ctx, c.path, options)
	if wrong := (*checkpoint.Error)(nil); errors.As(err, &wrong) {
		c.others = append(c.others, wrong.Keys...)
	}
	if err != nil {
		return
	}
	defer file.Close()
	if selected == "" && file.Wrapper != "" { // try it by its name, which is what the user would type
		c.others = slices.Concat([]string{file.Wrapper}, c.others, file.Others)
		return
	}
	model, err := understand(ctx, file, options)
	if several := (*naming.SeveralModelsError)(nil); errors.As(err, &several) {
		for _, prefix := range several.Prefixes {
			c.others = append(c.others, strings.Trim(selected+"."+prefix, "."))
		}
		if len(rest) == 0 && several.Prefixes[0] == "" {
			c.try(ctx, selected, several.Patterns())
		}
	}
	same := func(known Choice) bool {
		return len(rest)+len(known.Drop) == 0 && (known.wrapper == "" || strings.HasPrefix(file.Wrapper+".", known.wrapper+"."))
	}
	if err != nil || slices.ContainsFunc(c.found, same) {
		return
	}
	c.found = append(c.found, Choice{
		Select: selected, Drop: rest, Config: model.Config, Average: checkpoint.IsAverage(selected), wrapper: file.Wrapper,
	})
}

// looks says what was selected if that is something simple, and not a model.
func looks(file *checkpoint.Checkpoint, choices []Choice, err error) string {
	for _, choice := range choices {
		if choice.wrapper == "" && choice.Drop == nil || strings.HasPrefix(file.Wrapper, choice.wrapper+".") {
			return fmt.Sprintf("a part of one: the %s whose names begin with %s", text.Count(len(file.Tensors), "tensor", "tensors"),
				text.Quote(strings.TrimPrefix(file.Wrapper, choice.wrapper+".")+"."))
		}
	}
	var matrices []tensor.Named
	for _, t := range file.Tensors {
		switch n, _ := t.Shape.Elements(); {
		case len(t.Shape) == 2:
			matrices = append(matrices, t)
		case len(t.Shape) > 2:
			return whatIsStrange(err)
		case len(file.Tensors) == 1 && n == 1:
			return "a number alone: " + text.Quote(t.Name)
		}
	}
	switch shown := len(file.Tensors); {
	case len(matrices) == 1 && shown <= 2:
		shape := matrices[0].Shape
		return fmt.Sprintf("a linear layer, such as the head of a model: %s of shape %s", text.Quote(matrices[0].Name), shape)
	case len(matrices) > 1 && shown < checkpoint.FewestOfModel:
		return fmt.Sprintf("%d linear layers, such as the head of a model: %s of shape %s and others", len(matrices), text.Quote(matrices[0].Name), matrices[0].Shape)
	}
	return whatIsStrange(err)
}

// whatIsStrange returns what a model that is no BEiT is, or what is known of tensors of which nobody knows what they are.
func whatIsStrange(err error) string {
	var (
		stranger *naming.StrangerError
		foreign  *naming.NotBEiTError
	)
	switch {
	case errors.As(err, &stranger):
		return fmt.Sprintf("%s: it has %s", stranger.What, text.Quote(stranger.Name))
	case errors.As(err, &foreign):
		return fmt.Sprintf("%s of which no scheme knows %s", text.Count(foreign.Total, "tensor", "tensors"), text.Quote(foreign.Example))
	}
	return ""
}
