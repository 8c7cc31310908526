package naming_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/paddle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/tensor"
)

func open(t *testing.T, name string) []tensor.Named {
	t.Helper()
	opened, err := checkpoint.Open(t.Context(), "../../testdata/"+name, checkpoint.Options{}, paddle.Format, pytorch.Format, safetensors.Format)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	return opened.Tensors
}

func byName(t testing.TB, name string) arch.Config {
	t.Helper()
	config, err := arch.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// TestReadFilesOfTheFrameworks reads files that other programs than beitzoo wrote.
func TestReadFilesOfTheFrameworks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, scheme, architecture string
		equivalent                 []string
		turned, joined, dropped    int
	}{
		{"../manifests/embedded/digits_p16_64.pdparams", naming.PASSL, "digits_p16_64", nil, 13, 0, 3},
		{"digits/digits_p16_64_training.pdparams", naming.PASSL, "digits_p16_64", nil, 13, 0, 3},
		{"digits/digits_p16_64.unilm.pth", naming.Unilm, "digits_p16_64", []string{naming.Timm, naming.Canonical}, 0, 0, 3},
		{"digits/digits_p16_64.unilm.legacy.pth", naming.Unilm, "digits_p16_64", []string{naming.Timm, naming.Canonical}, 0, 0, 3},
		{"digits/digits_p16_64.deepspeed.pth", naming.Unilm, "digits_p16_64", []string{naming.Timm, naming.Canonical}, 0, 0, 3},
		{"digits/digits_p16_64.timm.pth", naming.Timm, "digits_p16_64", []string{naming.Unilm, naming.Canonical}, 0, 0, 0},
		{"digits/digits_p16_64.timm.safetensors", naming.Timm, "digits_p16_64", []string{naming.Unilm, naming.Canonical}, 0, 0, 0},
		{"digits/hf/model.safetensors", naming.HF, "digits_p16_64", nil, 0, 3, 0},
		{"digits/digits_p16_64.hf5.statedict.bin", naming.HF, "digits_p16_64", nil, 0, 3, 0},
		{"tiny/tiny_p16_32.passl.pdparams", naming.PASSL, "tiny_p16_32", nil, 9, 0, 2},
		{"mim/tiny_mim_p16_64.unilm.pth", naming.Unilm, "tiny_mim_p16_64", []string{naming.Timm, naming.Canonical}, 0, 0, 1},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			tensors := open(t, c.file)
			model, err := naming.Read(t.Context(), tensors, naming.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if model.Scheme != c.scheme || model.Config.Name != c.architecture || !slices.Equal(model.Equivalent, c.equivalent) {
				t.Errorf("read as %s (%v), %s", model.Scheme, model.Equivalent, model.Config.Name)
			}
			turned, joined := 0, 0
			for i, p := range model.Config.Params() {
				if model.Tensors[i].Name != p.Name || !model.Tensors[i].Shape.Equal(p.Shape) || model.Changes[i].Name != p.Name {
					t.Errorf("tensor %d is %s %s, want %s %s", i, model.Tensors[i].Name, model.Tensors[i].Shape, p.Name, p.Shape)
				}
				switch model.Changes[i].Operation {
				case "transposed":
					turned++
				case "joined":
					joined++
				case "":
				default:
					t.Errorf("%s was %s", p.Name, model.Changes[i].Operation)
				}
			}
			if turned != c.turned || joined != c.joined || len(model.Dropped) != c.dropped {
				t.Errorf("%d transposed, %d joined, %d dropped; want %d, %d, %d", turned, joined, len(model.Dropped), c.turned, c.joined, c.dropped)
			}
			again, err := naming.Write(c.scheme, model.Config, model.Tensors, naming.WriteOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(c.file, "hf5") {
				return // version 5 has other names in memory than in files
			}
			sameTensors(t, tensors, again)
		})
	}
}

