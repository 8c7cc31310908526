package mim

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"os"
	"slices"

	"github.com/beitzoo/beitzoo/beit/preprocess"
)

const (
	// panelSide is the least side of a panel, in pixels.
	panelSide = 224
	// gap is the space between panels.
	gap = 8
	// hidden is the grey of a masked patch.
	hidden = 128
)

// Mixed returns the tokens of the tokenizer where patches are visible, and those of the masked model where they are masked.
func (s *Seen) Mixed() []int32 {
	mixed := make([]int32, len(s.Tokens))
	for i := range mixed {
		if mixed[i] = s.Tokens[i]; s.Mask[i] {
			mixed[i] = s.Answers[i]
		}
	}
	return mixed
}

// Cover returns a picture in which the masked patches of a window are grey.
func Cover(picture *preprocess.RGB8, mask []bool, height, width int) *preprocess.RGB8 {
	covered := preprocess.NewRGB8(picture.Width, picture.Height)
	copy(covered.Pix, picture.Pix)
	for y := range picture.Height {
		for x := range picture.Width {
			if mask[y*height/picture.Height*width+x*width/picture.Width] {
				at := 3 * (y*picture.Width + x)
				covered.Pix[at], covered.Pix[at+1], covered.Pix[at+2] = hidden, hidden, hidden
			}
		}
	}
	return covered
}

// FromPlanes returns the picture of samples between 0 and 1, [3, height, width].
func FromPlanes(samples []float64, height, width int) *preprocess.RGB8 {
	picture := preprocess.NewRGB8(width, height)
	for i, v := range samples {
		channel, at := i/(height*width), i%(height*width)
		picture.Pix[3*at+channel] = uint8(min(max(v, 0), 1)*255 + 0.5)
	}
	return picture
}

// Strip returns pictures side by side, each enlarged pixel by pixel to the same side.
func Strip(pictures ...*preprocess.RGB8) *image.RGBA {
	side := panelSide
	for _, p := range pictures {
		side = max(side, p.Width, p.Height)
	}
	strip := image.NewRGBA(image.Rect(0, 0, len(pictures)*(side+gap)-gap, side))
	draw.Draw(strip, strip.Rect, image.White, image.Point{}, draw.Src)
	for i, p := range pictures {
		for y := range side {
			for x := range side {
				at := 3 * (y*p.Height/side*p.Width + x*p.Width/side)
				strip.SetRGBA(i*(side+gap)+x, y, color.RGBA{p.Pix[at], p.Pix[at+1], p.Pix[at+2], 0xff})
			}
		}
	}
	return strip
}

// The text behind the header of a strip's PNG file says what made it (PNG specification, 11.3.3.2 tEXt, keyword Software).
const (
	headed   = 8 + 4 + 4 + 13 + 4 // signature and the chunk IHDR: length, name, content, checksum
	software = "tEXtSoftware\x00beitzoo reconstruct"
)

// Encode returns a strip as a PNG file that [IsStrip] recognises.
func Encode(strip image.Image) ([]byte, error) {
	var plain bytes.Buffer
	if err := png.Encode(&plain, strip); err != nil {
		return nil, err
	}
	file := slices.Clone(plain.Bytes()[:headed])
	file = binary.BigEndian.AppendUint32(file, uint32(len(software)-len("tEXt")))
	file = append(file, software...)
	file = binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE([]byte(software)))
	return append(file, plain.Bytes()[headed:]...), nil
}

// IsStrip reports whether the file at path is one that [Encode] made. The error is one of the system. It must not be a pipe.
func IsStrip(path string) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	head := make([]byte, headed+4+len(software))
	n, err := io.ReadFull(file, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return false, nil
	}
	return n == len(head) && string(head[headed+4:]) == software, err
}
