package pickle_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle/picklegen"
	"github.com/beitzoo/beitzoo/tensor"
)

// logical is the array that a test expects: element i, counted row-major, has the bytes of a number that no other element has.
type logical struct {
	shape []int
	width int
}

func (l logical) size() int {
	n := 1
	for _, d := range l.shape {
		n *= d
	}
	return n
}

func (l logical) element(i int) []byte {
	raw := make([]byte, 16)
	binary.LittleEndian.PutUint64(raw, uint64(i)*0x9e3779b97f4a7c15+0x80)
	binary.LittleEndian.PutUint64(raw[8:], uint64(i)*0xc2b2ae3d27d4eb4f)
	return raw[:l.width]
}

// rowMajor is what the tensor must hold.
func (l logical) rowMajor() []byte {
	var all []byte
	for i := range l.size() {
		all = append(all, l.element(i)...)
	}
	return all
}

// inMemory is what NumPy holds with the axes in the given order, outermost first, and each unit of an element in big-endian order if swap says so.
func (l logical) inMemory(axes []int, swap int) []byte {
	var all []byte
	index := make([]int, len(l.shape))
	var visit func(level int)
	visit = func(level int) {
		if level < len(axes) {
			for index[axes[level]] = 0; index[axes[level]] < l.shape[axes[level]]; index[axes[level]]++ {
				visit(level + 1)
			}
			return
		}
		flat := 0
		for i, n := range l.shape {
			flat = flat*n + index[i]
		}
		element := bytes.Clone(l.element(flat))
		for from := 0; swap > 0 && from < len(element); from += swap {
			reverse(element[from : from+swap])
		}
		all = append(all, element...)
	}
	visit(0)
	return all
}

func reverse(b []byte) {
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
}

// axes returns C or Fortran order.
func axes(rank int, fortran bool) []int {
	order := make([]int, rank)
	for i := range order {
		order[i] = i
		if fortran {
			order[i] = rank - 1 - i
		}
	}
	return order
}

var numpyTypes = []struct {
	code  string
	dtype tensor.DType
	// unit is what byte order applies to; complex numbers have two.
	unit int
}{
	{"b1", tensor.Bool, 1},
	{"u1", tensor.U8, 1},
	{"i1", tensor.I8, 1},
	{"u2", tensor.U16, 2},
	{"i2", tensor.I16, 2},
	{"f2", tensor.F16, 2},
	{"u4", tensor.U32, 4},
	{"i4", tensor.I32, 4},
	{"f4", tensor.F32, 4},
	{"u8", tensor.U64, 8},
	{"i8", tensor.I64, 8},
	{"f8", tensor.F64, 8},
	{"c8", tensor.C64, 4},
	{"c16", tensor.C128, 8},
}

func checkArray(t *testing.T, content []byte, dtype tensor.DType, want logical) {
	t.Helper()
	array, ok := load(t, content).(*pickle.Array)
	if !ok {
		t.Fatal("no array")
	}
	if array.DType != dtype || !array.Shape.Equal(want.shape) {
		t.Fatalf("%s %s, want %s %v", array.DType, array.Shape, dtype, want.shape)
	}
	raw, err := array.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if expected := want.rowMajor(); !bytes.Equal(expected, raw) {
		t.Fatal(cmp.Diff(expected, raw))
	}
	var written bytes.Buffer
	if _, err := array.Data.WriteTo(&written); err != nil || !bytes.Equal(written.Bytes(), raw) {
		t.Fatalf("WriteTo writes other bytes than Bytes returns: %v", err)
	}
}

// TestNumPyArrays goes through protocols, types, byte orders, memory orders, shapes, and the module names of NumPy 1 and 2.
func TestNumPyArrays(t *testing.T) {
	shapes := [][]int{{}, {0}, {1}, {5}, {2, 3}, {3, 0, 2}, {2, 3, 4}, {300}, {20, 30}, {2, 3, 4, 5}}
	for protocol := 2; protocol <= 5; protocol++ {
		for _, kind := range numpyTypes {
			for i, shape := range shapes {
				for _, order := range []string{"<", ">"} {
					for _, fortran := range []bool{false, true} {
						want := logical{shape, kind.dtype.Size()}
						a := picklegen.Array{Code: kind.code, Order: order, Shape: shape, Fortran: fortran, NumPy2: i%2 == 0}
						swap := 0
						if order == ">" {
							swap = kind.unit
						}
						if kind.unit == 1 {
							a.Order = "|"
						}
						a.Data = want.inMemory(axes(len(shape), fortran), swap)
						for _, a.Buffer = range []bool{false, true}[:1+protocol/5] {
							name := fmt.Sprintf("protocol %d %s%s %v fortran %t buffer %t", protocol, a.Order, kind.code, shape, fortran, a.Buffer)
							t.Run(name, func(t *testing.T) { checkArray(t, picklegen.New(protocol).Array(a).Stop(), kind.dtype, want) })
						}
					}
				}
			}
		}
	}
}

func TestNumPyArraysOfPython2(t *testing.T) {
	for _, shape := range [][]int{{3}, {20, 30}} {
		want := logical{shape, 4}
		a := picklegen.Array{Code: "f4", Shape: shape, Data: want.rowMajor(), Python2: true}
		checkArray(t, picklegen.New(2).Array(a).Stop(), tensor.F32, want)
	}
}

