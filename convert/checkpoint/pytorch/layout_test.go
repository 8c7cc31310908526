package pytorch_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/checkpointtest"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/archive"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle/picklegen"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/tensor"
)

// records opens a written file as an archive.
func records(t *testing.T, content []byte) *archive.Archive {
	t.Helper()
	opened, err := archive.Open(context.Background(), content)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func TestLayoutRecords(t *testing.T) {
	t.Parallel()
	var names []string
	for _, r := range records(t, written(t, some(), pytorch.Options{})).Records {
		names = append(names, r.Name)
		if r.Start()%64 != 0 || !r.Stored() {
			t.Errorf("%s begins at byte %d", r.Name, r.Start())
		}
	}
	want := []string{
		"archive/data.pkl", "archive/byteorder", "archive/data/0", "archive/data/1", "archive/data/2", "archive/data/3", "archive/version",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLayoutPickle pins the bytes of the object: an opcode that weights_only=True does not know would make the file unreadable.
func TestLayoutPickle(t *testing.T) {
	t.Parallel()
	shape := tensor.Shape{2, 0, 300, 70000}
	named := []tensor.Named{
		{Name: "a", View: tensor.View{DType: tensor.F32, Shape: shape, Data: tensor.Memory(nil)}},
		{Name: "b", View: tensor.View{DType: tensor.U16, Shape: tensor.Shape{2}, Data: tensor.Memory("1234")}},
		{Name: "c", View: tensor.View{DType: tensor.F32, Data: tensor.Memory("5678")}},
	}
	r, _ := records(t, written(t, named, pytorch.Options{Wrapper: "model"})).Get("archive/data.pkl")
	got, err := r.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	const order = "h\x00)R"
	want := "\x80\x02}X\x05\x00\x00\x00modelccollections\nOrderedDict\nq\x00)R(" +
		"X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\nq\x01((X\x07\x00\x00\x00storageq\x02ctorch\nFloatStorage\nq\x03" +
		"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuq\x04K\x00tQK\x00" + "(K\x02K\x00M\x2c\x01J\x70\x11\x01\x00t" +
		"(J\x40\x6f\x40\x01J\x40\x6f\x40\x01J\x70\x11\x01\x00K\x01t" + "\x89" + order + "tR" +
		"X\x01\x00\x00\x00bctorch._utils\n_rebuild_tensor_v3\nq\x05((h\x02ctorch.storage\nUntypedStorage\nq\x06" +
		"X\x01\x00\x00\x001h\x04K\x04tQK\x00(K\x02t(K\x01t\x89" + order + "ctorch\nuint16\nq\x07tR" +
		"X\x01\x00\x00\x00ch\x01((h\x02h\x03X\x01\x00\x00\x002h\x04K\x01tQK\x00(t(t\x89" + order + "tRus."
	if diff := cmp.Diff(hex.Dump([]byte(want)), hex.Dump(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLayoutGolden pins a whole file, which PyTorch 2.11 loaded with weights_only=True, with equal tensors: the same tensors must become
// the same bytes in every version of beitzoo.
func TestLayoutGolden(t *testing.T) {
	t.Parallel()
	got := digest(written(t, some(), pytorch.Options{Wrapper: "model"}))
	if want := "f0962b1c1bd64b3980f0dddadf7eea617a37dfceab75b4fa944f895c14c8d00e"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLayoutKeepsOrder(t *testing.T) {
	t.Parallel()
	var got []string
	for _, made := range open(t, written(t, some(), pytorch.Options{})).Tensors {
		got = append(got, made.Name)
	}
	if diff := cmp.Diff([]string{"weight", "scalar", "empty", "count"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLayoutIntegers has sizes at the limits of each opcode for integers.
func TestLayoutIntegers(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{0, 1, 255, 256, 65535, 65536, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1 << 55} {
		if n > math.MaxInt {
			continue // on a machine of 32 bits
		}
		named := []tensor.Named{{Name: "w", View: view(tensor.U8, nil, 0, int(n))}}
		if got := open(t, written(t, named, pytorch.Options{})).Tensors[0].Shape; !got.Equal(named[0].Shape) {
			t.Errorf("shape %s became %s", named[0].Shape, got)
		}
	}
}

// TestNumPyArrayAmongTensors reads a state dict with a NumPy array in it, as some training programs write it.
func TestNumPyArrayAmongTensors(t *testing.T) {
	t.Parallel()
	pickle := picklegen.New(2).Dict(func(w *writer) {
		w.Text("mean").Array(picklegen.Array{Code: "f4", Shape: []int{3}, Data: float3}).Text("w")
		row("w").write(w)
	}).Stop()
	for _, made := range open(t, zipped(pickle, map[string][]byte{"0": float3}).Bytes()).Tensors {
		if raw, err := made.Bytes(); err != nil || !bytes.Equal(raw, float3) || made.DType != tensor.F32 {
			t.Errorf("%s: %x of type %s, %v", made.Name, raw, made.DType, err)
		}
	}
}

func TestLayoutRefuses(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]pytorch.Options{"long": {Wrapper: strings.Repeat("w", 256)}, "not UTF-8": {Wrapper: "\xff"}} {
		if _, err := pytorch.Layout(some(), options); err == nil {
			t.Errorf("a wrapper that is %s is written", name)
		}
	}
	for _, name := range []string{"", "a\x00b", strings.Repeat("n", 256)} {
		if _, err := pytorch.Layout([]tensor.Named{{Name: name, View: view(tensor.F32, nil, 0)}}, pytorch.Options{}); err == nil {
			t.Errorf("a parameter named %.10q is written", name)
		}
	}
}

// FuzzRead reads hostile files: archives, streams, and others that begin like them.
func FuzzRead(f *testing.F) {
	f.Add(written(f, some(), pytorch.Options{Wrapper: "model"}))
	f.Add(zipped(object([]one{row("w")}), map[string][]byte{"0": float3}).Bytes())
	f.Add(legacy{}.bytes())
	f.Add(legacy{object: object([]one{row("w")}, part(1, 2))}.bytes())
	f.Fuzz(func(t *testing.T, content []byte) { checkFuzzed(t, content) })
}

// FuzzObject puts hostile pickles into sound archives with three storages.
func FuzzObject(f *testing.F) {
	f.Add(object([]one{row("w")}), []byte("little"))
	f.Add(object([]one{row("w"), {name: "v", class: "HalfStorage", key: "1", count: 6, shape: []int{2, 2}, strides: []int{1, 2}, offset: 1}}), []byte("big"))
	f.Add(object([]one{{name: "e", class: "ByteStorage", key: "2", count: 0, shape: []int{0, 4}, strides: []int{4, 1}}}), []byte(""))
	f.Fuzz(func(t *testing.T, pickle, order []byte) {
		a := zipped(pickle, map[string][]byte{"0": float3, "1": float3, "2": {}}, record{Name: "m/byteorder", Content: order})
		checkFuzzed(t, a.Bytes())
	})
}

// checkFuzzed reads content. What is accepted is written and must read as the same tensors; writing those again must make the same bytes.
func checkFuzzed(t *testing.T, content []byte) {
	opened, err := checkpointtest.Whole(pytorch.Format, content)
	if err != nil {
		t.Fatal(err)
	}
	if opened == nil {
		return
	}
	if !pytorch.Format.Match(content) {
		t.Fatal("a file is read that is not recognised")
	}
	want, err := checkpointtest.Flatten(opened.Tensors)
	if err != nil { // a damaged storage
		return
	}
	parts, err := pytorch.Layout(opened.Tensors, pytorch.Options{})
	if err != nil { // a name that is legal in Python
		return
	}
	first, err := checkpointtest.Assemble(parts)
	if err != nil {
		t.Fatal(err)
	}
	again, err := pytorch.Format.Read(context.Background(), first, checkpoint.Options{})
	if err != nil && len(want) > 0 {
		t.Fatalf("what was written is refused: %v", err)
	}
	if err != nil {
		return
	}
	got, err := checkpointtest.Flatten(again.Tensors)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Fatalf("(-want +got), %v:\n%s", err, diff)
	}
	if second := written(t, again.Tensors, pytorch.Options{}); !bytes.Equal(first, second) {
		t.Fatal("writing again makes other bytes")
	}
}
