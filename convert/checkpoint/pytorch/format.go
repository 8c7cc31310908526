package pytorch

import (
	"bytes"
	"context"

	"github.com/beitzoo/beitzoo/convert/checkpoint"
)

// Format reads PyTorch checkpoints. Tensors come in the order of the state dict.
var Format = checkpoint.Format{Name: "pytorch", Match: match, Read: read}

// container is one way in which PyTorch has built files.
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

func malformed(reason string, args ...any) *checkpoint.Error {
	return checkpoint.Errorf(checkpoint.ErrMalformed, reason, args...)
}

func unsupported(reason string, args ...any) *checkpoint.Error {
	return checkpoint.Errorf(checkpoint.ErrUnsupported, reason, args...)
}
