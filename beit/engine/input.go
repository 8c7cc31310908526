package engine

import (
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/errdef"
)

// Input is a batch of images, or for a dVAE's decoder of visual tokens. The engine does not keep or change it.
type Input struct {
	// Pixels are normalised, [N, Channels, ImageHeight, ImageWidth], row-major.
	Pixels []float32
	// Mask is for masked-image-modelling models only: true for each masked patch, [N, Patches]. With nil no patch is masked.
	Mask []bool
	// Tokens are for a dVAE's decoder only, which takes them instead of pixels: [N, Patches], row by row, each at least 0 and less than Classes.
	Tokens []int32
}

// InputError says that a batch does not fit the model.
type InputError struct {
	// What is "pixels", "mask" or "tokens".
	What string
	// Got is the number of values; Want is the number for one image.
	Got, Want int
	// Reason says what does not fit, as a sentence without a full stop.
	Reason string
}

func (e *InputError) Error() string { return fmt.Sprintf("%s: %s", e.What, e.Reason) }

// Is reports whether kind is errdef.ErrInput.
func (e *InputError) Is(kind error) bool { return kind == errdef.ErrInput }

// Images returns the number of images in a batch, or an *InputError if pixels, mask or tokens do not fit the model. Engines call it at the start of Forward.
func Images(config arch.Config, input Input) (int, error) {
	if config.Kind == arch.DVAEDecoder {
		return tokenImages(config, input)
	}
	one := config.Channels * config.ImageHeight * config.ImageWidth
	got := len(input.Pixels)
	if got == 0 || got%one != 0 {
		return 0, &InputError{"pixels", got, one, fmt.Sprintf("%d values are not a whole number of images of %d x %d x %d = %d",
			got, config.Channels, config.ImageHeight, config.ImageWidth, one)}
	}
	images := got / one
	switch {
	case input.Tokens != nil:
		return 0, &InputError{"tokens", len(input.Tokens), 0, "the model takes pixels; only the decoder of a dVAE takes visual tokens"}
	case input.Mask == nil:
	case !config.MaskToken:
		return 0, &InputError{"mask", len(input.Mask), 0, "the model has no mask token"}
	case len(input.Mask) != images*config.Patches():
		return 0, &InputError{"mask", len(input.Mask), config.Patches(), fmt.Sprintf(
			"%d values, but %d images of %d patches need %d", len(input.Mask), images, config.Patches(), images*config.Patches())}
	}
	return images, nil
}

// tokenImages is Images for a dVAE's decoder.
func tokenImages(config arch.Config, input Input) (int, error) {
	one, got := config.Patches(), len(input.Tokens)
	switch {
	case input.Pixels != nil:
		return 0, &InputError{"pixels", len(input.Pixels), 0, "the model is the decoder of a dVAE, which takes visual tokens"}
	case input.Mask != nil:
		return 0, &InputError{"mask", len(input.Mask), 0, "the model has no mask token"}
	case got == 0 || got%one != 0:
		height, width := config.Window()
		return 0, &InputError{"tokens", got, one, fmt.Sprintf("%d are not a whole number of images of %d x %d = %d", got, height, width, one)}
	}
	for i, token := range input.Tokens {
		if token < 0 || int(token) >= config.Classes {
			return 0, &InputError{"tokens", got, one, fmt.Sprintf("token %d of image %d is %d, not between 0 and %d", i%one, i/one, token, config.Classes-1)}
		}
	}
	return got / one, nil
}
