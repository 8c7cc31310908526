package recording

import (
	"fmt"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Format is the metadata entry "format" of a recording.
const Format = "beitzoo.recording.v1"

// Recording is one run of one model. Recordings returned by Read and Parse own all their memory.
type Recording struct {
	// Architecture is the name of the architecture as recorded, such as "beit_base_p16_224", or empty.
	Architecture string
	// Framework, FrameworkVersion, Implementation and Note say where the numbers come from.
	Framework, FrameworkVersion, Implementation, Note string
	// Task is what a model does that is no classifier, such as Tokenizer, or empty.
	Task string
	// Autocast is the dtype to which the program rounded on the way, although its parameters were in another one: "bfloat16", "float16", or empty.
	Autocast string
	// DType is the dtype that the recorded program computed in: F64, F32, BF16 or F16.
	DType tensor.DType
	// Epsilon is that of the recorded LayerNorms, or 0 if the recording does not say.
	Epsilon float64
	// Images is the number N of images.
	Images int
	// Pixels are the normalised inputs, [N, Channels, Height, Width], row-major, or nil if they are not stored; see Probes.
	Pixels                  []float32
	Channels, Height, Width int
	// Probes says which images of package synth were the input, or is nil. Recordings of large models have Probes instead of Pixels, to be small.
	Probes *Probes
	// Mask is true for the masked patches, [N, patches], or nil.
	Mask []bool
	// Labels are the right classes, [N], or nil.
	Labels []int64
	// ImageNames are the files that the images were, [N], or nil.
	ImageNames []string
	// Activations are in the order of the forward pass. Names and shapes are those of engine.Stage, except that pool may be of all tokens, as the last norm
	// leaves them.
	Activations []engine.Activation
}

// Probes are the probe images First to Last, both included, that synth.Image makes from Seed; docs/recipe.md defines them.
type Probes struct {
	First, Last int
	Seed        uint64
}

// Activation returns the activation of that name, and whether there is one.
func (r *Recording) Activation(name string) (engine.Activation, bool) {
	at := slices.IndexFunc(r.Activations, func(a engine.Activation) bool { return a.Name == name })
	if at < 0 {
		return engine.Activation{}, false
	}
	return r.Activations[at], true
}

// Origin returns the program and the dtype of the recording: "timm 1.0.31, float32".
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

// Error lists everything that is wrong with a recording.
type Error struct {
	// Path is that of the file, or empty.
	Path string
	// Problems are sentences without a full stop.
	Problems []string
	// Err is checkpoint.ErrFormat for a file that is not a recording, else checkpoint.ErrMalformed.
	Err error
}

func (e *Error) Error() string {
	sentence := fmt.Sprintf("not a usable recording: %s", strings.Join(e.Problems, "; "))
	if e.Path != "" {
		sentence = e.Path + ": " + sentence
	}
	return sentence
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Hint says where the format is described.
func (e *Error) Hint() string {
	return "docs/recording.md describes the format; the scripts for PyTorch and PaddlePaddle make such files"
}

// TaskError says that a recording is whole, and belongs to a kind of model that this module does not run.
type TaskError struct {
	// Path is that of the file, or empty.
	Path string
	// Task is what such models do, as the recording says it: "depth estimation".
	Task string
}

func (e *TaskError) Error() string {
	sentence := fmt.Sprintf("a recording of a model for %s, which beitzoo does not run", text.Quote(e.Task))
	if e.Path != "" {
		sentence = e.Path + ": " + sentence
	}
	return sentence
}

// Is reports whether kind is errdef.ErrInput.
func (e *TaskError) Is(kind error) bool { return kind == errdef.ErrInput }

// Hint says what can be verified.
func (e *TaskError) Hint() string {
	return "verify classifiers, masked models, models of features, image tokenizers and segmentation models; " +
		"the recording keeps what this model computed for programs that read safetensors"
}
