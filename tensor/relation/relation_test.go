package relation_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/tensor/relation"
)

// drawn returns values of F32 from a normal distribution of standard deviation 0.02.
func drawn(seed uint64, shape ...int) relation.Tensor {
	n := 1
	for _, size := range shape {
		n *= size
	}
	random := rand.New(rand.NewPCG(seed, 7))
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(float32(random.NormFloat64() * 0.02))
	}
	return relation.Tensor{Values: values, Shape: shape}
}

// qkv are the axes of a projection to queries, keys and values of 4 heads of width 8, and kernel those of a patch embedding.
var (
	head   = relation.Factor{Name: "head", Size: 4}
	third  = relation.Factor{Name: "third", Size: 3, Labels: []string{"q", "k", "v"}}
	width  = relation.Factor{Name: "channel", Size: 8}
	qkv    = []relation.Axis{{Factors: []relation.Factor{third, head, width}}, {}}
	table  = []relation.Axis{{Factors: []relation.Factor{{Name: "offset down", Size: 5}, {Name: "offset across", Size: 7}}, Rest: 3}, {Name: "head"}}
	kernel = []relation.Axis{{Name: "output channel"}, {Name: "color"}, {Name: "row of the kernel"}, {Name: "column of the kernel"}}
)

// change returns t with each value changed.
func change(t relation.Tensor, by func(i int, v float64) float64) relation.Tensor {
	out := relation.Tensor{Values: slices.Clone(t.Values), Shape: t.Shape}
	for i, v := range out.Values {
		out.Values[i] = by(i, v)
	}
	return out
}

// rows returns t with row i being row from(i).
func rows(t relation.Tensor, from func(i int) int) relation.Tensor {
	width := len(t.Values) / t.Shape[0]
	return change(t, func(i int, _ float64) float64 { return t.Values[from(i/width)*width+i%width] })
}

func transposed(t relation.Tensor) relation.Tensor {
	r, c := t.Shape[0], t.Shape[1]
	out := relation.Tensor{Values: make([]float64, r*c), Shape: tensor.Shape{c, r}}
	for i := range r {
		for j := range c {
			out.Values[j*r+i] = t.Values[i*c+j]
		}
	}
	return out
}

func f16(_ int, v float64) float64 {
	return float64(tensor.WidenF16(tensor.RoundF16(float32(v))))
}

func bf16(_ int, v float64) float64 {
	return float64(tensor.WidenBF16(tensor.RoundBF16(float32(v))))
}

func times(f float32) func(int, float64) float64 {
	return func(_ int, v float64) float64 { return float64(float32(v) * f) }
}

