package convert_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/synth"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/internal/jsonfloat"
	"github.com/beitzoo/beitzoo/tensor"
)

// saved writes recipe weights after a change, and returns the path.
func saved(t *testing.T, name, scheme, ending string, change func(map[string][]byte)) string {
	t.Helper()
	config, err := arch.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	weights := synth.Weights(config, 0)
	raws := map[string][]byte{}
	for i := range weights {
		raws[weights[i].Name], _ = weights[i].Bytes()
	}
	if change != nil {
		change(raws)
	}
	for i := range weights {
		weights[i].Data = tensor.Memory(raws[weights[i].Name])
	}
	path := filepath.Join(t.TempDir(), "weights"+ending)
	if _, err := convert.Save(t.Context(), path, config, weights, convert.SaveOptions{To: scheme, NoSync: true}); err != nil {
		t.Fatal(err)
	}
	return path
}

func set(raw []byte, element int, value float32) {
	binary.LittleEndian.PutUint32(raw[4*element:], math.Float32bits(value))
}

// A state dict is selected in whichever file has it, and two of one file are compared.
func TestDiff_SelectsInEither(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	both, plain := filepath.Join(folder, "both.safetensors"), filepath.Join(folder, "plain.safetensors")
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	var two []tensor.Named
	for seed, prefix := range []string{"model.", "model_ema."} {
		for _, w := range synth.Weights(config, uint64(seed)) {
			two = append(two, tensor.Named{Name: prefix + w.Name, View: w.View})
		}
	}
	for path, tensors := range map[string][]tensor.Named{both: two, plain: synth.Weights(config, 1)} {
		parts, err := safetensors.Format.Write(tensors, checkpoint.WriteOptions{})
		if err == nil {
			err = output.Write(t.Context(), path, parts, output.Options{NoSync: true})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	options := func(selected string) convert.OpenOptions {
		return convert.OpenOptions{Select: selected, MayNotFit: true}
	}
	for _, c := range []struct {
		a, b, selectA, selectB string
		absent                 bool
	}{
		{both, plain, "model_ema", "model_ema", false},
		{plain, both, "model_ema", "model_ema", false},
		{both, both, "model", "model_ema", false},
		{plain, plain, "model_ema", "model_ema", true},
		{both, plain, "model", "model_ema", true},
		{plain, both, "model", "model_ema", true},
	} {
		d, err := convert.Diff(t.Context(), c.a, c.b, options(c.selectA), options(c.selectB))
		var absent *checkpoint.Error
		var neither *convert.SelectError
		if is := errors.As(err, &absent) && absent.Absent || errors.As(err, &neither); is != c.absent || err != nil && !is {
			t.Errorf("%+v: %v", c, err)
		}
		var of *convert.SideError
		if err != nil && c.a != c.b && (!errors.As(err, &of) || (of.Side == convert.SideA) != (c.a == plain)) {
			t.Errorf("%+v: the error is about %+v", c, of)
		}
		if err == nil && (d.Equal != (c.selectA == c.selectB) || (len(d.A.Warnings) > 0) != (c.a == plain) || (len(d.B.Warnings) > 0) != (c.b == plain)) {
			t.Errorf("%+v: equal %v, warnings %q and %q", c, d.Equal, d.A.Warnings, d.B.Warnings)
		}
	}
}

func TestDiffSaysWhere(t *testing.T) {
	t.Parallel()
	nan := float32(math.NaN())
	for _, c := range []struct {
		name         string
		tensor       string
		left, right  func(raw []byte)
		want         convert.TensorDifference
		sameValues   bool
		schemeA, toB string
	}{
		{
			name: "two elements of a transposed matrix", tensor: "blocks.1.attn.proj.weight", schemeA: naming.PASSL, toB: naming.HF,
			left:  func(raw []byte) { set(raw, 3*32+5, 1); set(raw, 31*32+31, 1) },
			right: func(raw []byte) { set(raw, 3*32+5, 1.5); set(raw, 31*32+31, -1) },
			want:  convert.TensorDifference{Elements: 1024, Count: 2, MaxAbs: 2, At: []int{31, 31}, A: 1, B: -1, Finite: true},
		},
		{
			name: "minus zero", tensor: "head.bias", schemeA: naming.Timm, toB: naming.Timm,
			left:  func(raw []byte) { set(raw, 4, 0) },
			right: func(raw []byte) { set(raw, 4, float32(math.Copysign(0, -1))) },
			want:  convert.TensorDifference{Elements: 10, Count: 1, At: []int{4}, B: jsonfloat.Number(math.Copysign(0, -1)), Finite: true},
		},
		{
			name: "not a number", tensor: "head.bias", schemeA: naming.Timm, toB: naming.PaddleViT,
			left:  func(raw []byte) { set(raw, 2, 5); set(raw, 3, nan); set(raw, 9, 0) },
			right: func(raw []byte) { set(raw, 2, 7); set(raw, 3, 4); set(raw, 9, float32(math.Inf(1))) },
			want:  convert.TensorDifference{Elements: 10, Count: 3, At: []int{3}, A: jsonfloat.Number(math.NaN()), B: 4},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := saved(t, "tiny_p16_32", c.schemeA, ".safetensors", func(raws map[string][]byte) { c.left(raws[c.tensor]) })
			b := saved(t, "tiny_p16_32", c.toB, ".pth", func(raws map[string][]byte) { c.right(raws[c.tensor]) })
			d, err := convert.Diff(t.Context(), a, b, convert.OpenOptions{}, convert.OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if d.Equal || d.SameValues || d.Parameters != 39 || len(d.Tensors) != 1 {
				t.Fatalf("got %+v", d)
			}
			c.want.Name, c.want.DTypeA, c.want.DTypeB = c.tensor, "F32", "F32"
			got := d.Tensors[0]
			c.want.ShapeA, c.want.ShapeB = got.ShapeA, got.ShapeB
			got.Relation = nil // see TestDiff_Relations
			if diff := cmp.Diff(c.want, got, cmp.Comparer(sameNumber)); diff != "" {
				t.Error(diff)
			}
			if _, err := json.Marshal(d); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDiff_Relations makes sure that a difference comes with how one tensor follows from the other, and that the most frequent relation is counted.
func TestDiff_Relations(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_p16_32")
	if err != nil {
		t.Fatal(err)
	}
	dim := config.EmbedDim
	const qkv, own, other = "blocks.0.attn.qkv.weight", "blocks.0.norm1.weight", "blocks.1.norm1.weight"
	a := saved(t, "tiny_p16_32", naming.PASSL, ".pdparams", nil)
	b := saved(t, "tiny_p16_32", naming.HF, ".pth", func(raws map[string][]byte) {
		row := 4 * dim * dim // bytes of a third
		raws[qkv] = slices.Concat(raws[qkv][row:2*row], raws[qkv][:row], raws[qkv][2*row:])
		raws[own] = raws[other]
		for i := range 10 {
			set(raws["head.bias"], i, 0)
		}
	})
	d, err := convert.Diff(t.Context(), a, b, convert.OpenOptions{}, convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, difference := range d.Tensors {
		got[difference.Name] = difference.Sentence()
	}
	want := map[string]string{
		qkv: "B is A with thirds in the order k, q, v", own: "B has the values of A's " + other, "head.bias": "B is all zero",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	half := filepath.Join(t.TempDir(), "half.safetensors")
	if _, err := convert.Convert(t.Context(), a, half, convert.Options{DType: tensor.BF16, SaveOptions: convert.SaveOptions{To: naming.Timm, NoSync: true}}); err != nil {
		t.Fatal(err)
	}
	d, err = convert.Diff(t.Context(), a, half, convert.OpenOptions{}, convert.OpenOptions{})
	if err != nil || len(d.Relations) != 1 || d.Relations[0].Sentence != "B is A rounded to BF16" || d.Relations[0].Count != len(d.Tensors) {
		t.Errorf("%+v, %v", d.Relations, err)
	}
	raw, err := json.Marshal(d.Tensors[0].Relation)
	if want := `{"sentence":"B is A rounded to BF16","keeps_information":false,"distance":0,"steps":[{"kind":"rounded","dtype":"BF16"}]}`; err != nil || string(raw) != want {
		t.Errorf("%s, %v", raw, err)
	}
}

func sameNumber(a, b jsonfloat.Number) bool {
	return math.Float64bits(float64(a)) == math.Float64bits(float64(b)) || math.IsNaN(float64(a)) && math.IsNaN(float64(b))
}

func TestDiffOfDifferentArchitectures(t *testing.T) {
	t.Parallel()
	d, err := convert.Diff(t.Context(), testdata+"../manifests/embedded/digits_p16_64.pdparams", testdata+"mim/tiny_mim_p16_64.unilm.pth", convert.OpenOptions{}, convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Equal || !slices.Contains(d.OnlyA, "fc_norm.weight") || !slices.Contains(d.OnlyB, "mask_token") || !slices.IsSorted(d.OnlyB) {
		t.Errorf("only in a: %v, only in b: %v", d.OnlyA, d.OnlyB)
	}
	d, err = convert.Diff(t.Context(), testdata+"../manifests/embedded/digits_p16_64.pdparams", testdata+"tiny/tiny_p16_64.passl.pdparams", convert.OpenOptions{}, convert.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(d.Tensors, func(x convert.TensorDifference) bool { return x.Name == "head.weight" })
	if head := d.Tensors[at]; !head.ShapeA.Equal(tensor.Shape{10, 48}) || !head.ShapeB.Equal(tensor.Shape{7, 48}) || head.Elements != 0 {
		t.Errorf("head %+v", head)
	}
}

// tiny_p16_32 of PASSL has the recipe's weights, so its digest is the published one.
func TestInspect(t *testing.T) {
	t.Parallel()
	const path = testdata + "tiny/tiny_p16_32.passl.pdparams"
	quick, err := convert.Inspect(t.Context(), path, convert.InspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if quick.Architecture == nil || quick.Architecture.Name != "tiny_p16_32" || quick.Scheme != naming.PASSL || quick.Format != "paddle" ||
		quick.Container == "" || quick.Parameters != 50554 || quick.ParameterBytes != 202216 || len(quick.Tensors) != 39 || quick.DTypes["F32"] != 39 ||
		len(quick.Dropped) != 2 || quick.SHA256 != "" || quick.Tensors[0].Statistics != nil || quick.Problem != nil {
		t.Errorf("got %+v", quick)
	}
	var last atomic.Int64
	full, err := convert.Inspect(t.Context(), path, convert.InspectOptions{
		Digests: true, Statistics: true, Progress: func(done, _ int64) {
			for old := last.Load(); done > old && !last.CompareAndSwap(old, done); old = last.Load() {
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if full.SHA256 != "63b3b9081249aded9f7fc84a1c6157771d99f0cca341619a36812ec9d88bc094" || last.Load() != 202216 {
		t.Errorf("sha256 %s, progress of %d", full.SHA256, last.Load())
	}
	for _, other := range []string{"tiny/tiny_p16_32.unilm.pth", "tiny/tiny_p16_32.hf"} {
		same, err := convert.Inspect(t.Context(), testdata+other, convert.InspectOptions{Digests: true})
		if err != nil || same.SHA256 != full.SHA256 {
			t.Errorf("%s: %s, %v", other, same.SHA256, err)
			continue
		}
		for i := range same.Tensors {
			if same.Tensors[i].SHA256 != full.Tensors[i].SHA256 || same.Tensors[i].SHA256 == "" {
				t.Errorf("%s: digests of %s differ", other, same.Tensors[i].Name)
			}
		}
	}
}

func TestStatistics(t *testing.T) {
	t.Parallel()
	path := saved(t, "tiny_p16_32", naming.PASSL, ".pdparams", func(raws map[string][]byte) {
		for i, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -3, 0, 1, 2, 5, 1, 1} {
			set(raws["head.bias"], i, float32(value))
		}
		for i := range 32 {
			set(raws["blocks.0.gamma_1"], i, float32(math.NaN()))
		}
	})
	inspection, err := convert.Inspect(t.Context(), path, convert.InspectOptions{Statistics: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]convert.Statistics{
		"head.bias":        {NaN: 1, Inf: 2, Zero: 1, Min: -3, Max: 5, Mean: 1},
		"blocks.0.gamma_1": {NaN: 32},
	} {
		at := slices.IndexFunc(inspection.Tensors, func(x convert.InspectedTensor) bool { return x.Name == name })
		if diff := cmp.Diff(want, *inspection.Tensors[at].Statistics); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if _, err := json.Marshal(inspection); err != nil {
		t.Error(err)
	}
	// Elements that pieces of the stream cut in two.
	wide := saved(t, "tiny_p16_64", naming.Canonical, ".safetensors", nil)
	a, _ := convert.Inspect(t.Context(), wide, convert.InspectOptions{Statistics: true})
	b, _ := convert.Inspect(t.Context(), testdata+"tiny/tiny_p16_64.passl.pdparams", convert.InspectOptions{Statistics: true})
	for i := range a.Tensors {
		if a.Tensors[i].Statistics.Min != b.Tensors[i].Statistics.Min || a.Tensors[i].Statistics.Max != b.Tensors[i].Statistics.Max {
			t.Errorf("%s: %+v and %+v", a.Tensors[i].Name, a.Tensors[i].Statistics, b.Tensors[i].Statistics)
		}
	}
}

// The tensors of a file that is readable, but not a BEiT, are still listed.
func TestInspectOfAnotherModel(t *testing.T) {
	t.Parallel()
	const path = testdata + "digits/digits_p16_64.hf.float32.recording.safetensors"
	inspection, err := convert.Inspect(t.Context(), path, convert.InspectOptions{Digests: true, Statistics: true})
	if err != nil {
		t.Fatal(err)
	}
	if inspection.Problem == nil || inspection.Architecture != nil || len(inspection.Tensors) == 0 || inspection.Tensors[0].SHA256 == "" || inspection.Metadata["format"] == "" {
		t.Errorf("got %+v", inspection)
	}
}
