package convert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/jsonfloat"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Difference compares two models by canonical name.
type Difference struct {
	A Input `json:"a"`
	B Input `json:"b"`
	// Equal: the same parameters, of the same dtypes, bit for bit. SameValues: the same numbers, though dtypes may differ.
	Equal      bool `json:"equal"`
	SameValues bool `json:"same_values"`
	// Parameters is the number of those that both have.
	Parameters int `json:"parameters"`
	// OnlyA and OnlyB are the parameters that only one of the models has.
	OnlyA []string `json:"only_a,omitempty"`
	OnlyB []string `json:"only_b,omitempty"`
	// Tensors are those that differ in bits, dtype or shape, in canonical order.
	Tensors []TensorDifference `json:"tensors,omitempty"`
	// EpsilonA and EpsilonB are what the models run with; they are not compared.
	EpsilonA float64 `json:"epsilon_a"`
	EpsilonB float64 `json:"epsilon_b"`
}

// TensorDifference is how one parameter differs.
type TensorDifference struct {
	Name   string       `json:"name"`
	ShapeA tensor.Shape `json:"shape_a"`
	ShapeB tensor.Shape `json:"shape_b"`
	DTypeA string       `json:"dtype_a"`
	DTypeB string       `json:"dtype_b"`
	// Elements is the number of elements; Count of them differ, in bits if the dtypes are the same, otherwise in value. Both are 0 if the shapes differ.
	Elements int64 `json:"elements"`
	Count    int64 `json:"count"`
	// MaxAbs is the largest absolute difference, at index At, between the values A and B. If somewhere one of them is NaN or infinite and the
	// other is not, At is the first such place, MaxAbs is 0, and Finite is false.
	MaxAbs float64          `json:"max_abs"`
	At     []int            `json:"at,omitempty"`
	A      jsonfloat.Number `json:"a"`
	B      jsonfloat.Number `json:"b"`
	Finite bool             `json:"finite"`
}

// Diff opens two checkpoints, whatever their formats and schemes, and compares their canonical parameters with all cores. Relative position indices
// must be those of the architectures. With MayNotFit, Map, Drop and Select of the options must fit one of the two, Select each of
// them if they are not the same: the error is a *[MapUnusedError], a *[DropError] or a *[checkpoint.Error].
func Diff(ctx context.Context, pathA, pathB string, optionsA, optionsB OpenOptions) (*Difference, error) {
	a, absentA, err := openEither(ctx, pathA, optionsA)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	b, absentB, err := openEither(ctx, pathB, optionsB)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	if either := optionsA.Select == optionsB.Select; absentA != nil && (absentB != nil || !either) {
		return nil, absentA
	} else if absentB != nil && !either {
		return nil, absentB
	}
	if own := optionsA.Map; own != nil && a.By != own && b.By != own {
		return nil, &MapUnusedError{Map: own.File(), Schemes: []string{a.Scheme, b.Scheme}}
	}
	for _, pattern := range a.unusedDrop {
		if slices.Contains(b.unusedDrop, pattern) {
			return nil, unusedDrop(pathA+" and "+pathB, pattern, slices.Concat(a.File.Tensors, b.File.Tensors))
		}
	}
	found, err := Compare(ctx, a, b)
	if err == nil && absentA != nil {
		found.A.Warnings = append(found.A.Warnings, wholeWords(pathA, optionsA.Select))
	}
	if err == nil && absentB != nil {
		found.B.Warnings = append(found.B.Warnings, wholeWords(pathB, optionsB.Select))
	}
	return found, err
}

// openEither is Open for options that may be for another file: absent is the error that the file has nothing of the name that is selected, in which case it is
// opened as if nothing were.
func openEither(ctx context.Context, path string, options OpenOptions) (model *Model, absent, err error) {
	model, err = Open(ctx, path, options)
	var wrong *checkpoint.Error
	if err == nil || !options.MayNotFit || !errors.As(err, &wrong) || !wrong.Absent {
		return model, nil, err
	}
	absent = err
	options.Select = ""
	model, err = Open(ctx, path, options)
	return model, absent, err
}

func wholeWords(path, selected string) string {
	return fmt.Sprintf("%s has nothing called %s: it was compared as if nothing were selected", path, text.Quote(selected))
}

// MapUnusedError says that none of several files has the names of a map.
type MapUnusedError struct {
	// Map is its file, and Schemes what names the files have instead.
	Map     string
	Schemes []string
}

func (e *MapUnusedError) Error() string {
	return fmt.Sprintf("neither file has the names of the map %s; they have those of %s", e.Map, strings.Join(slices.Compact(slices.Clone(e.Schemes)), " and "))
}

