package relation

import (
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/tensor"
)

// Between returns how b follows from a, or a from b. It is nil if no relation is known, and if the tensors have no or another number of elements. A
// relation with fewer assumptions goes first: one value, a constant, a rounding, a factor, another order, a part.
func Between(a, b Tensor, o Options) *Relation {
	if !a.whole() || !b.whole() || len(a.Values) != len(b.Values) || len(a.Values) == 0 {
		return nil
	}
	return between(a, b, o, true)
}

// between is Between for tensors that are known to be whole. With parts it also says which slices differ.
func between(a, b Tensor, o Options, parts bool) *Relation {
	alike := a.Shape.Equal(b.Shape)
	if alike {
		if equal(a.Values, b.Values) {
			return &Relation{}
		}
		if d := distance(a.Values, b.Values); d <= o.Tolerance {
			return &Relation{Distance: d}
		}
		if r := oneValue(a, b, o); r != nil {
			return r
		}
	}
	forth := follows(a, b, o)
	if forth.recognised() {
		return forth
	}
	if back := follows(b, a, o); forth == nil && back.recognised() && !back.KeepsInformation() {
		back.Reverse = true
		return back
	}
	if !alike {
		return forth
	}
	var part *Relation
	if parts {
		part = differingPart(a, b, o)
	}
	switch within := part.Has(Part); {
	case within != nil && within.Within != nil && within.Within.recognised():
		return part
	case forth != nil:
		return forth
	}
	for axis := range a.Shape {
		if r := scaledEach(a, b, axis, o); r != nil {
			return r
		}
	}
	if part != nil {
		return part
	}
	return nearly(a, b)
}

// recognised reports whether there is a relation, and one that is described in full.
func (r *Relation) recognised() bool {
	return r != nil && !slices.ContainsFunc(r.Steps, func(s Step) bool {
		return s.Kind == Reordered || s.Kind == Close || s.Kind == Permuted && !s.Recognised
	})
}

// follows returns how all of b follows from a.
func follows(a, b Tensor, o Options) *Relation {
	if r := constant(b, o); r != nil && constant(a, o) == nil {
		return r
	}
	if a.Shape.Equal(b.Shape) {
		for _, try := range []func(Tensor, Tensor, Options) *Relation{rounded, scaled, shifted} {
			if r := try(a, b, o); r != nil {
				return r
			}
		}
	}
	if r := moved(a, b, o); r != nil {
		return r
	}
	if a.Shape.Equal(b.Shape) {
		return affine(a, b, o)
	}
	return nil
}

// oneValue returns the relation of tensors of which one value differs.
func oneValue(a, b Tensor, o Options) *Relation {
	at := -1
	for i, v := range a.Values {
		if same(v, b.Values[i]) || math.Abs(v-b.Values[i]) <= o.Tolerance {
			continue
		}
		if at >= 0 {
			return nil
		}
		at = i
	}
	step := Step{Kind: OneValue, At: indices(at, a.Shape), Factor: a.Values[at], Offset: b.Values[at]}
	return &Relation{Steps: []Step{step}, Distance: distance(a.Values[at:at+1], b.Values[at:at+1])}
}

// indices turns a flat index into one for each dimension.
func indices(flat int, shape tensor.Shape) []int {
	at := make([]int, len(shape))
	for i := len(shape) - 1; i >= 0; i-- {
		at[i] = flat % shape[i]
		flat /= shape[i]
	}
	return at
}

