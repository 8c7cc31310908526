package paddle

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/pickle"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/statedict"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Format reads and writes .pdparams files, and reads any other file that is one pickle of NumPy arrays. Tensors come in the order of the file. Unsigned
// 16-bit arrays are bfloat16, because NumPy has no such type and Paddle saves it so.
var Format = checkpoint.Format{
	Name: "paddle", Title: "PaddlePaddle",
	Endings:    []checkpoint.Ending{{Suffix: ".pdparams", Scheme: "passl"}},
	FolderFile: "model_state.pdparams",
	Match:      match,
	Read:       read,
	Write:      func(tensors []tensor.Named, _ checkpoint.WriteOptions) ([]output.Part, error) { return Layout(tensors) },
}

func read(ctx context.Context, content []byte, options checkpoint.Options) (*checkpoint.Checkpoint, error) {
	if err := refuseInference(content); err != nil {
		return nil, err
	}
	document, err := pickle.Load(ctx, content, 0, pickle.Options{})
	if err != nil {
		return nil, err
	}
	if rest := int64(len(content)) - document.End; rest != 0 {
		return nil, checkpoint.Malformed("%d bytes follow the end of the pickle", rest).At(document.End).
			WithHint("PaddlePaddle would ignore them; whatever put them there, get the file from its origin again")
	}
	if err := tidy(document.Root); err != nil {
		return nil, err
	}
	found, err := statedict.Choose(document.Root, statedict.Options{Select: options.Select, FileSize: int64(len(content))})
	if err != nil {
		return nil, err
	}
	tensors, err := named(found.Tensors)
	if err != nil {
		return nil, err
	}
	unsaved, err := named(found.Unsaved)
	if err != nil {
		return nil, err
	}
	return &checkpoint.Checkpoint{
		Container: container(document, found),
		Wrapper:   found.Wrapper,
		Class:     found.Class,
		Modules:   found.Modules,
		Unsaved:   unsaved,
		Reason:    found.Reason,
		Others:    found.Others,
		Heads:     found.Heads,
		Stated:    found.Stated,
		Tensors:   tensors,
		Notes:     append(found.Notes, document.Notes()...),
	}, nil
}

// container says how the file is built.
func container(document *pickle.Document, found *statedict.Dict) string {
	if found.Class != "" {
		return fmt.Sprintf("pickle, protocol %d, whole module of class %s", document.Protocol, text.Quote(found.Class))
	}
	return fmt.Sprintf("pickle, protocol %d", document.Protocol)
}

func named(found []statedict.Tensor) ([]tensor.Named, error) {
	tensors := make([]tensor.Named, len(found))
	for i, t := range found {
		array, ok := t.Value.(*pickle.Array)
		if !ok {
			return nil, checkpoint.Unsupported("parameter %q is not a NumPy array", t.Name)
		}
		tensors[i] = tensor.Named{Name: t.Name, View: array.View}
		if tensors[i].DType == tensor.U16 {
			tensors[i].DType = tensor.BF16
		}
	}
	return tensors, nil
}