func TestBetween(t *testing.T) {
	t.Parallel()
	vector, matrix, square, weights := drawn(1, 40), drawn(2, 24, 10), drawn(3, 16, 16), drawn(4, 96, 32)
	patches, biases := drawn(5, 12, 3, 4, 4), drawn(6, 38, 4)
	reshaped := transposed(matrix)
	reshaped.Shape = matrix.Shape
	for _, c := range []struct {
		name string
		a, b relation.Tensor
		axes []relation.Axis
		want string
	}{
		{"equal", vector, vector, nil, "B is A"},
		{"rounded", vector, change(vector, f16), nil, "B is A rounded to F16"},
		{"rounded to bf16", matrix, change(matrix, bf16), nil, "B is A rounded to BF16"},
		{"the other way round", change(vector, bf16), vector, nil, "A is B rounded to BF16"},
		{"cut off", matrix, change(matrix, func(_ int, v float64) float64 {
			return float64(math.Float32frombits(math.Float32bits(float32(v)) &^ 0xffff))
		}), nil, "B is A cut off to BF16, not rounded"},
		{"transposed", matrix, transposed(matrix), nil, "B is A transposed"},
		{"square transposed", square, transposed(square), nil, "B is A transposed"},
		{"reshaped", matrix, reshaped, nil, "B is A reshaped where it should have been transposed"},
		{"shape alone", matrix, relation.Tensor{Values: matrix.Values, Shape: tensor.Shape{10, 24}}, nil, "B is A reshaped where it should have been transposed"},
		{"transposed and rounded", square, change(transposed(square), bf16), nil, "B is A transposed, rounded to BF16"},
		{"transposed and negated", square, change(transposed(square), times(-1)), nil, "B is A transposed, negated"},
		{"transposed and scaled", square, change(transposed(square), times(float32(math.Sqrt(8)))), nil, "B is A transposed, scaled by 2.82843"},
		{"rows of the transpose reversed", square, rows(transposed(square), func(i int) int { return 15 - i }), nil, "B is A transposed, with rows reversed"},
		{"scaled", vector, change(vector, times(8)), nil, "B is A scaled by 8"},
		{"scaled by an odd number", matrix, change(matrix, times(0.3)), nil, "B is A scaled by 0.3"},
		{"scaled and rounded", vector, change(change(vector, times(0.3)), f16), nil, "B is A scaled by 0.3, rounded to F16"},
		{"negated", vector, change(vector, times(-1)), nil, "B is A negated"},
		{"shifted", vector, change(vector, func(_ int, v float64) float64 { return float64(float32(v) + 1) }), nil, "B is A with 1 added to each value"},
		{"affine", vector, change(vector, func(_ int, v float64) float64 { return float64(1 - float32(v)) }), nil, "B is A scaled by -1, with 1 added to each value"},
		{"zero", vector, change(vector, times(0)), nil, "B is all zero"},
		{"zero in A", change(vector, times(0)), vector, nil, "A is all zero"},
		{"ones", matrix, change(matrix, func(int, float64) float64 { return 1 }), nil, "B is one throughout"},
		{"constant", matrix, change(matrix, func(int, float64) float64 { return 0.1 }), nil, "B is 0.1 throughout"},
		{"one value", matrix, change(matrix, func(i int, v float64) float64 {
			if i == 12 {
				return 0.5
			}
			return v
		}), nil, "B is A but for one value, at [1, 2]: 0.5, not "},
		{"a row of zeros", matrix, change(matrix, func(i int, v float64) float64 {
			if i/10 == 3 {
				return 0
			}
			return v
		}), nil, "B is A but for row 3, which is all zero"},
		{"a column scaled", matrix, change(matrix, func(i int, v float64) float64 {
			if i%10 == 3 {
				return 8 * v
			}
			return v
		}), nil, "B is A but for column 3, which is scaled by 8"},
		{"scaled queries", weights, change(weights, func(i int, v float64) float64 {
			if i < 32*32 {
				return 8 * v
			}
			return v
		}), qkv, "B is A but for q, which are scaled by 8"},
		{"one head of v from elsewhere", weights, change(weights, func(i int, v float64) float64 {
			if i/32 >= 72 && i/32 < 80 {
				return drawn(9, 1024).Values[i%1024]
			}
			return v
		}), qkv, "B is A but for head 1 of v"},
		{"a square of zeros", square, change(square, func(i int, v float64) float64 {
			if i/16 == 3 && i%16 >= 2 && i%16 < 4 {
				return 0
			}
			return v
		}), nil, "B is A but for row 3, there for columns 2 to 3, which are all zero"},
		{"rows reversed", matrix, rows(matrix, func(i int) int { return 23 - i }), nil, "B is A with rows reversed"},
		{"rows rolled", matrix, rows(matrix, func(i int) int { return (i + 23) % 24 }), nil, "B is A with rows rolled by 1"},
		{"values rolled", vector, rows(vector, func(i int) int { return (i + 1) % 40 }), nil, "B is A with values rolled by -1"},
		{"rows exchanged", matrix, rows(matrix, func(i int) int { return map[int]int{3: 7, 7: 3}[i] | i*(1-min(1, map[int]int{3: 1, 7: 1}[i])) }), nil, "B is A with rows 3 and 7 exchanged"},
		{"rows in another order", matrix, rows(matrix, func(i int) int { return i * 5 % 24 }), nil, "B is A with rows in another order"},
		{"columns reversed", matrix, change(matrix, func(i int, _ float64) float64 { return matrix.Values[i-i%10+9-i%10] }), nil, "B is A with columns reversed"},
		{"k, q, v", weights, rows(weights, func(i int) int { return (i/32*2+1)%3%3*32%96 + i%32 }), qkv, "B is A with thirds "},
		{"heads", weights, rows(weights, func(i int) int { return i/32*32 + []int{1, 0, 3, 2}[i/8%4]*8 + i%8 }), qkv, "B is A with heads in the order 1, 0, 3, 2"},
		{"heads of k alone", weights, rows(weights, func(i int) int {
			if i/32 != 1 {
				return i
			}
			return 32 + (3-i/8%4)*8 + i%8
		}), qkv, "B is A but for k, which are with heads reversed"},
		{"interleaved", weights, rows(weights, func(i int) int { return i/8%3*32 + i/24*8 + i%8 }), qkv, "B is A with rows sorted by [head, third, channel], not by [third, head, channel]"},
		{"taken for interleaved", weights, rows(weights, func(i int) int { return i/8%4*24 + i/32*8 + i%8 }), qkv, "B is A with rows taken for sorted by [head, third, channel], not by [third, head, channel]"},
		{"kernel turned", patches, change(patches, func(i int, _ float64) float64 { return patches.Values[i/16*16+15-i%16] }), kernel, "B is A with rows of the kernel reversed, with columns of the kernel reversed"},
		{"kernel transposed", patches, change(patches, func(i int, _ float64) float64 { return patches.Values[i/16*16+i%4*4+i/4%4] }), kernel, "B is A with rows of the kernel and columns of the kernel exchanged"},
		{"blue first", patches, change(patches, func(i int, _ float64) float64 { return patches.Values[i/48*48+(2-i/16%3)*16+i%16] }), kernel, "B is A with colors reversed"},
		{
			"colors last", patches, change(patches, func(i int, _ float64) float64 { return patches.Values[i/48*48+i%3*16+i%48/3] }), kernel,
			"B is A with slices of axes 1 to 3 sorted by [row of the kernel, column of the kernel, color], not by [color, row of the kernel, column of the kernel]",
		},
		{"table flipped", biases, rows(biases, func(i int) int {
			if i >= 35 {
				return i
			}
			return i/7*7 + 6 - i%7
		}), table, "B is A with offsets across reversed"},
		{
			"table turned with the class rows", biases, rows(biases, func(i int) int { return append(slices.Repeat([]int{34 - i}, 35), 36, 35, 37)[i] }), table,
			"B is A with offsets down reversed, offsets across reversed, the last 3 rows in the order 36, 35, 37",
		},
		{"table transposed with another class row", biases, rows(biases, func(i int) int {
			if i < 35 {
				return i%5*7 + i/5
			}
			return 35 + (i-34)%3
		}), table, "B is A with rows in another order"},
		{"class rows first", biases, rows(biases, func(i int) int { return (i + 35) % 38 }), table, "B is A with rows rolled by 3"},
		{"each row scaled", matrix, change(matrix, func(i int, v float64) float64 { return float64(float32(v) * float32(i/10+1)) }), nil, "B is A with each row scaled by a factor of its own, from 1 to 24"},
		{"each column scaled", weights, change(weights, func(i int, v float64) float64 { return float64(float32(v) * (0.5 + float32(i%32))) }), nil, "B is A with each column scaled by a factor of its own, from 0.5 to 31.5"},
		{"in no order", square, change(square, func(i int, _ float64) float64 { return square.Values[i*7%256*9%256] }), nil, "B has the values of A in another order"},
		{"another training step", matrix, change(matrix, func(i int, v float64) float64 { return v + 1e-4*float64(i%7-3)*v*0.1 }), nil, "B is A with differences of 2e-05 of its size, none beyond the rounding of F16"},
		{"another tensor", matrix, drawn(20, 24, 10), nil, "B does not follow from A"},
		{"another vector", vector, drawn(20, 40), nil, "B does not follow from A"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			found := relation.Between(c.a, c.b, relation.Options{Axes: c.axes})
			if !strings.HasPrefix(found.String(), c.want) {
				t.Errorf("got %s, want %s", found, c.want)
			}
			checkApply(t, found, c.a, c.b)
		})
	}
}

