package probe_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/safetensors"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/finetune/probe"
	"github.com/beitzoo/beitzoo/internal/random"
	"github.com/beitzoo/beitzoo/tensor"
)

// recorded returns the tensors of what dev/interop/probe.py wrote.
func recorded(t *testing.T) map[string][]float64 {
	t.Helper()
	file, err := checkpoint.Open(t.Context(), "testdata/newton.safetensors", checkpoint.Options{}, safetensors.Format)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	values := map[string][]float64{}
	for _, named := range file.Tensors {
		if values[named.Name], err = tensor.Float64s(named.View); err != nil {
			t.Fatal(err)
		}
	}
	return values
}

// digits returns features of 150 digits.
func digits(t *testing.T) (*probe.Data, map[string][]float64) {
	t.Helper()
	values := recorded(t)
	d := &probe.Data{Width: 48}
	for i, class := range values["classes"] {
		d.Add(values["features"][48*i:48*i+48], int(class))
	}
	if d.Len() != 150 {
		t.Fatalf("%d pictures", d.Len())
	}
	return d, values
}

// TestFit_MatchesNewton compares minima with those that Newton's method found, on the whole Hessian.
func TestFit_MatchesNewton(t *testing.T) {
	t.Parallel()
	d, want := digits(t)
	for _, penalty := range []float64{1, 1e-2, 1e-4} {
		fitted, err := probe.Fit(t.Context(), d, probe.Options{Classes: 10, Penalty: penalty})
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("%g.", penalty)
		if off := math.Abs(fitted.Objective - want[name+"objective"][0]); off > 1e-12 {
			t.Errorf("penalty %g: the value at the minimum is off by %g", penalty, off)
		}
		if fitted.Gradient > 1e-9 || fitted.Choices != nil || fitted.Penalty != penalty {
			t.Errorf("penalty %g: gradient %g, %d choices, penalty %g", penalty, fitted.Gradient, len(fitted.Choices), fitted.Penalty)
		}
		for part, got := range map[string][]float64{"weight": fitted.Head.Weight, "bias": fitted.Head.Bias} {
			if off, most := farthest(got, want[name+part]); off > 1e-5*most {
				t.Errorf("penalty %g: %s is off by %g, of values up to %g", penalty, part, off, most)
			}
		}
		t.Logf("penalty %g: %d iterations, gradient %.2g", penalty, fitted.Iterations, fitted.Gradient)
	}
}

// farthest returns the largest difference, and the largest value.
func farthest(a, b []float64) (off, most float64) {
	if len(a) != len(b) {
		return math.Inf(1), 0
	}
	for i := range a {
		off, most = max(off, math.Abs(a[i]-b[i])), max(most, math.Abs(b[i]))
	}
	return off, most
}

