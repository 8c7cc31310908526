package preprocess

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
	"slices"
	"sync"

	"github.com/beitzoo/beitzoo/beit/card"
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
var ErrFormat = errdef.New(errdef.ErrInput, "not a JPEG, PNG, GIF, BMP, WebP, TIFF or PPM image")

// errEndsEarly says the same of all formats.
var errEndsEarly = jpeg.ErrTruncated

// unsupported returns the error of a file of a kind that is not read.
func unsupported(format string, args ...any) error {
	return &jpeg.UnsupportedError{Kind: fmt.Sprintf(format, args...)}
}

// format is an image format, recognised by how a file begins ('?' stands for any byte).
type format struct {
	name   string
	magic  string
	config func(data []byte) (image.Config, error)
	decode func(data []byte) (*RGB8, error)
	// exif finds what the file says about its orientation; nil if the decoder has turned it already, or the format can't say it.
	exif func(data []byte) exifData
}

// longestMagic is the length of WebP's.
const longestMagic = 12

const jpegMagic = "\xff\xd8"

var formats = []format{
	{"JPEG", jpegMagic, jpegConfig, decodeJPEG, exifOfJPEG},
	{"PNG", pngMagic, pngConfig, decodePNG, exifOfPNG},
	{"GIF", "GIF8?a", gifConfig, decodeGIF, nil},
	{"BMP", "BM", bmpConfig, decodeBMP, nil},
	{"WebP", "RIFF????WEBP", webpConfig, decodeWebP, exifOfWebP},
	{"TIFF", "II\x2a\x00", tiffConfig, decodeTIFF, nil},
	{"TIFF", "MM\x00\x2a", tiffConfig, decodeTIFF, nil},
	{"TIFF", "II\x2b\x00", tiffConfig, decodeTIFF, nil},
	{"TIFF", "MM\x00\x2b", tiffConfig, decodeTIFF, nil},
	{"PBM", "P1", netpbmConfig, decodeNetpbm, nil},
	{"PGM", "P2", netpbmConfig, decodeNetpbm, nil},
	{"PPM", "P3", netpbmConfig, decodeNetpbm, nil},
	{"PBM", "P4", netpbmConfig, decodeNetpbm, nil},
	{"PGM", "P5", netpbmConfig, decodeNetpbm, nil},
	{"PPM", "P6", netpbmConfig, decodeNetpbm, nil},
	{"PFM", "Pf", netpbmConfig, decodeNetpbm, nil},
}

// Decode reads one image (of an animated or many-paged file the first one) and converts it to RGB as Pillow does; see [FromImage]. The format is recognised by
// content. EXIF orientation, colour profiles and gamma are ignored, except that a TIFF file is turned, since Pillow does that. The error is [ErrFormat],
// a *[TooLargeError], a *[jpeg.UnsupportedError], also of other kinds than JPEG, [jpeg.ErrTruncated], the error of r, or one without a type for a malformed file.
func Decode(r io.Reader) (*RGB8, error) {
	return limits{MaxFileBytes, MaxPixels}.decode(r)
}

// DecodeFor is [Decode] or [DecodeUpright], as the recipe has it. unturned is as in [Prepared].
func DecodeFor(r card.Recipe, file io.Reader) (picture *RGB8, unturned int, err error) {
	decoded, stated, err := limits{MaxFileBytes, MaxPixels}.stored(file)
	switch {
	case err != nil:
		return nil, 0, err
	case r.Orientation == card.Upright:
		return turn(decoded, stated), 0, nil
	case stated > 1:
		return decoded, stated, nil
	}
	return decoded, 0, nil
}

// DecodeUpright is [Decode], but the image is turned as its file says (EXIF).
func DecodeUpright(r io.Reader) (*RGB8, error) {
	decoded, stated, err := limits{MaxFileBytes, MaxPixels}.stored(r)
	if err != nil {
		return nil, err
	}
	return turn(decoded, stated), nil
}

// Prepared is what [Prepare] makes of an image file.
type Prepared struct {
	// Tensor is [3, Crop, Crop], channels red, green, blue, and belongs to the caller.
	Tensor []float32
	// Unturned is the orientation that the file states (EXIF 2.32, tag Orientation, 2 to 8) if the recipe does not turn images, else 0: the model sees the
	// image mirrored or lying on its side.
	Unturned int
}

// Prepare reads one image file and applies the recipe: it is [Decode] and [Apply] in one step, to the same bits, and decodes no more of a JPEG file than the
// recipe needs. If the recipe says so, the image is turned as the file says. The errors are those of Decode and Apply.
func Prepare(r card.Recipe, file io.Reader) (Prepared, error) {
	if err := r.Validate(); err != nil {
		return Prepared{}, err
	}
	return PrepareInto(make([]float32, r.Len()), r, file)
}

