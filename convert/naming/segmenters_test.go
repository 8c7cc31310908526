package naming_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// segmenters are the lists of testdata/segmenters: the names that the frameworks themselves give to segmentation models, in files and in memory.
var segmenters = map[string]string{
	"unilm": naming.Unilm, "hf_upernet": naming.HF, "hf_upernet_memory": naming.HF, "hf_beit": naming.HF, "hf_beit_memory": naming.HF,
	"hf_data2vec": naming.Data2Vec, "hf_data2vec_memory": naming.Data2Vec,
}

// counted makes the tensors of a list as they are in files: whole numbers without a shape are counters.
func counted(name string, shape ...int) tensor.Named {
	made := zeros(name, shape...)
	if strings.HasSuffix(name, "num_batches_tracked") {
		made.View = tensor.View{DType: tensor.I64, Shape: tensor.Shape{}, Data: tensor.Memory(make([]byte, 8))}
	}
	return made
}

// Segmentation models are read in the names that the frameworks give them, whatever stands around these, and every scheme that has names for them writes them.
func TestRead_Segmenters(t *testing.T) {
	t.Parallel()
	taps := [arch.Levels]arch.Tap{arch.TapEmbed, 1, 2, 3}
	for name, scheme := range segmenters {
		tensors := slices.DeleteFunc(list(t, "segmenters/"+name, counted), func(n tensor.Named) bool { return strings.HasSuffix(n.Name, "relative_position_index") })
		wrapped := slices.Clone(tensors)
		for i := range wrapped {
			wrapped[i].Name = "module.net." + wrapped[i].Name
		}
		for _, given := range [][]tensor.Named{tensors, wrapped} {
			model, err := naming.Read(t.Context(), given, naming.Options{Hints: arch.Hints{Taps: &taps, TapsFrom: "the test"}})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			c := model.Config
			if model.Scheme != scheme || !c.Segments() || c.Segmentation.Taps != taps || model.TapsFrom != "the test" || !c.Segmentation.Counters || c.Classes != 5 ||
				c.Segmentation.AuxiliaryChannels != 8 || len(model.Tensors) != len(c.Params()) {
				t.Errorf("%s is read as %s, %+v", name, model.Scheme, c)
			}
		}
	}
}