// constant returns the relation of a tensor whose values are all the same, to within the tolerance. One value, and several that were rounded, are no evidence.
func constant(b Tensor, o Options) *Relation {
	if len(b.Values) < 2 {
		return nil
	}
	low, high := b.Values[0], b.Values[0]
	for _, v := range b.Values {
		if low = min(low, v); high-low > 2*o.Tolerance {
			return nil
		}
		if high = max(high, v); high-low > 2*o.Tolerance {
			return nil
		}
	}
	if (low != low || math.IsInf(low, 0)) && slices.ContainsFunc(b.Values, func(v float64) bool { return !same(v, low) }) {
		return nil
	}
	step := Step{Kind: Constant, Shape: b.Shape, Offset: simplest((low+high)/2, o.Tolerance-(high-low)/2)}
	if low == high || low != low {
		step.Offset = low
		if o.Tolerance > 0 {
			step.Offset = simplest(low, o.Tolerance)
		}
	}
	switch step.Offset {
	case 0:
		step.Kind = Zero
	case 1:
		step.Kind = Ones
	}
	return &Relation{Steps: []Step{step}, Distance: max(math.Abs(high-step.Offset), math.Abs(low-step.Offset), 0)}
}

// rounded returns the relation of a tensor that was rounded, or cut off, to a dtype that cannot hold the values of a.
func rounded(a, b Tensor, _ Options) *Relation {
	for _, d := range coarser(a, b) {
		for _, way := range []struct {
			kind  Kind
			round func(float64) float64
		}{{Rounded, d.round}, {Cut, d.cut}} {
			if agree(a.Values, b.Values, func(v, w float64) bool { return same(way.round(v), w) }) {
				return &Relation{Steps: []Step{{Kind: way.kind, DType: d.dtype}}}
			}
		}
	}
	return nil
}

func agree(a, b []float64, ok func(a, b float64) bool) bool {
	for i, v := range a {
		if !ok(v, b[i]) {
			return false
		}
	}
	return true
}

// grain is a dtype that values can be rounded to.
type grain struct {
	dtype      tensor.DType
	round, cut func(float64) float64
	// relative is the largest error of rounding a normal number, absolute that of others.
	relative, absolute float64
}

// grains are the dtypes, coarsest first.
var grains = []grain{
	{tensor.BF16, func(v float64) float64 { return float64(tensor.WidenBF16(tensor.RoundBF16(odd(v)))) }, cutBF16, 0x1p-8, 0x1p-134},
	{tensor.F16, func(v float64) float64 { return float64(tensor.WidenF16(tensor.RoundF16(odd(v)))) }, cutF16, 0x1p-11, 0x1p-25},
	{tensor.F32, func(v float64) float64 { return float64(float32(v)) }, func(v float64) float64 { return float64(float32(v)) }, 0x1p-24, 0x1p-150},
}

// odd returns a float32 that rounds to a shorter type as v does: v itself, or a neighbour with an odd last bit.
func odd(v float64) float32 {
	f := float32(v)
	if float64(f) == v || v != v || math.IsInf(v, 0) {
		return f
	}
	if math.Abs(float64(f)) > math.Abs(v) {
		f = math.Nextafter32(f, 0)
	}
	return math.Float32frombits(math.Float32bits(f) | 1)
}

func cutBF16(v float64) float64 {
	return float64(math.Float32frombits(math.Float32bits(float32(v)) &^ 0xffff))
}

// cutF16 returns the float16 next to v towards zero.
func cutF16(v float64) float64 {
	half := tensor.RoundF16(odd(v))
	if f := float64(tensor.WidenF16(half)); math.Abs(f) > math.Abs(v) && half&0x7fff > 0 {
		return float64(tensor.WidenF16(half - 1))
	}
	return float64(tensor.WidenF16(half))
}

// holds reports whether the dtype has all the values.
func (g grain) holds(values []float64) bool {
	for _, v := range values {
		if !same(g.round(v), v) {
			return false
		}
	}
	return true
}

// coarser returns the dtypes that hold b and do not hold a.
func coarser(a, b Tensor) []grain {
	var found []grain
	for _, g := range grains {
		if g.holds(b.Values) && !g.holds(a.Values) {
			found = append(found, g)
		}
	}
	return found
}