// checkApply makes sure that the steps lead where the relation says.
func checkApply(t *testing.T, r *relation.Relation, a, b relation.Tensor) {
	t.Helper()
	if r == nil {
		return
	}
	if r.Reverse {
		a, b = b, a
		forth := *r
		forth.Reverse = false
		r = &forth
	}
	made, ok := r.Apply(a)
	if !ok {
		return
	}
	if !made.Shape.Equal(b.Shape) {
		t.Fatalf("%s makes a tensor of shape %s, want %s", r, made.Shape, b.Shape)
	}
	for i, v := range made.Values {
		if w := b.Values[i]; !(math.Abs(v-w) <= 1e-6*math.Abs(w)+r.Distance*1.001) && !(v != v && w != w) && v != w {
			t.Fatalf("%s makes %v at %d, want %v", r, v, i, w)
		}
	}
}

// TestBetween_Noise gives values that were computed, with an error: relations are found to within the tolerance.
func TestBetween_Noise(t *testing.T) {
	t.Parallel()
	const noise = 1e-6
	gamma, matrix := change(drawn(1, 48), func(_ int, v float64) float64 { return 0.1 + v }), drawn(2, 24, 10)
	for _, c := range []struct {
		name string
		a, b relation.Tensor
		want string
	}{
		{"equal", gamma, gamma, "B is A to within "},
		{"ones", gamma, change(gamma, func(int, float64) float64 { return 1 }), "B is one throughout"},
		{"zero", gamma, change(gamma, times(0)), "B is all zero"},
		{"a tenth", gamma, change(gamma, func(int, float64) float64 { return 0.1 }), "B is 0.1 throughout"},
		{"negated", gamma, change(gamma, times(-1)), "B is A negated"},
		{"doubled", gamma, change(gamma, times(2)), "B is A scaled by 2"},
		{"one added", gamma, change(gamma, func(_ int, v float64) float64 { return v + 1 }), "B is A with 1 added"},
		{"rolled", gamma, rows(gamma, func(i int) int { return (i + 47) % 48 }), "B is A with values rolled by 1"},
		{"reversed", gamma, rows(gamma, func(i int) int { return 47 - i }), "B is A with values reversed"},
		{"rows reversed", matrix, rows(matrix, func(i int) int { return 23 - i }), "B is A with rows reversed"},
		{"rows permuted", matrix, rows(matrix, func(i int) int { return i * 5 % 24 }), "B is A with rows in another order"},
		{"rows permuted and negated", matrix, change(rows(matrix, func(i int) int { return i * 5 % 24 }), times(-1)), "B is A with rows in another order, negated"},
		{"rows permuted and scaled", matrix, change(rows(matrix, func(i int) int { return (i + 1) % 24 }), times(4)), "B is A with rows rolled by -1, scaled by 4"},
		{"reshaped", matrix, relation.Tensor{Values: transposed(matrix).Values, Shape: matrix.Shape}, "B is A reshaped"},
		{"another", gamma, change(drawn(9, 48), func(_ int, v float64) float64 { return 0.1 + v }), "B does not follow from A"},
	} {
		random := rand.New(rand.NewPCG(1, 2))
		noisy := change(c.b, func(_ int, v float64) float64 { return v + noise*(2*random.Float64()-1) })
		found := relation.Between(c.a, noisy, relation.Options{Tolerance: 2 * noise})
		if !strings.HasPrefix(found.String(), c.want) {
			t.Errorf("%s: got %s, want %s", c.name, found, c.want)
		}
		if found != nil && found.Distance > 2*noise {
			t.Errorf("%s: distance %g", c.name, found.Distance)
		}
	}
}

