package convert

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/jsonfloat"
	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/tensor/relation"
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
	// LeftOutA and LeftOutB are tensors of the files that are no parameters of the models, so that they were not compared. Relative position indices, which
	// follow from the architecture, are not among them.
	LeftOutA []Dropped `json:"left_out_a,omitempty"`
	LeftOutB []Dropped `json:"left_out_b,omitempty"`
	// Tensors are those that differ in bits, dtype or shape, in canonical order.
	Tensors []TensorDifference `json:"tensors,omitempty"`
	// Relations counts tensors whose relations say the same, the most frequent first.
	Relations []CommonRelation `json:"relations,omitempty"`
	// EpsilonA and EpsilonB are what the models run with; they are not compared.
	EpsilonA float64 `json:"epsilon_a"`
	EpsilonB float64 `json:"epsilon_b"`
	// Runs are the other facts, which no parameter tells, in which the models differ, so that they compute other results from the same parameters.
	Runs []RunDifference `json:"runs,omitempty"`
}

// RunDifference is a fact about how models run, as texts.
type RunDifference struct {
	What string `json:"what"`
	A    string `json:"a"`
	B    string `json:"b"`
}

// runDifferences compares what no parameter tells: tapped blocks, heads, and the size of images.
func runDifferences(a, b arch.Config) []RunDifference {
	if a.Kind != b.Kind {
		return nil // the parameters tell
	}
	var found []RunDifference
	compare := func(what, one, other string) {
		if one != other {
			found = append(found, RunDifference{what, one, other})
		}
	}
	if a.Segments() {
		compare("tapped blocks", arch.FormatTaps(a.Segmentation.Taps), arch.FormatTaps(b.Segmentation.Taps))
	}
	compare("attention heads", strconv.Itoa(a.Heads), strconv.Itoa(b.Heads))
	compare("image sizes", fmt.Sprintf("%d x %d", a.ImageHeight, a.ImageWidth), fmt.Sprintf("%d x %d", b.ImageHeight, b.ImageWidth))
	return found
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
	// Relation says how the tensor of one model follows from that of the other; nil if no relation is known, and if only the dtypes differ.
	Relation *relation.Relation `json:"relation,omitempty"`
	// Elsewhere is the name of another parameter of A that has the values of B, if Relation is nil.
	Elsewhere string `json:"elsewhere,omitempty"`
}

// Sentence returns how the tensors are related, or nothing.
func (t TensorDifference) Sentence() string {
	switch {
	case t.Relation != nil:
		return t.Relation.String()
	case t.Elsewhere != "":
		return "B has the values of A's " + t.Elsewhere
	}
	return ""
}

// CommonRelation is a relation that several tensors have.
type CommonRelation struct {
	// Sentence leaves out what is particular to each tensor: see [relation.Relation.Gist].
	Sentence string `json:"sentence"`
	Count    int    `json:"count"`
}

// gist returns what is counted as the same relation.
func (t TensorDifference) gist() string {
	if t.Elsewhere != "" {
		return "B has the values of another parameter of A"
	}
	if t.Relation != nil {
		return t.Relation.Gist()
	}
	return ""
}

// Diff opens two checkpoints as [OpenPair] does, and compares their canonical parameters with all cores. For parameters that differ it finds out how one follows
// from the other, which needs both in memory, as float64. Relative position indices must be those of the architectures.
func Diff(ctx context.Context, pathA, pathB string, optionsA, optionsB OpenOptions) (*Difference, error) {
	a, b, err := OpenPair(ctx, pathA, pathB, optionsA, optionsB)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	defer b.Close()
	return Compare(ctx, a, b)
}

