package convert_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/tensor"
)

// segmenterAt returns the path of a folder that transformers wrote.
func segmenterAt(name string) string { return filepath.Join("..", "testdata", "segmentation", name) }

// A config.json is read as its class means it: BeitBackbone counts stages from the embedding, and the classes of BEiT itself tap the block one further below.
func TestOpen_TapsOfTransformers(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		taps    [arch.Levels]arch.Tap
		classes int
	}{
		"seg_p16_48.hf_upernet":      {[arch.Levels]arch.Tap{1, 2, 3, 4}, 5},
		"seg_p16_48.hf.aligned":      {[arch.Levels]arch.Tap{1, 2, 3, 4}, 5},
		"seg_p16_48.hf.as_published": {[arch.Levels]arch.Tap{arch.TapEmbed, 0, 1, 2}, 5},
		"seg_p16_64.hf_upernet":      {[arch.Levels]arch.Tap{1, 3, 4, 5}, 7},
		"seg_p16_64.hf.as_published": {[arch.Levels]arch.Tap{arch.TapEmbed, 1, 2, 3}, 7},
	} {
		model, err := convert.Open(t.Context(), segmenterAt(name), convert.OpenOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c := model.Config; !c.Segments() || c.Segmentation.Taps != want.taps || c.Classes != want.classes || c.Epsilon != 1e-6 || !c.Segmentation.Counters {
			t.Errorf("%s: %+v", name, c)
		}
		model.Close()
	}
	asked := [arch.Levels]arch.Tap{1, 2, 3, 4}
	model, err := convert.Open(t.Context(), segmenterAt("seg_p16_48.hf.as_published"), convert.OpenOptions{Taps: &asked})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	if model.Config.Segmentation.Taps != asked {
		t.Errorf("taps %s, not those that were asked for", arch.FormatTaps(model.Config.Segmentation.Taps))
	}
}

// Through every scheme and back, the tensors are the same to the bit; only PaddleSeg has no place for counters. What is cast leaves counters as they are.
func TestConvert_SegmentersThereAndBack(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"seg_p16_64.hf_upernet", "seg_p16_48.hf.as_published"} {
		first, err := convert.Open(t.Context(), segmenterAt(source), convert.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		taps := first.Config.Segmentation.Taps
		for _, scheme := range []string{naming.Unilm, naming.OpenMMLab, naming.HF, naming.Data2Vec, naming.PaddleSeg, naming.Canonical} {
			there := filepath.Join(t.TempDir(), map[string]string{naming.PaddleSeg: "m.pdparams", naming.Unilm: "m.pth", naming.OpenMMLab: "m.pth"}[scheme])
			switch scheme {
			case naming.Canonical, naming.Data2Vec: // whose class can't tap the last block
				there += "/m.safetensors"
			case naming.HF:
				there += "/folder/"
			}
			report, err := convert.Convert(t.Context(), segmenterAt(source), there, convert.Options{SaveOptions: convert.SaveOptions{To: scheme, Prove: true}})
			if err != nil {
				t.Errorf("%s to %s: %v", source, scheme, err)
				continue
			}
			if (report.Saved.LeftOut == 14) != (scheme == naming.PaddleSeg) || (len(report.Lossy) > 0) != (scheme == naming.PaddleSeg) {
				t.Errorf("%s to %s leaves out %d counters, %q", source, scheme, report.Saved.LeftOut, report.Lossy)
			}
			back, err := convert.Open(t.Context(), there, convert.OpenOptions{Taps: &taps})
			if err != nil {
				t.Errorf("%s from %s: %v", source, scheme, err)
				continue
			}
			want := first.Config
			want.Segmentation.Counters = scheme != naming.PaddleSeg
			if back.Config.Named() != want.Named() {
				t.Errorf("%s comes back from %s as %+v, not %+v", source, scheme, back.Config, want)
			}
			back.Close()
		}
		cast := filepath.Join(t.TempDir(), "half.safetensors")
		if _, err := convert.Convert(t.Context(), segmenterAt(source), cast, convert.Options{DType: tensor.F16, SaveOptions: convert.SaveOptions{To: naming.Canonical, Prove: true}}); err != nil {
			t.Fatal(err)
		}
		half, err := convert.Open(t.Context(), cast, convert.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer half.Close()
		for i, p := range half.Config.Params() {
			if want := map[bool]tensor.DType{true: tensor.I64, false: tensor.F16}[p.Counter]; half.Tensors[i].DType != want {
				t.Errorf("%s is %s after a cast", p.Name, half.Tensors[i].DType)
			}
		}
	}
}

// The class of BEiT itself is written where it can tap the same blocks, else only on consent, and then it is said which blocks it taps.
func TestConvert_ShiftedClass(t *testing.T) {
	t.Parallel()
	to := func(source string, allow bool) (*convert.Report, error) {
		return convert.Convert(t.Context(), segmenterAt(source), filepath.Join(t.TempDir(), "out")+"/",
			convert.Options{SaveOptions: convert.SaveOptions{To: naming.HF, Wrapper: naming.BeitWrapper, Prove: true, AllowOtherTaps: allow}})
	}
	report, err := to("seg_p16_48.hf_upernet", false)
	if err != nil || !strings.Contains(strings.Join(report.Notes, "\n"), "which are [3 4 5 6], so that it taps the same blocks as here, 1, 2, 3, 4") {
		t.Errorf("%v, %+v", err, report)
	}
	var refused *convert.TargetError
	if _, err := to("seg_p16_64.hf_upernet", false); !errors.As(err, &refused) || !strings.Contains(refused.Hint(), "which taps the blocks embed, 1, 2, 3") {
		t.Errorf("%v", err)
	}
	report, err = to("seg_p16_64.hf_upernet", true)
	if err != nil || !strings.Contains(strings.Join(report.Notes, "\n"), "taps the blocks embed, 1, 2, 3, where this model taps 1, 3, 4, 5") {
		t.Errorf("%v, %+v", err, report)
	}
}
