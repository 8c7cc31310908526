package preprocess

import (
	"image"

	"github.com/beitzoo/beitzoo/internal/parallel"
)

// fromWebP converts the planes of a lossy WebP image as libwebp does: chroma, which covers 2 by 2
// pixels, is interpolated bilinearly and converted from BT.601 limited range with 14 bits of fraction.
func fromWebP(m *image.YCbCr) *RGB8 {
	width, height := m.Rect.Dx(), m.Rect.Dy()
	dst := NewRGB8(width, height)
	chromaWidth, chromaHeight := (width+1)/2, (height+1)/2
	parallel.Ranges(height, width, func(lo, hi int) {
		for y := lo; y < hi; y++ {
			near := y / 2
			far := max(0, min(near-1+2*(y&1), chromaHeight-1))
			line := func(plane []uint8, y int) []uint8 { return plane[y*m.CStride:][:chromaWidth] }
			webpLine(dst.row(y), m.Y[y*m.YStride:][:width],
				[2][]uint8{line(m.Cb, near), line(m.Cb, far)},
				[2][]uint8{line(m.Cr, near), line(m.Cr, far)})
		}
	})
	return dst
}

// webpLine converts one line of pixels from its luma and the near and far lines of both chroma planes.
func webpLine(dst, luma []uint8, blue, red [2][]uint8) {
	last := len(blue[0]) - 1
	for x, v := range luma {
		near := x / 2
		far := max(0, min(near-1+2*(x&1), last))
		u := quarter(blue[0][near], blue[0][far], blue[1][near], blue[1][far])
		v2 := quarter(red[0][near], red[0][far], red[1][near], red[1][far])
		webpColours(dst[3*x:3*x+3:3*x+3], int32(v), u, v2)
	}
}

// quarter interpolates at a quarter of the way from the near to the far sample in both directions, with the
// weights 9, 3, 3 and 1 of 16. It rounds twice, as libwebp does, so the result can differ from the weighted sum
// rounded once.
func quarter(near, farX, farY, diagonal uint8) int32 {
	n, x, y, d := int32(near), int32(farX), int32(farY), int32(diagonal)
	rest := (n + 3*x + 3*y + d + 8) >> 3
	return (rest + n) >> 1
}

// webpColours converts with 6 bits of fraction; each product drops its low 8 bits before the sum.
func webpColours(d []uint8, y, u, v int32) {
	light := y * 19077 >> 8
	d[0] = clamp8((light + v*26149>>8 - 14234) >> 6)
	d[1] = clamp8((light - u*6419>>8 - v*13320>>8 + 8708) >> 6)
	d[2] = clamp8((light + u*33050>>8 - 17685) >> 6)
}