// TestBetween_Unrelated makes sure that tensors drawn apart have no relation, whatever their shapes.
func TestBetween_Unrelated(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		shape := [][]int{{3}, {5}, {17}, {4, 2}, {2, 9}, {3, 3}, {2, 3, 4, 4}, {6, 7}}[seed%8]
		a, b := drawn(2*seed, shape...), drawn(2*seed+1, shape...)
		for _, round := range []func(int, float64) float64{func(_ int, v float64) float64 { return v }, f16, bf16} {
			if found := relation.Between(change(a, round), change(b, round), relation.Options{}); found != nil {
				t.Errorf("shape %v: %s", shape, found)
			}
		}
	}
}

func TestBetween_Odd(t *testing.T) {
	t.Parallel()
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		a, b []float64
		want string
	}{
		{nil, nil, "B does not follow from A"},
		{[]float64{1}, []float64{2}, "B is A but for one value, at [0]: 2, not 1"},
		{[]float64{1, nan, 2}, []float64{1, nan, 2}, "B is A"},
		{[]float64{1, nan, 2, inf}, []float64{1, 3, 2, inf}, "B is A but for one value, at [1]: 3, not NaN"},
		{[]float64{1, 3, 2, 7}, []float64{nan, nan, nan, nan}, "B is NaN throughout"},
		{[]float64{1, 3, 2, 7}, []float64{nan, nan, inf, nan}, "B does not follow from A"},
		{[]float64{1, nan, 2, inf}, []float64{inf, 2, nan, 1}, "B is A with values reversed"},
		{[]float64{0, 0, 0, 0}, []float64{1, 2, 3, 4}, "A is all zero"},
		{[]float64{0, 0, 0, 0}, []float64{1, 1, 1, 1}, "B does not follow from A"},
		{[]float64{0, 0, 5, 0}, []float64{0, 0, 0, 0}, "B is A but for one value, at [2]: 0, not 5"},
		{[]float64{1, 2}, []float64{3}, "B does not follow from A"},
	} {
		a, b := relation.Tensor{Values: c.a, Shape: tensor.Shape{len(c.a)}}, relation.Tensor{Values: c.b, Shape: tensor.Shape{len(c.b)}}
		if found := relation.Between(a, b, relation.Options{}); found.String() != c.want {
			t.Errorf("%v and %v: %s, want %s", c.a, c.b, found, c.want)
		}
	}
}

