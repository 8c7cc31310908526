package naming_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/tensor"
)

func write(t *testing.T, scheme string, config arch.Config) []tensor.Named {
	t.Helper()
	written, err := naming.Write(scheme, config, fillWithBytes(config, tensor.F32), naming.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return written
}

func without(tensors []tensor.Named, names ...string) []tensor.Named {
	return slices.DeleteFunc(slices.Clone(tensors), func(n tensor.Named) bool { return slices.Contains(names, n.Name) })
}

func zeros(name string, shape ...int) tensor.Named {
	v, _ := transform.Zeros(tensor.F32, shape)
	return tensor.Named{Name: name, View: v}
}

func ones(name string, shape ...int) tensor.Named {
	v, _ := transform.Zeros(tensor.F32, shape)
	raw, _ := v.Bytes()
	for i := 3; i < len(raw); i += 4 {
		raw[i] = 0x3f
	}
	v.Data = tensor.Memory(raw)
	return tensor.Named{Name: name, View: v}
}

// reshaped replaces the shape of one tensor.
func reshaped(tensors []tensor.Named, name string, shape ...int) []tensor.Named {
	return append(without(tensors, name), zeros(name, shape...))
}

func TestMismatchNamesEverything(t *testing.T) {
	t.Parallel()
	config := byName(t, "tiny_p16_64")
	passl, hf := write(t, naming.PASSL, config), write(t, naming.HF, config)
	for _, c := range []struct {
		name    string
		tensors []tensor.Named
		want    naming.MismatchError
	}{
		{"one missing", without(passl, "backbone.blocks.2.attn.q_bias"), naming.MismatchError{
			Scheme: naming.PASSL, Missing: []naming.Missing{{Name: "backbone.blocks.2.attn.q_bias", Canonical: "blocks.2.attn.q_bias"}},
		}},
		{"one extra", append(slices.Clone(passl), zeros("backbone.extra", 3)), naming.MismatchError{
			Scheme: naming.PASSL, Unexpected: []naming.Unexpected{{Name: "backbone.extra"}},
		}},
		{"renamed", append(without(passl, "backbone.blocks.1.gamma_2"), zeros("backbone.blocks.1.gamma2", 48)), naming.MismatchError{
			Scheme:     naming.PASSL,
			Missing:    []naming.Missing{{Name: "backbone.blocks.1.gamma_2", Canonical: "blocks.1.gamma_2", Nearest: "backbone.blocks.1.gamma2"}},
			Unexpected: []naming.Unexpected{{Name: "backbone.blocks.1.gamma2", Nearest: "backbone.blocks.1.gamma_2"}},
		}},
		{"shape in the layout of the file", reshaped(passl, "backbone.blocks.1.mlp.fc1.weight", 48, 191), naming.MismatchError{
			Scheme: naming.PASSL, Shapes: []naming.IllShaped{{Name: "backbone.blocks.1.mlp.fc1.weight", Got: tensor.Shape{48, 191}, Want: tensor.Shape{48, 192}}},
		}},
		{"no matrix", reshaped(passl, "backbone.blocks.1.mlp.fc1.weight", 7), naming.MismatchError{
			Scheme: naming.PASSL, Shapes: []naming.IllShaped{{Name: "backbone.blocks.1.mlp.fc1.weight", Got: tensor.Shape{7}, Want: tensor.Shape{48, 192}}},
		}},
		{"several of all", reshaped(append(without(passl, "backbone.cls_token", "head.fc_cls.bias"), zeros("backbone.z", 1), zeros("backbone.a", 1)), "backbone.blocks.0.norm1.bias", 4, 4), naming.MismatchError{
			Scheme: naming.PASSL,
			Missing: []naming.Missing{
				{Name: "backbone.cls_token", Canonical: "cls_token"}, {Name: "head.fc_cls.bias", Canonical: "head.bias"},
			},
			Unexpected: []naming.Unexpected{{Name: "backbone.a"}, {Name: "backbone.z"}},
			Shapes:     []naming.IllShaped{{Name: "backbone.blocks.0.norm1.bias", Got: tensor.Shape{4, 4}, Want: tensor.Shape{48}}},
		}},
		{"part of a joined one missing", without(hf, "beit.encoder.layer.1.attention.attention.key.weight"), naming.MismatchError{
			Scheme: naming.HF, Missing: []naming.Missing{{Name: "beit.encoder.layer.1.attention.attention.key.weight", Canonical: "blocks.1.attn.qkv.weight"}},
		}},
		{"all of a joined one missing", without(hf, "beit.encoder.layer.1.attention.attention.key.weight",
			"beit.encoder.layer.1.attention.attention.query.weight", "beit.encoder.layer.1.attention.attention.value.weight"), naming.MismatchError{
			Scheme: naming.HF, Missing: []naming.Missing{
				{Name: "beit.encoder.layer.1.attention.attention.key.weight", Canonical: "blocks.1.attn.qkv.weight"},
				{Name: "beit.encoder.layer.1.attention.attention.query.weight", Canonical: "blocks.1.attn.qkv.weight"},
				{Name: "beit.encoder.layer.1.attention.attention.value.weight", Canonical: "blocks.1.attn.qkv.weight"},
			},
		}},
		{"part of a joined one ill-shaped", reshaped(hf, "beit.encoder.layer.0.attention.attention.query.weight", 48, 47), naming.MismatchError{
			Scheme: naming.HF, Shapes: []naming.IllShaped{
				{Name: "beit.encoder.layer.0.attention.attention.key.weight", Got: tensor.Shape{48, 48}, Want: tensor.Shape{48, 48}},
				{Name: "beit.encoder.layer.0.attention.attention.query.weight", Got: tensor.Shape{48, 47}, Want: tensor.Shape{48, 48}},
				{Name: "beit.encoder.layer.0.attention.attention.value.weight", Got: tensor.Shape{48, 48}, Want: tensor.Shape{48, 48}},
			},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.want.Architecture = "tiny_p16_64"
			_, err := naming.Read(t.Context(), c.tensors, naming.Options{})
			var got *naming.MismatchError
			if !errors.As(err, &got) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(c.want, *got); diff != "" {
				t.Error(diff)
			}
			if got.Hint() == "" || !strings.Contains(got.Error(), "tiny_p16_64") {
				t.Errorf("%v, hint %q", got, got.Hint())
			}
		})
	}
}

func TestOtherRefusals(t *testing.T) {
	t.Parallel()
	config, masked := byName(t, "tiny_p16_64"), byName(t, "tiny_mim_p16_64")
	unilm := write(t, naming.Unilm, config)
	large := byName(t, "beit_base_p16_224")
	for _, c := range []struct {
		name    string
		tensors []tensor.Named
		options naming.Options
		target  any
		text    string
	}{
		{"nothing", nil, naming.Options{}, new(*naming.NotBEiTError), "no tensors"},
		{"another model", []tensor.Named{zeros("conv1.weight", 64, 3, 7, 7), zeros("fc.bias", 10)}, naming.Options{}, new(*naming.NotBEiTError), "none of the 2 tensors"},
		{"unknown scheme", unilm, naming.Options{Scheme: "tim"}, new(*naming.UnknownSchemeError), `"tim"`},
		{"masked as classifier", write(t, naming.Unilm, masked), naming.Options{Arch: &large}, new(*naming.MaskedModelError), "no fc_norm and no head"},
		{"another architecture", unilm, naming.Options{Arch: &large}, new(*naming.MismatchError), "beit_base_p16_224"},
		{"segmentation", append(slices.Clone(unilm), zeros("decode_head.conv_seg.weight", 150, 768)), naming.Options{}, new(*naming.UnsupportedError), "segmentation"},
		{"BEiT v2 pre-training", append(write(t, naming.Unilm, masked), zeros("cls_pt_layers.0.gamma_1", 48)), naming.Options{}, new(*naming.MismatchError), "cls_pt_layers.0."},
		{"two norms", append(write(t, naming.HF, masked), ones("beit.layernorm.weight", 48), zeros("beit.layernorm.bias", 48)), naming.Options{}, new(*naming.TwoNormsError), "two norms"},
		{"two norms of OpenMMLab", append(write(t, naming.OpenMMLab, config), ones("backbone.ln1.weight", 48), zeros("backbone.ln1.bias", 48)), naming.Options{}, new(*naming.TwoNormsError), "ln1"},
		{"key bias", append(slices.Clone(unilm), ones("blocks.0.attn.k_bias", 48)), naming.Options{}, new(*naming.TensorError), "not all zero"},
		{"full bias", append(without(unilm, "blocks.0.attn.q_bias", "blocks.0.attn.v_bias"), ones("blocks.0.attn.qkv.bias", 144)), naming.Options{}, new(*naming.TensorError), "key part"},
		{"bad architecture", unilm, naming.Options{Arch: &arch.Config{}}, new(*arch.ConfigError), "depth"},
		{"no way to tell the window", without(write(t, naming.Unilm, func() arch.Config {
			c := masked
			c.Bias, c.AbsolutePosition, c.EmbedDim, c.Heads, c.HiddenDim = arch.NoBias, true, 64, 1, 64
			return c
		}()), "pos_embed"), naming.Options{}, new(*arch.InferenceError), "image size"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := naming.Read(t.Context(), c.tensors, c.options)
			if err == nil || !errors.As(err, c.target) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %T %v, want %T with %q", err, err, c.target, c.text)
			}
			var hinted interface{ Hint() string }
			if c.name != "bad architecture" && (!errors.As(err, &hinted) || hinted.Hint() == "") {
				t.Error("no hint")
			}
		})
	}
}