func TestNumPyArraysWithPermutedAxes(t *testing.T) {
	// An array of shape (4, 2, 3) whose axes are in the order 1, 2, 0 in memory: NumPy writes the shape in memory, (2, 3, 4), and the permutation that
	// restores the array.
	want := logical{[]int{4, 2, 3}, 4}
	a := picklegen.Array{Code: "f4", Shape: []int{2, 3, 4}, Data: want.inMemory([]int{1, 2, 0}, 0), Buffer: true, Axes: []int{2, 0, 1}}
	checkArray(t, picklegen.New(5).Array(a).Stop(), tensor.F32, want)
	for _, wrong := range [][]int{{0, 1}, {0, 1, 1}, {0, 1, 3}} {
		a.Axes = wrong
		if _, err := torchLoad(picklegen.New(5).Array(a).Stop()); !errors.Is(err, checkpoint.ErrMalformed) {
			t.Errorf("axes %v: %v", wrong, err)
		}
	}
}

func TestNumPyArrayWithoutVersion(t *testing.T) {
	want := logical{[]int{2}, 4}
	content := picklegen.New(2).Call("numpy.core.multiarray", "_reconstruct", func(w *picklegen.Writer) {
		w.Global("numpy", "ndarray").Ints(0).Bytes([]byte("b"))
	}).Tuple(func(w *picklegen.Writer) {
		w.Ints(2).DType("f4", "").Int(0).String(want.rowMajor())
	}).Op('b').Stop()
	checkArray(t, content, tensor.F32, want)
}

func TestNumPyScalars(t *testing.T) {
	tests := []struct {
		code, order string
		raw         []byte
		want        pickle.Value
	}{
		{"f8", "<", []byte{0, 0, 0, 0, 0, 0, 0xf0, 0x3f}, 1.0},
		{"f4", ">", []byte{0x3f, 0x80, 0, 0}, 1.0},
		{"f2", "<", []byte{0, 0x3c}, 1.0},
		{"i8", "<", []byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, int64(-2)},
		{"i8", "<", []byte{1, 0, 0, 0, 0, 0, 0, 0x40}, int64(1<<62 + 1)},
		{"i4", ">", []byte{0xff, 0xff, 0xff, 0xfe}, int64(-2)},
		{"u8", "<", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, new(big.Int).SetUint64(1<<64 - 1)},
		{"u4", "<", []byte{0xff, 0xff, 0xff, 0xff}, int64(1<<32 - 1)},
		{"u2", "<", []byte{0xff, 0xff}, int64(1<<16 - 1)},
		{"i1", "|", []byte{0xff}, int64(-1)},
		{"b1", "|", []byte{1}, true},
	}
	for _, test := range tests {
		for _, protocol := range []int{2, 4} {
			t.Run(fmt.Sprintf("%s%s protocol %d", test.order, test.code, protocol), func(t *testing.T) {
				equal(t, test.want, load(t, picklegen.New(protocol).Call("numpy.core.multiarray", "scalar", func(w *picklegen.Writer) {
					w.DType(test.code, test.order).Bytes(test.raw)
				}).Stop()))
			})
		}
	}
}

func TestPaddleDenseTensors(t *testing.T) {
	want := logical{[]int{2}, 4}
	a := picklegen.Array{Code: "f4", Shape: []int{2}, Data: want.rowMajor()}
	checkArray(t, picklegen.New(4).Call("builtins", "eval", func(w *picklegen.Writer) {
		w.Text("data").Dict(func(w *picklegen.Writer) { w.Text("data").Array(a) })
	}).Stop(), tensor.F32, want)
	checkArray(t, picklegen.New(4).Call("paddle.framework.io_utils", "_reconstruct_dense_tensor_data", func(w *picklegen.Writer) {
		w.Array(a)
	}).Stop(), tensor.F32, want)
}

// TestTextOfImpossibleLength has text that cannot decode to the bytes of the array, which is known without decoding.
func TestTextOfImpossibleLength(t *testing.T) {
	for _, length := range []int{399, 801} {
		content := picklegen.New(2).Call("numpy.core.multiarray", "_reconstruct", func(w *picklegen.Writer) {
			w.Global("numpy", "ndarray").Ints(0).Bytes([]byte("b"))
		}).Tuple(func(w *picklegen.Writer) {
			w.Int(1).Ints(100).DType("f4", "").Bool(false).Bytes(make([]byte, length))
		}).Op('b').Stop()
		if _, err := torchLoad(content); !errors.Is(err, checkpoint.ErrMalformed) {
			t.Errorf("%d bytes for 400: %v", length, err)
		}
	}
}

func TestUnreadableArrays(t *testing.T) {
	structured := picklegen.New(4).Call("numpy", "dtype", func(w *picklegen.Writer) { w.Text("f8").Bool(false).Bool(true) }).
		Tuple(func(w *picklegen.Writer) {
			w.Int(3).Text("|").None().Tuple(func(w *picklegen.Writer) { w.Text("x") }).Op('}').Int(8).Int(1).Int(16)
		}).Op('b').Unfinished()[2:]
	for name, content := range map[string][]byte{
		"text":       picklegen.New(4).Array(picklegen.Array{Code: "U4", Shape: []int{1}, Data: make([]byte, 16)}).Stop(),
		"structured": picklegen.New(4).Call("numpy.core.numeric", "_frombuffer", func(w *picklegen.Writer) { w.ByteArray(make([]byte, 8)).Raw(string(structured)).Ints(1).Text("C") }).Stop(),
		"subclass": picklegen.New(4).Call("numpy.core.multiarray", "_reconstruct", func(w *picklegen.Writer) {
			w.Global("numpy.ma", "MaskedArray").Ints(0).Bytes([]byte("b"))
		}).Stop(),
	} {
		t.Run(name, func(t *testing.T) {
			opaque, ok := load(t, content).(*pickle.Opaque)
			if !ok || !opaque.Tensor {
				t.Errorf("it is taken for something readable")
			}
		})
	}
}
