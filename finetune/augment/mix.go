package augment

import (
	"fmt"
	"image"
	"math"

	"github.com/beitzoo/beitzoo/internal/random"
)

// Mixing mixes the pictures of a batch with one another, the first with the last and so on: all of them, as Mixup (H. Zhang and others, 2017), or rectangles of
// them, as CutMix (S. Yun and others, 2019); and their classes in the same proportion. As timm's Mixup with the mode batch.
type Mixing struct {
	// Mixup and CutMix are the parameters of the beta distributions of the proportion; 0 leaves one of them out.
	Mixup, CutMix float64
	// Probability is that of mixing at all, and Switch that of CutMix, where there are both.
	Probability, Switch float64
}

// UsualMixing returns that with which unilm fine-tunes a model that comes from pre-training alone.
func UsualMixing() *Mixing { return &Mixing{Mixup: 0.8, CutMix: 1, Probability: 1, Switch: 0.5} }

// Mix says how a batch is mixed.
type Mix struct {
	// Share is what each picture keeps of itself and its class, 0 to 1.
	Share float64
	// Part is the rectangle in which each picture is replaced by its partner; empty for Mixup.
	Part image.Rectangle
}

// Draw returns how a batch of pictures of a size is mixed, which is a function of the seed, the epoch and the number of the batch.
func (m *Mixing) Draw(width, height int, seed, epoch, batch uint64) Mix {
	r := random.New(seed, drawMix, epoch, batch)
	happens, cut := r.Float64() < m.Probability, r.Float64() < m.Switch
	if m.Mixup == 0 || m.CutMix == 0 {
		cut = m.Mixup == 0
	}
	alpha := m.Mixup
	if cut {
		alpha = m.CutMix
	}
	if !happens || alpha == 0 {
		return Mix{Share: 1}
	}
	share := r.Beta(alpha, alpha)
	if !cut {
		return Mix{Share: share}
	}
	return CutAt(width, height, share, r.Below(width), r.Below(height))
}

// CutAt returns the mix that replaces a rectangle around a pixel, as large as a share leaves. The share is then that of what is kept, since the rectangle is cut at the edge
// of the picture.
func CutAt(width, height int, share float64, x, y int) Mix {
	side := math.Sqrt(1 - share)
	w, h := int(float64(width)*side), int(float64(height)*side)
	part := image.Rect(x-w/2, y-h/2, x+(w+1)/2, y+(h+1)/2).Intersect(image.Rect(0, 0, width, height))
	return Mix{Share: 1 - float64(part.Dx()*part.Dy())/float64(width*height), Part: part}
}

// Pictures mixes pictures, [pictures, channels, height, width], in place.
func (m Mix) Pictures(pixels []float32, pictures, width, height int) {
	if m.Share == 1 {
		return
	}
	one := len(pixels) / pictures
	for i := range (pictures + 1) / 2 {
		a, b := pixels[i*one:(i+1)*one], pixels[(pictures-1-i)*one:(pictures-i)*one]
		if m.Part.Empty() {
			blendBoth(a, b, m.Share)
		} else {
			m.swap(a, b, width, height)
		}
	}
}

// blendBoth mixes two pictures with each other, which may be the same. Products are rounded to float32, as torch does.
func blendBoth(a, b []float32, share float64) {
	own, other := float32(share), float32(1-share)
	for i := range a {
		x, y := a[i], b[i]
		a[i] = float32(x*own) + float32(y*other)
		b[i] = float32(y*own) + float32(x*other)
	}
}

// swap exchanges the rectangle of two pictures.
func (m Mix) swap(a, b []float32, width, height int) {
	for c := range len(a) / (width * height) {
		for y := m.Part.Min.Y; y < m.Part.Max.Y; y++ {
			at := (c*height + y) * width
			for x := at + m.Part.Min.X; x < at+m.Part.Max.X; x++ {
				a[x], b[x] = b[x], a[x]
			}
		}
	}
}

// Targets returns the probabilities of all classes that each picture of a batch is to have, [pictures, classes]: its own class and that of its partner, in the
// proportion of the mix, of which smoothing is spread evenly over all classes. As timm's mixup_target, in float32. It panics for a class that there is not.
func (m Mix) Targets(classes []int, count int, smoothing float64) []float32 {
	off := smoothing / float64(count)
	on := float32(1 - smoothing + off)
	own, other := float32(m.Share), float32(1-m.Share)
	targets := make([]float32, len(classes)*count)
	for i, class := range classes {
		partner := classes[len(classes)-1-i]
		if class < 0 || class >= count {
			panic(fmt.Sprintf("augment: class %d of %d", class, count))
		}
		for k := range count {
			x, y := float32(off), float32(off)
			if k == class {
				x = on
			}
			if k == partner {
				y = on
			}
			targets[i*count+k] = float32(x*own) + float32(y*other)
		}
	}
	return targets
}
