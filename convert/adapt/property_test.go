package adapt

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/errdef"
)

// resizes are windows before and after: larger, smaller, one axis that stays, and not square.
var resizes = [][4]int{{3, 3, 5, 5}, {14, 14, 24, 24}, {7, 7, 5, 5}, {3, 4, 6, 3}, {4, 6, 4, 9}, {5, 5, 5, 8}, {24, 24, 14, 14}, {3, 30, 30, 3}}

func rectangle(height, width int) arch.Config {
	c := square(height)
	c.ImageWidth = c.PatchSize * width
	return c
}

func eachResize(t *testing.T, do func(t *testing.T, method Method, c arch.Config, height, width int)) {
	t.Helper()
	for _, method := range []Method{Unilm, Timm} {
		for _, r := range resizes {
			c := rectangle(r[0], r[1])
			c.AbsolutePosition = true
			do(t, method, c, r[2], r[3])
		}
	}
}

func TestApply_ConstantsStay(t *testing.T) {
	t.Parallel()
	constant := func(rows, columns int) []float64 {
		values := make([]float64, rows*columns)
		for i := range values {
			values[i] = 0.75
		}
		return values
	}
	eachResize(t, func(t *testing.T, method Method, c arch.Config, height, width int) {
		t.Helper()
		for _, name := range []string{positionName, "blocks.0.attn." + tableSuffix} {
			for i, got := range resizedTensor(t, c, name, method, height, width, constant) {
				if math.Abs(got-0.75) > 1e-14 {
					t.Errorf("%s: %d x %d to %d x %d: element %d of %s is %g", method, c.ImageHeight, c.ImageWidth, height, width, i, name, got)
					break
				}
			}
		}
	})
}

// A table that is the same seen from the other end stays so: offsets there and back have the same value in many models.
func TestApply_SymmetryStays(t *testing.T) {
	t.Parallel()
	eachResize(t, func(t *testing.T, method Method, c arch.Config, height, width int) {
		t.Helper()
		c.AbsolutePosition = false
		h, w := c.Window()
		random := rand.New(rand.NewPCG(1, 2))
		got := resizedTable(t, c, method, height, width, func(rows, columns int) []float64 {
			values := make([]float64, rows*columns)
			for i := range values {
				values[i] = random.NormFloat64()
			}
			spatial := (2*h - 1) * (2*w - 1)
			for r := range spatial / 2 {
				for k := range columns {
					values[(spatial-1-r)*columns+k] = values[r*columns+k]
				}
			}
			return values
		})
		spatial := (2*height - 1) * (2*width - 1)
		for r := range spatial {
			for k := range 2 {
				there, back := got[2*r+k], got[2*(spatial-1-r)+k]
				if math.IsNaN(there) || math.Abs(there-back) > 1e-10 {
					t.Fatalf("%s: %v to %d x %d: row %d is %g, and %g seen from the other end", method, [2]int{h, w}, height, width, r, there, back)
				}
			}
		}
	})
}

// The offsets 0 and 1 are known positions of every window.
func TestApply_NeighboursStay(t *testing.T) {
	t.Parallel()
	eachResize(t, func(t *testing.T, method Method, c arch.Config, height, width int) {
		t.Helper()
		before := wave(c.BiasRows(), 2)
		got := resizedTable(t, c, method, height, width, wave)
		h, w := c.Window()
		for dy := -1; dy <= 1; dy++ {
			for dx := -1; dx <= 1; dx++ {
				old, now := (h-1+dy)*(2*w-1)+w-1+dx, (height-1+dy)*(2*width-1)+width-1+dx
				for k := range 2 {
					if math.Abs(got[2*now+k]-before[2*old+k]) > 1e-12 {
						t.Errorf("%s: %v to %d x %d: the value for offset %d, %d is %g instead of %g", method, [2]int{h, w}, height, width, dy, dx, got[2*now+k], before[2*old+k])
					}
				}
			}
		}
	})
}

