package recording

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// Format is the metadata entry "format" of a recording.
const Format = "beitzoo.recording.v1"

// Recording is one run of one model. Read and Parse give one that owns all its memory.
type Recording struct {
	// Architecture is the name that the recorder gave to it, such as "beit_base_p16_224", or empty.
	Architecture string
	// Framework, FrameworkVersion, Implementation and Note say where the numbers come from.
	Framework, FrameworkVersion, Implementation, Note string
	// DType is what the recorded program computed in: F64, F32, BF16 or F16.
	DType tensor.DType
	// Epsilon is that of the recorded LayerNorms, or 0 where the recording does not say.
	Epsilon float64
	// Images is the number N of images.
	Images int
	// Pixels are the normalised inputs, [N, 3, Height, Width], or nil where they are not stored; see Recipe.
	Pixels        []float32
	Height, Width int
	// Recipe says how to make the inputs that are not stored, or is nil.
	Recipe *Recipe
	// Mask marks the masked patches, [N, patches], or is nil.
	Mask []bool
	// Labels are the right classes, [N], or nil.
	Labels []int64
	// Activations are in the order of the forward pass, logits last. Names and shapes are those of engine.Activation, except that pool
	// may have a row for the class token as well in masked image modelling.
	Activations []engine.Activation
}

// Recipe stands for the probe images First to Last of docs/recipe.md.
type Recipe struct {
	First, Last int
	Seed        uint64
}

// Activation gives the one of that name.
func (r *Recording) Activation(name string) (engine.Activation, bool) {
	at := slices.IndexFunc(r.Activations, func(a engine.Activation) bool { return a.Name == name })
	if at < 0 {
		return engine.Activation{}, false
	}
	return r.Activations[at], true
}

// Origin describes the recording in a few words: "timm 1.0.31, float32".
func (r *Recording) Origin() string {
	who := r.Implementation
	if who == "" {
		who = strings.TrimSpace(r.Framework + " " + r.FrameworkVersion)
	}
	if who == "" {
		who = "unknown program"
	}
	return who + ", " + dtypeNames[r.DType]
}

// dtypeNames are the values of the metadata entry "dtype".
var dtypeNames = map[tensor.DType]string{tensor.F64: "float64", tensor.F32: "float32", tensor.BF16: "bfloat16", tensor.F16: "float16"}

const (
	placePool   = 1 << 30
	placeLogits = placePool + 1
	// maxBlock bounds the number of a block in a name.
	maxBlock = 1 << 20
)

// place orders activations as the forward pass does. known is false for a name that no activation has.
func place(name string) (order int, known bool) {
	switch name {
	case "embed":
		return 0, true
	case "pool":
		return placePool, true
	case "logits":
		return placeLogits, true
	}
	number, block := strings.CutPrefix(name, "blocks.")
	number, attention := strings.CutSuffix(number, ".attn")
	i, err := strconv.Atoi(number)
	if !block || err != nil || i < 0 || i >= maxBlock || strconv.Itoa(i) != number {
		return 0, false
	}
	order = 2*i + 2
	if attention {
		order--
	}
	return order, true
}

// Error says what is wrong with a recording. All problems come together.
type Error struct {
	// Path of the file, or empty.
	Path string
	// Problems are clauses.
	Problems []string
	// Kind is checkpoint.ErrFormat for a file that is no recording, else checkpoint.ErrMalformed.
	Kind error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("not a usable recording: %s", strings.Join(e.Problems, "; "))
	if e.Path != "" {
		text = e.Path + ": " + text
	}
	return text
}

// Unwrap gives the kind.
func (e *Error) Unwrap() error { return e.Kind }

// Hint tells the user what to do next.
func (e *Error) Hint() string {
	return "docs/recording.md describes the format, and has scripts that record"
}
