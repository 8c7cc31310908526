package augment_test

import (
	"image"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/finetune/augment"
	"github.com/beitzoo/beitzoo/internal/random"
)

// noise returns a picture of random samples.
func noise(width, height int) *preprocess.RGB8 {
	p, r := preprocess.NewRGB8(width, height), random.New(5)
	for i := range p.Pix {
		p.Pix[i] = uint8(r.Below(256))
	}
	return p
}

func usual(t *testing.T) *augment.Pipeline {
	t.Helper()
	recipe, err := card.RecipeFor("unilm", 32)
	if err != nil {
		t.Fatal(err)
	}
	return augment.Usual(recipe)
}

// TestPicture_IsFunctionOfItsPlace makes the same pictures in another order, by several goroutines.
func TestPicture_IsFunctionOfItsPlace(t *testing.T) {
	t.Parallel()
	p, picture := usual(t), noise(50, 41)
	p.Jitter = &augment.Jitter{Brightness: 0.4, Contrast: 0.4, Saturation: 0.4}
	const pictures = 12
	make := func(index int) []float32 {
		tensor, err := p.Picture(picture, 7, uint64(index/4), uint64(index))
		if err != nil {
			t.Error(err)
		}
		return tensor
	}
	first := map[string]int{}
	var want [pictures][]float32
	for i := range pictures {
		if want[i] = make(i); len(want[i]) != 3*32*32 {
			t.Fatalf("%d values", len(want[i]))
		}
		key := string(cmp.Diff(want[i][:20], []float32(nil)))
		if other, twice := first[key]; twice {
			t.Errorf("pictures %d and %d are changed alike", other, i)
		}
		first[key] = i
	}
	var group sync.WaitGroup
	for i := range pictures {
		group.Go(func() {
			if !slices.Equal(make(pictures-1-i), want[pictures-1-i]) {
				t.Errorf("picture %d is another one when it is made again", pictures-1-i)
			}
		})
	}
	group.Wait()
}

