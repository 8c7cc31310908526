package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// sizes cover whole tiles of every kernel, ragged edges, one row or column, and more than one pass over the inner dimension.
var sizes = []struct{ rows, inner, columns int }{
	{1, 1, 1}, {12, 64, 32}, {13, 64, 33}, {5, 300, 7}, {24, 513, 64}, {197, 48, 144}, {2, 256, 96}, {6, 255, 16},
}

func TestMultiplyAdd_MatchesDefinition(t *testing.T) {
	t.Parallel()
	t.Run("float32", definition[float32])
	t.Run("float64", definition[float64])
}

// definition compares every kernel that this processor has, packed and unpacked, with the sum in float64.
func definition[T Float](t *testing.T) {
	t.Parallel()
	for _, k := range kernels[T]() {
		for _, s := range sizes {
			t.Run(fmt.Sprintf("%s/%dx%dx%d", k.name, s.rows, s.inner, s.columns), func(t *testing.T) {
				t.Parallel()
				compare(t, k, s.rows, s.inner, s.columns)
			})
		}
	}
}

func compare[T Float](t *testing.T, k kernel[T], rows, inner, columns int) {
	t.Helper()
	a, b, c := random[T](rows*inner), random[T](inner*columns), random[T](rows*columns)
	want := make([]float64, rows*columns)
	bound := make([]float64, rows*columns)
	for i := range rows {
		for j := range columns {
			sum, size := float64(c[i*columns+j]), math.Abs(float64(c[i*columns+j]))
			for p := range inner {
				term := float64(a[i*inner+p]) * float64(b[p*columns+j])
				sum, size = sum+term, size+math.Abs(term)
			}
			want[i*columns+j] = sum
			// The error of a sum of inner+1 terms is at most inner roundings, relative to the sum of their magnitudes. This holds for the float64 sum too.
			bound[i*columns+j] = size * float64(inner+2) * (epsilon[T]() + epsilon[float64]())
		}
	}
	transposed := make([]T, len(b))
	for p := range inner {
		for j := range columns {
			transposed[j*inner+p] = b[p*columns+j]
		}
	}
	plain, flipped := &Matrix[T]{kernel: k}, &Matrix[T]{kernel: k}
	plain.Fill(b, inner, columns, columns)
	flipped.FillTransposed(transposed, columns, inner, inner)
	packed, viewed := left(k, a, rows, inner)
	for _, way := range []struct {
		name string
		m    *Matrix[T]
		a    Rows[T]
	}{{"packed", plain, packed}, {"viewed", plain, viewed}, {"transposed", flipped, packed}} {
		got := append([]T(nil), c...)
		half := way.m.Panels() / 2
		way.m.MultiplyAdd(got, columns, way.a, half, way.m.Panels())
		way.m.MultiplyAdd(got, columns, way.a, 0, half)
		for i := range got {
			if off := math.Abs(float64(got[i]) - want[i]); !(off <= bound[i]) {
				t.Fatalf("%s: element %d is %v, want %v within %v", way.name, i, got[i], want[i], bound[i])
			}
		}
	}
}

// TestRowsAreAlone makes sure that the bits of a row do not depend on how many rows there are.
func TestRowsAreAlone(t *testing.T) {
	t.Parallel()
	t.Run("float32", alone[float32])
	t.Run("float64", alone[float64])
}

func alone[T Float](t *testing.T) {
	const most, inner, columns = 26, 70, 37
	for _, k := range kernels[T]() {
		a, begin := random[T](most*inner), random[T](most*columns)
		m := &Matrix[T]{kernel: k}
		m.Fill(random[T](inner*columns), inner, columns, columns)
		product := func(rows int, viewed bool) []T {
			c := slices.Clone(begin)
			packed, seen := left(k, a, rows, inner)
			if viewed {
				packed = seen
			}
			m.MultiplyAdd(c, columns, packed, 0, m.Panels())
			return c
		}
		want := product(most, false)
		for rows := range most {
			for _, viewed := range []bool{false, true} {
				got := product(rows, viewed)
				if !slices.Equal(got[:rows*columns], want[:rows*columns]) || !slices.Equal(got[rows*columns:], begin[rows*columns:]) {
					t.Errorf("%s, viewed %t: of %d rows, one is another, or one behind them was changed", k.name, viewed, rows)
				}
			}
		}
	}
}

// TestMultiplyAddTo makes sure that what C was does not matter, that the result has the bits of adding to the line, and that nothing beside C is written.
func TestMultiplyAddTo(t *testing.T) {
	t.Parallel()
	t.Run("float32", addingTo[float32])
	t.Run("float64", addingTo[float64])
}

