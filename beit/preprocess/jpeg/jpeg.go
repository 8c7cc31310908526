package jpeg

import (
	"errors"
	"fmt"
	"image"

	"github.com/beitzoo/beitzoo/errdef"
)

// Config is what the header of a file says.
type Config struct {
	// Width and Height are in pixels, at least 1 and at most 65535.
	Width, Height int
	// Components is 1 (grey), 3 (colour) or 4 (CMYK or YCCK).
	Components int
}

// Image is a decoded picture.
type Image struct {
	Config
	// Pix are the samples, [Height, Width, Components]: grey, RGB, or the four inks as they are stored, which programs store inverted. The Image owns it.
	Pix []uint8
}

// ErrTruncated says that a file ends before its end marker.
var ErrTruncated = errdef.New(errdef.ErrInput, "the file ends early")

// UnsupportedError says that a file is of a kind that is not read.
type UnsupportedError struct{ Kind string }

func (e *UnsupportedError) Error() string { return e.Kind + " is not supported" }

// Is reports that the error is [errors.ErrUnsupported], and unusable input.
func (e *UnsupportedError) Is(kind error) bool {
	return kind == errors.ErrUnsupported || kind == errdef.ErrInput
}

// Hint says what to do.
func (e *UnsupportedError) Hint() string { return "save it as PNG with a program that reads it" }

// malformed is the error of a file that breaks the format.
func malformed(format string, args ...any) error {
	return fmt.Errorf("malformed JPEG: "+format, args...)
}

// DecodeConfig reads the header. The error is [ErrTruncated], an *[UnsupportedError], or one without a type for a malformed file.
func DecodeConfig(data []byte) (Config, error) { return new(Decoder).DecodeConfig(data) }

// Decode decodes a file. The errors are those of [DecodeConfig].
func Decode(data []byte) (*Image, error) {
	return DecodeWindow(data, func(c Config) image.Rectangle { return image.Rect(0, 0, c.Width, c.Height) })
}

// DecodeWindow is [Decode] for a part of the picture: the samples outside of it are not computed, they are 0. The whole file is read all the same, so the
// errors are those of Decode.
func DecodeWindow(data []byte, window func(Config) image.Rectangle) (*Image, error) {
	return new(Decoder).DecodeWindow(data, window)
}

// Decoder decodes files one after the other in the same memory. The zero value is ready. It must not be used from several goroutines at once.
type Decoder struct{ memory memory }

// DecodeConfig is the function of that name. It keeps the tables of codes for files that have the same.
func (own *Decoder) DecodeConfig(data []byte) (Config, error) {
	d := &decoder{data: data, memory: &own.memory}
	if err := d.header(); err != nil {
		return Config{}, err
	}
	return Config{d.width, d.height, len(d.components)}, nil
}

// DecodeWindow is the function of that name, but the Image belongs to the decoder: it is valid until the next call, and what is outside of the window is of no
// particular value.
func (own *Decoder) DecodeWindow(data []byte, window func(Config) image.Rectangle) (*Image, error) {
	d := &decoder{data: data, memory: &own.memory}
	if err := d.header(); err != nil {
		return nil, err
	}
	d.look(window(Config{d.width, d.height, len(d.components)}))
	if err := d.scans(); err != nil {
		return nil, err
	}
	d.transform()
	return d.paint(d.memory.pixels.take(d.width*d.height*len(d.components)), d.colours()), nil
}

// Size is how many bytes the decoder holds for the next file.
func (own *Decoder) Size() int {
	size := cap(own.memory.pixels)
	for i := range own.memory.samples {
		size += cap(own.memory.samples[i]) + 2*cap(own.memory.coefficients[i])
	}
	return size
}

// memory is what a Decoder uses again: planes of samples and of coefficients, by component, and the picture.
type memory struct {
	samples      [4]buffer[uint8]
	coefficients [4]buffer[int16]
	pixels       buffer[uint8]
	// tables are the codes of the files before, by class and number: most files have the same.
	tables [2][4]*huffman
}

type buffer[T any] []T

// take returns n values that may be those of a file before.
func (b *buffer[T]) take(n int) []T {
	if cap(*b) < n {
		*b = make([]T, n)
	}
	return (*b)[:n]
}

// cleared returns n values that are 0.
func (b *buffer[T]) cleared(n int) []T {
	fresh := cap(*b) < n
	values := b.take(n)
	if !fresh {
		clear(values)
	}
	return values
}
