package preprocess

import (
	"image"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/internal/parallel"
)

// method is how an image is resized.
type method struct {
	interpolation card.Interpolation
	tensors       bool // as torchvision resizes tensors, not as Pillow does
}

func methodOf(r card.Recipe) method { return method{r.Interpolation, r.Arithmetic == card.Tensors} }

func (m method) filter() filter { return filters[m.interpolation] }

// resizer resizes images one after the other in the same memory. The zero value is ready.
type resizer struct {
	passes [2][]uint8 // what the passes make
	axes   map[axisKey]*axis
}

// mostAxes is how many axes a resizer keeps, of some 60 kB each for 224 pixels: most images of many data sets have a few sizes.
const mostAxes = 32

// axisKey is what an axis follows from.
type axisKey struct {
	method
	in, out int
	wanted  span
}

// axis returns that of newAxis, which it keeps.
func (z *resizer) axis(m method, in, out int, wanted span) *axis {
	key := axisKey{m, in, out, wanted}
	if a := z.axes[key]; a != nil {
		return a
	}
	if z.axes == nil || len(z.axes) == mostAxes {
		z.axes = make(map[axisKey]*axis)
	}
	a := newAxis(m, in, out, wanted)
	z.axes[key] = a
	return a
}

// image returns the image that a pass makes, whose samples are those of another one.
func (z *resizer) image(pass, width, height int) *RGB8 {
	size := 3 * width * height
	if cap(z.passes[pass]) < size {
		z.passes[pass] = make([]uint8, size)
	}
	return &RGB8{Width: width, Height: height, Pix: z.passes[pass][:size]}
}

// size is how many bytes the resizer holds.
func (z *resizer) size() int {
	size := cap(z.passes[0]) + cap(z.passes[1])
	for _, a := range z.axes {
		size += a.size()
	}
	return size
}

// resample resizes src to width by height and returns the part of the result inside window; parts of window that are outside of the result are black. Only
// samples inside window are computed, each as Pillow's Image.resize or torchvision's resize of uint8 tensors does: in two passes, the first of which is
// rounded to 8 bits. An axis that keeps its length has weights of exactly one and zero, so its pass changes nothing. The result may be in the memory of z.
func (z *resizer) resample(src *RGB8, width, height int, m method, window image.Rectangle) *RGB8 {
	visible := window.Intersect(image.Rect(0, 0, width, height))
	if visible.Empty() {
		return NewRGB8(window.Dx(), window.Dy())
	}
	x := z.axis(m, src.Width, width, span{visible.Min.X, visible.Max.X})
	y := z.axis(m, src.Height, height, span{visible.Min.Y, visible.Max.Y})
	part := z.image(1, visible.Dx(), visible.Dy())
	if !m.tensors && verticalFirst(src.Width, src.Height, width, height) {
		high := z.image(0, x.source.len(), visible.Dy())
		y.down(high, src, y.source.first, x.source)
		x.across(part, high, 0, span{0, visible.Dy()})
	} else {
		wide := z.image(0, visible.Dx(), y.source.len())
		x.across(wide, src, x.source.first, y.source)
		y.down(part, wide, 0, span{0, visible.Dx()})
	}
	if visible == window {
		return part
	}
	dst := NewRGB8(window.Dx(), window.Dy())
	for line := range part.Height {
		copy(dst.row(visible.Min.Y - window.Min.Y + line)[3*(visible.Min.X-window.Min.X):], part.row(line))
	}
	return dst
}

// verticalFirst reports whether the vertical pass comes first; the result of the first pass is rounded. Since
// version 13 Pillow begins with the vertical pass if the height shrinks by more than twice as many pixels as the
// width. Older versions always begin with the horizontal one, so their results for such images differ by a
// grey level in some samples.
func verticalFirst(fromWidth, fromHeight, toWidth, toHeight int) bool {
	return toHeight < fromHeight && fromHeight-toHeight > 2*(fromWidth-toWidth)
}

// span is a run of samples, last exclusive.
type span struct{ first, last int }

func (s span) len() int { return s.last - s.first }

// axis resizes along one direction.
type axis struct {
	source span   // the source samples that are needed
	taps   []taps // for each sample of the result, counted from source.first
	// precision is the number of fraction bits of the weights, and half what turns truncation into rounding.
	precision uint
	half      int32
	// vectors are the taps for weighPixels, once across was called.
	vectors *pixelVectors
}

// size is about how many bytes the axis takes.
func (a *axis) size() int {
	const ofTaps = 64
	size := len(a.taps) * (ofTaps + 12*len(a.taps[0].weights))
	if a.vectors != nil {
		size += 4 * (len(a.vectors.first) + len(a.vectors.weights))
	}
	return size
}

// newAxis returns what makes the wanted output samples of an axis that is resized from in to out samples.
func newAxis(m method, in, out int, wanted span) *axis {
	precision := uint(pillowPrecision)
	var all []taps
	if m.tensors { // the largest of all weights decides, also of those that are not wanted
		all = tapsFor(m.filter(), in, out, span{0, out})
		precision = tensorPrecision(all)
		all = all[wanted.first:wanted.last]
	} else {
		all = tapsFor(m.filter(), in, out, wanted)
	}
	fixedPoint(all, precision)
	end := all[len(all)-1]
	source := span{all[0].first, end.first + len(end.weights)}
	for i := range all {
		all[i].first -= source.first
	}
	return &axis{source: source, taps: all, precision: precision, half: 1 << (precision - 1)}
}

// source returns the source samples that the wanted output samples are made of.
func (m method) source(in, out int, wanted span) span {
	first := tapsFor(m.filter(), in, out, span{wanted.first, wanted.first + 1})[0]
	last := tapsFor(m.filter(), in, out, span{wanted.last - 1, wanted.last})[0]
	return span{first.first, last.first + len(last.exact)}
}