// OpenPair opens two checkpoints, whatever their formats and schemes. With MayNotFit, Map, Drop and Select of the options must fit one of the two, Select each
// of them if they are not the same: the error is a *[MapUnusedError], a *[DropError], a *[SelectError] or a *[checkpoint.Error]. An error about one of the
// checkpoints is in a *[SideError]. The caller closes both models.
func OpenPair(ctx context.Context, pathA, pathB string, optionsA, optionsB OpenOptions) (a, b *Model, err error) {
	defer func() {
		for _, opened := range []*Model{a, b} {
			if err != nil && opened != nil {
				opened.Close()
			}
		}
		if err != nil {
			a, b = nil, nil
		}
	}()
	a, absentA, err := openSelected(ctx, pathA, optionsA)
	if err != nil {
		return a, b, &SideError{SideA, err}
	}
	b, absentB, err := openSelected(ctx, pathB, optionsB)
	switch {
	case err != nil:
		return a, b, &SideError{SideB, err}
	case absentA != nil && absentB != nil && optionsA.Select == optionsB.Select:
		return a, b, &SelectError{Selected: optionsA.Select, A: absentA, B: absentB}
	case absentA != nil && optionsA.Select != optionsB.Select:
		return a, b, &SideError{SideA, absentA}
	case absentB != nil && optionsA.Select != optionsB.Select:
		return a, b, &SideError{SideB, absentB}
	case absentA != nil:
		if a, err = openWhole(ctx, pathA, optionsA); err != nil {
			return a, b, &SideError{SideA, err}
		}
	case absentB != nil:
		if b, err = openWhole(ctx, pathB, optionsB); err != nil {
			return a, b, &SideError{SideB, err}
		}
	}
	return a, b, unused(a, b, cmp.Or(optionsA.Map, optionsB.Map))
}

// openSelected is Open for options that may be for another file: absent is the error that the file has nothing of the name that is selected.
func openSelected(ctx context.Context, path string, options OpenOptions) (model *Model, absent *ChoiceError, err error) {
	model, err = Open(ctx, path, options)
	wrong := (*checkpoint.Error)(nil)
	if options.MayNotFit && errors.As(err, &absent) && errors.As(err, &wrong) && wrong.Absent {
		return nil, absent, nil
	}
	return model, nil, err
}

// openWhole opens a file as if nothing were selected, and says so.
func openWhole(ctx context.Context, path string, options OpenOptions) (*Model, error) {
	selected := options.Select
	options.Select = ""
	model, err := Open(ctx, path, options)
	if err == nil {
		model.warn(wholeWords(path, selected))
	}
	return model, err
}

// unused returns an error if a map or a pattern of those to drop is for neither of two models.
func unused(a, b *Model, own *naming.Scheme) error {
	if own != nil && a.By != own && b.By != own {
		return &MapUnusedError{Map: own.File(), Schemes: []string{a.Scheme, b.Scheme}}
	}
	for _, pattern := range a.unusedDrop {
		if slices.Contains(b.unusedDrop, pattern) {
			return unusedDrop(a.File.Path+" and "+b.File.Path, pattern, slices.Concat(a.File.Tensors, b.File.Tensors))
		}
	}
	return nil
}

// Side is one of two checkpoints that are opened together.
type Side string

// The sides.
const (
	SideA Side = "a"
	SideB Side = "b"
)

// SideError says which of two checkpoints an error is about.
type SideError struct {
	Side Side
	Err  error
}

func (e *SideError) Error() string { return e.Err.Error() }

// Unwrap returns the error about the checkpoint.
func (e *SideError) Unwrap() error { return e.Err }

// SelectError says that neither of two checkpoints has what was selected.
type SelectError struct {
	Selected string
	// A and B say what they have instead.
	A, B *ChoiceError
}

func (e *SelectError) Error() string {
	if e.A.Path == e.B.Path {
		return e.A.Error()
	}
	return fmt.Sprintf("neither %s nor %s has anything called %s", e.A.Path, e.B.Path, text.Quote(e.Selected))
}

// Is reports that the request does not fit the files.
func (e *SelectError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what the files have.
func (e *SelectError) Hint() string {
	if e.A.Path == e.B.Path {
		return e.A.Hint()
	}
	return fmt.Sprintf("%s: %s; %s: %s", e.A.Path, e.A.Hint(), e.B.Path, e.B.Hint())
}

func wholeWords(path, selected string) string {
	return fmt.Sprintf("%s has nothing called %s: it was opened as if nothing were selected", path, text.Quote(selected))
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
	d := &Difference{A: a.report().Input, B: b.report().Input, EpsilonA: a.Config.Epsilon, EpsilonB: b.Config.Epsilon, Runs: runDifferences(a.Config, b.Config)}
	d.LeftOutA, d.LeftOutB = a.notCompared(), b.notCompared()
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
	if err := relate(ctx, a, both, differences); err != nil {
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
	d.Relations = common(d.Tensors)
	return d, nil
}

// notCompared returns the tensors of the file that are neither parameters nor relative position indices.
func (m *Model) notCompared() []Dropped {
	var left []Dropped
	for _, d := range m.Dropped {
		if !strings.HasSuffix(d.Name, "relative_position_index") {
			left = append(left, Dropped(d))
		}
	}
	return left
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