// sameTensors fails unless both have the same names with the same bytes, in any order.
func sameTensors(t require, want, got []tensor.Named) {
	t.Helper()
	sorted := func(tensors []tensor.Named) []tensor.Named {
		tensors = slices.Clone(tensors)
		slices.SortFunc(tensors, func(a, b tensor.Named) int { return strings.Compare(a.Name, b.Name) })
		return tensors
	}
	want, got = sorted(want), sorted(got)
	names := func(tensors []tensor.Named) (all []string) {
		for _, t := range tensors {
			all = append(all, fmt.Sprint(t.Name, t.DType, t.Shape))
		}
		return all
	}
	if diff := cmp.Diff(names(want), names(got)); diff != "" {
		t.Fatalf("names, dtypes or shapes differ: %s", diff)
	}
	for i := range want {
		a, errA := want[i].Bytes()
		b, errB := got[i].Bytes()
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Fatalf("%s: elements differ (%v, %v)", want[i].Name, errA, errB)
		}
	}
}

type require interface {
	Helper()
	Fatalf(format string, args ...any)
}

// The same trained weights in every scheme are the same canonical tensors.
func TestEverySchemeReadsTheSameWeights(t *testing.T) {
	t.Parallel()
	read := func(file string) []tensor.Named {
		model, err := naming.Read(t.Context(), open(t, file), naming.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return model.Tensors
	}
	want := read("digits/digits_p16_64.unilm.pth")
	for _, file := range []string{
		"../manifests/embedded/digits_p16_64.pdparams", "digits/digits_p16_64_protocol2.pdparams", "digits/digits_p16_64.timm.safetensors",
		"digits/hf/model.safetensors", "digits/digits_p16_64.hf5.statedict.bin", "digits/digits_p16_64.training.pth",
	} {
		sameTensors(t, want, read(file))
	}
}

// draw makes a model of any architecture, each tensor with bytes of its own.
func draw(t *rapid.T) (arch.Config, []tensor.Named) {
	heads, side := rapid.IntRange(1, 3).Draw(t, "heads"), rapid.IntRange(1, 3).Draw(t, "side")
	config := arch.Config{
		ImageHeight: 8 * side, ImageWidth: 8 * rapid.IntRange(1, 3).Draw(t, "across"), PatchSize: 8, Channels: rapid.IntRange(1, 4).Draw(t, "channels"), EmbedDim: heads * rapid.IntRange(1, 9).Draw(t, "dim"),
		Heads: heads, HiddenDim: rapid.IntRange(1, 20).Draw(t, "hidden"), Depth: rapid.IntRange(1, 12).Draw(t, "depth"),
		Classes: rapid.IntRange(0, 12).Draw(t, "classes"), Bias: rapid.SampledFrom([]arch.Bias{arch.NoBias, arch.BlockBias, arch.SharedBias}).Draw(t, "bias"),
		LayerScale: rapid.Bool().Draw(t, "scale"), AbsolutePosition: rapid.Bool().Draw(t, "absolute"), Epsilon: arch.Epsilon,
	}
	config.Pooling = rapid.SampledFrom([]arch.Pooling{arch.MeanPooling, arch.ClassToken, arch.AllTokens, arch.NoPooling}).Draw(t, "pooling")
	switch config.Pooling {
	case arch.NoPooling:
		config.Classes = 0
	case arch.AllTokens:
		config.MaskToken = config.Classes == 0 || rapid.Bool().Draw(t, "mask token")
		if rapid.Bool().Draw(t, "regression") {
			config.Classes, config.Regression = config.EmbedDim, true
		}
		config.ClassBlocks = rapid.IntRange(0, 2).Draw(t, "class blocks")
		config.ClassHead = config.ClassBlocks > 0 && config.Classes > 0 && rapid.Bool().Draw(t, "class head")
	}
	return config, fillWithBytes(config, rapid.SampledFrom([]tensor.DType{tensor.F32, tensor.F16, tensor.F64}).Draw(t, "dtype"))
}

func fillWithBytes(config arch.Config, dtype tensor.DType) []tensor.Named {
	state := uint32(len(config.Params()))
	var tensors []tensor.Named
	for _, p := range config.Params() {
		v := tensor.View{DType: dtype, Shape: p.Shape}
		size, _ := v.Size()
		raw := make([]byte, size)
		for i := range raw {
			state = state*1664525 + 1013904223
			raw[i] = byte(state >> 24)
		}
		v.Data = tensor.Memory(raw)
		tensors = append(tensors, tensor.Named{Name: p.Name, View: v})
	}
	return tensors
}

func TestThereAndBackInEveryScheme(t *testing.T) {
	t.Parallel()
	for _, scheme := range naming.Names() {
		if scheme == naming.OpenAI || scheme == naming.FLAVA || scheme == naming.PaddleSeg {
			continue // which have no names for a BEiT alone
		}
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				config, tensors := draw(t)
				options := naming.WriteOptions{}
				if scheme == naming.PASSL && !config.Masked() {
					options.Wrapper = rapid.SampledFrom([]string{"", naming.BEiTWrapper, naming.BEiTFTWrapper}).Draw(t, "wrapper")
				}
				if naming.Lacks(scheme, config) != "" {
					t.Skip("no names")
				}
				written, err := naming.Write(scheme, config, tensors, options)
				if err != nil {
					t.Fatal(err)
				}
				prefix := rapid.SampledFrom([]string{"", "model.", "module.", "module.model."}).Draw(t, "prefix")
				for i := range written {
					written[i].Name = prefix + written[i].Name
				}
				model, err := naming.Read(t.Context(), written, naming.Options{Scheme: scheme, Arch: &config})
				if err != nil {
					t.Fatal(err)
				}
				if model.Scheme != scheme || model.Config != config {
					t.Fatalf("read as %s, %+v", model.Scheme, model.Config)
				}
				sameTensors(t, tensors, model.Tensors)
			})
		})
	}
}

