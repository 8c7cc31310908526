package preprocess

import (
	"image"

	"github.com/beitzoo/beitzoo/internal/parallel"
)

// chroma is one colour-difference plane of a JPEG file: width by height samples, without padding, each of which
// covers stepX by stepY pixels.
type chroma struct {
	pix           []uint8
	stride        int
	width, height int
	stepX, stepY  int
}

// steps maps the subsampling of an image to the pixels that one chroma sample covers.
var steps = map[image.YCbCrSubsampleRatio][2]int{
	image.YCbCrSubsampleRatio444: {1, 1},
	image.YCbCrSubsampleRatio422: {2, 1},
	image.YCbCrSubsampleRatio420: {2, 2},
	image.YCbCrSubsampleRatio440: {1, 2},
	image.YCbCrSubsampleRatio411: {4, 1},
	image.YCbCrSubsampleRatio410: {4, 2},
}

// fromJPEG converts decoded planes as libjpeg-turbo does by default: chroma is interpolated where
// it is halved (its "fancy upsampling"), then converted to RGB in 16-bit fixed point.
func fromJPEG(m *image.YCbCr) *RGB8 {
	width, height := m.Rect.Dx(), m.Rect.Dy()
	step := steps[m.SubsampleRatio]
	plane := func(pix []uint8) chroma {
		return chroma{
			pix: pix, stride: m.CStride, stepX: step[0], stepY: step[1],
			width: (width + step[0] - 1) / step[0], height: (height + step[1] - 1) / step[1],
		}
	}
	cb, cr := plane(m.Cb), plane(m.Cr)
	dst := NewRGB8(width, height)
	parallel.Ranges(height, width, func(lo, hi int) {
		blue, red := cb.newLine(), cr.newLine()
		for y := lo; y < hi; y++ {
			jpegColours(dst.row(y), m.Y[y*m.YStride:][:width], blue.at(y), red.at(y))
		}
	})
	return dst
}

// line upsamples one line of a chroma plane at a time into memory of its own.
type line struct {
	chroma
	out  []uint8  // width*stepX samples
	sums []uint16 // width sums of two lines, weighted 3 to 1
}

func (c chroma) newLine() *line {
	return &line{chroma: c, out: make([]uint8, c.width*c.stepX), sums: make([]uint16, c.width)}
}

func (c chroma) row(y int) []uint8 {
	return c.pix[max(0, min(y, c.height-1))*c.stride:][:c.width]
}

// at returns the samples for pixel line y, at full horizontal resolution. They are valid until the next call.
func (l *line) at(y int) []uint8 {
	near := l.row(y / l.stepY)
	switch {
	case l.stepX == 1 && l.stepY == 1:
		return near
	case l.stepX == 2 && l.stepY == 1 && l.width > 2:
		widen(l.out, near)
	case l.stepX == 1 && l.stepY == 2:
		l.blend(y, near)
		bias := uint16(1 + y&1)
		for x, s := range l.sums {
			l.out[x] = uint8((s + bias) >> 2)
		}
	case l.stepX == 2 && l.stepY == 2 && l.width > 2:
		l.blend(y, near)
		widenSums(l.out, l.sums)
	default:
		for x := range l.out {
			l.out[x] = near[x/l.stepX]
		}
	}
	return l.out
}

// blend sets sums to three times the nearest line plus the next nearest: the one above for even pixel lines, the one
// below for odd.
func (l *line) blend(y int, near []uint8) {
	far := l.row(y/2 - 1 + 2*(y&1))
	for x, v := range near {
		l.sums[x] = 3*uint16(v) + uint16(far[x])
	}
}

// widen doubles the width of a line: each new sample is 3/4 of a sample and 1/4 of its neighbour. Rounding
// alternates between down and up, to have no bias.
func widen(out, in []uint8) {
	last := len(in) - 1
	for x, v := range in {
		left, right := in[max(0, x-1)], in[min(x+1, last)]
		out[2*x] = uint8((3*uint16(v) + uint16(left) + 1) >> 2)
		out[2*x+1] = uint8((3*uint16(v) + uint16(right) + 2) >> 2)
	}
	out[0], out[2*last+1] = in[0], in[last]
}

// widenSums is widen for the sums of blend, which have two fraction bits.
func widenSums(out []uint8, in []uint16) {
	last := len(in) - 1
	for x, v := range in {
		left, right := in[max(0, x-1)], in[min(x+1, last)]
		out[2*x] = uint8((3*v + left + 8) >> 4)
		out[2*x+1] = uint8((3*v + right + 7) >> 4)
	}
}

// The BT.601 full-range coefficients with 16 fraction bits, from the JFIF specification.
const (
	crToRed    = 91881  // 1.40200
	crToGreen  = -46802 // 0.71414
	cbToGreen  = -22554 // 0.34414
	cbToBlue   = 116130 // 1.77200
	colourHalf = 1 << 15
)

func jpegColours(dst, luma, blue, red []uint8) {
	blue, red = blue[:len(luma)], red[:len(luma)]
	for x, v := range luma {
		y, cb, cr := int32(v), int32(blue[x])-128, int32(red[x])-128
		d := dst[3*x : 3*x+3 : 3*x+3]
		d[0] = clamp8(y + (crToRed*cr+colourHalf)>>16)
		d[1] = clamp8(y + (cbToGreen*cb+crToGreen*cr+colourHalf)>>16)
		d[2] = clamp8(y + (cbToBlue*cb+colourHalf)>>16)
	}
}
