package preprocess

import "image"

// resample resizes src to width by height and returns the part of the result inside window, which
// may reach beyond it: outside is black. Only the needed samples are computed, and each is the
// sample that Pillow's Image.resize computes: a horizontal pass, rounded to 8 bits, then a vertical one.
func resample(src *RGB8, width, height int, interpolation Interpolation, window image.Rectangle) *RGB8 {
	dst := NewRGB8(window.Dx(), window.Dy())
	visible := window.Intersect(image.Rect(0, 0, width, height))
	if visible.Empty() {
		return dst
	}
	f := filters[interpolation]
	part := src.columns(f, width, visible, rowsFor(f, src.Height, height, visible))
	part.rows(f, height, visible, dst, visible.Min.Sub(window.Min))
	return dst
}

// strip is a run of lines of a picture, beginning at line first of a height that the whole picture has.
type strip struct {
	*RGB8
	first, whole int
}

// rowsFor returns the first and the last (exclusive) source line that the visible output lines need.
func rowsFor(f filter, in, out int, visible image.Rectangle) [2]int {
	if in == out {
		return [2]int{visible.Min.Y, visible.Max.Y}
	}
	lo := tapsFor(f, in, out, visible.Min.Y, visible.Min.Y+1)[0]
	hi := tapsFor(f, in, out, visible.Max.Y-1, visible.Max.Y)[0]
	return [2]int{lo.first, hi.first + len(hi.weights)}
}

// columns resizes the given lines of p horizontally and keeps the visible columns.
func (p *RGB8) columns(f filter, width int, visible image.Rectangle, lines [2]int) strip {
	out := strip{NewRGB8(visible.Dx(), lines[1]-lines[0]), lines[0], p.Height}
	if width == p.Width {
		for y := range out.Height {
			copy(out.row(y), p.row(lines[0] + y)[3*visible.Min.X:])
		}
		return out
	}
	all := tapsFor(f, p.Width, width, visible.Min.X, visible.Max.X)
	inParallel(out.Height, len(all)*len(all[0].weights), func(lo, hi int) {
		for y := lo; y < hi; y++ {
			weighColumns(out.row(y), p.row(lines[0]+y), all)
		}
	})
	return out
}

// half is the fixed-point one half that turns truncation into rounding.
const half = 1 << (precision - 1)

func weighColumns(dst, src []uint8, all []taps) {
	for _, t := range all {
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

// rows resizes the strip vertically and writes the visible lines into dst, beginning at the point at.
func (s strip) rows(f filter, height int, visible image.Rectangle, dst *RGB8, at image.Point) {
	target := func(y int) []uint8 { return dst.row(at.Y + y)[3*at.X : 3*(at.X+visible.Dx())] }
	if height == s.whole {
		for y := range visible.Dy() {
			copy(target(y), s.row(y))
		}
		return
	}
	all := tapsFor(f, s.whole, height, visible.Min.Y, visible.Max.Y)
	inParallel(len(all), visible.Dx()*len(all[0].weights), func(lo, hi int) {
		sums := make([]int32, 3*visible.Dx())
		for y := lo; y < hi; y++ {
			s.weighRows(target(y), all[y], sums)
		}
	})
}

func (s strip) weighRows(dst []uint8, t taps, sums []int32) {
	for i := range sums {
		sums[i] = half
	}
	for i, w := range t.weights {
		line := s.row(t.first - s.first + i)
		for x, v := range line[:len(sums)] {
			sums[x] += w * int32(v)
		}
	}
	for x, sum := range sums {
		dst[x] = clamp8(sum >> precision)
	}
}

func clamp8(v int32) uint8 {
	return uint8(max(0, min(v, 255)))
}
