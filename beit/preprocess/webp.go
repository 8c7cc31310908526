package preprocess

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"

	"golang.org/x/image/webp"

	"github.com/beitzoo/beitzoo/internal/parallel"
)

// webpFrame is the picture in a WebP file, the first one of an animated file, where it stands on the canvas.
type webpFrame struct {
	canvas image.Point
	at     image.Point
	data   []byte // a WebP file of that picture alone, without transparency, which is ignored
}

// scanWebP finds the picture (WebP container specification).
func scanWebP(data []byte) (webpFrame, error) {
	const canvas, frame = 10, 16 // the sizes of what VP8X and ANMF begin with
	var found webpFrame
	rest := data[min(longestMagic, len(data)):]
	for len(rest) >= 8 {
		size, kind := int64(binary.LittleEndian.Uint32(rest[4:])), string(rest[:4])
		body := rest[8:][:min(size, int64(len(rest)-8))]
		switch kind {
		case "VP8 ", "VP8L":
			found.data = webpFile(kind, body)
			return found, nil
		case "VP8X":
			if len(body) < canvas {
				return found, errEndsEarly
			}
			found.canvas = image.Point{X: 1 + uint24(body[4:]), Y: 1 + uint24(body[7:])}
		case "ANMF":
			if len(body) < frame {
				return found, errEndsEarly
			}
			found.at = image.Point{X: 2 * uint24(body), Y: 2 * uint24(body[3:])}
			rest = body[frame:]
			continue
		}
		rest = rest[min(8+size+size&1, int64(len(rest))):]
	}
	return found, errEndsEarly
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// webpFile returns a file with one chunk.
func webpFile(kind string, body []byte) []byte {
	file := append([]byte("RIFF    WEBP"), kind...)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(body)))
	file = append(file, body...)
	file = append(file, make([]byte, len(body)&1)...)
	binary.LittleEndian.PutUint32(file[4:], uint32(len(file)-8))
	return file
}

// webpConfig reads the size of the canvas.
func webpConfig(data []byte) (image.Config, error) {
	found, err := scanWebP(data)
	if err != nil {
		return image.Config{}, err
	}
	config, err := webp.DecodeConfig(bytes.NewReader(found.data))
	if err != nil {
		return image.Config{}, err
	}
	if found.canvas == (image.Point{}) {
		return config, nil
	}
	if end := found.at.Add(image.Point{X: config.Width, Y: config.Height}); end.X > found.canvas.X || end.Y > found.canvas.Y {
		return image.Config{}, errors.New("malformed image: the frame is larger than the canvas")
	}
	return image.Config{Width: found.canvas.X, Height: found.canvas.Y}, nil
}

// decodeWebP converts the planes of the lossy form itself: they have another range than those of JPEG, which FromImage assumes. What the first frame does not
// cover is black.
func decodeWebP(data []byte) (*RGB8, error) {
	found, err := scanWebP(data)
	if err != nil {
		return nil, err
	}
	img, err := webp.Decode(bytes.NewReader(found.data))
	if err != nil {
		return nil, err
	}
	var frame *RGB8
	if planes, is := img.(*image.YCbCr); is {
		frame = fromWebP(planes)
	} else if frame, err = FromImage(img); err != nil {
		return nil, err
	}
	if size := (image.Point{X: frame.Width, Y: frame.Height}); found.canvas == size || found.canvas == (image.Point{}) {
		return frame, nil
	}
	dst := NewRGB8(found.canvas.X, found.canvas.Y)
	for y := range frame.Height {
		copy(dst.row(found.at.Y + y)[3*found.at.X:], frame.row(y))
	}
	return dst, nil
}

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