// PrepareInto is [Prepare] with memory for the tensor, r.Len() values; after an error these are of no particular value.
func PrepareInto(tensor []float32, r card.Recipe, file io.Reader) (Prepared, error) {
	if err := r.Validate(); err != nil {
		return Prepared{}, err
	}
	w := workspaces.Get().(*workspace)
	defer w.putBack()
	decoded, stated, err := limits{MaxFileBytes, MaxPixels}.picture(w, r, file)
	if err != nil {
		return Prepared{}, err
	}
	p := Prepared{Tensor: tensor}
	if stated > 1 && r.Orientation != card.Upright {
		p.Unturned = stated
	}
	return p, w.resizer.into(tensor, r, decoded)
}

// workspace is the memory of a PrepareInto. The zero value is ready.
type workspace struct {
	file    bytes.Buffer
	decoder jpeg.Decoder
	resizer resizer
}

// workspaces are kept, since their memory costs as much to get from the system as to decode a picture of moderate size.
var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// mostKept is how many bytes a workspace may hold that is kept.
const mostKept = 1 << 25

func (w *workspace) putBack() {
	if w.file.Cap()+w.decoder.Size()+w.resizer.size() <= mostKept {
		workspaces.Put(w)
	}
}

// picture reads what a recipe needs of a file, turned if the recipe says so, and the orientation that the file states, or 0. The picture may be in the memory
// of w.
func (l limits) picture(w *workspace, r card.Recipe, file io.Reader) (decoded *RGB8, stated int, err error) {
	f, data, err := l.read(file, &w.file)
	if err != nil {
		return nil, 0, err
	}
	if f.exif != nil {
		stated = f.exif(data).orientation()
	}
	turns := stated > 1 && r.Orientation == card.Upright
	if f.magic == jpegMagic && !turns {
		f.decode = func(data []byte) (*RGB8, error) { return decodeJPEGFor(&w.decoder, r, data) }
		f.config = func(data []byte) (image.Config, error) { return size(w.decoder.DecodeConfig(data)) }
	}
	if decoded, err = f.checked(data, l.pixels); err != nil {
		return nil, 0, fmt.Errorf("decode %s: %w", f.name, err)
	}
	if turns {
		decoded = turn(decoded, stated)
	}
	return decoded, stated, nil
}

// limits bound what is read and what is decoded.
type limits struct {
	bytes  int64
	pixels int
}

func (l limits) decode(r io.Reader) (*RGB8, error) {
	decoded, _, err := l.stored(r)
	return decoded, err
}

// stored reads an image as it is stored, and the orientation that its file states, or 0.
func (l limits) stored(r io.Reader) (decoded *RGB8, orientation int, err error) {
	f, data, err := l.read(r, new(bytes.Buffer))
	if err != nil {
		return nil, 0, err
	}
	if f.exif != nil {
		orientation = f.exif(data).orientation()
	}
	if decoded, err = f.checked(data, l.pixels); err != nil {
		return nil, 0, fmt.Errorf("decode %s: %w", f.name, err)
	}
	return decoded, orientation, nil
}

// read recognises the format and reads the file, into the memory of a buffer.
func (l limits) read(r io.Reader, file *bytes.Buffer) (f format, data []byte, err error) {
	file.Reset()
	limited := io.LimitReader(r, l.bytes+1)
	if _, err := io.CopyN(file, limited, HeadLen); err != nil && !errors.Is(err, io.EOF) {
		return f, nil, fmt.Errorf("read image: %w", err)
	}
	i := slices.IndexFunc(formats, func(f format) bool { return begins(file.Bytes(), f.magic) })
	if i < 0 {
		return f, nil, strangerOf(file.Bytes())
	}
	if _, err := file.ReadFrom(limited); err != nil {
		return f, nil, fmt.Errorf("read %s: %w", formats[i].name, err)
	}
	if int64(file.Len()) > l.bytes {
		return f, nil, fmt.Errorf("%s file exceeds the limit of %d bytes", formats[i].name, l.bytes)
	}
	return formats[i], file.Bytes(), nil
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

// jpegConfig reads the size of a JPEG file.
func jpegConfig(data []byte) (image.Config, error) {
	return size(jpeg.DecodeConfig(data))
}

func size(config jpeg.Config, err error) (image.Config, error) {
	return image.Config{Width: config.Width, Height: config.Height}, err
}

func decodeJPEG(data []byte) (*RGB8, error) {
	img, err := jpeg.Decode(data)
	if err != nil {
		return nil, err
	}
	return opaque(img), nil
}

// decodeJPEGFor decodes what a recipe needs of a file, in the memory of the decoder.
func decodeJPEGFor(decoder *jpeg.Decoder, r card.Recipe, data []byte) (*RGB8, error) {
	img, err := decoder.DecodeWindow(data, func(c jpeg.Config) image.Rectangle { return sourceWindow(r, c.Width, c.Height) })
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