func TestHarmlessExtras(t *testing.T) {
	t.Parallel()
	config, masked := byName(t, "tiny_p16_64"), byName(t, "tiny_mim_p16_64")
	timm := write(t, naming.Timm, config)
	fused := without(timm, "blocks.0.attn.q_bias", "blocks.0.attn.v_bias")
	bias := zeros("blocks.0.attn.qkv.bias", 144)
	for _, c := range []struct {
		name    string
		tensors []tensor.Named
		dropped string
	}{
		{"tokenizer of PASSL's pre-training", append(write(t, naming.PASSL, masked), ones("d_vae.encoder.blocks.input.weight", 256, 3, 7, 7)), "d_vae.encoder.blocks.input.weight"},
		{"timm's key bias", append(slices.Clone(timm), zeros("blocks.0.attn.k_bias", 48)), "blocks.0.attn.k_bias"},
		{"Hugging Face key bias", append(write(t, naming.HF, config), zeros("beit.encoder.layer.0.attention.attention.key.bias", 48)), "beit.encoder.layer.0.attention.attention.key.bias"},
		{"mask token of a classifier", append(write(t, naming.HF, config), ones("beit.embeddings.mask_token", 1, 1, 48)), "beit.embeddings.mask_token"},
		{"one bias for all three", append(fused, bias), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			model, err := naming.Read(t.Context(), c.tensors, naming.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if at := slices.IndexFunc(model.Dropped, func(d naming.Dropped) bool { return d.Name == c.dropped }); c.dropped != "" && at < 0 {
				t.Errorf("dropped %v", model.Dropped)
			}
			if c.dropped != "" && len(model.Notes) == 0 {
				t.Error("nothing was noted")
			}
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	config, masked := byName(t, "tiny_p16_64"), byName(t, "tiny_mim_p16_64")
	tensors := fillWithBytes(config, tensor.F32)
	for _, c := range []struct {
		name, scheme, wrapper string
		config                arch.Config
		tensors               []tensor.Named
		target                any
	}{
		{"unknown scheme", "torch", "", config, tensors, new(*naming.UnknownSchemeError)},
		{"one missing", naming.HF, "", config, without(tensors, "cls_token"), new(*naming.MismatchError)},
		{"one extra", naming.HF, "", config, append(slices.Clone(tensors), zeros("pos_embed", 1, 17, 48)), new(*naming.MismatchError)},
		{"one twice", naming.HF, "", config, append(slices.Clone(tensors), tensors[0]), new(*naming.MismatchError)},
		{"not canonical", naming.HF, "", config, append(without(tensors, "cls_token"), zeros("backbone.cls_token", 1, 1, 48)), new(*naming.MismatchError)},
		{"wrapper of another scheme", naming.Timm, naming.BEiTWrapper, config, tensors, new(*naming.WrapperError)},
		{"unknown wrapper", naming.PASSL, "Wrapper", config, tensors, new(*naming.WrapperError)},
		{"masked wrapper", naming.PASSL, naming.BEiTPTWrapper, config, tensors, new(*naming.WrapperError)},
		{"classifier's wrapper", naming.PASSL, naming.BEiTWrapper, masked, fillWithBytes(masked, tensor.F32), new(*naming.WrapperError)},
		{"impossible architecture", naming.Timm, "", arch.Config{}, nil, new(*arch.ConfigError)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := naming.Write(c.scheme, c.config, c.tensors, naming.WriteOptions{Wrapper: c.wrapper}); !errors.As(err, c.target) {
				t.Errorf("got %T %v, want %T", err, err, c.target)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	config, _ := arch.ByName("tiny_p16_32")
	written, _ := naming.Write(naming.PASSL, config, fillWithBytes(config, tensor.F32), naming.WriteOptions{})
	for _, w := range written {
		f.Add(w.Name, 3, 5, -1)
	}
	f.Add("backbone.blocks.4000000000.gamma_1", 0, 0, 0)
	f.Fuzz(func(t *testing.T, name string, rows, cols, without int) {
		tensors := append(slices.Clone(written), tensor.Named{Name: name, View: tensor.View{DType: tensor.F32, Shape: tensor.Shape{rows, cols}, Data: tensor.Memory{}}})
		if without >= 0 && without < len(written) {
			tensors = slices.Delete(tensors, without, without+1)
		}
		model, err := naming.Read(t.Context(), tensors, naming.Options{})
		if err != nil {
			return
		}
		if diff := cmp.Diff(config, model.Config); diff != "" && without < 0 {
			t.Errorf("%q of [%d, %d] changes the model: %s", name, rows, cols, diff)
		}
	})
}

// TestRead_KeyBias reads models whose keys have a bias that is not zero, for whoever only runs them: it is left out and named. A model that nothing else tells
// from a plain vision transformer is refused all the same.
func TestRead_KeyBias(t *testing.T) {
	t.Parallel()
	config, err := arch.ByName("tiny_p16_64")
	if err != nil {
		t.Fatal(err)
	}
	unilm := write(t, naming.Unilm, config)
	full := append(without(unilm, "blocks.0.attn.q_bias", "blocks.0.attn.v_bias"), ones("blocks.0.attn.qkv.bias", 144))
	own := append(slices.Clone(unilm), ones("blocks.0.attn.k_bias", 48))
	plain := config
	plain.Bias, plain.LayerScale, plain.AbsolutePosition = arch.NoBias, false, true
	transformer := append(without(write(t, naming.Unilm, plain), "blocks.0.attn.q_bias", "blocks.0.attn.v_bias"), ones("blocks.0.attn.qkv.bias", 144))
	for name, c := range map[string]struct {
		tensors []tensor.Named
		tensor  string
	}{"in one": {full, "blocks.0.attn.qkv.bias"}, "of its own": {own, "blocks.0.attn.k_bias"}} {
		m, err := naming.Read(t.Context(), c.tensors, naming.Options{KeyBias: true})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.Equal(m.KeyBias, []string{c.tensor}) || len(m.Tensors) != len(config.Params()) {
			t.Errorf("%s: key bias %v, %d parameters", name, m.KeyBias, len(m.Tensors))
		}
	}
	var refused *naming.StrangerError
	if _, err := naming.Read(t.Context(), transformer, naming.Options{KeyBias: true, Hints: arch.Hints{Heads: 3}}); !errors.As(err, &refused) {
		t.Errorf("a plain vision transformer: %v", err)
	}
}
