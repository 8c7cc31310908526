package verify

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/recording"
)

// Recorded is a recording as a reference. name is for reports, such as the file's name.
func Recorded(name string, r *recording.Recording) Reference { return recorded{name, r} }

type recorded struct {
	name string
	*recording.Recording
}

func (r recorded) Origin() Origin {
	return Origin{
		Name: fmt.Sprintf("recording %s (%s)", r.name, r.Recording.Origin()), DType: r.DType, Stored: tensor.F64, Epsilon: r.Epsilon, Images: r.Images,
		Exact: r.DType == tensor.F64,
	}
}

// NoInputError says that a recording has no inputs, so that nothing can be run beside it.
type NoInputError struct{ Name string }

func (e *NoInputError) Error() string {
	return fmt.Sprintf("recording %s holds no input images", e.Name)
}

// Hint tells the user what to do next.
func (e *NoInputError) Hint() string {
	return "record again with the tensor \"input\", as the scripts in docs do"
}

func (r recorded) Open(_ context.Context, subject Subject) (Source, error) {
	config := subject.Config
	want := tensor.Shape{r.Images, 3, r.Height, r.Width}
	switch {
	case r.Pixels == nil && r.Recipe == nil:
		return nil, &NoInputError{r.name}
	case r.Pixels != nil && (r.Height != config.ImageHeight || r.Width != config.ImageWidth):
		return nil, &MismatchError{"input", tensor.Shape{r.Images, 3, config.ImageHeight, config.ImageWidth}, want}
	case r.Mask != nil && (!config.MaskToken || len(r.Mask) != r.Images*config.Patches()):
		return nil, &MismatchError{"mask", nil, tensor.Shape{r.Images, len(r.Mask) / r.Images}}
	}
	return &recordedSource{recorded: r, config: config}, nil
}

type recordedSource struct {
	recorded
	config arch.Config
}

func (s *recordedSource) Close() error { return nil }

func (s *recordedSource) Input(from, to int) (engine.Input, error) {
	var input engine.Input
	if s.Pixels != nil {
		one := len(s.Pixels) / s.Images
		input.Pixels = s.Pixels[from*one : to*one]
	} else {
		input.Pixels = probes(s.config, s.Recipe.Seed, s.Recipe.First+from, s.Recipe.First+to)
	}
	if s.Mask != nil {
		one := len(s.Mask) / s.Images
		input.Mask = s.Mask[from*one : to*one]
	}
	return input, nil
}

func (s *recordedSource) Run(_ context.Context, from, to int, _ engine.Input, tap engine.Tap) error {
	for _, a := range s.Activations {
		if err := tap(s.part(a, from, to)); err != nil {
			return err
		}
	}
	return nil
}

// part cuts out images. The row of the class token in pool, which some programs record in masked image modelling, is left out: the head does
// not see it.
func (s *recordedSource) part(a engine.Activation, from, to int) engine.Activation {
	one := len(a.Values) / s.Images
	part := engine.Activation{Name: a.Name, Shape: append(tensor.Shape{to - from}, a.Shape[1:]...), Values: a.Values[from*one : to*one]}
	if a.Name != "pool" || s.config.Pooling != arch.AllTokens || len(a.Shape) != 3 || a.Shape[1] != s.config.Tokens() {
		return part
	}
	part.Shape[1]--
	width := a.Shape[2]
	part.Values = nil
	for image := from; image < to; image++ {
		part.Values = append(part.Values, a.Values[image*one+width:(image+1)*one]...)
	}
	return part
}