// differingPart returns which slices differ, along the axis along which the fewest do, and how; nil if most do.
func differingPart(a, b Tensor, o Options) *Relation {
	best, fewest := -1, 0.5
	var which []int
	for axis, n := range a.Shape {
		if n < 2 {
			continue
		}
		differ := differing(a, b, axis, o.Tolerance)
		if share := float64(len(differ)) / float64(n); share < fewest || best < 0 && share == fewest {
			best, fewest, which = axis, share, differ
		}
	}
	if best < 0 {
		return nil
	}
	step := Step{Kind: Part, Axes: []int{best}, Indices: which, slices: o.axis(best, a.Shape).called(which)}
	inner := Options{Tolerance: o.Tolerance, Axes: make([]Axis, len(a.Shape))}
	for i := range a.Shape {
		inner.Axes[i] = o.axis(i, a.Shape)
	}
	inner.Axes[best] = inner.Axes[best].without(which)
	partA, partB := gather(a, best, which), gather(b, best, which)
	step.Within = between(partA, partB, inner, len(a.Values) > len(partA.Values))
	return &Relation{Steps: []Step{step}, Distance: distance(partA.Values, partB.Values)}
}

// without returns the axis of some of the slices: the factors that the slices share are gone.
func (a Axis) without(which []int) Axis {
	short := Axis{Name: a.Name}
	if len(which) < 2 || len(a.Factors) == 0 || a.group(which) == "" {
		return short
	}
	first, last := a.coordinates(which[0]), a.coordinates(which[len(which)-1])
	for f, factor := range a.Factors {
		if first[f] != last[f] {
			short.Factors = append(short.Factors, factor)
		}
	}
	return short
}

// differing returns the slices along an axis that differ by more than the tolerance.
func differing(a, b Tensor, axis int, tolerance float64) []int {
	n, inner := a.Shape[axis], inside(a.Shape, axis+1)
	marked := make([]bool, n)
	for at := 0; at < len(a.Values); at += inner {
		i := at / inner % n
		for k := at; k < at+inner && !marked[i]; k++ {
			v, w := a.Values[k], b.Values[k]
			marked[i] = !same(v, w) && !(math.Abs(v-w) <= tolerance)
		}
	}
	var found []int
	for i, differs := range marked {
		if differs {
			found = append(found, i)
		}
	}
	return found
}

// inside returns the number of elements of a slice over the axes from one on.
func inside(shape tensor.Shape, from int) int {
	n := 1
	for _, size := range shape[from:] {
		n *= size
	}
	return n
}

// gather returns the slices of t along an axis, in the given order.
func gather(t Tensor, axis int, which []int) Tensor {
	n, inner := t.Shape[axis], inside(t.Shape, axis+1)
	shape := slices.Clone(t.Shape)
	shape[axis] = len(which)
	out := make([]float64, 0, len(t.Values)/n*len(which))
	for block := 0; block < len(t.Values); block += n * inner {
		for _, i := range which {
			out = append(out, t.Values[block+i*inner:block+(i+1)*inner]...)
		}
	}
	return Tensor{out, shape}
}

// mostNoise is the size of differences, relative to the values, above which tensors are not close.
const mostNoise = 0.1

// nearly returns the relation of tensors that differ in many places, by little.
func nearly(a, b Tensor) *Relation {
	sumA, sumB, sumD, worst := 0.0, 0.0, 0.0, 0.0
	for i, v := range a.Values {
		w := b.Values[i]
		sumA, sumB, sumD = sumA+v*v, sumB+w*w, sumD+(v-w)*(v-w)
		if v != w {
			worst = max(worst, math.Abs(v-w)/max(math.Abs(v), math.Abs(w)))
		}
	}
	noise := math.Sqrt(sumD / max(sumA, sumB))
	if !(noise < mostNoise) {
		return nil
	}
	return &Relation{Steps: []Step{{Kind: Close, Factor: noise, Name: rounding(worst)}}, Distance: distance(a.Values, b.Values)}
}
