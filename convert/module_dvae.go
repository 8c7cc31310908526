package convert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/internal/text"
)

// dvaeParts are what the modules of a dVAE without parameters must be, by the beginnings of their names: openai/DALL-E dall_e/encoder.py and decoder.py.
var dvaeParts = []struct{ name, class string }{{"relu", "ReLU"}, {"pool", "MaxPool2d"}, {"upsample", "Upsample"}}

// convolutional says what the modules of a dVAE state otherwise than all dVAEs have it, a clause each: the gain of its blocks, its activations, and what changes
// the size of the picture.
func (m *modules) convolutional(model *Model) []string {
	if !model.Config.Convolutional() {
		return nil
	}
	var odd []string
	inside := map[string]bool{}
	for _, change := range model.Changes {
		if !strings.HasSuffix(change.Name, ".res_path.conv_1.w") || len(change.From) == 0 {
			continue
		}
		block := above(change.From[0], 3)
		inside[above(block, 2)] = true
		want := model.Config.PostGain()
		if gain, stated := m.by[block].Attributes["post_gain"]; stated && gain != want {
			odd = append(odd, fmt.Sprintf("the gain of %s is %s, not %g", text.Quote(block), shown(gain), want))
		}
	}
	for _, path := range m.paths {
		for _, part := range dvaeParts {
			if strings.HasPrefix(lastOf(path), part.name) && under(inside, path) {
				odd = append(odd, unlike(path, part.class, m.by[path].Object)...)
			}
		}
	}
	if len(odd) == 0 {
		return nil
	}
	slices.Sort(odd)
	return []string{text.List(odd, mostStated, "")}
}

// ofDVAE reports whether a module without parameters is one that a dVAE has, which is looked at elsewhere.
func (m *modules) ofDVAE(model *Model, path string) bool {
	return model.Config.Convolutional() && slices.ContainsFunc(dvaeParts, func(part struct{ name, class string }) bool {
		return strings.HasPrefix(lastOf(path), part.name) && lastOf(m.by[path].Class) == part.class
	})
}

// unlike says how a module differs from the one of its class that a dVAE has.
func unlike(path, class string, object checkpoint.Object) []string {
	if lastOf(object.Class) != class {
		return []string{fmt.Sprintf("%s is %s, not %s", text.Quote(path), text.Quote(text.Cut(lastOf(object.Class), 100)), class)}
	}
	for _, want := range map[string][]struct {
		attribute string
		values    []any
	}{
		"MaxPool2d": {{"kernel_size", []any{int64(2)}}, {"stride", []any{int64(2)}}, {"padding", []any{int64(0)}}, {"dilation", []any{int64(1)}}, {"ceil_mode", []any{false}}},
		"Upsample":  {{"scale_factor", []any{float64(2), int64(2)}}, {"mode", []any{"nearest"}}},
	}[class] {
		stated, there := object.Attributes[want.attribute]
		if there && !slices.ContainsFunc(want.values, func(value any) bool { return equalPlain(stated, value) }) {
			return []string{fmt.Sprintf("the %s of %s is %s, not %v", want.attribute, text.Quote(path), shown(stated), want.values[0])}
		}
	}
	return nil
}

// equalPlain reports whether a value from a file is a plain one; lists are equal to none.
func equalPlain(stated, value any) bool {
	switch stated.(type) {
	case int64, float64, string, bool:
		return stated == value
	}
	return false
}
