package convert

import (
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/beit/card"
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
		if s.Labels != nil {
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
		case s.Labels == nil && s.Epsilon != m.Config.Epsilon && !m.Config.Convolutional():
			m.Notes = append(m.Notes, fmt.Sprintf("%s states epsilon %g, which is not taken: state it if it is that of this model", path, s.Epsilon))
		}
	}
}
