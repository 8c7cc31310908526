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
func DecodeConfig(data []byte) (Config, error) {
	d := &decoder{data: data}
	if err := d.header(); err != nil {
		return Config{}, err
	}
	return Config{d.width, d.height, len(d.components)}, nil
}

// Decode decodes a file. The errors are those of [DecodeConfig].
func Decode(data []byte) (*Image, error) {
	return DecodeWindow(data, func(c Config) image.Rectangle { return image.Rect(0, 0, c.Width, c.Height) })
}

// DecodeWindow is [Decode] for a part of the picture: the samples outside of it are not computed, they are 0. The whole file is read all the same, so the
// errors are those of Decode.
func DecodeWindow(data []byte, window func(Config) image.Rectangle) (*Image, error) {
	d := &decoder{data: data}
	if err := d.header(); err != nil {
		return nil, err
	}
	d.look(window(Config{d.width, d.height, len(d.components)}))
	if err := d.scans(); err != nil {
		return nil, err
	}
	d.transform()
	return d.paint(d.colours()), nil
}