func addingTo[T Float](t *testing.T) {
	eachProduct(func(name string, m *Matrix[T], a, _ Rows[T]) {
		values, stride := random[T](m.columns), m.columns+3
		want, got := make([]T, a.count*stride), make([]T, a.count*stride)
		for i := range want {
			want[i], got[i] = -1, -1
			if i%stride < m.columns {
				want[i], got[i] = values[i%stride], T(math.NaN())
			}
		}
		m.MultiplyAdd(want, stride, a, 0, m.Panels())
		first := m.Line(values)
		for i := range first[m.columns:] {
			first[m.columns+i] = T(math.NaN())
		}
		m.MultiplyAddTo(first, got, stride, a, m.Panels()/2, m.Panels())
		m.MultiplyAddTo(first, got, stride, a, 0, m.Panels()/2)
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%s: element %d is %v, want %v", name, i, got[i], want[i])
			}
		}
	})
}

// eachProduct calls test with the factors of a product of every size, for every kernel that this processor has.
func eachProduct[T Float](test func(name string, m *Matrix[T], packed, viewed Rows[T])) {
	for _, k := range kernels[T]() {
		for _, s := range sizes {
			packed, viewed := left(k, random[T](s.rows*s.inner), s.rows, s.inner)
			m := &Matrix[T]{kernel: k}
			m.Fill(random[T](s.inner*s.columns), s.inner, s.columns, s.columns)
			test(fmt.Sprintf("%s, %v", k.name, s), m, packed, viewed)
		}
	}
}

// TestRows_Whole makes sure that a product with room for whole tiles has the bits of one without, and that nothing beyond the room is written.
func TestRows_Whole(t *testing.T) {
	t.Parallel()
	t.Run("float32", whole[float32])
	t.Run("float64", whole[float64])
}

func whole[T Float](t *testing.T) {
	eachProduct(func(name string, m *Matrix[T], a, viewed Rows[T]) {
		columns := m.columns
		begin := random[T](a.count * columns)
		want := slices.Clone(begin)
		m.MultiplyAdd(want, columns, a, 0, m.Panels())
		room, stride := a.Tiles()*a.height, m.Panels()*m.PanelColumns()
		for _, rows := range []Rows[T]{a.Whole(), viewed.Whole()} {
			got := make([]T, room*stride+1)
			for i := range a.count {
				copy(got[i*stride:], begin[i*columns:(i+1)*columns])
			}
			got[room*stride] = 7
			m.MultiplyAdd(got[:room*stride], stride, rows, 0, m.Panels())
			for i := range a.count {
				if !slices.Equal(got[i*stride:i*stride+columns], want[i*columns:(i+1)*columns]) {
					t.Fatalf("%s: row %d is %v, want %v", name, i, got[i*stride:i*stride+columns], want[i*columns:(i+1)*columns])
				}
			}
			if got[room*stride] != 7 {
				t.Errorf("%s: an element beyond the room was changed", name)
			}
		}
	})
}

// TestMultiplyAdd_ChecksRoom makes sure that a C which is too small panics: the kernels would write behind it.
func TestMultiplyAdd_ChecksRoom(t *testing.T) {
	t.Parallel()
	m := PackTransposed(random[float32](37*5), 37, 5, 5)
	a := PackRows(random[float32](13*5), 13, 5, 5)
	room, padded := PaddedRows[float32](13), PaddedColumns[float32](37)
	for _, test := range []struct {
		name         string
		size, stride int
		rows         Rows[float32]
		panics       bool
	}{
		{"just fits", 12*37 + 37, 37, a, false},
		{"too short", 12*37 + 36, 37, a, true},
		{"whole, just fits", room * padded, padded, a.Whole(), false},
		{"whole, too short", room*padded - 1, padded, a.Whole(), true},
		{"whole, lines too short", room * padded, padded - 1, a.Whole(), true},
	} {
		func() {
			defer func() {
				if panics := recover() != nil; panics != test.panics {
					t.Errorf("%s: panics: %t", test.name, panics)
				}
			}()
			m.MultiplyAdd(make([]float32, test.size), test.stride, test.rows, 0, m.Panels())
		}()
	}
}

// TestRows_Put puts a matrix together from parts of any size, in memory that held another one, and compares with that which is filled as a whole.
func TestRows_Put(t *testing.T) {
	t.Parallel()
	t.Run("float32", put[float32])
	t.Run("float64", put[float64])
}

func put[T Float](t *testing.T) {
	t.Parallel()
	used := NewRows[T](90, 70)
	for i := range used.data {
		used.data[i] = T(math.NaN())
	}
	for _, s := range sizes {
		a := random[T](s.rows * s.inner)
		want := PackRows(a, s.rows, s.inner, s.inner)
		for _, part := range []struct{ rows, inner int }{{s.rows, s.inner}, {1, 1}, {5, 16}, {14, 3}, {4, 100}} {
			got := used
			got.Reset(s.rows, s.inner)
			for row := 0; row < s.rows; row += part.rows {
				for column := 0; column < s.inner; column += part.inner {
					got.Put(row, column, a[row*s.inner+column:], min(part.rows, s.rows-row), min(part.inner, s.inner-column), s.inner)
				}
			}
			for row := range s.rows {
				for p := range s.inner {
					at := row/want.height*want.tile + row%want.height*want.row + p*want.step
					if got.data[at] != want.data[at] || got.data[at] != a[row*s.inner+p] {
						t.Fatalf("%d x %d in parts of %d x %d: element %d, %d is %v, want %v", s.rows, s.inner, part.rows, part.inner, row, p, got.data[at], a[row*s.inner+p])
					}
				}
			}
		}
	}
}

