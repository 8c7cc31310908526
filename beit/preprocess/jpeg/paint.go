package jpeg

import (
	"image"

	"github.com/beitzoo/beitzoo/internal/parallel"
)

// transform computes the samples of files with several scans.
func (d *decoder) transform() {
	if !d.multiple {
		return
	}
	smooth := d.smooths()
	for i := range d.components {
		c := &d.components[i]
		if c.quant == nil { // nothing was read of it
			c.quant = new([64]uint16)
		}
		estimated := make([]int16, 64*c.stride)
		for y := range c.rows {
			line := c.coefficients[64*y*c.stride : 64*(y+1)*c.stride]
			if smooth {
				c.smoothing(y/c.v <= d.lastGood, d.count).line(estimated, c.rowsAround(y, d.unitsY))
				line = estimated
			}
			c.transform(y, line)
		}
		c.coefficients = nil
	}
}

// paint returns the picture of the samples, in memory for all of it.
func (f *frame) paint(pixels []uint8, convert func(out []uint8, planes [4][]uint8)) *Image {
	count := len(f.components)
	out := &Image{Config: Config{f.width, f.height, count}, Pix: pixels}
	w := f.window
	parallel.Ranges(w.Dy(), w.Dx(), func(from, to int) {
		lines := make([]*line, count)
		for i := range lines {
			lines[i] = f.newLine(&f.components[i])
		}
		var planes [4][]uint8
		for y := w.Min.Y + from; y < w.Min.Y+to; y++ {
			for i, l := range lines {
				planes[i] = l.at(y)
			}
			convert(out.Pix[(y*f.width+w.Min.X)*count:(y*f.width+w.Max.X)*count], planes)
		}
	})
	return out
}

// FromYCbCr returns the colours of planes that another decoder made, at their own subsampling, as libjpeg-turbo interpolates and converts them. The Image is new
// memory.
func FromYCbCr(m *image.YCbCr) *Image {
	step := steps[m.SubsampleRatio]
	f := &frame{width: m.Rect.Dx(), height: m.Rect.Dy(), maxH: step.X, maxV: step.Y}
	plane := func(samples []uint8, pitch, h, v int) component {
		return component{h: h, v: v, width: ceil(f.width*h, f.maxH), height: ceil(f.height*v, f.maxV), samples: samples, pitch: pitch}
	}
	f.window = image.Rect(0, 0, f.width, f.height)
	f.components = []component{plane(m.Y, m.YStride, step.X, step.Y), plane(m.Cb, m.CStride, 1, 1), plane(m.Cr, m.CStride, 1, 1)}
	return f.paint(make([]uint8, 3*f.width*f.height), rgb)
}

// steps are how many pixels a sample of colour covers.
var steps = map[image.YCbCrSubsampleRatio]image.Point{
	image.YCbCrSubsampleRatio444: {X: 1, Y: 1},
	image.YCbCrSubsampleRatio422: {X: 2, Y: 1},
	image.YCbCrSubsampleRatio420: {X: 2, Y: 2},
	image.YCbCrSubsampleRatio440: {X: 1, Y: 2},
	image.YCbCrSubsampleRatio411: {X: 4, Y: 1},
	image.YCbCrSubsampleRatio410: {X: 4, Y: 2},
}

// line widens one line of a plane at a time to the width of the window, in memory of its own.
type line struct {
	*component
	stepX, stepY int
	// first and last are the samples that the window needs: those for its pixels, and one more on each side, so that it does not matter that widening treats
	// them as the ends of the line. skip is how many pixels of the first one are not in the window, and wanted how many are.
	first, last  int
	skip, wanted int
	out          []uint8
	sums         []uint16 // three times the nearest line and the next one
}

func (f *frame) newLine(c *component) *line {
	l := &line{component: c, stepX: f.maxH / c.h, stepY: f.maxV / c.v, wanted: f.window.Dx()}
	l.first, l.last = max(0, f.window.Min.X/l.stepX-1), min(c.width, (f.window.Max.X-1)/l.stepX+2)
	l.skip = f.window.Min.X - l.first*l.stepX
	l.out, l.sums = make([]uint8, (l.last-l.first)*l.stepX), make([]uint16, l.last-l.first)
	return l
}

// row returns the real samples of a line, as far as they are needed; beyond the first and the last line these count again.
func (l *line) row(y int) []uint8 {
	return l.samples[max(0, min(y, l.height-1))*l.pitch:][l.first:l.last]
}

// at returns the samples for the window in line y of the picture. They are valid until the next call.
func (l *line) at(y int) []uint8 { return l.widened(y)[l.skip : l.skip+l.wanted] }

func (l *line) widened(y int) []uint8 {
	near := l.row(y / l.stepY)
	wide := l.width > 2
	switch {
	case l.stepX == 1 && l.stepY == 1:
		return near
	case l.stepX == 2 && l.stepY == 1 && wide:
		widen(l.out, near)
	case l.stepX == 1 && l.stepY == 2:
		l.blend(y, near)
		bias := uint16(1 + y&1)
		for x, s := range l.sums {
			l.out[x] = uint8((s + bias) >> 2)
		}
	case l.stepX == 2 && l.stepY == 2 && wide:
		l.blend(y, near)
		widenSums(l.out, l.sums)
	default:
		for x := range l.out {
			l.out[x] = near[x/l.stepX]
		}
	}
	return l.out
}

// blend sums three times the nearest line and the next one: that above for even lines of the picture, that below for odd ones.
func (l *line) blend(y int, near []uint8) {
	far, sums := l.row(y/2-1+2*(y&1)), l.sums
	if n := len(near) / 16 * 16; fast && n > 0 {
		blendVector(&sums[0], &near[0], &far[0], n)
		near, far, sums = near[n:], far[n:], sums[n:]
	}
	for x, v := range near {
		sums[x] = 3*uint16(v) + uint16(far[x])
	}
}

// widen doubles a line: each new sample is three quarters of a sample and a quarter of its neighbour, rounded down and up in turn.
func widen(out, in []uint8) {
	last := len(in) - 1
	out[0], out[2*last+1] = in[0], in[last]
	out[1] = uint8((3*uint16(in[0]) + uint16(in[1]) + 2) >> 2)
	for x := 1; x < last; x++ {
		v := 3 * uint16(in[x])
		out[2*x] = uint8((v + uint16(in[x-1]) + 1) >> 2)
		out[2*x+1] = uint8((v + uint16(in[x+1]) + 2) >> 2)
	}
	out[2*last] = uint8((3*uint16(in[last]) + uint16(in[last-1]) + 1) >> 2)
}

// widenSums is widen for the sums of blend, which have two fraction bits.
func widenSums(out []uint8, in []uint16) {
	last := len(in) - 1
	out[0], out[2*last+1] = uint8((4*in[0]+8)>>4), uint8((4*in[last]+7)>>4)
	out[1] = uint8((3*in[0] + in[1] + 7) >> 4)
	first := 1
	if n := (last - 1) / 16 * 16; fast && n > 0 {
		widenVector(&out[2], &in[1], n, colourFactors)
		first += n
	}
	for x := first; x < last; x++ {
		v := 3 * in[x]
		out[2*x] = uint8((v + in[x-1] + 8) >> 4)
		out[2*x+1] = uint8((v + in[x+1] + 7) >> 4)
	}
	out[2*last] = uint8((3*in[last] + in[last-1] + 8) >> 4)
}
