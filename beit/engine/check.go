package engine

import (
	"errors"
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
)

// ConfigError says that a configuration is no architecture.
type ConfigError struct {
	// Field is the JSON name of the configuration's field.
	Field string
	// Reason is a clause.
	Reason string
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("impossible architecture: %s %s", e.Field, e.Reason)
}

// maxSize bounds every size of a configuration, so that products of two fit easily.
const maxSize = 1 << 24

// CheckConfig reports a *ConfigError unless the sizes are positive and divide one another as they must.
func CheckConfig(c arch.Config) error {
	for _, size := range []struct {
		field string
		value int
		least int
	}{
		{"image_height", c.ImageHeight, 1},
		{"image_width", c.ImageWidth, 1},
		{"patch_size", c.PatchSize, 1},
		{"embed_dim", c.EmbedDim, 1},
		{"hidden_dim", c.HiddenDim, 1},
		{"depth", c.Depth, 0},
		{"heads", c.Heads, 1},
		{"classes", c.Classes, 0},
	} {
		if size.value < size.least || size.value > maxSize {
			return &ConfigError{size.field, fmt.Sprintf("is %d", size.value)}
		}
	}
	switch {
	case c.ImageHeight%c.PatchSize != 0 || c.ImageWidth%c.PatchSize != 0:
		return &ConfigError{"patch_size", fmt.Sprintf("%d does not divide the image, %d by %d", c.PatchSize, c.ImageHeight, c.ImageWidth)}
	case c.Patches() > maxSize:
		return &ConfigError{"patch_size", fmt.Sprintf("%d makes %d tokens", c.PatchSize, c.Patches())}
	case c.EmbedDim%c.Heads != 0:
		return &ConfigError{"heads", fmt.Sprintf("%d does not divide embed_dim %d", c.Heads, c.EmbedDim)}
	case c.Pooling != arch.MeanPooling && c.Pooling != arch.ClassToken && c.Pooling != arch.AllTokens:
		return &ConfigError{"pooling", fmt.Sprintf("is %q", string(c.Pooling))}
	case c.Bias != arch.NoBias && c.Bias != arch.BlockBias && c.Bias != arch.SharedBias:
		return &ConfigError{"relative_position_bias", fmt.Sprintf("is %q", string(c.Bias))}
	case !(c.Epsilon >= 0) || math.IsInf(c.Epsilon, 1):
		return &ConfigError{"epsilon", fmt.Sprintf("is %g", c.Epsilon)}
	}
	return nil
}

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
