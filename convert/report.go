package convert

import (
	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/convert/adapt"
	"github.com/beitzoo/beitzoo/convert/transform"
	"github.com/beitzoo/beitzoo/tensor"
)

// Report says what Convert did.
type Report struct {
	Input Input `json:"source"`
	Saved Saved `json:"target"`
	// Architecture is that of the model, epsilon included.
	Architecture arch.Config `json:"architecture"`
	// Parameters are in the order of Architecture.Params.
	Parameters []Parameter `json:"parameters"`
	// Steps are the changes to the model that were asked for, a cast last. What they leave out is named there.
	Steps []adapt.Step `json:"steps,omitempty"`
	// Dropped are tensors of the input that are not parameters.
	Dropped []Dropped `json:"dropped,omitempty"`
	// Lossy are sentences about what cannot be undone; empty means that converting back restores the same tensors bit for bit.
	Lossy []string `json:"lossy,omitempty"`
	Notes []string `json:"notes,omitempty"`
	// Snippet are lines of Python that build the model and load what was written; see the function Snippet.
	Snippet string `json:"snippet,omitempty"`
	// DryRun says that nothing was written.
	DryRun bool `json:"dry_run,omitempty"`
}

// Input says what was read.
type Input struct {
	Path      string `json:"path"`
	Format    string `json:"format"`
	Container string `json:"container"`
	// Wrapper is the path of keys to the state dict, or empty; OtherDicts are those of other state dicts that the file holds.
	Wrapper    string   `json:"wrapper,omitempty"`
	OtherDicts []string `json:"other_state_dicts,omitempty"`
	// Reason says why the state dict was taken, and not one of the others; it is empty if it was asked for.
	Reason string `json:"reason,omitempty"`
	// Class is the class of the whole module that the file holds in place of a state dict, or empty.
	Class  string `json:"class,omitempty"`
	Scheme string `json:"scheme"`
	// Assumptions are properties of the architecture that were guessed.
	Assumptions []arch.Assumption `json:"assumptions,omitempty"`
	// Warnings are sentences about what the program that the names belong to computes otherwise than beitzoo, and about values that look wrong.
	Warnings []string `json:"warnings,omitempty"`
	// Bytes is the size of all files, Tensors their number, index buffers included.
	Bytes   int64 `json:"bytes"`
	Tensors int   `json:"tensors"`
}

// Parameter says what became of one parameter.
type Parameter struct {
	// Name is canonical; From and To are the names in the two files. From is empty if the parameter is fresh.
	Name string   `json:"name"`
	From []string `json:"from"`
	To   []string `json:"to"`
	// Read is what was done to the elements to make them canonical, such as "transposed", or empty.
	Read string `json:"read,omitempty"`
	// Steps are the names of the steps that made or changed the parameter.
	Steps []string `json:"steps,omitempty"`
	// DType is that of the input, Cast that of the output if it differs.
	DType string       `json:"dtype"`
	Cast  string       `json:"cast,omitempty"`
	Shape tensor.Shape `json:"shape"`
	// Lost counts the values that the cast does more to than rounding; nil if there are none.
	Lost *transform.Losses `json:"cast_losses,omitempty"`
}

// Dropped is a tensor that was left out, and why.
type Dropped struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
	Bytes  int64  `json:"bytes"`
	// Beside: it is no part of the model, whose names begin otherwise, or that has no such part.
	Beside bool `json:"beside,omitempty"`
}
