package convert

import (
	"slices"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/tensor"
)

// A model of BEiT v2's pre-training without the branch for the class token is the model without it, with all else in place.
func TestDropClassBranch(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_mim_p16_64")
	if err != nil {
		t.Fatal(err)
	}
	whole := config
	whole.Name, whole.ClassBlocks, whole.ClassHead = "", 2, true
	m := &Model{Model: naming.Model{Config: whole}}
	for _, p := range whole.Params() {
		m.Tensors = append(m.Tensors, tensor.Named{Name: p.Name, View: tensor.View{DType: tensor.F32, Shape: p.Shape}})
		m.Changes = append(m.Changes, naming.Change{Name: p.Name, From: []string{"file." + p.Name}})
	}
	if !m.dropPart(ClassBranch) || m.Config != config {
		t.Fatalf("%+v is left, want %+v", m.Config, config)
	}
	var names []string
	for i, n := range m.Tensors {
		names = append(names, n.Name)
		if m.Changes[i].Name != n.Name {
			t.Errorf("the change of %s stands beside %s", m.Changes[i].Name, n.Name)
		}
	}
	var want []string
	for _, p := range config.Params() {
		want = append(want, p.Name)
	}
	if !slices.Equal(names, want) {
		t.Errorf("left are %q, want %q", names, want)
	}
	gone := len(whole.Params()) - len(want)
	steps := m.dropSteps()
	if len(m.Dropped) != gone || len(steps) != 1 || steps[0].Name != adapt.StepClassBranch || !steps[0].Lossy || len(steps[0].Tensors) != gone {
		t.Errorf("%d dropped, want %d; steps %v", len(m.Dropped), gone, steps)
	}
	if m.dropPart(ClassBranch) {
		t.Error("it was there twice")
	}
}