// TestBetween_RoundsOnce rounds float64 near the middle between two float16, where rounding to float32 first gives the other neighbour.
func TestBetween_RoundsOnce(t *testing.T) {
	t.Parallel()
	const step, half, little = 0x1p-10, 0x1p-11, 0x1p-40
	a := []float64{1 + half + little, 1 + step + half - little, -1 - half - little, -1 - step - half + little, 1 + half, 1 + step + half}
	b := []float64{1 + step, 1 + step, -1 - step, -1 - step, 1, 1 + 2*step}
	shape := tensor.Shape{len(a)}
	found := relation.Between(relation.Tensor{Values: a, Shape: shape}, relation.Tensor{Values: b, Shape: shape}, relation.Options{})
	if got := found.String(); got != "B is A rounded to F16" {
		t.Error(got)
	}
}

// TestBetween_NumPy compares with what NumPy did.
func TestBetween_NumPy(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/relations.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Want string
		A, B struct {
			Shape  tensor.Shape
			Values []float64
		}
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		a, b := relation.Tensor{Values: c.A.Values, Shape: c.A.Shape}, relation.Tensor{Values: c.B.Values, Shape: c.B.Shape}
		found := relation.Between(a, b, relation.Options{})
		if found.String() != c.Want {
			t.Errorf("got %s, want %s", found, c.Want)
		}
		checkApply(t, found, a, b)
	}
	if len(cases) < 30 {
		t.Errorf("only %d cases", len(cases))
	}
}