// The tensors of a segmentation model become the same under the names of any scheme, also those that a framework's class for them has.
func TestWrite_SegmentersAsTheFrameworks(t *testing.T) {
	t.Parallel()
	taps := [arch.Levels]arch.Tap{arch.TapEmbed, 1, 2, 3}
	for name, wrapper := range map[string]string{"unilm": "", "hf_upernet": naming.UPerNetWrapper, "hf_beit": naming.BeitWrapper, "hf_data2vec": ""} {
		tensors := list(t, "segmenters/"+name, counted)
		read, err := naming.Read(t.Context(), tensors, naming.Options{SkipIndex: true, Hints: arch.Hints{Taps: &taps}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		written, err := naming.Write(read.Scheme, read.Config, read.Tensors, naming.WriteOptions{Wrapper: wrapper})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		names := func(all []tensor.Named) []string {
			var names []string
			for _, n := range all {
				names = append(names, n.Name+" "+n.Shape.String()+" "+n.DType.String())
			}
			slices.Sort(names)
			return names
		}
		got, want := names(written), names(tensors)
		for i := range want { // a list has no dtypes
			if strings.Contains(want[i], "relative_position_index") {
				want[i] = strings.Replace(want[i], "F32", "I64", 1)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is written as\n%s\nnot\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// Segmentation models with other heads or necks than those of UPerNet are called what they are.
func TestRead_RefusesOtherSegmenters(t *testing.T) {
	t.Parallel()
	read := func(change func([]tensor.Named) []tensor.Named) error {
		tensors := change(slices.DeleteFunc(list(t, "segmenters/unilm", counted), func(n tensor.Named) bool { return strings.HasSuffix(n.Name, "relative_position_index") }))
		_, err := naming.Read(t.Context(), tensors, naming.Options{Hints: arch.Hints{Taps: &[arch.Levels]arch.Tap{0, 1, 2, 3}}})
		return err
	}
	without := func(prefix string, more ...tensor.Named) func([]tensor.Named) []tensor.Named {
		return func(all []tensor.Named) []tensor.Named {
			return append(slices.DeleteFunc(all, func(n tensor.Named) bool { return prefix != "" && strings.HasPrefix(n.Name, prefix) }), more...)
		}
	}
	for want, change := range map[string]func([]tensor.Named) []tensor.Named{
		"looks at its input once more":   without("", zeros("auxiliary_head.conv_cat.conv.weight", 8, 24, 3, 3)),
		"more than one convolution":      without("", zeros("auxiliary_head.convs.1.conv.weight", 8, 8, 3, 3)),
		"fully convolutional head (FCN)": without("decode_head.", zeros("decode_head.convs.0.conv.weight", 8, 16, 3, 3)),
		"the head of Mask2Former":        without("decode_head.", zeros("decode_head.pixel_decoder.input_convs.0.conv.weight", 8, 16, 1, 1)),
		"another decode head than UPerN": without("decode_head.", zeros("decode_head.linear_c1.proj.weight", 8, 16)),
		"patches of 8 pixels": func(all []tensor.Named) []tensor.Named {
			all = without("backbone.fpn2.")(without("backbone.fpn1.1.")(without("backbone.fpn1.3.")(all)))
			for i := range all {
				if all[i].Name == "backbone.patch_embed.proj.weight" {
					all[i] = zeros(all[i].Name, 16, 3, 8, 8)
				}
			}
			return all
		},
	} {
		err := read(change)
		var other *naming.UnsupportedError
		if !errors.As(err, &other) || !strings.Contains(err.Error(), want) || !errors.Is(err, errdef.ErrInput) {
			t.Errorf("%v, not %q", err, want)
		}
	}
	var mismatch *naming.MismatchError
	if err := read(without("decode_head.fpn_bottleneck.bn.running_mean")); !errors.As(err, &mismatch) || len(mismatch.Missing) != 1 ||
		mismatch.Missing[0].Name != "decode_head.fpn_bottleneck.bn.running_mean" {
		t.Errorf("%v, not one missing mean", err)
	}
	if err := read(without("auxiliary_head.")); err != nil { // as mmsegmentation saves models for inference
		t.Errorf("without the auxiliary head: %v", err)
	}
}

// Counters are left out where the program has none, and made where it needs them; nothing else changes.
func TestFitCounters(t *testing.T) {
	t.Parallel()
	config := byName(t, "tiny_seg_p16_48")
	tensors := fillWithBytes(config, tensor.F32)
	paddle, _ := naming.ByName(naming.PaddleSeg)
	unilm, _ := naming.ByName(naming.Unilm)
	fitted, kept, left, added := paddle.FitCounters(config, tensors)
	if fitted.Segmentation.Counters || left != 14 || added != 0 || len(kept) != len(fitted.Params()) {
		t.Fatalf("%+v, %d of %d left, %d left out, %d added", fitted.Segmentation, len(kept), len(tensors), left, added)
	}
	again, made, left, added := unilm.FitCounters(fitted, kept)
	if again != config || left != 0 || added != 14 || len(made) != len(tensors) {
		t.Fatalf("%+v, %d tensors, %d left out, %d added", again, len(made), left, added)
	}
	for i, p := range config.Params() {
		raw, err := made[i].Bytes()
		if made[i].Name != p.Name || err != nil || p.Counter != (made[i].DType == tensor.I64) || p.Counter && strings.Trim(string(raw), "\x00") != "" {
			t.Errorf("%s: %s of %s", p.Name, made[i].Name, made[i].DType)
		}
	}
	if same, _, left, added := unilm.FitCounters(config, tensors); same != config || left+added != 0 {
		t.Error("unilm changes what it can hold")
	}
}
