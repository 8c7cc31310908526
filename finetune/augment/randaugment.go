package augment

import (
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/beit/preprocess"
	"github.com/beitzoo/beitzoo/internal/random"
)

// RandAugment applies operations that are drawn at random (E. D. Cubuk and others, "RandAugment", 2019), as timm does by a name such as rand-m9-mstd0.5-inc1: those of
// its set for which a larger magnitude is always a larger change.
type RandAugment struct {
	// Layers is how many operations are drawn for a picture, each of which happens with a Probability.
	Layers      int
	Probability float64
	// Magnitude, 0 to 10, is how much they change it; Deviation is that of a normal distribution around it, of which each operation has its own number.
	Magnitude, Deviation float64
	// Warp says how pictures are rotated, sheared and moved.
	Warp Warp
}

// UsualRandAugment returns rand-m9-mstd0.5-inc1, which unilm fine-tunes with. What lies outside of a picture gets the colour that is the mean of the pictures.
func UsualRandAugment(mean [3]float64) *RandAugment {
	a := &RandAugment{Layers: 2, Probability: 0.5, Magnitude: 9, Deviation: 0.5}
	for c, v := range mean {
		a.Warp.Fill[c] = uint8(min(255, math.RoundToEven(255*v)))
	}
	return a
}

// Op is an operation, and how much of it.
type Op struct {
	// Name is one of [OpNames].
	Name string
	// Amount is what the operation takes: degrees, a factor, a number of bits, a threshold, a share of a side. It is 0 for those that take nothing.
	Amount float64
}

// kind is an operation that can be drawn.
type kind struct {
	name string
	// amount says how much of it a level is, from 0 to 1. signed says that its sign is drawn.
	amount func(level float64, negative bool) float64
	apply  func(w Warp, p *preprocess.RGB8, amount float64) *preprocess.RGB8
}

func nothing(float64, bool) float64 { return 0 }

// signed returns a function for amounts up to a largest one, to either side.
func signed(largest float64) func(level float64, negative bool) float64 {
	return func(level float64, negative bool) float64 {
		if negative {
			return -(level * largest)
		}
		return level * largest
	}
}

// enhancing returns factors from 1 to 1.9, or down to 0.1.
func enhancing(level float64, negative bool) float64 {
	return max(0.1, 1+signed(0.9)(level, negative))
}

func plain(f func(*preprocess.RGB8) *preprocess.RGB8) func(Warp, *preprocess.RGB8, float64) *preprocess.RGB8 {
	return func(_ Warp, p *preprocess.RGB8, _ float64) *preprocess.RGB8 { return f(p) }
}

func whole(f func(*preprocess.RGB8, int) *preprocess.RGB8) func(Warp, *preprocess.RGB8, float64) *preprocess.RGB8 {
	return func(_ Warp, p *preprocess.RGB8, amount float64) *preprocess.RGB8 { return f(p, int(amount)) }
}

func factor(f func(*preprocess.RGB8, float64) *preprocess.RGB8) func(Warp, *preprocess.RGB8, float64) *preprocess.RGB8 {
	return func(_ Warp, p *preprocess.RGB8, amount float64) *preprocess.RGB8 { return f(p, amount) }
}

// kinds are the operations, each as likely as any other (huggingface/pytorch-image-models timm/data/auto_augment.py, _RAND_INCREASING_TRANSFORMS).
var kinds = []kind{
	{"AutoContrast", nothing, plain(AutoContrast)},
	{"Equalize", nothing, plain(Equalize)},
	{"Invert", nothing, plain(Invert)},
	{"Rotate", signed(30), Warp.Rotate},
	{"Posterize", func(level float64, _ bool) float64 { return float64(4 - int(level*4)) }, whole(Posterize)},
	{"Solarize", func(level float64, _ bool) float64 { return float64(256 - min(256, int(level*256))) }, whole(Solarize)},
	{"SolarizeAdd", func(level float64, _ bool) float64 { return float64(min(128, int(level*110))) }, whole(SolarizeAdd)},
	{"Color", enhancing, factor(Color)},
	{"Contrast", enhancing, factor(Contrast)},
	{"Brightness", enhancing, factor(Brightness)},
	{"Sharpness", enhancing, factor(Sharpness)},
	{"ShearX", signed(0.3), Warp.ShearX},
	{"ShearY", signed(0.3), Warp.ShearY},
	{"TranslateX", signed(0.45), Warp.TranslateX},
	{"TranslateY", signed(0.45), Warp.TranslateY},
}

// OpNames returns the names of the operations.
func OpNames() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return names
}

// OpAt returns the operation of that name for a magnitude, which is cut to 0 to 10. negative is its sign, if it has one. It panics for another name.
func OpAt(name string, magnitude float64, negative bool) Op {
	k := kindOf(name)
	return Op{name, k.amount(max(0, min(magnitude, 10))/10, negative)}
}

// Apply returns the picture that an operation makes of another. It panics for a name that is none of [OpNames].
func (w Warp) Apply(p *preprocess.RGB8, op Op) *preprocess.RGB8 {
	return kindOf(op.Name).apply(w, p, op.Amount)
}

func kindOf(name string) kind {
	for _, k := range kinds {
		if k.name == name {
			return k
		}
	}
	panic(fmt.Sprintf("augment: there is no operation %q", name))
}

// Draw returns the operations for a picture.
func (a *RandAugment) Draw(r *random.Stream) []Op {
	var ops []Op
	for range a.Layers {
		// All numbers are drawn, whatever becomes of them, so that a change of one setting moves no other number.
		name, happens := kinds[r.Below(len(kinds))].name, r.Float64() < a.Probability
		magnitude, negative := a.Magnitude+float64(a.Deviation*r.Normal()), r.Float64() < 0.5
		if happens {
			ops = append(ops, OpAt(name, magnitude, negative))
		}
	}
	return ops
}
