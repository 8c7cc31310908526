package engine

import (
	"errors"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// InputError says that a batch is not what the model takes.
type InputError struct {
	// What is "pixels" or "mask".
	What string
	// Got is the number of values; Want is the number for one image.
	Got, Want int
	Reason    string
}

func (e *InputError) Error() string { return fmt.Sprintf("%s: %s", e.What, e.Reason) }

// Images is the number of images of a batch, or an *InputError where pixels or mask do not fit the model.
func Images(config arch.Config, input Input) (int, error) {
	one := 3 * config.ImageHeight * config.ImageWidth
	got := len(input.Pixels)
	if got == 0 || got%one != 0 {
		return 0, &InputError{"pixels", got, one, fmt.Sprintf("%d values are not a whole number of images of 3 x %d x %d = %d", got, config.ImageHeight, config.ImageWidth, one)}
	}
	images := got / one
	switch {
	case input.Mask == nil:
	case !config.MaskToken:
		return 0, &InputError{"mask", len(input.Mask), 0, "the model has no mask token"}
	case len(input.Mask) != images*config.Patches():
		return 0, &InputError{"mask", len(input.Mask), config.Patches(), fmt.Sprintf("%d values where %d images of %d patches need %d", len(input.Mask), images, config.Patches(), images*config.Patches())}
	}
	return images, nil
}

// ErrClosed says that a model was used after Close.
var ErrClosed = errors.New("the model is closed")
