package preprocess

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"slices"

	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"

	"github.com/beitzoo/beitzoo/beit/preprocess/jpeg"
	"github.com/beitzoo/beitzoo/errdef"
)

// The limits of [Decode]. A small file can claim a huge image, so both are checked before memory for
// the pixels is allocated.
const (
	// MaxPixels is the number at which Pillow begins to warn of a decompression bomb: RGB samples of 256 MiB.
	MaxPixels = 1 << 28 / 3
	// MaxFileBytes is the most that is read of one file.
	MaxFileBytes = 1 << 29
)

// TooLargeError says that an image has more pixels than [Decode] accepts.
type TooLargeError struct {
	Width, Height int
	Limit         int // pixels
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("image of %d x %d pixels exceeds the limit of %d pixels", e.Width, e.Height, e.Limit)
}

// Is reports that the image is unusable input.
func (e *TooLargeError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what to do.
func (e *TooLargeError) Hint() string {
	return "shrink the image first; a model sees a few hundred pixels a side"
}

// ErrFormat says that the data is not in an image format that [Decode] knows.
var ErrFormat = errdef.New(errdef.ErrInput, "not a JPEG, PNG, GIF, BMP or WebP image")

// format is an image format, recognised by how a file begins ('?' stands for any byte).
type format struct {
	name   string
	magic  string
	config func(data []byte) (image.Config, error)
	decode func(data []byte) (*RGB8, error)
}

// longestMagic is the length of WebP's.
const longestMagic = 12

var formats = []format{
	{"JPEG", "\xff\xd8", jpegConfig, decodeJPEG},
	{"PNG", "\x89PNG\r\n\x1a\n", configWith(png.DecodeConfig), decodePNG},
	{"GIF", "GIF8?a", configWith(gifConfig), decodeGIF},
	{"BMP", "BM", configWith(bmp.DecodeConfig), decodeWith(bmp.Decode)},
	{"WebP", "RIFF????WEBP", configWith(webp.DecodeConfig), decodeWebP},
}

// Decode reads one image (of a GIF file the first frame) and converts it to RGB; see [FromImage]. The format is
// recognised by content. EXIF orientation, colour profiles and gamma are ignored. The error is
// [ErrFormat], a *[TooLargeError], the error of r, or one without a type for a malformed file.
func Decode(r io.Reader) (*RGB8, error) {
	return limits{MaxFileBytes, MaxPixels}.decode(r)
}

// limits bound what is read and what is decoded.
type limits struct {
	bytes  int64
	pixels int
}

func (l limits) decode(r io.Reader) (*RGB8, error) {
	buffered := bufio.NewReader(io.LimitReader(r, l.bytes+1))
	head, err := buffered.Peek(longestMagic)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read image: %w", err)
	}
	i := slices.IndexFunc(formats, func(f format) bool { return begins(head, f.magic) })
	if i < 0 {
		return nil, ErrFormat
	}
	data, err := io.ReadAll(buffered)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", formats[i].name, err)
	}
	if int64(len(data)) > l.bytes {
		return nil, fmt.Errorf("%s file exceeds the limit of %d bytes", formats[i].name, l.bytes)
	}
	decoded, err := formats[i].checked(data, l.pixels)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", formats[i].name, err)
	}
	return decoded, nil
}

// begins reports whether data begins with magic, in which '?' stands for any byte.
func begins(data []byte, magic string) bool {
	if len(data) < len(magic) {
		return false
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != data[i] {
			return false
		}
	}
	return true
}

// checked checks the size that the file claims, and then decodes it. A panic of the decoder is reported as
// malformed input.
func (f format) checked(data []byte, maxPixels int) (p *RGB8, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			p, err = nil, fmt.Errorf("malformed image: decoder failed: %v", cause)
		}
	}()
	config, err := f.config(data)
	if err != nil {
		return nil, err
	}
	if config.Width <= 0 || config.Height <= 0 {
		return nil, fmt.Errorf("malformed image: size is %d x %d pixels", config.Width, config.Height)
	}
	if config.Width > maxPixels/config.Height {
		return nil, &TooLargeError{config.Width, config.Height, maxPixels}
	}
	return f.decode(data)
}

// decodeWith adapts a decoder of the standard library's form.
func decodeWith(decode func(io.Reader) (image.Image, error)) func([]byte) (*RGB8, error) {
	return func(data []byte) (*RGB8, error) {
		img, err := decode(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		return FromImage(img)
	}
}

// configWith adapts a reader of headers of the standard library's form.
func configWith(read func(io.Reader) (image.Config, error)) func([]byte) (image.Config, error) {
	return func(data []byte) (image.Config, error) { return read(bytes.NewReader(data)) }
}

// jpegConfig reads the size of a JPEG file.
func jpegConfig(data []byte) (image.Config, error) {
	config, err := jpeg.DecodeConfig(data)
	return image.Config{Width: config.Width, Height: config.Height}, err
}

func decodeJPEG(data []byte) (*RGB8, error) {
	img, err := jpeg.Decode(data)
	if err != nil {
		return nil, err
	}
	return opaque(img), nil
}

// opaque repeats grey, and inverts the four inks before it converts them, as Pillow does whether or not they were stored inverted. It takes the memory of img.
func opaque(img *jpeg.Image) *RGB8 {
	if img.Components == 3 {
		return &RGB8{Width: img.Width, Height: img.Height, Pix: img.Pix}
	}
	dst := NewRGB8(img.Width, img.Height)
	if img.Components == 1 {
		everyPixel(dst.Pix, img.Pix, 1, greyPixel)
		return dst
	}
	for i, v := range img.Pix {
		img.Pix[i] = 255 - v
	}
	everyPixel(dst.Pix, img.Pix, 4, cmykPixel)
	return dst
}

// decodePNG decodes 16-bit grey with a transparent value as grey. The library returns it as colour,
// but Pillow saturates it like other 16-bit grey.
func decodePNG(data []byte) (*RGB8, error) {
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	const depth, colourType = 24, 25 // offsets in the first chunk, which the decoder has checked
	if m, ok := img.(*image.NRGBA64); ok && data[depth] == 16 && data[colourType] == 0 {
		grey := image.NewGray16(m.Rect)
		for i := 0; i < len(grey.Pix); i += 2 {
			copy(grey.Pix[i:i+2], m.Pix[4*i:])
		}
		img = grey
	}
	return FromImage(img)
}

// decodeWebP converts the planes of the lossy form itself: they have another range than those of JPEG,
// which FromImage assumes.
func decodeWebP(data []byte) (*RGB8, error) {
	const extended, flags, animation = 12, 20, 1 << 1 // offsets in the file, and a bit
	if begins(data[extended:], "VP8X") && data[flags]&animation != 0 {
		return nil, fmt.Errorf("%w: animated WebP", errors.ErrUnsupported)
	}
	img, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	switch m := img.(type) {
	case *image.YCbCr:
		return fromWebP(m), nil
	case *image.NYCbCrA:
		return fromWebP(&m.YCbCr), nil
	default:
		return FromImage(img)
	}
}