// TestBetween_FindsWhatWasDone draws changes, one or two after each other, and finds steps that do the same.
func TestBetween_FindsWhatWasDone(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	shuffled := func(t relation.Tensor) relation.Tensor {
		p := random.Perm(t.Shape[0])
		return rows(t, func(i int) int { return p[i] })
	}
	orders := []func(relation.Tensor) relation.Tensor{
		shuffled, transposed,
		func(t relation.Tensor) relation.Tensor { return transposed(shuffled(transposed(t))) },
		func(t relation.Tensor) relation.Tensor { return shuffled(transposed(shuffled(t))) },
		func(t relation.Tensor) relation.Tensor { return t },
	}
	scale := float32(random.IntN(50) + 2)
	values := []func(int, float64) float64{f16, bf16, times(-1), times(scale), times(-1 / scale), func(_ int, v float64) float64 { return v }}
	for seed := range uint64(300) {
		a := drawn(seed, 5+random.IntN(20), 5+random.IntN(20))
		order, value := random.IntN(len(orders)), random.IntN(len(values))
		if order == len(orders)-1 && value == len(values)-1 {
			continue
		}
		b := change(orders[order](a), values[value])
		found := relation.Between(a, b, relation.Options{})
		if found == nil || found.Reverse || found.Has(relation.Reordered) != nil || found.Has(relation.Close) != nil {
			t.Errorf("order %d, value %d, shape %s: %s", order, value, a.Shape, found)
			continue
		}
		if made, ok := found.Apply(a); !ok || !made.Shape.Equal(b.Shape) {
			t.Errorf("order %d, value %d: %s cannot be done", order, value, found)
		}
		checkApply(t, found, a, b)
		if keeps := found.Has(relation.Rounded) == nil; found.KeepsInformation() != keeps {
			t.Errorf("%s: keeps information %v", found, found.KeepsInformation())
		}
	}
}

func FuzzBetween(f *testing.F) {
	f.Add([]byte{3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, uint8(2), false)
	f.Add([]byte{2, 3, 0, 0, 255, 254, 1, 1}, uint8(0), true)
	f.Fuzz(func(t *testing.T, raw []byte, by uint8, noisy bool) {
		if len(raw) < 3 || len(raw) > 4096 {
			return
		}
		rows := int(raw[0]%16) + 1
		columns := (len(raw) - 2) / 2 / rows
		if columns == 0 {
			return
		}
		a := relation.Tensor{Values: make([]float64, rows*columns), Shape: tensor.Shape{rows, columns}}
		b := relation.Tensor{Values: make([]float64, rows*columns), Shape: tensor.Shape{columns, rows}}
		if by%2 == 0 {
			b.Shape = a.Shape
		}
		for i := range a.Values {
			a.Values[i], b.Values[i] = float64(int8(raw[2+i])), float64(int8(raw[2+i+len(a.Values)]))
			if raw[1]%4 == 1 && raw[2+i] == 255 {
				a.Values[i], b.Values[i] = math.NaN(), math.Inf(1)
			}
		}
		options := relation.Options{Axes: []relation.Axis{{Factors: []relation.Factor{{Size: int(by)}, {Size: 2}}, Rest: int(by % 3)}, {}}}
		if noisy {
			options.Tolerance = 0.5
		}
		found := relation.Between(a, b, options)
		if found.String() == "" {
			t.Error("no sentence")
		}
		if found != nil && !noisy {
			checkApply(t, found, a, b)
		}
	})
}

func BenchmarkBetween(b *testing.B) {
	left := drawn(1, 4096, 1024)
	for name, right := range map[string]relation.Tensor{
		"permuted": rows(left, func(i int) int { return i * 5 % 4096 }), "unrelated": drawn(2, 4096, 1024), "rounded": change(left, f16),
		"close": change(left, func(i int, v float64) float64 { return v * (1 + 1e-5*float64(i%5)) }),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				relation.Between(left, right, relation.Options{})
			}
		})
	}
}
