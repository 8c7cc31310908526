package mim_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/convert/checkpoint/pytorch"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/convert/naming"
	"github.com/beitzoo/beitzoo/evaluate/mim"
	"github.com/beitzoo/beitzoo/tensor"
)

// recordedBranch returns what unilm's own class computed in float64 (dev/interop/class_branch.py).
func recordedBranch(t *testing.T) map[string][]float64 {
	t.Helper()
	all := map[string][]float64{}
	for _, named := range open(t, "mim/digits_class_branch.unilm.float64.safetensors", safetensors.Format).Tensors {
		values, err := tensor.Float64s(named.View)
		if err != nil {
			t.Fatal(err)
		}
		all[named.Name] = values
	}
	return all
}

// branched returns the small model of that recording with the digits' tokenizer. Its branch ends in the norm and head of the model unless own asks for those of its own.
func branched(t *testing.T, own bool) (*mim.Pair, arch.Config, []tensor.Named) {
	t.Helper()
	var weights []tensor.Named
	for _, named := range open(t, "mim/digits_class_branch.unilm.pth", pytorch.Format).Tensors {
		if own || !strings.HasPrefix(named.Name, "cls_pt_norm.") && !strings.HasPrefix(named.Name, "cls_pt_lm_head.") {
			weights = append(weights, named)
		}
	}
	read, err := naming.Read(t.Context(), weights, naming.Options{})
	if err != nil {
		t.Fatal(err)
	}
	shapes := map[string]tensor.Shape{}
	for _, named := range read.Tensors {
		shapes[named.Name] = named.Shape
	}
	inferred, err := arch.Infer(shapes, arch.Hints{})
	if err != nil {
		t.Fatal(err)
	}
	config := inferred.Config
	model, err := native.Engine{}.Load(t.Context(), config, read.Tensors, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	recipe, err := card.RecipeFor("passl-digits", 64)
	if err != nil {
		t.Fatal(err)
	}
	p, _, _ := digits(t)
	p.Masked = mim.Side{Model: model, Config: config, Recipe: recipe}
	return p, config, read.Tensors
}

// TestBranch_EqualsUnilm compares logits, losses and right answers of the branch for the class token, and of the model beside it, with those of unilm's class.
func TestBranch_EqualsUnilm(t *testing.T) {
	t.Parallel()
	want := recordedBranch(t)
	for form, own := range map[string]bool{"shared": false, "own": true} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			p, config, weights := branched(t, own)
			if config.ClassBlocks != 2 || config.ClassHead != own {
				t.Fatalf("%+v", config)
			}
			var err error
			if p.Branch, err = mim.NewBranch(config, weights, 2); err != nil {
				t.Fatal(err)
			}
			_, _, masks := digits(t)
			at := 0
			for seen, err := range p.Stream(t.Context(), images(t, 4), masks) {
				if err != nil {
					t.Fatal(err)
				}
				size := len(seen.Logits)
				for output, got := range map[string][]float64{"logits": seen.Logits, "class_logits": seen.Branch} {
					if apart := farthest(got, want[form+"."+output][at*size:(at+1)*size]); !(apart < 1e-5) {
						t.Errorf("image %d: the %s are %g apart", at, output, apart)
					}
				}
				at++
			}
			if at != 4 {
				t.Errorf("%d images", at)
			}
			_, _, masks = digits(t)
			found, err := p.Evaluate(t.Context(), images(t, 360), masks, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, got := range []mim.Score{found.Score, *found.Branch} {
				if loss, right := want[form+".loss"][i], want[form+".right"][i]; math.Abs(got.Loss-loss) > 1e-5 || float64(got.Right) != right || got.Masked != 2160 {
					t.Errorf("output %d: loss %v, %d right; unilm has %v, %v", i, got.Loss, got.Right, loss, right)
				}
			}
		})
	}
}

// farthest returns the largest difference, or NaN if the lengths differ.
func farthest(a, b []float64) float64 {
	if len(a) != len(b) {
		return math.NaN()
	}
	largest := 0.0
	for i := range a {
		largest = max(largest, math.Abs(a[i]-b[i]))
	}
	return largest
}

// TestNewBranch_Early wants a statement of where the branch begins if it is not one of the released models, and takes it from another block if told so.
func TestNewBranch_Early(t *testing.T) {
	t.Parallel()
	p, config, weights := branched(t, false)
	if _, err := mim.NewBranch(config, weights, 0); !errors.Is(err, mim.ErrNoEarly) {
		t.Errorf("error is %v", err)
	}
	if _, err := mim.NewBranch(config, weights, 4); !errors.Is(err, mim.ErrNoEarly) {
		t.Errorf("error is %v", err)
	}
	var err error
	if p.Branch, err = mim.NewBranch(config, weights, 1); err != nil {
		t.Fatal(err)
	}
	_, _, masks := digits(t)
	want := recordedBranch(t)["shared.class_logits"]
	for seen, err := range p.Stream(t.Context(), images(t, 1), masks) {
		if err != nil {
			t.Fatal(err)
		}
		if apart := farthest(seen.Branch, want[:len(seen.Branch)]); !(apart > 0.01) {
			t.Errorf("from another block the logits are %g apart", apart)
		}
	}
}
