package main

import (
	"slices"
	"strings"
	"testing"
)

// segmenterForms are the forms of the models in testdata/segmentation, and what each taps. The configurations of folders say that; of a file, a flag does.
var segmenterForms = []struct {
	name, taps string
	flag       bool
}{
	{"seg_p16_48.unilm.pth", "1, 2, 3, 4", true},
	{"seg_p16_48.hf.aligned", "1, 2, 3, 4", false},
	{"seg_p16_48.hf_upernet", "1, 2, 3, 4", false},
	{"seg_p16_48.hf.as_published", "embed, 0, 1, 2", false},
	{"seg_p16_64.unilm.pth", "1, 3, 4, 5", true},
	{"seg_p16_64.hf_upernet", "1, 3, 4, 5", false},
	{"seg_p16_64.hf.as_published", "embed, 1, 2, 3", false},
}

// TestVerify_FormsOfSegmenters verifies each form of a segmentation model against each recording of it, which other programs made, and against each other form: they agree within
// rounding if they tap the same blocks, and else the taps are named, and the exit code is 1.
func TestVerify_FormsOfSegmenters(t *testing.T) {
	t.Parallel()
	recordings := []struct{ name, taps string }{
		{"seg_p16_48.unilm.float64", "1, 2, 3, 4"},
		{"seg_p16_48.unilm.float32", "1, 2, 3, 4"},
		{"seg_p16_48.hf.aligned.float64", "1, 2, 3, 4"},
		{"seg_p16_48.hf_upernet.float64", "1, 2, 3, 4"},
		{"seg_p16_48.hf.as_published.float64", "embed, 0, 1, 2"},
		{"seg_p16_64.unilm.float64", "1, 3, 4, 5"},
		{"seg_p16_64.hf.as_published.float64", "embed, 1, 2, 3"},
	}
	size := func(name string) string { return strings.SplitN(name, ".", 2)[0] }
	flag := func(name, taps string) []string { return []string{name, strings.ReplaceAll(taps, " ", "")} }
	for _, form := range segmenterForms {
		base := []string{"verify", testdata("segmentation/" + form.name), "--engine", "native"}
		if form.flag {
			base = append(base, flag("--taps", form.taps)...)
		}
		for _, r := range recordings {
			if size(r.name) != size(form.name) {
				continue
			}
			t.Run(form.name+" recorded "+r.name, func(t *testing.T) {
				t.Parallel()
				args := append(slices.Clone(base), "--recording", testdata("segmentation/"+r.name+".recording.safetensors"))
				checkTaps(t, args, form.taps, r.taps, "the tensors are the same, but the reference taps blocks "+r.taps+" where this model taps "+form.taps)
			})
		}
		for _, other := range segmenterForms {
			if size(other.name) != size(form.name) {
				continue
			}
			t.Run(form.name+" against "+other.name, func(t *testing.T) {
				t.Parallel()
				args := append(slices.Clone(base), "--against", testdata("segmentation/"+other.name))
				if other.flag || form.flag {
					args = append(args, flag("--against-taps", other.taps)...)
				}
				checkTaps(t, args, form.taps, other.taps, "the same tensors, but ")
			})
		}
	}
}

// checkTaps runs a verification of a model with taps against what taps others.
func checkTaps(t *testing.T, args []string, taps, others, sentence string) {
	t.Helper()
	code, out, errs := runHere(t, args...)
	switch {
	case taps == others:
		if code != 0 || strings.Contains(out, "tensors") && strings.Contains(out, "taps blocks") {
			t.Errorf("exit %d: %s%s", code, out, errs)
		}
	case code != 1 || !strings.Contains(out, sentence) || !strings.Contains(out, taps) || !strings.Contains(out, others):
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}
