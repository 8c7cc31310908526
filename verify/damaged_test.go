//go:build !race

package verify_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/blame"
	"github.com/beitzoo/beitzoo/verify/recording"
	"github.com/beitzoo/beitzoo/verify/verifytest"
)

// TestVerify_DamagedRecording makes sure that what is not finite in a recording is a fault of the recording, with the tensor and the image named.
func TestVerify_DamagedRecording(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.timm.float32")
	spoilt := func(name string, at int, value float64) func(r *recording.Recording) {
		return func(r *recording.Recording) {
			for i, a := range r.Activations {
				if a.Name == name {
					r.Activations[i].Values = slices.Clone(a.Values)
					r.Activations[i].Values[at] = value
				}
			}
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(r *recording.Recording)
		stage string
		place blame.Place
		says  string
	}{
		{"infinity in a block", spoilt("blocks.1", 17*48+5, math.Inf(1)), "blocks.1", blame.Place{Images: []int{1}, Element: []int{1, 0, 5}}, "blocks.1 of the reference holds 1 value"},
		{"NaN in the logits", spoilt("logits", 3, math.NaN()), "logits", blame.Place{Images: []int{0}, Element: []int{0, 3}}, "in image 0"},
		{"NaN in the input", func(r *recording.Recording) {
			r.Pixels = slices.Clone(r.Pixels)
			r.Pixels[3*64*64+64+2] = float32(math.NaN())
		}, "embed", blame.Place{Images: []int{1}, Element: []int{1, 0, 1, 2}}, "input of the reference holds 1 value"},
	} {
		damaged := changed(g.Recording, slices.Clone(g.Recording.Activations)...)
		c.spoil(damaged)
		r, err := verify.Verify(t.Context(), subject(g, tensor.Invalid), verify.Recorded(c.name, damaged), verify.Options{})
		if err != nil || r.OK || len(r.Findings) != 1 {
			t.Fatalf("%s: %+v, %v", c.name, r, err)
		}
		f := r.Findings[0]
		if f.Side != blame.Recording || f.Hypothesis != "damaged" || f.Stage != c.stage || !strings.Contains(f.Sentence, c.says) {
			t.Errorf("%s: %+v", c.name, f)
		}
		if !slices.Equal(f.Where.Images, c.place.Images) || !slices.Equal(f.Where.Element, c.place.Element) {
			t.Errorf("%s: in %+v, want %+v", c.name, f.Where, c.place)
		}
	}
}

// TestVerify_Mislabelled makes sure that a recording is judged by what its values show, not by what it says of them.
func TestVerify_Mislabelled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		recording string
		stated    tensor.DType
		holdsTo   tensor.DType
		remark    string
	}{
		{"digits_p16_64.timm.float32", tensor.BF16, tensor.F32, "says bfloat16"},
		{"digits_p16_64.timm.float32", tensor.F16, tensor.F32, "says float16"},
		{"digits_p16_64.timm.float32", tensor.F64, tensor.F32, "all of its values are float32's"},
		{"tiny_p16_64.timm.float16", tensor.BF16, tensor.F16, "says bfloat16"},
		{"tiny_p16_64.timm.float16", tensor.F16, tensor.F16, ""},
		{"tiny_p16_64.timm.bfloat16", tensor.BF16, tensor.BF16, ""},
		{"digits_p16_64.hf.float64", tensor.F64, tensor.F64, ""},
	} {
		g := verifytest.One(t, c.recording)
		said := *g.Recording
		said.DType = c.stated
		r, err := verify.Verify(t.Context(), subject(g, tensor.Invalid), verify.Recorded(c.recording, &said), verify.Options{})
		if err != nil || !r.OK || r.HoldsTo != c.holdsTo {
			t.Fatalf("%s said to be %s: %+v, %v", c.recording, c.stated, r, err)
		}
		if got := remarkOf(r, "mislabelled"); (c.remark == "") != (got == "") || !strings.Contains(got, c.remark) {
			t.Errorf("%s said to be %s: %q", c.recording, c.stated, got)
		}
	}
}

// TestVerify_Autocast makes sure that the stream under autocast, which is float32, contradicts nothing.
func TestVerify_Autocast(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.timm.float32")
	said := *g.Recording
	said.DType, said.Autocast = tensor.BF16, "bfloat16"
	r, err := verify.Verify(t.Context(), subject(g, tensor.Invalid), verify.Recorded(g.Name, &said), verify.Options{})
	if err != nil || !r.OK || r.HoldsTo != tensor.BF16 || remarkOf(r, "mislabelled") != "" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestVerify_MislabelledFault makes sure that a fault too small for bfloat16 is found in a recording that only says that it is bfloat16, and that what is no fault that
// has a name is judged by what it says.
func TestVerify_MislabelledFault(t *testing.T) {
	t.Parallel()
	g := verifytest.One(t, "digits_p16_64.timm.float32")
	said := changed(g.Recording, slices.Clone(g.Recording.Activations)...)
	said.DType = tensor.BF16
	wrong := subject(g, tensor.Invalid)
	wrong.Config.Epsilon = 1e-5
	r, err := verify.Verify(t.Context(), wrong, verify.Recorded("small fault", said), verify.Options{})
	if err != nil || r.OK || len(r.Findings) == 0 || r.Findings[0].Hypothesis != "epsilon" {
		t.Errorf("another epsilon: %+v, %v", r, err)
	}
	for i, a := range said.Activations {
		if a.Name == "blocks.1" {
			values := slices.Clone(a.Values)
			for j, v := range values {
				values[j] = v + 1e-3*math.Sin(float64(j))
			}
			said.Activations[i].Values = values
		}
	}
	r, err = verify.Verify(t.Context(), subject(g, tensor.Invalid), verify.Recorded("a layer in bfloat16", said), verify.Options{})
	if err != nil || !r.OK || r.HoldsTo != tensor.BF16 || !strings.Contains(remarkOf(r, "mislabelled"), "blocks.1 is not within the rounding of float32") {
		t.Errorf("differences without a reason: %+v, %v", r, err)
	}
}

func remarkOf(r *verify.Result, code string) string {
	for _, remark := range r.Remarks {
		if remark.Code == code {
			return remark.Sentence
		}
	}
	return ""
}