// Is reports that the request does not fit the files.
func (e *MapUnusedError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what to do.
func (e *MapUnusedError) Hint() string { return "leave out the map, or correct it" }

// Compare is like Diff, for models that are open. It does not close them.
func Compare(ctx context.Context, a, b *Model) (*Difference, error) {
	d := &Difference{A: a.report().Input, B: b.report().Input, EpsilonA: a.Config.Epsilon, EpsilonB: b.Config.Epsilon}
	both := d.match(a.Tensors, b.Tensors)
	d.Parameters = len(both)
	differences := make([]*TensorDifference, len(both))
	err := parallel.Each(ctx, len(both), guarded(func(ctx context.Context, i int) (err error) {
		differences[i], err = compareTensor(ctx, both[i][0], both[i][1])
		return err
	}))
	if err != nil {
		return nil, err
	}
	d.SameValues = len(d.OnlyA)+len(d.OnlyB) == 0
	d.Equal = d.SameValues
	for _, t := range differences {
		if t != nil {
			d.Tensors = append(d.Tensors, *t)
			d.Equal = false
			d.SameValues = d.SameValues && t.Count == 0 && t.ShapeA.Equal(t.ShapeB)
		}
	}
	return d, nil
}

// match pairs tensors by name and notes those without a partner.
func (d *Difference) match(a, b []tensor.Named) [][2]tensor.Named {
	indexB := map[string]int{}
	for i, t := range b {
		indexB[t.Name] = i
	}
	var both [][2]tensor.Named
	for _, t := range a {
		if at, ok := indexB[t.Name]; ok {
			both = append(both, [2]tensor.Named{t, b[at]})
			delete(indexB, t.Name)
		} else {
			d.OnlyA = append(d.OnlyA, t.Name)
		}
	}
	for name := range indexB {
		d.OnlyB = append(d.OnlyB, name)
	}
	slices.SortFunc(d.OnlyB, strings.Compare)
	return both
}

// compareTensor returns nil for tensors of equal dtype, shape and bits.
func compareTensor(ctx context.Context, a, b tensor.Named) (*TensorDifference, error) {
	d := &TensorDifference{
		Name: a.Name, ShapeA: a.Shape, ShapeB: b.Shape, DTypeA: a.DType.String(), DTypeB: b.DType.String(), Finite: true,
	}
	if !a.Shape.Equal(b.Shape) {
		return d, nil
	}
	d.Elements, _ = a.Shape.Elements()
	c := &comparer{same: a.DType == b.DType, a: a.DType, b: b.DType, at: -1}
	if err := pairs(ctx, a.View, b.View, c.visit); err != nil {
		return nil, err
	}
	if c.same && c.count == 0 {
		return nil, nil
	}
	d.Count, d.MaxAbs, d.Finite = c.count, c.largest, !math.IsInf(c.largest, 0)
	if !d.Finite {
		d.MaxAbs = 0
	}
	if c.at >= 0 {
		d.At, d.A, d.B = indices(c.at, a.Shape), jsonfloat.Number(c.valueA), jsonfloat.Number(c.valueB)
	}
	return d, nil
}

// comparer collects the differences of two streams.
type comparer struct {
	same           bool // the dtypes are the same: bits count
	a, b           tensor.DType
	bufA, bufB     []float64
	count, at      int64
	largest        float64
	valueA, valueB float64
}

func (c *comparer) visit(first int64, a, b []byte) error {
	if c.same && bytes.Equal(a, b) {
		return nil
	}
	count := len(a) / c.a.Size()
	if cap(c.bufA) < count {
		c.bufA, c.bufB = make([]float64, count), make([]float64, count)
	}
	valuesA, valuesB := c.bufA[:count], c.bufB[:count]
	if err := tensor.Decode(valuesA, c.a, a); err != nil {
		return err
	}
	if err := tensor.Decode(valuesB, c.b, b); err != nil {
		return err
	}
	width := c.a.Size()
	for i := range valuesA {
		if c.same && bytes.Equal(a[i*width:(i+1)*width], b[i*width:(i+1)*width]) || !c.same && equalValues(valuesA[i], valuesB[i]) {
			continue
		}
		c.count++
		if distance := distance(valuesA[i], valuesB[i]); c.at < 0 || distance > c.largest {
			c.largest, c.at, c.valueA, c.valueB = distance, first+int64(i), valuesA[i], valuesB[i]
		}
	}
	return nil
}

func equalValues(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

// distance returns the absolute difference, which is infinite if only one of the numbers is finite.
func distance(a, b float64) float64 {
	if equalValues(a, b) {
		return 0
	}
	if d := math.Abs(a - b); !math.IsNaN(d) {
		return d
	}
	return math.Inf(1)
}

// indices turns a flat index into one for each dimension.
func indices(flat int64, shape tensor.Shape) []int {
	at := make([]int, len(shape))
	for i := len(shape) - 1; i >= 0; i-- {
		at[i] = int(flat % int64(shape[i]))
		flat /= int64(shape[i])
	}
	return at
}