func TestFit_SameBitsWithAnyThreads(t *testing.T) {
	t.Parallel()
	d, _ := digits(t)
	var first *probe.Fitted
	for _, threads := range []int{1, 2, 3, 7} {
		fitted, err := probe.Fit(t.Context(), d, probe.Options{Classes: 10, Folds: 3, Penalties: []float64{1, 0.01}, Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = fitted
		}
		if diff := cmp.Diff(first, fitted); diff != "" {
			t.Errorf("%d threads (-1 thread +these):\n%s", threads, diff)
		}
	}
}

// TestFit_ChoosesByCrossValidation makes sure that what is chosen is what an own loop over the folds finds best.
func TestFit_ChoosesByCrossValidation(t *testing.T) {
	t.Parallel()
	d, _ := digits(t)
	penalties := []float64{1e-4, 10, 0.01, 0.3}
	const folds, seed = 3, 5
	fitted, err := probe.Fit(t.Context(), d, probe.Options{Classes: 10, Folds: folds, Seed: seed, Penalties: penalties})
	if err != nil {
		t.Fatal(err)
	}
	fold := probe.Folds(d.Classes, folds, seed)
	want := make([]probe.Choice, 0, len(penalties))
	for _, penalty := range []float64{10, 0.3, 0.01, 1e-4} {
		c := probe.Choice{Penalty: penalty}
		for held := range folds {
			var seen, unseen []int
			for i, f := range fold {
				if f == held {
					unseen = append(unseen, i)
				} else {
					seen = append(seen, i)
				}
			}
			part, err := probe.Fit(t.Context(), d.Select(seen), probe.Options{Classes: 10, Penalty: penalty})
			if err != nil {
				t.Fatal(err)
			}
			score := probe.ScoreOf(part.Head, d.Select(unseen))
			c.Loss, c.Right = c.Loss+score.Loss*float64(score.Images)/150, c.Right+score.Right
		}
		want = append(want, c)
	}
	best := want[0]
	for i, c := range want {
		got := fitted.Choices[i]
		if got.Penalty != c.Penalty || got.Right != c.Right || math.Abs(got.Loss-c.Loss) > 1e-3 { // the folds go less near to their minima
			t.Errorf("choice %d is %+v, want %+v", i, got, c)
		}
		if c.Loss < best.Loss {
			best = c
		}
	}
	if fitted.Penalty != best.Penalty || fitted.Edge != (best.Penalty == 10 || best.Penalty == 1e-4) {
		t.Errorf("penalty %g (edge: %v), want %g", fitted.Penalty, fitted.Edge, best.Penalty)
	}
}

func TestFolds_SpreadClasses(t *testing.T) {
	t.Parallel()
	classes := slices.Concat(slices.Repeat([]int{0}, 11), slices.Repeat([]int{1}, 7), slices.Repeat([]int{2}, 5), []int{0, 2, 2})
	fold := probe.Folds(classes, 4, 9)
	size, ofClass := map[int]int{}, map[[2]int]int{}
	for i, f := range fold {
		size[f]++
		ofClass[[2]int{f, classes[i]}]++
	}
	for f := range 4 {
		if size[f] < 6 || size[f] > 7 {
			t.Errorf("fold %d has %d of 26", f, size[f])
		}
		for class, all := range []int{12, 7, 7} {
			if n := ofClass[[2]int{f, class}]; n < all/4 || n > (all+3)/4 {
				t.Errorf("fold %d has %d of the %d of class %d", f, n, all, class)
			}
		}
	}
	if slices.Equal(fold, probe.Folds(classes, 4, 10)) {
		t.Error("another seed has the same folds")
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	classes := slices.Concat(slices.Repeat([]int{0}, 10), slices.Repeat([]int{1}, 2), []int{2}, slices.Repeat([]int{3}, 3))
	train, test := probe.Split(classes, 0.25, 1)
	held := map[int]int{}
	for _, i := range test {
		held[classes[i]]++
	}
	if want := map[int]int{0: 3, 1: 1, 3: 1}; !cmp.Equal(held, want) {
		t.Errorf("held out of each class: %v, want %v", held, want)
	}
	all := slices.Concat(train, test)
	slices.Sort(all)
	for i, at := range all {
		if i != at {
			t.Fatalf("train and test together are %v", all)
		}
	}
	if again, _ := probe.Split(classes, 0.25, 1); !slices.Equal(again, train) {
		t.Error("the same seed splits otherwise")
	}
}

func TestFit_Errors(t *testing.T) {
	t.Parallel()
	make := func(classes ...int) *probe.Data {
		d, r := &probe.Data{Width: 2}, random.New(1)
		for _, class := range classes {
			d.Add([]float64{r.Normal(), r.Normal() + float64(class)}, class)
		}
		return d
	}
	enough := make(0, 0, 0, 0, 0, 1, 1, 1, 1, 1)
	broken := make(0, 0, 0, 0, 0, 1, 1, 1, 1, 1)
	broken.Features[5] = math.NaN()
	names := []string{"cat", "dog", "hen"}
	for _, c := range []struct {
		name string
		data *probe.Data
		o    probe.Options
		want string
	}{
		{"one class", make(1, 1, 1), probe.Options{Classes: 3}, "are of 1 class: there is nothing to tell apart"},
		{"no pictures", make(), probe.Options{Classes: 2}, "are of 0 classes"},
		{"a class without pictures", make(0, 0, 2, 2), probe.Options{Classes: 3, Penalty: 1, Names: names}, `1 class is without a picture to learn from: "dog"`},
		{"too few for the folds", make(0, 0, 0, 1, 1), probe.Options{Classes: 2, Folds: 3, Names: names}, `fewer pictures to learn from than the 3 folds of the cross-validation: "dog" (2)`},
		{"one fold", enough, probe.Options{Classes: 2, Folds: 1}, probe.ErrFolds.Error()},
		{"a penalty below 0", enough, probe.Options{Classes: 2, Penalty: -1}, probe.ErrPenalty.Error()},
		{"a penalty of 0 among others", enough, probe.Options{Classes: 2, Penalty: 1, Penalties: []float64{0, 1}}, probe.ErrPenalty.Error()},
		{"a feature that is NaN", broken, probe.Options{Classes: 2}, "feature 1 of picture 2 is NaN"},
	} {
		_, err := probe.Fit(t.Context(), c.data, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
			continue
		}
		if few := (*probe.ClassesError)(nil); errors.As(err, &few) && (few.Hint() == "" || !errors.Is(err, errdef.ErrUsage)) {
			t.Errorf("%s: hint %q, kind %v", c.name, few.Hint(), errdef.Kind(err))
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := probe.Fit(ctx, enough, probe.Options{Classes: 2}); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that ended: %v", err)
	}
}

// TestFit_NotFound has two features that are the same but for a part in 10^9, which tells the classes apart: a penalty that is too small for rounding to see has no
// minimum that can be found, and that is said; a larger one has.
func TestFit_NotFound(t *testing.T) {
	t.Parallel()
	d, r := &probe.Data{Width: 2}, random.New(3)
	for i := range 60 {
		common := r.Normal()
		d.Add([]float64{common, common + 1e-9*(r.Normal()+float64(i%2))}, i%2)
	}
	_, err := probe.Fit(t.Context(), d, probe.Options{Classes: 2, Penalty: 1e-100})
	var failed *probe.ConvergenceError
	if !errors.As(err, &failed) {
		t.Fatalf("error %v", err)
	}
	if failed.Penalty != 1e-100 || !(failed.Gradient > 1e-6) || !errors.Is(err, errdef.ErrUsage) || failed.Hint() == "" {
		t.Errorf("%+v, hint %q, kind %v", failed, failed.Hint(), errdef.Kind(err))
	}
	if fitted, err := probe.Fit(t.Context(), d, probe.Options{Classes: 2, Penalty: 1e-6}); err != nil || fitted.Gradient > 1e-6 {
		t.Errorf("a larger penalty: %v", err)
	}
}

// TestFit_ConstantFeature has a feature that says nothing, and one that is far from 0.
func TestFit_ConstantFeature(t *testing.T) {
	t.Parallel()
	d, r := &probe.Data{Width: 3}, random.New(2)
	for i := range 40 {
		d.Add([]float64{0.1, 1e6 + r.Normal() + 3*float64(i%2), r.Normal()}, i%2)
	}
	fitted, err := probe.Fit(t.Context(), d, probe.Options{Classes: 2, Penalty: 0.01})
	if err != nil {
		t.Fatal(err)
	}
	if w := fitted.Head.Weight; w[0] != 0 || w[3] != 0 {
		t.Errorf("weights of a constant are %g and %g", w[0], w[3])
	}
	if score := probe.ScoreOf(fitted.Head, d); score.Right < 34 {
		t.Errorf("%d of 40 are right", score.Right)
	}
}

func TestScores(t *testing.T) {
	t.Parallel()
	h := &probe.Head{Classes: 2, Width: 1, Weight: []float64{-1, 1}, Bias: []float64{0, 0}}
	d := &probe.Data{Width: 1}
	for _, picture := range []struct {
		x     float64
		class int
	}{{-2, 0}, {3, 1}, {1, 0}, {0, 0}, {0, 1}} { // the last two are ties, for which class 0 counts
		d.Add([]float64{picture.x}, picture.class)
	}
	got := probe.ScoreOf(h, d)
	if got.Right != 3 || got.Share != 0.6 || math.Abs(got.StandardError-math.Sqrt(0.6*0.4/5)) > 1e-15 {
		t.Errorf("score is %+v", got)
	}
	softplus := func(x float64) float64 { return math.Log1p(math.Exp(x)) }
	if want := (softplus(-4) + softplus(-6) + softplus(2) + 2*math.Ln2) / 5; math.Abs(got.Loss-want) > 1e-15 {
		t.Errorf("loss is %g, want %g", got.Loss, want)
	}
	other := probe.Score{Images: 5, Hits: []bool{true, false, false, false, true}}
	want := probe.Difference{Share: 0.2, StandardError: math.Sqrt((0.6 - 0.04) / 5), Only: 2, Other: 1}
	if diff := cmp.Diff(want, probe.Compare(got, other), cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-15 })); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
	train := &probe.Data{Width: 1, Features: make([]float64, 4), Classes: []int{0, 1, 1, 0}}
	if share, class := probe.Frequent(train, d, 2); class != 0 || share != 0.6 {
		t.Errorf("class %d, share %g", class, share)
	}
}
