package checkpointtest

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/tensor"
)

// Draw returns random tensors of the given element types: any rank up to 4, also scalars and empty ones, with any bits.
func Draw(t *rapid.T, dtypes []tensor.DType) []tensor.Named {
	name := rapid.StringMatching(`[a-z_.0-9]{1,12}|[^\x00]{1,6}|weight "\\\t<é世>`)
	names := rapid.SliceOfNDistinct(name, 1, 8, rapid.ID[string]).Draw(t, "names")
	tensors := make([]tensor.Named, len(names))
	for i, name := range names {
		view := tensor.View{DType: rapid.SampledFrom(dtypes).Draw(t, "dtype"), Shape: tensor.Shape{}}
		for range rapid.IntRange(0, 4).Draw(t, "rank") {
			view.Shape = append(view.Shape, rapid.IntRange(0, 4).Draw(t, "size"))
		}
		size, err := view.Size()
		if err != nil {
			t.Fatal(err)
		}
		view.Data = tensor.Memory(rapid.SliceOfN(rapid.Byte(), int(size), int(size)).Draw(t, "data"))
		tensors[i] = tensor.Named{Name: name, View: view}
	}
	return tensors
}

// Flat is a tensor in a form that cmp.Diff can show.
type Flat struct {
	Name, DType, Shape string
	Data               []byte
}

// Flatten reads tensors, in the order of their names, for a comparison.
func Flatten(tensors []tensor.Named) ([]Flat, error) {
	made := make([]Flat, len(tensors))
	for i, t := range tensors {
		raw, err := t.Bytes()
		if err != nil {
			return nil, err
		}
		made[i] = Flat{t.Name, t.DType.String(), t.Shape.String(), append([]byte{}, raw...)}
	}
	slices.SortFunc(made, func(a, b Flat) int { return strings.Compare(a.Name, b.Name) })
	return made, nil
}

// roundTrip writes random tensors and reads them back. Writing them twice must make the same bytes.
func (s Suite) roundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tensors := Draw(t, s.DTypes)
		want, err := Flatten(tensors)
		if err != nil {
			t.Fatal(err)
		}
		content, err := s.write(tensors)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.write(tensors); err != nil || !bytes.Equal(again, content) {
			t.Fatalf("writing twice makes different bytes, or %v", err)
		}
		if !s.Format.Match(content) {
			t.Fatal("the reader does not recognise what the writer wrote")
		}
		opened, err := Whole(s.Format, content)
		if err != nil || opened == nil {
			t.Fatalf("the reader refuses what the writer wrote, or %v", err)
		}
		got, err := Flatten(opened.Tensors)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// refused writes tensors that no format can hold. One error must name all of them.
func (s Suite) refused(t *testing.T) {
	t.Parallel()
	f32 := func(name string, shape ...int) tensor.Named {
		return tensor.Named{Name: name, View: tensor.View{DType: tensor.F32, Shape: shape, Data: make(tensor.Memory, 4)}}
	}
	bad := []tensor.Named{
		f32("twice", 1), f32("twice", 1),
		f32("\xff\xfe", 1),
		f32("negative", -1),
		f32("immense", math.MaxInt, math.MaxInt, math.MaxInt),
		{Name: "typeless", View: tensor.View{Shape: tensor.Shape{1}, Data: make(tensor.Memory, 4)}},
		f32("endless"+strings.Repeat("x", 5000), 1),
	}
	for _, t1 := range bad[1:] {
		if _, err := s.Format.Write([]tensor.Named{bad[0], t1}, s.Options); err == nil {
			t.Errorf("the writer accepts tensor %.20q of type %s and shape %s", t1.Name, t1.DType, t1.Shape)
		}
	}
	_, err := s.Format.Write(bad, s.Options)
	if err == nil {
		t.Fatal("the writer accepts all of that")
	}
	for _, name := range []string{"twice", `\xff\xfe`, "negative", "immense", "typeless", "endless"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %s", name, err)
		}
	}
	if text := err.Error(); len(text) > maxText {
		t.Errorf("the error has %d bytes", len(text))
	}
}
