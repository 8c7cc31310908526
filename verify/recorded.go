package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify/recording"
)

// Recorded returns a recording as a reference. name is its name in reports, such as that of the file. Verify returns a *NoInputError if the recording has no
// inputs, and a *MismatchError if it belongs to another architecture.
func Recorded(name string, r *recording.Recording) Reference {
	shown, stated := shownDType(r), tensor.Invalid
	if shown != r.DType {
		stated = r.DType
	}
	origin := Origin{
		Name: fmt.Sprintf("recording %s (%s)", name, r.Origin()), DType: shown, Stored: tensor.F64, Epsilon: r.Epsilon, Images: r.Images,
		Exact: shown == tensor.F64, Architecture: r.Architecture,
	}
	height, width := r.Height, r.Width
	if a, found := r.Activation(decodedStage); found && len(a.Shape) == 4 {
		height, width = a.Shape[2], a.Shape[3]
	} else if a, found := r.Activation(pictureStage); found && len(a.Shape) == 4 {
		height, width = a.Shape[2], a.Shape[3]
	}
	return Reference{Origin: origin, stated: stated, height: height, width: width, open: func(_ context.Context, subject Subject) (referenceRun, error) {
		config := subject.Config
		if config.Kind == arch.DVAEDecoder {
			return decoderRun(name, r, config)
		}
		want := tensor.Shape{r.Images, r.Channels, r.Height, r.Width}
		switch {
		case r.Pixels == nil && r.Probes == nil:
			return nil, &NoInputError{name}
		case r.Pixels != nil && (r.Channels != config.Channels || r.Height != config.ImageHeight || r.Width != config.ImageWidth):
			return nil, &MismatchError{What: "input", Got: tensor.Shape{r.Images, config.Channels, config.ImageHeight, config.ImageWidth}, Want: want}
		case r.Mask != nil && (!config.MaskToken || len(r.Mask) != r.Images*config.Patches()):
			return nil, &MismatchError{What: "mask", Want: tensor.Shape{r.Images, len(r.Mask) / r.Images}}
		}
		own, _ := ofHalf(asNamedHere(r, config), config)
		return &recordedRun{own, config, nil}, nil
	}, aside: func(config arch.Config) []string {
		_, aside := ofHalf(r, config)
		return aside
	}}
}

var (
	decodedStage = engine.Stage{Kind: engine.Decoded}.String()
	decoderPool  = engine.Stage{Kind: engine.DecoderPool}.String()
	pictureStage = engine.Stage{Kind: engine.Picture}.String()
)

// ofHalf returns what a recording of both halves of a dVAE has of one of them, and the names of what belongs to the other. A recording with pixels has the stages
// before the last convolution of the encoder, if it has any.
func ofHalf(r *recording.Recording, config arch.Config) (own *recording.Recording, aside []string) {
	other := func(name string) bool {
		switch config.Kind {
		case arch.DVAEEncoder:
			return name == decodedStage || name == pictureStage
		case arch.DVAEDecoder:
			return name == tokens || name == logits || r.Pixels != nil && name != decodedStage && name != pictureStage
		}
		return false
	}
	part := *r
	part.Activations = nil
	for _, a := range r.Activations {
		if other(a.Name) {
			aside = append(aside, a.Name)
		} else {
			part.Activations = append(part.Activations, a)
		}
	}
	return &part, slices.DeleteFunc(aside, func(name string) bool { return config.Kind == arch.DVAEDecoder && name == tokens })
}

// decoderRun returns the run of a recording for a dVAE's decoder, whose input are visual tokens.
func decoderRun(name string, r *recording.Recording, config arch.Config) (referenceRun, error) {
	given, found := r.Activation(tokens)
	if !found {
		return nil, &NoInputError{name}
	}
	own, _ := ofHalf(r, config)
	if want := (tensor.Shape{r.Images, config.Patches()}); !given.Shape.Equal(want) {
		return nil, &MismatchError{What: tokens, Got: want, Want: given.Shape}
	}
	return &recordedRun{own, config, given.Values}, nil
}

// recordedRun replays a recording.
type recordedRun struct {
	*recording.Recording
	config arch.Config
	// given are the visual tokens that a decoder reads, else nil.
	given []float64
}

func (r *recordedRun) close() error { return nil }

func (r *recordedRun) input(from, to int) (engine.Input, error) {
	var input engine.Input
	if r.config.Kind == arch.DVAEDecoder {
		return r.tokens(from, to), nil
	}
	if r.Pixels != nil {
		one := len(r.Pixels) / r.Images
		input.Pixels = r.Pixels[from*one : to*one]
	} else {
		input.Pixels = probes(r.config, r.Probes.Seed, r.Probes.First+from, r.Probes.First+to)
	}
	if r.Mask != nil {
		one := len(r.Mask) / r.Images
		input.Mask = r.Mask[from*one : to*one]
	}
	return input, nil
}

// tokens returns the visual tokens of the images [from, to).
func (r *recordedRun) tokens(from, to int) (input engine.Input) {
	one := len(r.given) / r.Images
	for _, token := range r.given[from*one : to*one] {
		input.Tokens = append(input.Tokens, int32(token))
	}
	return input
}

func (r *recordedRun) run(_ context.Context, from, to int, _ engine.Input, tap engine.Tap) error {
	for _, a := range r.Activations {
		if err := tap(r.part(a, from, to)); err != nil {
			return err
		}
	}
	return nil
}

// asNamedHere returns a recording of a model without a head as this module names its stages: what such a program returns is pool, and some recordings call it
// logits, be it beside the same values as pool or alone.
func asNamedHere(r *recording.Recording, config arch.Config) *recording.Recording {
	result, found := r.Activation(logits)
	width := result.Shape[max(0, len(result.Shape)-1):]
	if !found || config.Classes > 0 || config.Pooling == arch.NoPooling || !width.Equal(tensor.Shape{config.EmbedDim}) {
		return r
	}
	own := *r
	own.Activations = slices.DeleteFunc(slices.Clone(r.Activations), func(a engine.Activation) bool { return a.Name == logits })
	pooled, recorded := r.Activation(pool)
	switch {
	case !recorded:
		result.Name = pool
		own.Activations = append(own.Activations, result)
	case !slices.Equal(pooled.Values, result.Values):
		return r
	}
	return &own
}

// part returns the images [from, to) of an activation. Some programs record pool with more rows than the head is given: all tokens, of which masked image
// modelling does not take the class token, and a model that pools by the class token takes no other.
func (r *recordedRun) part(a engine.Activation, from, to int) engine.Activation {
	one := len(a.Values) / r.Images
	part := engine.Activation{Name: a.Name, Shape: append(tensor.Shape{to - from}, a.Shape[1:]...), Values: a.Values[from*one : to*one]}
	if a.Name != pool && a.Name != decoderPool || len(a.Shape) != 3 || a.Shape[1] != r.config.Tokens() {
		return part
	}
	width := a.Shape[2]
	first, last := width, one
	switch r.config.Pooling {
	case arch.AllTokens, arch.PatchTokens:
		part.Shape[1]--
	case arch.ClassToken:
		first, last = 0, width
		part.Shape = tensor.Shape{to - from, width}
	default:
		return part
	}
	part.Values = nil
	for image := from; image < to; image++ {
		part.Values = append(part.Values, a.Values[image*one+first:image*one+last]...)
	}
	return part
}
