package preprocess

import "image"

// resample resizes src to width by height and returns the part of the result inside window, which
// may reach beyond it: outside is black. Only the samples that count are computed, and each is the
// sample that Pillow's Image.resize computes: in two passes, the first of which is rounded to 8 bits. An axis
// that keeps its length has weights of exactly one and zero, so its pass changes nothing.
func resample(src *RGB8, width, height int, interpolation Interpolation, window image.Rectangle) *RGB8 {
	visible := window.Intersect(image.Rect(0, 0, width, height))
	if visible.Empty() {
		return NewRGB8(window.Dx(), window.Dy())
	}
	f := filters[interpolation]
	x := newAxis(f, src.Width, width, span{visible.Min.X, visible.Max.X})
	y := newAxis(f, src.Height, height, span{visible.Min.Y, visible.Max.Y})
	var part *RGB8
	if verticalFirst(src.Width, src.Height, width, height) {
		part = x.across(y.down(src, y.source.first, x.source), 0, span{0, visible.Dy()})
	} else {
		part = y.down(x.across(src, x.source.first, y.source), 0, span{0, visible.Dx()})
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

// verticalFirst says which pass comes first, and so which is rounded. Since version 13 Pillow begins with
// the vertical pass where the height shrinks by more than twice as many pixels as the width; older versions
// always begin with the horizontal one, so on such pictures they differ from us by a grey level here and there.
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
}

// newAxis plans the samples wanted of an axis resized from in to out samples.
func newAxis(f filter, in, out int, wanted span) axis {
	all := tapsFor(f, in, out, wanted)
	end := all[len(all)-1]
	source := span{all[0].first, end.first + len(end.weights)}
	for i := range all {
		all[i].first -= source.first
	}
	return axis{source, all}
}

// half is the fixed-point one half that turns truncation into rounding.
const half = 1 << (precision - 1)

// across resizes the given lines horizontally; the source samples begin at column from.
func (a axis) across(p *RGB8, from int, lines span) *RGB8 {
	out := NewRGB8(len(a.taps), lines.len())
	inParallel(out.Height, out.Width*len(a.taps[0].weights), func(lo, hi int) {
		for y := lo; y < hi; y++ {
			a.weighColumns(out.row(y), p.row(lines.first + y)[3*from:])
		}
	})
	return out
}

func (a axis) weighColumns(dst, src []uint8) {
	for _, t := range a.taps {
		r, g, b := int32(half), int32(half), int32(half)
		s := src[3*t.first : 3*(t.first+len(t.weights))]
		for _, w := range t.weights {
			r += w * int32(s[0])
			g += w * int32(s[1])
			b += w * int32(s[2])
			s = s[3:]
		}
		dst[0], dst[1], dst[2] = clamp8(r>>precision), clamp8(g>>precision), clamp8(b>>precision)
		dst = dst[3:]
	}
}

// down resizes the given columns vertically; the source samples begin at line from.
func (a axis) down(p *RGB8, from int, columns span) *RGB8 {
	out := NewRGB8(columns.len(), len(a.taps))
	inParallel(out.Height, out.Width*len(a.taps[0].weights), func(lo, hi int) {
		sums := make([]int32, 3*out.Width)
		for y := lo; y < hi; y++ {
			for i := range sums {
				sums[i] = half
			}
			t := a.taps[y]
			for i, w := range t.weights {
				line := p.row(from + t.first + i)[3*columns.first:]
				addWeighted(sums, line[:len(sums)], w)
			}
			for i, sum := range sums {
				out.row(y)[i] = clamp8(sum >> precision)
			}
		}
	})
	return out
}

func addWeighted(sums []int32, line []uint8, weight int32) {
	for i, v := range line {
		sums[i] += weight * int32(v)
	}
}

func clamp8(v int32) uint8 {
	return uint8(max(0, min(v, 255)))
}
