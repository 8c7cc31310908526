package configs

import (
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/errdef"
)

// Limits of files, in bytes: a config.json that names 21,841 classes twice has about two million; a training configuration a few thousand.
const (
	maxJSON = 32 << 20
	maxYAML = 1 << 20
)

// FileError says why a file can't be used.
type FileError struct {
	// File is what the file is, such as "config.json", or its path.
	File string
	Err  error
	// Advice is what the user could do; see Hint.
	Advice string
}

func (e *FileError) Error() string { return e.File + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *FileError) Unwrap() error { return e.Err }

// Hint returns what to do.
func (e *FileError) Hint() string {
	if hint := errdef.Hint(e.Err); hint != "" {
		return hint
	}
	return e.Advice
}

// Is reports that the file is unusable input.
func (e *FileError) Is(kind error) bool { return kind == errdef.ErrInput }

// advice is what to do about files that can't be used, by what messages call them.
var advice = map[string]string{
	transformersName: "get the config.json that belongs to these weights; beitzoo reads those of transformers with " +
		"model_type beit, data2vec-vision, upernet over beit, or flava_image_codebook",
	processorName: "state another recipe by its name or in a file; beitzoo resizes bilinearly, bicubically or by Lanczos, crops the centre and normalises",
	timmName:      "state another recipe by its name or in a file; beitzoo resizes bilinearly, bicubically or by Lanczos, crops the centre and normalises",
	passlName:     "give a yaml of PASSL's configs/beit, whose model.architecture names a BEiT, or the name of an architecture",
	labelsName:    "give a text file with one name a line, a config.json, a JSON list, or a manifest",
	recipeName:    "give a preprocessor_config.json, timm's config.json, a manifest, or the fields of a recipe as JSON or YAML",
}

// What messages call files of which the name is not known.
const (
	labelsName = "labels"
	recipeName = "recipe"
)

// unusable returns a *FileError with what to do about it.
func unusable(file string, err error) *FileError {
	return &FileError{File: file, Err: err, Advice: advice[file]}
}

// refuse returns a *FileError with a reason.
func refuse(file, format string, args ...any) error {
	return unusable(file, fmt.Errorf(format, args...))
}

// valueOr returns the value of a field that a file may leave out.
func valueOr[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}

// setSizes sets the sizes of image and patch, which the two fields state.
func setSizes(config *arch.Config, imageField string, image any, patchField string, patch any) error {
	var across int
	var err error
	if config.ImageHeight, config.ImageWidth, err = heightAndWidth(imageField, image, 224); err != nil {
		return err
	}
	if config.PatchSize, across, err = heightAndWidth(patchField, patch, 16); err != nil {
		return err
	}
	if across != config.PatchSize {
		return fmt.Errorf("patches of %d x %d are not square", config.PatchSize, across)
	}
	return nil
}

// heightAndWidth returns a decoded size in pixels: one number for a square, or a list of height and width.
func heightAndWidth(field string, value any, otherwise int) (height, width int, err error) {
	if value == nil {
		return otherwise, otherwise, nil
	}
	edges, isList := value.([]any)
	if !isList {
		edges = []any{value, value}
	}
	if len(edges) == 2 {
		height, okHeight := pixels(edges[0])
		width, okWidth := pixels(edges[1])
		if okHeight && okWidth {
			return height, width, nil
		}
	}
	return 0, 0, fmt.Errorf("%s is neither a number of pixels nor a list of two", field)
}

// pixels returns a whole number, as the decoder of JSON (float64) or of YAML (uint64) holds it. What is beyond 32 bits is not a size.
func pixels(value any) (int, bool) {
	switch v := value.(type) {
	case float64:
		return int(v), v >= 0 && v <= math.MaxInt32 && v == math.Trunc(v)
	case uint64:
		return int(v), v <= math.MaxInt32
	}
	return 0, false
}

// setBias sets the kind of relative position bias, which both kinds of files switch on with two flags. With both, a block adds both biases, which tables of the
// blocks alone can hold.
func setBias(config *arch.Config, block, shared *bool) {
	switch {
	case valueOr(block, false):
		config.Bias = arch.BlockBias
	case valueOr(shared, false):
		config.Bias = arch.SharedBias
	default:
		config.Bias = arch.NoBias
	}
}
