package augment

import "github.com/beitzoo/beitzoo/beit/preprocess"

// blend returns the samples of one picture, plus a factor times what those of another have more, as Image.blend: in float32, cut to 0 to 255 and not rounded. The
// conversions forbid fused multiply-add.
func blend(from func(i int) uint8, to *preprocess.RGB8, factor float64) *preprocess.RGB8 {
	out := preprocess.NewRGB8(to.Width, to.Height)
	alpha := float32(factor)
	for i, v := range to.Pix {
		first := from(i)
		sum := float32(first) + float32(alpha*float32(int(v)-int(first)))
		out.Pix[i] = uint8(max(0, min(sum, 255)))
	}
	return out
}

// Brightness moves a picture away from black, or toward it: 0 is black, 1 the picture; as ImageEnhance.Brightness.
func Brightness(p *preprocess.RGB8, factor float64) *preprocess.RGB8 {
	return blend(func(int) uint8 { return 0 }, p, factor)
}

// Contrast moves a picture away from its mean grey, or toward it, as ImageEnhance.Contrast.
func Contrast(p *preprocess.RGB8, factor float64) *preprocess.RGB8 {
	sum, pixels := 0, p.Width*p.Height
	for i := range pixels {
		sum += int(grey(p, i))
	}
	mean := uint8(float64(sum)/float64(max(1, pixels)) + 0.5)
	return blend(func(int) uint8 { return mean }, p, factor)
}

// Color moves a picture away from its greys, or toward them, as ImageEnhance.Color.
func Color(p *preprocess.RGB8, factor float64) *preprocess.RGB8 {
	return blend(func(i int) uint8 { return grey(p, i/3) }, p, factor)
}

// grey returns the luma of a pixel, by Pillow's weights (src/libImaging/Convert.c): those of ITU-R 601, in 16 bits.
func grey(p *preprocess.RGB8, pixel int) uint8 {
	rgb := p.Pix[3*pixel : 3*pixel+3]
	return uint8((19595*int(rgb[0]) + 38470*int(rgb[1]) + 7471*int(rgb[2]) + 1<<15) >> 16)
}

// Sharpness moves a picture away from a smooth one, or toward it, as ImageEnhance.Sharpness.
func Sharpness(p *preprocess.RGB8, factor float64) *preprocess.RGB8 {
	smooth := smoothed(p)
	return blend(func(i int) uint8 { return smooth.Pix[i] }, p, factor)
}

// smoothed returns the mean of each pixel and its eight neighbours, itself counted five times, as ImageFilter.SMOOTH: in float32, line by line from below. The edge
// stays as it is.
func smoothed(p *preprocess.RGB8) *preprocess.RGB8 {
	out := preprocess.NewRGB8(p.Width, p.Height)
	copy(out.Pix, p.Pix)
	const others, own = float32(1) / 13, float32(5) / 13
	stride := 3 * p.Width
	line := func(at int, middle float32) float32 {
		left, right := float32(float32(p.Pix[at-3])*others), float32(float32(p.Pix[at+3])*others)
		return float32(left+float32(float32(p.Pix[at])*middle)) + right
	}
	for y := 1; y < p.Height-1; y++ {
		for at := y*stride + 3; at < (y+1)*stride-3; at++ {
			sum := float32(0.5) + line(at+stride, others)
			sum += line(at, own)
			sum += line(at-stride, others)
			out.Pix[at] = uint8(max(0, min(sum, 255)))
		}
	}
	return out
}
