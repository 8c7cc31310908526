package naming

import (
	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/tensor"
)

// Options say what is known beforehand.
type Options struct {
	// Scheme is the naming scheme; empty finds it out.
	Scheme string
	// Prefer is the scheme to report where several have the same names, such as the one that a file's metadata states.
	Prefer string
	// Arch is the architecture that the tensors must have; nil infers it.
	Arch *arch.Config
	// SkipIndex leaves the relative position indices in the file unread. They are 200 MB in a large model.
	SkipIndex bool
}

// Model is a checkpoint understood.
type Model struct {
	// Scheme is the naming scheme of the tensors. Equivalent are others that name the parameters of this model the same way.
	Scheme     string
	Equivalent []string
	Config     arch.Config
	// Tensors are the canonical parameters, in the order of Config.Params. Their views are lazy and end with the checkpoint.
	Tensors []tensor.Named
	// Changes say for each of Tensors where it comes from.
	Changes []Change
	// Dropped are the tensors of the file that are no parameters.
	Dropped []Dropped
	// Notes are sentences for people.
	Notes []string
}

// Change says what became of a parameter.
type Change struct {
	// Name is canonical.
	Name string `json:"name"`
	// From are the names in the file.
	From []string `json:"from"`
	// Operation is what was done to the elements, such as "transposed", or empty.
	Operation string `json:"operation,omitempty"`
}

// Dropped is a tensor that was left out.
type Dropped struct {
	Name string `json:"name"`
	// Reason is a clause.
	Reason string `json:"reason"`
	// Bytes is the size in the file.
	Bytes int64 `json:"bytes"`
}
