package card

import (
	"fmt"

	"github.com/beitzoo/beitzoo/internal/text"
)

// Colour is red, green and blue, each from 0 to 255.
type Colour [3]int

// PaletteProblem says why colours are not those of so many classes, as a clause, or returns an empty text.
func PaletteProblem(palette []Colour, classes int) string {
	if len(palette) != classes {
		return fmt.Sprintf("has %s, and there are %d classes", text.Count(len(palette), "colour", "colours"), classes)
	}
	for class, colour := range palette {
		for _, value := range colour {
			if value < 0 || value > 255 {
				return fmt.Sprintf("has %d in the colour of class %d, not a number from 0 to 255", value, class)
			}
		}
	}
	return ""
}
