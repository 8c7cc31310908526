package engine

import (
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/errdef"
)

// Input is a batch of images.
type Input struct {
	// Pixels are normalised, [N, Channels, ImageHeight, ImageWidth], row-major. The engine does not keep or change them.
	Pixels []float32
	// Mask is for masked-image-modelling models only: true for each masked patch, [N, Patches]. With nil no patch is masked.
	Mask []bool
}

// InputError says that a batch does not fit the model.
type InputError struct {
	// What is "pixels" or "mask".
	What string
	// Got is the number of values; Want is the number for one image.
	Got, Want int
	// Reason says what does not fit, as a sentence without a full stop.
	Reason string
}

func (e *InputError) Error() string { return fmt.Sprintf("%s: %s", e.What, e.Reason) }

// Is reports whether kind is errdef.ErrInput.
func (e *InputError) Is(kind error) bool { return kind == errdef.ErrInput }

// Images returns the number of images in a batch, or an *InputError if pixels or mask do not fit the model. Engines call it at the start of Forward.
func Images(config arch.Config, input Input) (int, error) {
	one := config.Channels * config.ImageHeight * config.ImageWidth
	got := len(input.Pixels)
	if got == 0 || got%one != 0 {
		return 0, &InputError{"pixels", got, one, fmt.Sprintf("%d values are not a whole number of images of %d x %d x %d = %d",
			got, config.Channels, config.ImageHeight, config.ImageWidth, one)}
	}
	images := got / one
	switch {
	case input.Mask == nil:
	case !config.MaskToken:
		return 0, &InputError{"mask", len(input.Mask), 0, "the model has no mask token"}
	case len(input.Mask) != images*config.Patches():
		return 0, &InputError{"mask", len(input.Mask), config.Patches(), fmt.Sprintf(
			"%d values, but %d images of %d patches need %d", len(input.Mask), images, config.Patches(), images*config.Patches())}
	}
	return images, nil
}
