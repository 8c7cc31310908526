package pytorch

import (
	"bytes"
	"context"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
	"github.com/beitzoo/beitzoo/convert/output"
	"github.com/beitzoo/beitzoo/tensor"
)

// Format reads and writes PyTorch checkpoints. Tensors come in the order of the state dict.
var Format = checkpoint.Format{
	Name: "pytorch", Title: "PyTorch",
	Endings:    []checkpoint.Ending{{Suffix: ".pth", Scheme: "unilm"}, {Suffix: ".pt", Scheme: "unilm"}, {Suffix: ".bin", Scheme: "hf"}},
	FolderFile: "pytorch_model.bin", Transformers: true,
	Match: match,
	Read:  read,
	Write: func(tensors []tensor.Named, options checkpoint.WriteOptions) ([]output.Part, error) {
		return Layout(tensors, Options{Wrapper: options.Key, Classes: options.Classes, Palette: options.Palette})
	},
	HasKeys: true, HasMeta: true,
	Folders: []checkpoint.FolderKind{distributed, unpacked, ranks},
}

// container is one of the ways in which PyTorch has built files.
type container struct {
	match func(content []byte) bool
	read  func(ctx context.Context, content []byte, options checkpoint.Options) (*checkpoint.Checkpoint, error)
}

var containers = []container{
	{isArchive, readArchive},
	{isLegacy, readLegacy},
	{isTar, refuseTar},
}

func match(content []byte) bool {
	for _, c := range containers {
		if c.match(content) {
			return true
		}
	}
	return false
}

func read(ctx context.Context, content []byte, options checkpoint.Options) (*checkpoint.Checkpoint, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	for _, c := range containers {
		if c.match(content) {
			return c.read(ctx, content, options)
		}
	}
	return nil, checkpoint.Errorf(checkpoint.ErrFormat, "no container of PyTorch begins like this")
}

// isArchive accepts the first record of a zip archive, or the end of an empty one.
func isArchive(content []byte) bool {
	return bytes.HasPrefix(content, []byte("PK\x03\x04")) || bytes.HasPrefix(content, []byte("PK\x05\x06"))
}
