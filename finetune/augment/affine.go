package augment

import (
	"math"
	"strconv"

	"github.com/beitzoo/beitzoo/beit/card"
	"github.com/beitzoo/beitzoo/beit/preprocess"
)

// Fill is the colour of what lies outside of a picture.
type Fill [3]uint8

// Warp says how a picture is rotated, sheared and moved.
type Warp struct {
	// Interpolation is bicubic or bilinear; empty means bicubic.
	Interpolation card.Interpolation
	Fill          Fill
}

// Affine returns a picture of the same size whose pixel (x, y) is what is at (m0 x + m1 y + m2, m3 x + m4 y + m5), as Image.transform with AFFINE: middles of pixels
// are at halves.
func (w Warp) Affine(p *preprocess.RGB8, m [6]float64) *preprocess.RGB8 {
	out := preprocess.NewRGB8(p.Width, p.Height)
	reach, weigh := 4, cubic
	if w.Interpolation == card.Bilinear {
		reach, weigh = 2, linear
	}
	for y := range p.Height {
		for x := range p.Width {
			pixel := out.Pix[3*(y*p.Width+x):][:3]
			h, v := float64(x)+0.5, float64(y)+0.5
			atX := float64(m[0]*h) + float64(m[1]*v) + m[2]
			atY := float64(m[3]*h) + float64(m[4]*v) + m[5]
			if !(atX >= 0 && atX < float64(p.Width) && atY >= 0 && atY < float64(p.Height)) {
				copy(pixel, w.Fill[:])
				continue
			}
			for c := range pixel {
				pixel[c] = between(p, c, atX-0.5, atY-0.5, reach, weigh)
			}
		}
	}
	return out
}

// between returns a sample at a place, interpolated between those of reach columns and lines around it. Columns outside of the picture are those at its edge; lines
// below it are taken for the last one in it, as interpolated.
func between(p *preprocess.RGB8, channel int, x, y float64, reach int, weigh func(v [4]float64, d float64) float64) uint8 {
	column, line := int(math.Floor(x)), int(math.Floor(y))
	dx, dy := x-float64(column), y-float64(line)
	column, line = column-reach/2+1, line-reach/2+1
	var lines, samples [4]float64
	for i := range reach {
		at := line + i
		if i == 0 {
			at = min(max(at, 0), p.Height-1)
		}
		if at < 0 || at >= p.Height {
			lines[i] = lines[i-1]
			continue
		}
		for j := range reach {
			samples[j] = float64(p.Pix[3*(at*p.Width+min(max(column+j, 0), p.Width-1))+channel])
		}
		lines[i] = weigh(samples, dx)
	}
	return uint8(max(0, min(weigh(lines, dy), 255)))
}

// linear returns what lies between two values. The conversions here forbid fused multiply-add.
func linear(v [4]float64, d float64) float64 { return v[0] + float64((v[1]-v[0])*d) }

// cubic returns what lies between the second and the third of four values, on the cubic through both whose slopes are those of their neighbours.
func cubic(v [4]float64, d float64) float64 {
	p2 := -v[0] + v[2]
	p3 := float64(2*(v[0]-v[1])) + v[2] - v[3]
	p4 := -v[0] + v[1] - v[2] + v[3]
	return v[1] + float64(d*(p2+float64(d*(p3+float64(d*p4)))))
}

// ShearX moves lines along x, by a factor of their place; ShearY columns along y. As timm's shear_x and shear_y.
func (w Warp) ShearX(p *preprocess.RGB8, factor float64) *preprocess.RGB8 {
	return w.Affine(p, [6]float64{1, factor, 0, 0, 1, 0})
}

// ShearY is described at ShearX.
func (w Warp) ShearY(p *preprocess.RGB8, factor float64) *preprocess.RGB8 {
	return w.Affine(p, [6]float64{1, 0, 0, factor, 1, 0})
}

// TranslateX moves a picture to the left by a share of its width, TranslateY up by a share of its height. As timm's translate_x_rel and translate_y_rel.
func (w Warp) TranslateX(p *preprocess.RGB8, share float64) *preprocess.RGB8 {
	return w.Affine(p, [6]float64{1, 0, float64(share * float64(p.Width)), 0, 1, 0})
}

// TranslateY is described at TranslateX.
func (w Warp) TranslateY(p *preprocess.RGB8, share float64) *preprocess.RGB8 {
	return w.Affine(p, [6]float64{1, 0, 0, 0, 1, float64(share * float64(p.Height))})
}

// Rotate turns a picture around its middle, counter-clockwise, as Image.rotate. The quarters that Pillow moves pixel by pixel, and not by this way, are left to it: only 0
// and 180 degrees are such for pictures of any shape, 90 and 270 for squares.
func (w Warp) Rotate(p *preprocess.RGB8, degrees float64) *preprocess.RGB8 {
	angle := math.Mod(degrees, 360)
	if angle < 0 {
		angle += 360
	}
	if turned := quarter(p, angle); turned != nil {
		return turned
	}
	angle = -(angle * (math.Pi / 180))
	cos, sin := rounded(math.Cos(angle)), rounded(math.Sin(angle))
	m := [6]float64{cos, sin, 0, rounded(-math.Sin(angle)), cos, 0}
	cx, cy := float64(p.Width)/2, float64(p.Height)/2
	m[2] = float64(m[0]*-cx) + float64(m[1]*-cy) + cx
	m[5] = float64(m[3]*-cx) + float64(m[4]*-cy) + cy
	return w.Affine(p, m)
}

// rounded returns a number rounded to 15 decimal places, as Python's round does.
func rounded(x float64) float64 {
	v, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'f', 15, 64), 64) // what it wrote itself
	return v
}

// quarter returns a picture turned by whole quarters, or nil if the angle is none, or Pillow interpolates.
func quarter(p *preprocess.RGB8, angle float64) *preprocess.RGB8 {
	w, h := p.Width, p.Height
	var from func(x, y int) int
	switch {
	case angle == 0:
		from = func(x, y int) int { return y*w + x }
	case angle == 180:
		from = func(x, y int) int { return (h-1-y)*w + w - 1 - x }
	case angle == 90 && w == h:
		from = func(x, y int) int { return x*w + w - 1 - y }
	case angle == 270 && w == h:
		from = func(x, y int) int { return (w-1-x)*w + y }
	default:
		return nil
	}
	return moved(p, from)
}

// moved returns a picture of the same size whose pixels are those at other places.
func moved(p *preprocess.RGB8, from func(x, y int) int) *preprocess.RGB8 {
	out := preprocess.NewRGB8(p.Width, p.Height)
	for y := range p.Height {
		for x := range p.Width {
			copy(out.Pix[3*(y*p.Width+x):][:3], p.Pix[3*from(x, y):])
		}
	}
	return out
}

// Flip mirrors a picture from left to right.
func Flip(p *preprocess.RGB8) *preprocess.RGB8 {
	return moved(p, func(x, y int) int { return y*p.Width + p.Width - 1 - x })
}