// There and back, whatever the values are: numbers come of numbers.
func TestApply_NeverNaN(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for range 40 {
		c := rectangle(3+random.IntN(20), 3+random.IntN(20))
		method := []Method{Unilm, Timm}[random.IntN(2)]
		height, width := 1+random.IntN(30), 1+random.IntN(30)
		for i, x := range resizedTable(t, c, method, height, width, func(rows, columns int) []float64 {
			values := make([]float64, rows*columns)
			for i := range values {
				values[i] = 100 * random.NormFloat64()
			}
			return values
		}) {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				t.Fatalf("%s: %d x %d pixels to %d x %d patches: element %d is %g", method, c.ImageHeight, c.ImageWidth, height, width, i, x)
			}
		}
	}
}

func TestApply_EqualSizeIsUntouched(t *testing.T) {
	t.Parallel()
	c := square(14)
	before := parameters(c, wave)
	result, err := Apply(card.Card{Config: c}, before, Options{ImageHeight: 224, ImageWidth: 224, Resize: Timm})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Steps) != 0 || len(result.Notes) != 1 || result.Notes[0] != "images are 224 x 224 pixels already: nothing is resized" {
		t.Errorf("steps %v, notes %q", result.Steps, result.Notes)
	}
	for i, n := range result.Tensors {
		got, err := n.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		want, err := before[i].Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if &got[0] != &want[0] || result.From[i] != n.Name {
			t.Errorf("%s is not the same memory, or from %q", n.Name, result.From[i])
		}
	}
}

// unilm's method, though not unilm, knows windows that are not square. An axis that stays is not touched.
func TestApply_AxesAreApart(t *testing.T) {
	t.Parallel()
	columns := func(rows, heads int) []float64 { // 9 x 9 offsets that differ only across
		values := make([]float64, rows*heads)
		for r := range rows {
			for k := range heads {
				values[r*heads+k] = math.Sin(float64(r % 9))
			}
		}
		return values
	}
	wide := resizedTable(t, square(5), Unilm, 5, 8, columns)
	both := resizedTable(t, square(5), Unilm, 8, 8, columns)
	for x := range 15 {
		if a, b := wide[2*x], both[2*x]; math.Abs(a-b) > 1e-12 {
			t.Errorf("offset %d is %g if one axis is resized, and %g if both are", x-7, a, b)
		}
	}
	down := resizedTable(t, square(5), Unilm, 5, 8, func(rows, heads int) []float64 { // 9 x 9 offsets that differ only down
		values := make([]float64, rows*heads)
		for r := range rows {
			for k := range heads {
				values[r*heads+k] = math.Sin(float64(r / 9))
			}
		}
		return values
	})
	for y := range 9 {
		if got, want := down[2*15*y], math.Sin(float64(y)); math.Abs(got-want) > 1e-14 {
			t.Errorf("offset %d of the axis that stays is %g instead of %g", y-4, got, want)
		}
	}
}

func TestApply_RefusesSizes(t *testing.T) {
	t.Parallel()
	c := square(14)
	_, err := Apply(card.Card{Config: c}, parameters(c, wave), Options{ImageHeight: 230, ImageWidth: 224})
	var size *SizeError
	if !errors.As(err, &size) || !errors.Is(err, errdef.ErrUsage) || size.Hint() != "the nearest sizes are 224x224 and 240x224" {
		t.Errorf("230 x 224: %v, hint %q", err, errdef.Hint(err))
	}
	_, err = Apply(card.Card{Config: c}, parameters(c, wave), Options{ImageHeight: 8, ImageWidth: 8})
	if !errors.As(err, &size) || size.Hint() != "the nearest sizes are 16x16" {
		t.Errorf("8 x 8: %v, hint %q", err, errdef.Hint(err))
	}
	for _, huge := range []int{1 << 20, math.MaxInt / 16 * 16, math.MaxInt} {
		if _, err = Apply(card.Card{Config: c}, parameters(c, wave), Options{ImageHeight: huge, ImageWidth: huge}); !errors.As(err, &size) {
			t.Errorf("%d: %v", huge, err)
		}
	}
	c = square(2)
	var window *WindowError
	_, err = Apply(card.Card{Config: c}, parameters(c, wave), Options{ImageHeight: 48, ImageWidth: 48})
	if !errors.As(err, &window) || window.Height != 2 {
		t.Errorf("a window of 2: %v", err)
	}
	for _, window := range []int{1, 2} { // timm can
		for i, x := range resizedTable(t, square(window), Timm, 4, 4, wave) {
			if math.IsNaN(x) {
				t.Errorf("window of %d: element %d is NaN", window, i)
			}
		}
	}
}