// For tensors of any scheme, detection finds a scheme by which they are the same canonical tensors.
func TestDetection(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		config, tensors := draw(t)
		scheme := rapid.SampledFrom(naming.Names()).Draw(t, "scheme")
		if naming.Lacks(scheme, config) != "" {
			t.Skip("no names")
		}
		written, err := naming.Write(scheme, config, tensors, naming.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		model, err := naming.Read(t.Context(), written, naming.Options{Arch: &config, Prefer: scheme})
		if err != nil {
			t.Fatal(err)
		}
		if model.Scheme != scheme {
			t.Fatalf("%s was taken for %s", scheme, model.Scheme)
		}
		sameTensors(t, tensors, model.Tensors)
	})
}

func TestNamesByScheme(t *testing.T) {
	t.Parallel()
	tensors := fillWithBytes(byName(t, "tiny_p16_32"), tensor.F32)
	masked := fillWithBytes(byName(t, "tiny_mim_p16_64"), tensor.F32)
	for _, c := range []struct {
		scheme, config, wrapper string
		tensors                 []tensor.Named
		some                    []string
		not                     string
	}{
		{naming.PASSL, "tiny_p16_32", "", tensors, []string{"backbone.cls_token", "backbone.blocks.1.attn.relative_position_index", "head.fc_cls.weight"}, "head.head"},
		{naming.PASSL, "tiny_p16_32", naming.BEiTFTWrapper, tensors, []string{"backbone.cls_token", "head.head.bias"}, "fc_cls"},
		{naming.PASSL, "tiny_mim_p16_64", "", masked, []string{"backbone.mask_token", "backbone.lm_head.weight", "backbone.rel_pos_bias.relative_position_index"}, "blocks.0.attn.relative"},
		{naming.Unilm, "tiny_p16_32", "", tensors, []string{"blocks.0.attn.relative_position_index", "head.weight"}, "backbone"},
		{naming.Timm, "tiny_p16_32", "", tensors, []string{"blocks.0.attn.relative_position_bias_table"}, "index"},
		{naming.Canonical, "tiny_p16_32", "", tensors, []string{"blocks.0.attn.q_bias"}, "index"},
		{naming.PaddleViT, "tiny_p16_32", "", tensors, []string{"blocks.0.attn.relative_position_index", "head.weight"}, "backbone"},
		{naming.HF, "tiny_p16_32", "", tensors, []string{
			"beit.encoder.layer.1.attention.attention.key.weight", "beit.encoder.layer.0.lambda_2", "beit.pooler.layernorm.bias", "classifier.weight",
		}, "index"},
		{naming.HF, "tiny_mim_p16_64", "", masked, []string{"layernorm.weight", "lm_head.bias", "beit.encoder.relative_position_bias.relative_position_bias_table"}, "beit.layernorm"},
	} {
		t.Run(c.scheme+" "+c.config+" "+c.wrapper, func(t *testing.T) {
			t.Parallel()
			written, err := naming.Write(c.scheme, byName(t, c.config), c.tensors, naming.WriteOptions{Wrapper: c.wrapper})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, w := range written {
				names = append(names, w.Name)
				if strings.Contains(w.Name, c.not) {
					t.Errorf("%s was written", w.Name)
				}
			}
			for _, name := range c.some {
				if !slices.Contains(names, name) {
					t.Errorf("%s was not written", name)
				}
			}
		})
	}
}

