package pickle_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle/picklegen"
	"github.com/beitzoo/beitzoo/tensor"
)

type writer = picklegen.Writer

// storage pushes a storage by its persistent id.
func storage(w *writer, class string, count int) *writer {
	return w.Tuple(func(w *writer) { w.Text("storage").Global("torch", class).Text("7").Text("cpu").Int(count) }).Op('Q')
}

// rebuilt pushes the first four arguments.
func rebuilt(w *writer, class string, count int) *writer {
	return storage(w, class, count).Int(1).Ints(2, 3).Ints(1, 2)
}

func hooks(w *writer) *writer {
	return w.Bool(false).Call("collections", "OrderedDict", func(*writer) {})
}

func torchLoad(content []byte) (pickle.Value, error) {
	document, err := pickle.Load(context.Background(), content, 0, pickle.Options{Persistent: pickle.Reference})
	if err != nil {
		return nil, err
	}
	return document.Root, nil
}

func TestTorchTensors(t *testing.T) {
	v2 := func(w *writer) {
		w.Call("torch._utils", "_rebuild_tensor_v2", func(w *writer) { hooks(rebuilt(w, "FloatStorage", 10)) })
	}
	want := func(stored, dtype tensor.DType, count int64) *pickle.TorchTensor {
		return &pickle.TorchTensor{
			Storage: &pickle.Storage{Key: "7", DType: stored, Count: count}, DType: dtype,
			Offset: 1, Shape: tensor.Shape{2, 3}, Strides: []int64{1, 2},
		}
	}
	tests := []struct {
		name string
		fill func(w *writer)
		want *pickle.TorchTensor
	}{
		{"_rebuild_tensor", func(w *writer) {
			w.Call("torch._utils", "_rebuild_tensor", func(w *writer) { rebuilt(w, "HalfStorage", 10) })
		}, want(tensor.F16, tensor.F16, 10)},
		{"_rebuild_tensor_v2", v2, want(tensor.F32, tensor.F32, 10)},
		{"_rebuild_tensor_v2 with metadata", func(w *writer) {
			w.Call("torch._utils", "_rebuild_tensor_v2", func(w *writer) {
				hooks(rebuilt(w, "BFloat16Storage", 10)).Dict(func(w *writer) { w.Text("conj").Bool(false) })
			})
		}, want(tensor.BF16, tensor.BF16, 10)},
		{"_rebuild_tensor_v3", func(w *writer) {
			w.Call("torch._utils", "_rebuild_tensor_v3", func(w *writer) {
				hooks(rebuilt(w, "UntypedStorage", 20)).Global("torch", "uint16")
			})
		}, want(tensor.Invalid, tensor.U16, 20)},
		{"_rebuild_parameter", func(w *writer) {
			w.Call("torch._utils", "_rebuild_parameter", func(w *writer) { v2(w); hooks(w) })
		}, want(tensor.F32, tensor.F32, 10)},
		{"_rebuild_parameter_with_state", func(w *writer) {
			w.Call("torch._utils", "_rebuild_parameter_with_state", func(w *writer) { v2(w); hooks(w).Op('}') })
		}, want(tensor.F32, tensor.F32, 10)},
		{"_rebuild_from_type_v2", func(w *writer) {
			w.Call("torch._tensor", "_rebuild_from_type_v2", func(w *writer) {
				w.Global("torch._utils", "_rebuild_tensor_v2").Global("torch.nn.parameter", "Parameter")
				w.Tuple(func(w *writer) { hooks(rebuilt(w, "LongStorage", 10)) }).Op('}')
			})
		}, want(tensor.I64, tensor.I64, 10)},
	}
	for _, test := range tests {
		for _, protocol := range []int{2, 4} {
			t.Run(test.name, func(t *testing.T) {
				w := picklegen.New(protocol)
				test.fill(w)
				got, err := torchLoad(w.Stop())
				if err != nil {
					t.Fatal(err)
				}
				equal(t, test.want, got)
			})
		}
	}
}