// left returns A packed and viewed, for any kernel. The padding of the view is NaN: it must not reach C.
func left[T Float](k kernel[T], a []T, rows, inner int) (packed, viewed Rows[T]) {
	packed.reset(rows, inner, k)
	packed.Fill(a, inner, 0, packed.Tiles())
	stride := inner + 3
	loose := make([]T, packed.Tiles()*k.rows*stride)
	for i := range loose {
		loose[i] = T(math.NaN())
	}
	for i := range rows {
		copy(loose[i*stride:], a[i*inner:(i+1)*inner])
	}
	viewed = Rows[T]{count: rows, inner: inner, height: k.rows, group: 1, data: loose, tile: k.rows * stride, row: stride, step: 1}
	return packed, viewed
}

// TestMultiplyAdd_RowsAreIndependent makes sure that an element's bits depend only on its row of A and its column of B, not on the other rows or on how the
// work is split.
func TestMultiplyAdd_RowsAreIndependent(t *testing.T) {
	t.Parallel()
	const rows, inner, columns = 29, 300, 37
	a, b := random[float32](rows*inner), random[float32](inner*columns)
	m := &Matrix[float32]{}
	m.Fill(b, inner, columns, columns)
	whole := make([]float32, rows*columns)
	m.MultiplyAdd(whole, columns, PackRows(a, rows, inner, inner), 0, m.Panels())
	for i := range rows {
		alone := make([]float32, columns)
		m.MultiplyAdd(alone, columns, PackRows(a[i*inner:(i+1)*inner], 1, inner, inner), 0, m.Panels())
		for j := range alone {
			if alone[j] != whole[i*columns+j] {
				t.Fatalf("row %d column %d: %v alone, %v among others", i, j, alone[j], whole[i*columns+j])
			}
		}
	}
	all := PackRows(a, rows, inner, inner)
	split := make([]float32, rows*columns)
	for tile := range all.Tiles() {
		m.MultiplyAdd(split[tile*all.TileRows()*columns:], columns, all.Part(tile, tile+1), 0, m.Panels())
	}
	for i := range split {
		if split[i] != whole[i] {
			t.Fatalf("element %d: %v in parts, %v at once", i, split[i], whole[i])
		}
	}
}

// TestPart_IsTheSameColumns multiplies by a part of a matrix, and by all of it.
func TestPart_IsTheSameColumns(t *testing.T) {
	t.Parallel()
	const rows, inner, columns = 29, 40, 150
	a, m := PackRows(random[float32](rows*inner), rows, inner, inner), &Matrix[float32]{}
	m.Fill(random[float32](inner*columns), inner, columns, columns)
	whole := make([]float32, rows*columns)
	m.MultiplyAdd(whole, columns, a, 0, m.Panels())
	for from := range m.Panels() {
		part := m.Part(from, m.Panels())
		left := from * m.PanelColumns()
		alone := make([]float32, rows*(columns-left))
		part.MultiplyAdd(alone, columns-left, a, 0, part.Panels())
		for i, v := range alone {
			if want := whole[i/(columns-left)*columns+left+i%(columns-left)]; v != want {
				t.Fatalf("from panel %d on: element %d is %v, want %v", from, i, v, want)
			}
		}
	}
}

func random[T Float](n int) []T {
	source := rand.New(rand.NewPCG(1, uint64(n)))
	out := make([]T, n)
	for i := range out {
		out[i] = T(source.Float64()*2 - 1)
	}
	return out
}

func epsilon[T Float]() float64 {
	if unsafe.Sizeof(T(0)) == 4 {
		return 0x1p-23
	}
	return 0x1p-52
}

func BenchmarkMultiplyAdd(b *testing.B) {
	b.Run("float32", rate[float32])
	b.Run("float64", rate[float64])
}

// rate measures one core on the product of fc1 in a base model: 197 tokens, 768 to 3,072.
func rate[T Float](b *testing.B) {
	const rows, inner, columns = 197, 768, 3072
	for _, k := range kernels[T]() {
		b.Run(k.name, func(b *testing.B) {
			m := &Matrix[T]{kernel: k}
			m.Fill(random[T](inner*columns), inner, columns, columns)
			a, _ := left(k, random[T](rows*inner), rows, inner)
			c := make([]T, rows*columns)
			for b.Loop() {
				m.MultiplyAdd(c, columns, a, 0, m.Panels())
			}
			b.ReportMetric(2*rows*inner*columns*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

// BenchmarkPack measures packing a weight of a base model, in nanoseconds for an element.
func BenchmarkPack(b *testing.B) {
	b.Run("float32", packing[float32])
	b.Run("float64", packing[float64])
}

func packing[T Float](b *testing.B) {
	const inner, columns = 768, 3072
	weight := random[T](inner * columns)
	m := &Matrix[T]{kernel: best[T]()}
	for b.Loop() {
		m.FillTransposed(weight, columns, inner, inner)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*inner*columns), "ns/element")
}
