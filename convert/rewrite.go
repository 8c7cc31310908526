package convert

import (
	"context"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/tensor"
)

// Rewrite writes an opened model with other values of its parameters: canonical are exactly those of m.Config, and how says what was done. What is known of
// the model goes along, and so do the steps that its file records. What options leave open is as in the source: if the target is a file of the same format, its
// scheme and the key of its state dict; otherwise it follows from the name of the target as for [Save], whose errors it has. A target that is the source itself
// is refused with *SameFileError.
func (m *Model) Rewrite(ctx context.Context, path string, canonical []tensor.Named, how adapt.Step, options SaveOptions) (*Saved, error) {
	to, err := m.likeSource(path, &options)
	if err != nil {
		return nil, err
	}
	if err := to.apart(m.File.Path); err != nil {
		return nil, err
	}
	if err := to.vacant(m.File.Path); err != nil {
		return nil, err
	}
	options.Steps = slices.Concat(m.Steps, m.dropSteps(), m.folded(), []adapt.Step{how})
	if err := m.carry(&options); err != nil {
		return nil, err
	}
	saved, err := to.save(ctx, m.Config, canonical, options)
	if err != nil {
		return nil, err
	}
	saved.Notes = slices.Concat(m.Notes, saved.Notes)
	return saved, nil
}

// likeSource returns the target of that name, in the scheme and under the key of the source if nothing else is asked for and the format is that of the source.
func (m *Model) likeSource(path string, options *SaveOptions) (target, error) {
	usual, err := newTarget(path, *options)
	if err != nil || options.To != "" || options.ToMap != nil || usual.format.Name != m.File.Format {
		return usual, err
	}
	same := *options
	same.To = m.Scheme
	if m.By != nil && m.By.File() != "" {
		same.To, same.ToMap = "", m.By
	}
	like, err := newTarget(path, same)
	if err != nil || like.folder != usual.folder {
		return usual, nil
	}
	if same.Wrapper == "" && like.format.HasKeys && len(like.scheme.WrappersFor(m.Config)) == 0 && m.File.Class == "" {
		same.Wrapper = keyOf(m.File.Wrapper, like.scheme.KeyFor(m.Config))
	}
	*options = same
	return like, nil
}

// keyOf returns the key of a state dict in words of SaveOptions.Wrapper. One inside of another is not written again: usual is that of its program.
func keyOf(wrapper, usual string) string {
	switch {
	case wrapper == "":
		return "none"
	case strings.Contains(wrapper, "."):
		return usual
	}
	return wrapper
}