// across sets out to the given lines, resized horizontally; the source samples begin at column from.
func (a *axis) across(out, p *RGB8, from int, lines span) {
	if a.vectors == nil {
		a.vectors = new(pixelVectors)
		if fast && out.Width > 1 {
			a.vectors = a.newVectors()
		}
	}
	v := a.vectors
	parallel.Ranges(out.Height, out.Width*len(a.taps[0].weights), func(lo, hi int) {
		for y := lo; y < hi; y++ {
			src := p.Pix[3*((lines.first+y)*p.Width+from):]
			done := 0
			if v.reach > 0 && v.reach <= len(src) {
				done = out.Width - 1
				weighPixels(&out.row(y)[0], &src[0], &v.first[0], &v.weights[0], v.pairs, done, a.half, uint64(a.precision))
			}
			a.weighColumns(out.row(y)[3*done:], src, a.taps[done:])
		}
	})
}

// pixelVectors are the taps of an axis for weighPixels.
type pixelVectors struct {
	first   []int32
	weights []int32 // [len(first), pairs, 2, 4]
	pairs   int
	reach   int // how many bytes of a line are read
}

func (a *axis) newVectors() *pixelVectors {
	v := new(pixelVectors)
	for _, t := range a.taps {
		v.pairs = max(v.pairs, (len(t.weights)+1)/2)
	}
	v.first = make([]int32, len(a.taps))
	v.weights = make([]int32, len(a.taps)*v.pairs*8)
	for i, t := range a.taps {
		v.first[i] = int32(3 * t.first)
		v.reach = max(v.reach, 3*t.first+6*v.pairs+2)
		for j, w := range t.weights {
			at := 8*(i*v.pairs+j/2) + 4*(j%2)
			copy(v.weights[at:at+4], []int32{w, w, w, 0})
		}
	}
	return v
}

// weighColumns resizes one line, or its end.
func (a *axis) weighColumns(dst, src []uint8, all []taps) {
	for _, t := range all {
		r, g, b := weigh(src[3*t.first:], t.weights, a.half)
		d := dst[:3]
		d[0], d[1], d[2] = clamp8(r>>a.precision), clamp8(g>>a.precision), clamp8(b>>a.precision)
		dst = dst[3:]
	}
}

// weigh returns the weighted sums of the pixels' channels. It takes four pixels at a time: a conversion to an array
// checks the bounds once for all four.
func weigh(pixels []uint8, weights []int32, half int32) (r, g, b int32) {
	r, g, b = half, half, half
	for ; len(weights) >= 4; pixels, weights = pixels[12:], weights[4:] {
		p, w := (*[12]uint8)(pixels), (*[4]int32)(weights)
		r += w[0]*int32(p[0]) + w[1]*int32(p[3]) + w[2]*int32(p[6]) + w[3]*int32(p[9])
		g += w[0]*int32(p[1]) + w[1]*int32(p[4]) + w[2]*int32(p[7]) + w[3]*int32(p[10])
		b += w[0]*int32(p[2]) + w[1]*int32(p[5]) + w[2]*int32(p[8]) + w[3]*int32(p[11])
	}
	for i, w := range weights {
		p := pixels[3*i : 3*i+3]
		r += w * int32(p[0])
		g += w * int32(p[1])
		b += w * int32(p[2])
	}
	return r, g, b
}

// down sets out to the given columns, resized vertically; the source samples begin at line from.
func (a *axis) down(out, p *RGB8, from int, columns span) {
	parallel.Ranges(out.Height, out.Width*len(a.taps[0].weights), func(lo, hi int) {
		whole := 0 // samples that vectors make
		if fast {
			whole = 3 * out.Width / 16 * 16
		}
		sums := make([]int32, 3*out.Width-whole)
		for y := lo; y < hi; y++ {
			t := a.taps[y]
			if whole > 0 {
				first := p.row(from + t.first)[3*columns.first:]
				weighLines(&out.row(y)[0], &first[0], 3*p.Width, &t.weights[0], len(t.weights), whole, a.half, uint64(a.precision))
			}
			a.addLines(sums, t, func(i int) []uint8 { return p.row(from + t.first + i)[3*columns.first+whole:][:len(sums)] })
			result := out.row(y)[whole:]
			for i, sum := range sums {
				result[i] = clamp8(sum >> a.precision)
			}
		}
	})
}

// addLines sets sums to the weighted sums of lines.
func (a *axis) addLines(sums []int32, t taps, line func(i int) []uint8) {
	for i := range sums {
		sums[i] = a.half
	}
	i, w := 0, t.weights
	for ; i+4 <= len(w); i += 4 {
		addWeighted4(sums, [4][]uint8{line(i), line(i + 1), line(i + 2), line(i + 3)}, [4]int32(w[i:]))
	}
	for ; i < len(w); i++ {
		addWeighted(sums, line(i), w[i])
	}
}

func addWeighted(sums []int32, line []uint8, weight int32) {
	for i, v := range line[:len(sums)] {
		sums[i] += weight * int32(v)
	}
}

// addWeighted4 is four times addWeighted; it reads and writes the sums once.
func addWeighted4(sums []int32, lines [4][]uint8, w [4]int32) {
	n := len(sums)
	l0, l1, l2, l3 := lines[0][:n], lines[1][:n], lines[2][:n], lines[3][:n]
	for i := range sums {
		sums[i] += w[0]*int32(l0[i]) + w[1]*int32(l1[i]) + w[2]*int32(l2[i]) + w[3]*int32(l3[i])
	}
}

func clamp8(v int32) uint8 {
	return uint8(max(0, min(v, 255)))
}
