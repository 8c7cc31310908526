package naming

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/tensor"
)

// mismatch compares what was found with the parameters of the architecture; nil if they are the same. The result is not finished.
func (c *candidate) mismatch() *MismatchError {
	e := &MismatchError{Scheme: c.name, Architecture: describe(c.config), Missing: slices.Clone(c.missing), Shapes: slices.Clone(c.shapes)}
	for _, name := range c.unexpected {
		e.Unexpected = append(e.Unexpected, Unexpected{Name: name})
	}
	excused := map[string]bool{} // named already as incomplete or ill-shaped
	for _, m := range c.missing {
		excused[m.Canonical] = true
	}
	for _, s := range c.shapes {
		excused[s.Name] = true
	}
	wanted := map[string]bool{}
	for _, p := range c.config.Params() {
		wanted[p.Name] = true
		if f, ok := c.found[p.Name]; !ok {
			e.Missing = append(e.Missing, c.lacking(p, excused)...)
		} else if !f.view.Shape.Equal(p.Shape) {
			e.Shapes = append(e.Shapes, f.illShaped(p.Shape)...)
		}
	}
	for name, f := range c.found {
		if !wanted[name] {
			for _, from := range f.from {
				e.Unexpected = append(e.Unexpected, Unexpected{Name: from})
			}
		}
	}
	if len(e.Missing)+len(e.Unexpected)+len(e.Shapes) == 0 {
		return nil
	}
	return e
}

// lacking names a parameter that is not there as the scheme would write it.
func (c *candidate) lacking(p arch.Param, excused map[string]bool) []Missing {
	r, block := c.written(p.Name, c.config, "")
	if r == nil || excused[p.Name] {
		return nil
	}
	var missing []Missing
	for _, pattern := range r.foreign {
		if name := fill(pattern, block); !excused[name] {
			missing = append(missing, Missing{Name: name, Canonical: p.Name})
		}
	}
	return missing
}

// illShaped states the shapes as the file has them.
func (f found) illShaped(want tensor.Shape) []IllShaped {
	shapes := []IllShaped{{Name: f.from[0], Got: f.view.Shape, Want: want}}
	if len(f.row.canonical) > 1 {
		return shapes
	}
	got, errGot := f.row.operation.Inverse().Apply(tensor.View{DType: f.view.DType, Shape: f.view.Shape})
	wanted, errWant := f.row.operation.Inverse().Apply(tensor.View{DType: f.view.DType, Shape: want})
	if errGot != nil || errWant != nil || len(got) != len(f.from) || len(wanted) != len(f.from) {
		return shapes
	}
	shapes = shapes[:0]
	for i, from := range f.from {
		shapes = append(shapes, IllShaped{Name: from, Got: got[i].Shape, Want: wanted[i].Shape})
	}
	return shapes
}

// nearestLimit bounds how many names are compared with how many, and how long they may be.
const nearestLimit, nearestLength = 20, 200

// finish fills in what tensors that can't be operated on should have been, sorts the lists, and finds the nearest candidates.
func (e *MismatchError) finish(config arch.Config) {
	for i, s := range e.Shapes {
		if s.Want == nil {
			e.Shapes[i].Want = expectedShape(e.Scheme, s.Name, config)
		}
	}
	slices.SortFunc(e.Missing, func(a, b Missing) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(e.Unexpected, func(a, b Unexpected) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(e.Shapes, func(a, b IllShaped) int { return cmp.Or(strings.Compare(a.Name, b.Name), len(a.Got)-len(b.Got)) })
	var absent, extra []string
	for i := range min(len(e.Missing), nearestLimit) {
		absent = append(absent, e.Missing[i].Name)
	}
	for i := range min(len(e.Unexpected), nearestLimit) {
		if len(e.Unexpected[i].Name) <= nearestLength {
			extra = append(extra, e.Unexpected[i].Name)
		}
	}
	for i := range absent {
		e.Missing[i].Nearest = suggest.Nearest(absent[i], extra)
	}
	for i := range min(len(e.Unexpected), nearestLimit) {
		if len(e.Unexpected[i].Name) <= nearestLength {
			e.Unexpected[i].Nearest = suggest.Nearest(e.Unexpected[i].Name, absent)
		}
	}
}

// expectedShape is the shape that the scheme's parameter of that name should have, or nil.
func expectedShape(scheme, name string, config arch.Config) tensor.Shape {
	table := tables()[scheme]
	if table == nil {
		return nil
	}
	for _, wrapper := range wrappers {
		name = strings.TrimPrefix(name, wrapper)
	}
	pattern, block := split(strings.TrimPrefix(name, table.prefix))
	at, ok := table.read[pattern]
	if !ok {
		return nil
	}
	r := table.rows[at.row]
	var views []tensor.View
	for _, canonical := range r.canonical {
		for _, p := range config.Params() {
			if p.Name == fill(canonical, block) {
				views = append(views, tensor.View{DType: tensor.F32, Shape: p.Shape})
			}
		}
	}
	made, err := r.operation.Inverse().Apply(views...)
	if err != nil || at.place >= len(made) {
		return nil
	}
	return made[at.place].Shape
}

// describe names an architecture for people.
func describe(c arch.Config) string {
	if c.Name != "" {
		return c.Name
	}
	return fmt.Sprintf("a BEiT of %d x %d pixels, width %d, %d blocks, %d classes", c.ImageHeight, c.ImageWidth, c.EmbedDim, c.Depth, c.Classes)
}

func isShape(err error) bool {
	var shape *transform.ShapeError
	return errors.As(err, &shape) || errors.Is(err, tensor.ErrShape)
}
