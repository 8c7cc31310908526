package arch

import (
	"errors"
	"fmt"
	"math"
)

// ConfigError says what is wrong with a configuration: every field that can't be as it is.
type ConfigError struct{ Problems []error }

func (e *ConfigError) Error() string {
	return "not a BEiT architecture: " + errors.Join(e.Problems...).Error()
}

// Unwrap gives the problems.
func (e *ConfigError) Unwrap() []error { return e.Problems }

// Limits of a configuration, far above every model of the family; they keep a hostile file from asking for absurd parameter lists.
const (
	maxSize    = 1 << 16
	maxDim     = 1 << 20
	maxDepth   = 1000
	maxClasses = 1 << 26
)

// Validate reports everything that makes c impossible, as a *ConfigError.
func (c Config) Validate() error {
	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	for _, field := range []struct {
		name              string
		value, least, max int
	}{
		{"image_height", c.ImageHeight, 1, maxSize},
		{"image_width", c.ImageWidth, 1, maxSize},
		{"patch_size", c.PatchSize, 1, maxSize},
		{"embed_dim", c.EmbedDim, 1, maxDim},
		{"hidden_dim", c.HiddenDim, 1, maxDim},
		{"depth", c.Depth, 1, maxDepth},
		{"heads", c.Heads, 1, maxDim},
		{"classes", c.Classes, 0, maxClasses},
	} {
		check(field.value >= field.least && field.value <= field.max, "%s is %d, not between %d and %d", field.name, field.value, field.least, field.max)
	}
	if c.PatchSize > 0 {
		check(c.ImageHeight%c.PatchSize == 0 && c.ImageWidth%c.PatchSize == 0, "an image of %d x %d is no whole number of patches of %d",
			c.ImageHeight, c.ImageWidth, c.PatchSize)
	}
	if c.Heads > 0 {
		check(c.EmbedDim%c.Heads == 0, "embed_dim %d is not divisible by %d heads", c.EmbedDim, c.Heads)
	}
	check(c.Pooling == MeanPooling || c.Pooling == ClassToken || c.Pooling == AllTokens, "unknown pooling %.40q", string(c.Pooling))
	check(c.Bias == NoBias || c.Bias == BlockBias || c.Bias == SharedBias, "unknown relative_position_bias %.40q", string(c.Bias))
	check(!c.MaskToken || c.Pooling == AllTokens, "a mask token goes with pooling %q", AllTokens)
	check(c.Epsilon > 0 && c.Epsilon < 1 && !math.IsNaN(c.Epsilon), "epsilon is %g, not between 0 and 1", c.Epsilon)
	if len(problems) > 0 {
		return &ConfigError{problems}
	}
	return nil
}
