package safetensors

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/checkpoint/internal/framework"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

// Format reads and writes safetensors files. Tensors come in the order of their data; their views are windows of the file.
var Format = checkpoint.Format{
	Name: "safetensors", Title: "safetensors",
	Endings:    []checkpoint.Ending{{Suffix: ".safetensors", Scheme: "canonical"}},
	FolderFile: "model.safetensors", Transformers: true,
	Match: framework.IsSafetensors,
	Read:  read,
	Write: func(tensors []tensor.Named, options checkpoint.WriteOptions) ([]output.Part, error) {
		return Layout(tensors, options.Metadata)
	},
	HasMetadata: true,
}

func read(ctx context.Context, content []byte, options checkpoint.Options) (*checkpoint.Checkpoint, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	raw, err := headerBytes(content)
	if err != nil {
		return nil, err
	}
	if err := checkpoint.Spend(ctx, int64(len(raw))/checkpoint.EffortBytes); err != nil {
		return nil, err
	}
	h, err := parse(raw, int64(len(content)))
	if err != nil {
		return nil, err
	}
	opened := &checkpoint.Checkpoint{
		Container: fmt.Sprintf("header of %d bytes and data", h.end-8),
		Metadata:  h.metadata,
		Tensors:   make([]tensor.Named, len(h.entries)),
	}
	for i, e := range h.entries {
		data := tensor.Memory(content[h.end+e.begin : h.end+e.end : h.end+e.end])
		opened.Tensors[i] = tensor.Named{Name: e.name, View: tensor.View{DType: e.dtype, Shape: e.shape, Data: data}}
	}
	if options.Select != "" {
		if err := opened.Take(options.Select); err != nil {
			return nil, err
		}
	}
	return opened, nil
}
