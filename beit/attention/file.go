package attention

import (
	"image"

	"github.com/beitzoo/beitzoo/internal/drawing"
)

// maker is what files of drawings are said to be made by.
const maker = "beitzoo attention"

// Encode returns a drawing of [Draw] as a PNG file that says what made it, and of which picture, such as its path; see [ReadSource].
func Encode(drawn image.Image, picture string) ([]byte, error) {
	return drawing.Encode(drawn, maker, picture)
}

// ReadSource returns the picture of which the file at path is a drawing; own is false if it is no file that [Encode] made. The error is one of the system. It must
// not be a pipe.
func ReadSource(path string) (picture string, own bool, err error) {
	return drawing.ReadSource(path, maker)
}