func TestTorchTensorsThatAreNone(t *testing.T) {
	v2 := func(fill func(w *writer)) []byte {
		return picklegen.New(2).Call("torch._utils", "_rebuild_tensor_v2", fill).Stop()
	}
	tests := []struct {
		name    string
		content []byte
		kind    error
	}{
		{"five arguments", v2(func(w *writer) { rebuilt(w, "FloatStorage", 9).None() }), checkpoint.ErrMalformed},
		{"no storage", v2(func(w *writer) { hooks(w.Int(1).Int(0).Ints(1).Ints(1)) }), checkpoint.ErrMalformed},
		{"negative offset", v2(func(w *writer) { hooks(storage(w, "FloatStorage", 9).Int(-1).Ints(1).Ints(1)) }), checkpoint.ErrMalformed},
		{"negative size", v2(func(w *writer) { hooks(storage(w, "FloatStorage", 9).Int(0).Ints(-1).Ints(1)) }), checkpoint.ErrMalformed},
		{"negative stride", v2(func(w *writer) { hooks(storage(w, "FloatStorage", 9).Int(0).Ints(1).Ints(-1)) }), checkpoint.ErrMalformed},
		{"more sizes than strides", v2(func(w *writer) { hooks(storage(w, "FloatStorage", 9).Int(0).Ints(1, 2).Ints(1)) }), checkpoint.ErrMalformed},
		{"overflowing shape", v2(func(w *writer) {
			hooks(storage(w, "FloatStorage", 9).Int(0).Ints(math.MaxInt, math.MaxInt, math.MaxInt).Ints(0, 0, 0))
		}), checkpoint.ErrMalformed},
		{"untyped without dtype", v2(func(w *writer) { hooks(rebuilt(w, "UntypedStorage", 9)) }), checkpoint.ErrMalformed},
		{"negative count", v2(func(w *writer) { hooks(rebuilt(w, "FloatStorage", -1)) }), checkpoint.ErrMalformed},
		{"storage of another module", picklegen.New(2).Tuple(func(w *writer) {
			w.Text("storage").Global("evil", "FloatStorage").Text("7").Text("cpu").Int(1)
		}).Op('Q').Stop(), checkpoint.ErrUnsupported},
		{"a whole module", picklegen.New(2).Tuple(func(w *writer) {
			w.Text("module").Global("a", "B").Text("a.py").Text("class B: pass").Int(1)
		}).Op('Q').Stop(), checkpoint.ErrMalformed},
		{"a parameter of a number", picklegen.New(2).Call("torch._utils", "_rebuild_parameter", func(w *writer) { hooks(w.Int(1)) }).Stop(), checkpoint.ErrMalformed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := torchLoad(test.content); !errors.Is(err, test.kind) {
				t.Errorf("got %v, want %v", err, test.kind)
			}
		})
	}
}

func TestTorchStorages(t *testing.T) {
	id := func(extra ...func(*writer)) []byte {
		return picklegen.New(2).Tuple(func(w *writer) {
			w.String([]byte("storage")).Global("torch.cuda", "DoubleStorage").Text("12").Text("cuda:0").Int(5)
			for _, write := range extra {
				write(w)
			}
		}).Op('Q').Stop()
	}
	view := func(w *writer) { w.Tuple(func(w *writer) { w.Text("13").Int(2).Int(3) }) }
	tests := []struct {
		name    string
		content []byte
		want    *pickle.Storage
	}{
		{"zip", id(), &pickle.Storage{Key: "12", DType: tensor.F64, Count: 5}},
		{"legacy", id(func(w *writer) { w.None() }), &pickle.Storage{Key: "12", DType: tensor.F64, Count: 5}},
		{"legacy view", id(view), &pickle.Storage{Key: "12", DType: tensor.F64, Count: 5, View: &pickle.StorageView{Key: "13", Offset: 2, Count: 3}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := torchLoad(test.content)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, test.want, got)
		})
	}
}

func TestUnreadableTensors(t *testing.T) {
	for name, content := range map[string][]byte{
		"float8": picklegen.New(2).Call("torch._utils", "_rebuild_tensor_v3", func(w *writer) {
			hooks(rebuilt(w, "UntypedStorage", 20)).Global("torch", "float8_e4m3fn")
		}).Stop(),
		"sparse": picklegen.New(2).Call("torch._utils", "_rebuild_sparse_tensor", func(w *writer) { w.Int(1) }).Stop(),
	} {
		got, err := torchLoad(content)
		if err != nil {
			t.Fatal(name, err)
		}
		if opaque, ok := got.(*pickle.Opaque); !ok || !opaque.Tensor {
			t.Errorf("%s: it is taken for something readable", name)
		}
	}
}