func TestHeadlessHuggingFaceHasNoPrefix(t *testing.T) {
	t.Parallel()
	config := byName(t, "tiny_p16_32")
	config.Name, config.Classes, config.Pooling = "", 0, arch.ClassToken
	written, err := naming.Write(naming.HF, config, fillWithBytes(config, tensor.F32), naming.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range written {
		if strings.HasPrefix(w.Name, "beit.") {
			t.Errorf("%s has the prefix that BeitModel does not write", w.Name)
		}
	}
	model, err := naming.Read(t.Context(), written, naming.Options{})
	if err != nil || model.Scheme != naming.HF || model.Config != config {
		t.Errorf("read as %+v, %v", model, err)
	}
}

// turned returns the tensors of tiny_p16_32 with one linear weight transposed.
func TestSquareWeightIsTurnedToo(t *testing.T) {
	t.Parallel()
	config := byName(t, "tiny_p16_32")
	tensors := fillWithBytes(config, tensor.F32)
	at := slices.IndexFunc(tensors, func(n tensor.Named) bool { return n.Name == "blocks.0.attn.proj.weight" })
	for scheme, turns := range map[string]bool{naming.PASSL: true, naming.PaddleViT: true, naming.Unilm: false, naming.Timm: false, naming.HF: false} {
		written, err := naming.Write(scheme, config, tensors, naming.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range written {
			if !strings.HasSuffix(w.Name, "attn.proj.weight") && !strings.HasSuffix(w.Name, "attention.output.dense.weight") {
				continue
			}
			raw, _ := w.Bytes()
			original, _ := tensors[at].Bytes()
			turned, _ := transform.Transpose(tensors[at].View)
			other, _ := turned.Bytes()
			if want := map[bool][]byte{false: original, true: other}[turns]; !bytes.Equal(raw, want) {
				t.Errorf("%s: %s is turned the wrong way", scheme, w.Name)
			}
			break
		}
	}
}

func TestIndexTellsTheWindow(t *testing.T) {
	t.Parallel()
	config := byName(t, "tiny_p16_32")
	config.Name = ""
	for _, window := range []arch.Window{{Height: 2, Width: 3}, {Height: 3, Width: 2}, {Height: 2, Width: 14}, {Height: 5, Width: 5}} {
		config.ImageHeight, config.ImageWidth = 16*window.Height, 16*window.Width
		for _, scheme := range []string{naming.Unilm, naming.PASSL} {
			written, err := naming.Write(scheme, config, fillWithBytes(config, tensor.F32), naming.WriteOptions{})
			if err != nil {
				t.Fatal(err)
			}
			model, err := naming.Read(t.Context(), written, naming.Options{})
			if err != nil || model.Config != config || len(model.Assumptions) > 0 {
				t.Errorf("%s, window %s: read as %+v, %v", scheme, window, model, err)
			}
		}
		plain, err := naming.Write(naming.Timm, config, fillWithBytes(config, tensor.F32), naming.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		model, err := naming.Read(t.Context(), plain, naming.Options{Hints: arch.Hints{Window: window, WindowFrom: "the test"}})
		if err != nil || model.Config != config || model.WindowFrom != "the test" {
			t.Errorf("window %s as a hint: read as %+v, %v", window, model, err)
		}
	}
	// The index of a row of patches is that of a column, so nothing tells which it is.
	config.ImageHeight, config.ImageWidth = 16, 16*5
	written, err := naming.Write(naming.Unilm, config, fillWithBytes(config, tensor.F32), naming.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var open *arch.InferenceError
	if _, err = naming.Read(t.Context(), written, naming.Options{}); !errors.As(err, &open) || len(open.Windows) != 2 {
		t.Errorf("a row of patches: %v", err)
	}
}

func TestIndexIsChecked(t *testing.T) {
	t.Parallel()
	config := byName(t, "tiny_p16_64")
	fresh := func() []tensor.Named {
		written, err := naming.Write(naming.Unilm, config, fillWithBytes(config, tensor.F32), naming.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return written
	}
	find := func(tensors []tensor.Named) *tensor.Named {
		return &tensors[slices.IndexFunc(tensors, func(n tensor.Named) bool { return n.Name == "blocks.1.attn.relative_position_index" })]
	}
	t.Run("one entry", func(t *testing.T) {
		tensors := fresh()
		raw, _ := find(tensors).Bytes()
		raw[(5*17+3)*8]++
		find(tensors).Data = tensor.Memory(raw)
		_, err := naming.Read(t.Context(), tensors, naming.Options{})
		var wrong *naming.PositionIndexError
		if !errors.As(err, &wrong) || wrong.Query != 5 || wrong.Key != 3 || wrong.Got != wrong.Want+1 || wrong.Transposed || wrong.Name != find(tensors).Name {
			t.Errorf("got %v", err)
		}
		if _, err := naming.Read(t.Context(), tensors, naming.Options{SkipIndex: true}); err != nil {
			t.Errorf("skipped, but %v", err)
		}
	})
	t.Run("transposed", func(t *testing.T) {
		tensors := fresh()
		turned, _ := transform.Transpose(find(tensors).View)
		find(tensors).View = turned
		_, err := naming.Read(t.Context(), tensors, naming.Options{})
		var wrong *naming.PositionIndexError
		if !errors.As(err, &wrong) || !wrong.Transposed {
			t.Errorf("got %v", err)
		}
	})
	t.Run("as float32, as PASSL keeps the shared one", func(t *testing.T) {
		tensors := fresh()
		values, _ := tensor.Float64s(find(tensors).View)
		var raw []byte
		for _, v := range values {
			raw = appendF64(raw, v)
		}
		f64 := tensor.View{DType: tensor.F64, Shape: find(tensors).Shape, Data: tensor.Memory(raw)}
		find(tensors).View, _ = transform.Cast(f64, tensor.F32)
		if _, err := naming.Read(t.Context(), tensors, naming.Options{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("streamed", func(t *testing.T) {
		index := find(fresh())
		var streamed bytes.Buffer
		index.Data.WriteTo(&streamed)
		raw, _ := index.Bytes()
		var want []byte
		for _, row := range arch.RelativePositionIndex(4, 4) {
			want = appendI64(want, row)
		}
		if !bytes.Equal(streamed.Bytes(), want) || !bytes.Equal(raw, want) {
			t.Error("the written index is not the computed one")
		}
	})
	t.Run("stopped", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := naming.Read(ctx, fresh(), naming.Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func appendF64(raw []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
}

func appendI64(raw []byte, v int64) []byte { return binary.LittleEndian.AppendUint64(raw, uint64(v)) }
