package arch

import (
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// InferenceError says which property of an architecture cannot be inferred from the shapes of its parameters.
type InferenceError struct {
	// Property is a field of Config, in words.
	Property string
	// Reason is a clause.
	Reason string
}

func (e *InferenceError) Error() string {
	return fmt.Sprintf("the %s cannot be inferred from the parameters: %s", e.Property, e.Reason)
}

// Is reports that the parameters are unusable input.
func (e *InferenceError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says how to state the property.
func (e *InferenceError) Hint() string {
	return "name the architecture, or give the PASSL yaml configuration of the model"
}

// Infer returns the architecture that has parameters of these canonical names and shapes. The shapes of relative_position_index buffers, under their names
// in microsoft/unilm, are used too. Each property is the value that most parameters agree on, so a few parameters may be missing or have a wrong shape:
// Infer does not report them; compare shapes with the Params of the result to find them.
//
// Epsilon does not follow from shapes: it is set to [Epsilon]. If another property does not follow from the shapes, the error is an *[InferenceError]; if
// the result is impossible, a *[ConfigError].
func Infer(shapes map[string]tensor.Shape) (Config, error) {
	s := survey(shapes)
	config := Config{
		Depth: s.depth(), Classes: s.most("classes"), EmbedDim: s.most("embed"), HiddenDim: s.most("hidden"), PatchSize: s.most("patch"),
		Bias: s.bias(), AbsolutePosition: s.has("pos_embed"), LayerScale: s.has("gamma_1") || s.has("gamma_2"), Epsilon: Epsilon,
	}
	config.Pooling, config.MaskToken = s.pooling()
	for _, needed := range []struct {
		name  string
		value int
	}{{"embedding dimension", config.EmbedDim}, {"width of the MLP", config.HiddenDim}, {"patch size", config.PatchSize}, {"depth", config.Depth}} {
		if needed.value == 0 {
			return Config{}, &InferenceError{needed.name, "no parameter that depends on it was found"}
		}
	}
	if s.has("shared") && s.has("table") {
		return Config{}, &InferenceError{"kind of position bias", "there are both a table for all blocks and tables of single blocks"}
	}
	var err error
	if config.Heads, err = s.heads(config.EmbedDim); err != nil {
		return Config{}, err
	}
	height, width, err := s.window()
	if err != nil {
		return Config{}, err
	}
	config.ImageHeight, config.ImageWidth = height*config.PatchSize, width*config.PatchSize
	if err := config.Validate(); err != nil {
		return Config{}, err
	}
	return config.Named(), nil
}

// Named returns c with the name of the named architecture that is equal to it apart from name and epsilon, or without a name if there is none.
func (c Config) Named() Config {
	c.Name = ""
	for _, known := range named {
		same := known
		same.Name, same.Epsilon = "", c.Epsilon
		if same == c {
			c.Name = known.Name
			return c
		}
	}
	return c
}

// headDim is the width of an attention head in every released model.
const headDim = 64

// heads returns the number of heads: that of the bias tables, or else the one with which heads have the usual width.
func (s evidence) heads(dim int) (int, error) {
	if heads := s.most("heads"); heads > 0 {
		return heads, nil
	}
	if dim%headDim != 0 {
		return 0, &InferenceError{"number of attention heads", fmt.Sprintf("there is no bias table, and %d is not a multiple of %d", dim, headDim)}
	}
	return dim / headDim, nil
}

// window returns the number of patches down and across. From the numbers of tokens and of rows of a table follow the sides of a rectangle, but not which is
// which, so only squares are accepted.
func (s evidence) window() (height, width int, err error) {
	tokens, rows := s.most("tokens"), s.most("rows")
	switch side, offsets := root(tokens-1), root(rows-3); {
	case tokens == 0 && rows == 0:
		return 0, 0, &InferenceError{"image size", "there is neither a position bias nor a position embedding"}
	case tokens > 0 && side == 0:
		return 0, 0, &InferenceError{"image size", fmt.Sprintf("%d tokens are not a square of patches and a class token", tokens)}
	case rows > 0 && offsets%2 == 0:
		return 0, 0, &InferenceError{"image size", fmt.Sprintf("bias tables of %d rows do not belong to a square window", rows)}
	case tokens > 0 && rows > 0 && offsets != 2*side-1:
		return 0, 0, &InferenceError{"image size", fmt.Sprintf("%d tokens and bias tables of %d rows do not belong to a square window", tokens, rows)}
	case tokens > 0:
		return side, side, nil
	default:
		return (offsets + 1) / 2, (offsets + 1) / 2, nil
	}
}

// root returns the square root of n if that is a positive integer, else 0.
func root(n int) int {
	side := int(math.Round(math.Sqrt(float64(max(n, 0)))))
	if side*side != n {
		return 0
	}
	return side
}
