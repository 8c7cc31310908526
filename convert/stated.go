package convert

import (
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/configs"
	"github.com/beitzoo/beitzoo/internal/text"
)

// labelsBeside returns the names of the classes that a training program keeps beside the state dict, if there is one for each class and nothing there has others.
func (m *Model) labelsBeside() []string {
	var labels []string
	for _, s := range m.File.Stated {
		if len(s.Labels) != m.Config.Classes || card.Placeholder(s.Labels) {
			continue
		}
		if labels != nil && !slices.Equal(labels, s.Labels) {
			return nil
		}
		labels = s.Labels
	}
	return labels
}

// epsilonBeside returns the epsilon that a training program keeps beside the state dict, or 0 if there is none, an impossible one, or several.
func (m *Model) epsilonBeside() float64 {
	epsilon := 0.0
	for _, s := range m.File.Stated {
		if !s.StatesEpsilon() {
			continue
		}
		if !(s.Epsilon > 0 && s.Epsilon < mostUsual) || epsilon != 0 && epsilon != s.Epsilon {
			return 0
		}
		epsilon = s.Epsilon
	}
	return epsilon
}

// noteStated says what beside the state dict was not taken, as it does not fit the model, or something else counts.
func (m *Model) noteStated() {
	for _, s := range m.File.Stated {
		path := text.Quote(text.Cut(s.Path, 200))
		switch {
		case s.Labels != nil && !m.Config.NamesClasses():
		case s.Labels != nil && !slices.Equal(s.Labels, m.Labels):
			m.Notes = append(m.Notes, fmt.Sprintf("%s has %s of classes, which are not taken: state them if they matter", path, text.Count(len(s.Labels), "name", "names")))
		case s.Problem != "" && m.Config.Segments():
			m.Notes = append(m.Notes, fmt.Sprintf("%s %s: it is not taken", path, s.Problem))
		case s.Palette != nil && m.Config.Segments() && m.From[card.Palette] != card.Beside:
			m.Notes = append(m.Notes, fmt.Sprintf("the palette in %s is not taken: %s", path, m.paletteProblem(s)))
		case s.StatesEpsilon() && s.Epsilon != m.Config.Epsilon && !m.Config.Convolutional():
			m.Notes = append(m.Notes, fmt.Sprintf("%s states epsilon %g, which is not taken: state it if it is that of this model", path, s.Epsilon))
		}
	}
}

// coloursOf returns the palette of a statement; a number that is none of a colour stays so.
func coloursOf(s checkpoint.Statement) []card.Colour {
	colours := make([]card.Colour, len(s.Palette))
	for i, colour := range s.Palette {
		for j, value := range colour {
			colours[i][j] = int(min(max(value, -1), 256))
		}
	}
	return colours
}

// paletteBeside returns the colours of the classes beside the state dict, if there is one for each class and nothing there has others.
func (m *Model) paletteBeside() []card.Colour {
	var palette []card.Colour
	for _, s := range m.File.Stated {
		if s.Palette == nil || card.PaletteProblem(coloursOf(s), m.Config.Classes) != "" {
			continue
		}
		colours := coloursOf(s)
		if palette != nil && !slices.Equal(palette, colours) {
			return nil
		}
		palette = colours
	}
	return palette
}

// paletteProblem says why a palette beside the state dict is not taken.
func (m *Model) paletteProblem(s checkpoint.Statement) string {
	if problem := card.PaletteProblem(coloursOf(s), m.Config.Classes); problem != "" {
		return "it " + problem
	}
	if m.Palette == nil {
		return "there is another one beside the state dict"
	}
	return "there is one in " + string(m.From[card.Palette])
}

// setPalette takes the first palette that is stated.
func (m *Model) setPalette(options OpenOptions, own ownCard) {
	set := func(palette []card.Colour, from card.Origin) {
		if m.Palette == nil && len(palette) > 0 && m.Config.Segments() && card.PaletteProblem(palette, m.Config.Classes) == "" {
			m.Palette, m.From[card.Palette] = palette, from
		}
	}
	if options.Known != nil {
		set(options.Known.Palette, card.Manifest)
	}
	if own.Card != nil {
		set(own.Palette, card.Metadata)
		if problem := card.PaletteProblem(own.Palette, m.Config.Classes); len(own.Palette) > 0 && m.Config.Segments() && problem != "" {
			m.Notes = append(m.Notes, "the palette in the file's metadata is not taken: it "+problem)
		}
	}
	set(m.paletteBeside(), card.Beside)
}

// tapsBeside returns the taps that the configurations beside the state dict state, and where they stand; nil if they state none. What can't be taps is noted later.
func tapsBeside(file *checkpoint.Checkpoint) (taps *[arch.Levels]arch.Tap, problem string) {
	for _, s := range file.Stated {
		if s.Config == "" {
			continue
		}
		stated, err := configs.OpenMMLabTaps(s.Config)
		switch {
		case err != nil:
			return nil, fmt.Sprintf("%s is a configuration that can't be used for the tapped blocks: %s", text.Quote(text.Cut(s.Path, 200)), err)
		case stated == nil:
		case taps != nil && *taps != *stated:
			return nil, fmt.Sprintf("the configurations beside the state dict state other tapped blocks than one another, %s and %s: none are taken",
				arch.FormatTaps(*taps), arch.FormatTaps(*stated))
		default:
			taps = stated
		}
	}
	return taps, ""
}

// takeTapsBeside takes the taps that the configuration of a training program states as hints. That the caller states others is an error if the model segments.
func (r *reading) takeTapsBeside() {
	if r.beside.card != nil { // whose taps are what its program computes
		return
	}
	taps, problem := tapsBeside(r.file)
	r.tapsProblem = problem
	switch {
	case taps == nil:
	case r.hints.Taps == nil:
		r.hints.Taps, r.hints.TapsFrom = taps, arch.Source(card.Beside)
	case *r.hints.Taps != *taps:
		r.otherTaps = &arch.ConflictError{
			Property: arch.PropertyTaps, Given: arch.FormatTaps(*r.hints.Taps), Found: arch.FormatTaps(*taps), GivenFrom: r.hints.TapsFrom, FoundFrom: arch.Source(card.Beside),
		}
	}
}
