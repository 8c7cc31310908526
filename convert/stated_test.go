package convert

import (
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/naming"
)

// What lies beside a state dict counts if it fits the model and contradicts nothing else there, and is said not to be taken if not.
func TestStatedBeside(t *testing.T) {
	t.Parallel()
	names, others := []string{"ant", "bee"}, []string{"bee", "ant"}
	labels := func(path string, names ...string) checkpoint.Statement {
		return checkpoint.Statement{Path: path, Labels: names}
	}
	epsilon := func(path string, value float64) checkpoint.Statement {
		return checkpoint.Statement{Path: path, Epsilon: value}
	}
	for _, c := range []struct {
		stated  []checkpoint.Statement
		labels  []string
		epsilon float64
		notes   []string
	}{
		{[]checkpoint.Statement{labels("meta.classes", names...), epsilon("config.layer_norm_eps", 1e-5)}, names, 1e-5, nil},
		{[]checkpoint.Statement{labels("a.classes", names...), labels("b.classes", names...)}, names, 0, nil},
		{[]checkpoint.Statement{labels("a.classes", names...), labels("b.classes", others...)}, nil, 0, []string{`"a.classes" has 2 names`, `"b.classes" has 2 names`}},
		{[]checkpoint.Statement{labels("a.classes", "ant")}, nil, 0, []string{`"a.classes" has 1 name of classes, which are not taken`}},
		{[]checkpoint.Statement{labels("a.classes", "LABEL_0", "LABEL_1")}, nil, 0, []string{`"a.classes" has 2 names`}},
		{[]checkpoint.Statement{epsilon("a.norm_eps", 1e-5), epsilon("b.norm_eps", 1e-6)}, nil, 0, []string{`"a.norm_eps" states epsilon 1e-05, which is not taken`}},
		{[]checkpoint.Statement{epsilon("a.norm_eps", -1)}, nil, 0, []string{`"a.norm_eps" states epsilon -1`}},
	} {
		m := &Model{Model: naming.Model{Config: arch.Config{Classes: 2, Pooling: arch.MeanPooling, Kind: arch.Transformer, Epsilon: arch.Epsilon}}, File: &checkpoint.Checkpoint{Stated: c.stated}}
		gotLabels, gotEpsilon := m.labelsBeside(), m.epsilonBeside()
		if !slices.Equal(gotLabels, c.labels) || gotEpsilon != c.epsilon {
			t.Errorf("%v: %q and %g; want %q and %g", c.stated, gotLabels, gotEpsilon, c.labels, c.epsilon)
		}
		if m.Labels = gotLabels; gotEpsilon != 0 {
			m.Config.Epsilon = gotEpsilon
		}
		m.noteStated()
		if len(m.Notes) != len(c.notes) {
			t.Errorf("%v: %q; want %q", c.stated, m.Notes, c.notes)
			continue
		}
		for i, note := range c.notes {
			if !strings.HasPrefix(m.Notes[i], note) {
				t.Errorf("%v: %q; want %q", c.stated, m.Notes[i], note)
			}
		}
	}
}

// The names of the classes in a file of OpenMMLab's trainer are those of the model, and go wherever it does.
func TestStatedBeside_OpenMMLab(t *testing.T) {
	t.Parallel()
	target := t.TempDir() + "/hf/"
	if _, err := Convert(t.Context(), "../testdata/family/openmmlab_classifier.pth", target, Options{SaveOptions: SaveOptions{To: naming.HF}}); err != nil {
		t.Fatal(err)
	}
	for path, from := range map[string]card.Origin{"../testdata/family/openmmlab_classifier.pth": card.Beside, target: card.Config} {
		model, err := Open(t.Context(), path, OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer model.Close()
		if len(model.Labels) != 5 || model.Labels[4] != "class 4" || model.From[card.Labels] != from {
			t.Errorf("%s: %q, from %s", path, model.Labels, model.From[card.Labels])
		}
	}
}