// TestPicture_StepsAreIndependent leaves out steps, which changes nothing of the others.
func TestPicture_StepsAreIndependent(t *testing.T) {
	t.Parallel()
	picture := noise(40, 40)
	whole, part := usual(t), usual(t)
	whole.Rand, part.Rand, part.Erasing = nil, nil, nil
	whole.Erasing.Probability = 1
	a, err := whole.Picture(picture, 1, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	b, err := part.Picture(picture, 1, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for i := range a {
		if a[i] == b[i] {
			same++
		}
	}
	if share := float64(same) / float64(len(a)); share < 0.6 || share > 0.99 {
		t.Errorf("%.2f of the picture is the same without erasing", share)
	}
}

// TestPicture_WithoutRandomSteps is the recipe of the model alone.
func TestPicture_WithoutRandomSteps(t *testing.T) {
	t.Parallel()
	p := &augment.Pipeline{Recipe: usual(t).Recipe}
	got, err := p.Picture(noise(50, 41), 7, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	want, err := preprocess.Apply(p.Recipe, noise(50, 41))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Error("the tensor is not that of the recipe")
	}
	p.Flip = 1
	if got, err = p.Picture(noise(50, 41), 7, 0, 0); err != nil {
		t.Fatal(err)
	}
	for y := range 3 * 32 { // also of the other channels
		slices.Reverse(want[32*y : 32*y+32])
	}
	if !slices.Equal(got, want) {
		t.Error("the tensor is not mirrored")
	}
}

func TestCrop_Draws(t *testing.T) {
	t.Parallel()
	crop, r := augment.UsualCrop(), random.New(1)
	sum := 0.0
	const n = 4000
	for range n {
		part := crop.Draw(100, 100, r)
		area, ratio := float64(part.Dx()*part.Dy())/1e4, float64(part.Dx())/float64(part.Dy())
		if !part.In(image.Rect(0, 0, 100, 100)) || area < 0.07 || area > 1 || ratio < 0.7 || ratio > 1.43 {
			t.Fatalf("%v: area %g, ratio %g", part, area, ratio)
		}
		sum += area
	}
	// Areas are uniform and logarithms of ratios too, and a rectangle fits if the one is at most the exponential of minus the other's size: two integrals.
	if mean := sum / n; math.Abs(mean-0.4778) > 0.018 {
		t.Errorf("the mean area is %g, want 0.4778", mean)
	}
	if got, want := crop.Draw(400, 10, r), image.Rect(193, 0, 206, 10); got != want {
		t.Errorf("of a very long picture it is %v, want the middle, %v", got, want)
	}
}

func TestErasing_Draws(t *testing.T) {
	t.Parallel()
	e, r := augment.UsualErasing(), random.New(3)
	erased := 0
	const n = 4000
	for range n {
		part := e.Draw(64, 64, r)
		if part.Empty() {
			continue
		}
		erased++
		if area := float64(part.Dx()*part.Dy()) / 4096; !part.In(image.Rect(0, 0, 64, 64)) || area < 0.015 || area > 0.35 {
			t.Fatalf("%v: area %g", part, area)
		}
	}
	if math.Abs(float64(erased)/n-0.25) > 0.03 {
		t.Errorf("%d of %d pictures are erased", erased, n)
	}
	tensor := make([]float32, 3*64*64)
	augment.Erase(tensor, 64, 64, image.Rect(10, 20, 40, 50), r)
	sum, squares := 0.0, 0.0
	for i, v := range tensor {
		x, y := i%64, i/64%64
		if in := x >= 10 && x < 40 && y >= 20 && y < 50; in != (v != 0) {
			t.Fatalf("pixel (%d, %d) is %g", x, y, v)
		}
		sum, squares = sum+float64(v), squares+float64(v)*float64(v)
	}
	if mean, variance := sum/2700, squares/2700; math.Abs(mean) > 0.09 || math.Abs(variance-1) > 0.13 {
		t.Errorf("the noise has mean %g and variance %g", mean, variance)
	}
}

func TestRandAugment_Draws(t *testing.T) {
	t.Parallel()
	a, r := augment.UsualRandAugment([3]float64{0.5, 0.485, 1}), random.New(4)
	if a.Warp.Fill != (augment.Fill{128, 124, 255}) { // 127.5 is rounded to the even number, as Python does
		t.Errorf("fill is %v", a.Warp.Fill)
	}
	count, all := map[string]int{}, 0
	const n = 6000
	for range n {
		for _, op := range a.Draw(r) {
			count[op.Name]++
			all++
			if op.Name == "Rotate" && (math.Abs(op.Amount) > 30 || math.Abs(op.Amount) < 20) {
				t.Fatalf("a rotation by %g degrees", op.Amount)
			}
		}
	}
	if all < n-250 || all > n+250 {
		t.Errorf("%d operations on %d pictures, of two with a probability of a half each", all, n)
	}
	for _, name := range augment.OpNames() {
		if share := float64(count[name]) / float64(all); math.Abs(share-1.0/15) > 0.015 {
			t.Errorf("%s has a share of %g", name, share)
		}
	}
}

func TestMixing_Draws(t *testing.T) {
	t.Parallel()
	m := augment.UsualMixing()
	cut := 0
	const n = 4000
	for i := range uint64(n) {
		mix := m.Draw(32, 24, 1, i/100, i%100)
		if again := m.Draw(32, 24, 1, i/100, i%100); again != mix {
			t.Fatalf("%v, then %v", mix, again)
		}
		if mix.Part.Empty() {
			continue
		}
		cut++
		if kept := 1 - float64(mix.Part.Dx()*mix.Part.Dy())/(32*24); kept != mix.Share || !mix.Part.In(image.Rect(0, 0, 32, 24)) {
			t.Fatalf("share %g of %v", mix.Share, mix.Part)
		}
	}
	if cut < 1800 || cut > 2100 { // half of them, less those too small to be seen
		t.Errorf("%d of %d batches are cut", cut, n)
	}
	for _, c := range []struct {
		mixing augment.Mixing
		cut    bool
		none   bool
	}{
		{augment.Mixing{Mixup: 1, Probability: 1, Switch: 1}, false, false},
		{augment.Mixing{CutMix: 1, Probability: 1}, true, false},
		{augment.Mixing{Mixup: 1, CutMix: 1, Switch: 0.5}, false, true},
		{augment.Mixing{Probability: 1}, false, true},
	} {
		mix := c.mixing.Draw(64, 64, 2, 0, 1)
		if (mix.Share == 1) != c.none || mix.Part.Empty() == c.cut {
			t.Errorf("%+v mixes %+v", c.mixing, mix)
		}
	}
}

func TestTargets_SumToOne(t *testing.T) {
	t.Parallel()
	targets := augment.Mix{Share: 0.3}.Targets([]int{2, 0, 1}, 3, 0.1)
	for i := range 3 {
		sum := 0.0
		for _, v := range targets[3*i : 3*i+3] {
			sum += float64(v)
		}
		if math.Abs(sum-1) > 1e-6 {
			t.Errorf("targets of picture %d are %v", i, targets[3*i:3*i+3])
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a class that there is not was taken")
		}
	}()
	augment.Mix{Share: 1}.Targets([]int{3}, 3, 0)
}
