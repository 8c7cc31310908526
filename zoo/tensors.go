package zoo

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/zoo/manifest"
	"github.com/beitzoo/beitzoo/zoo/store"
)

// DescribeTensors computes the digests of canonical tensors, on all cores, and returns them in the order of tensors.
func DescribeTensors(ctx context.Context, tensors []tensor.Named) ([]manifest.Tensor, error) {
	described := make([]manifest.Tensor, len(tensors))
	return described, parallel.Each(ctx, len(tensors), func(_ context.Context, i int) error {
		t, hash := tensors[i], sha256.New()
		if err := tensor.Guard(func() error { _, err := t.Data.WriteTo(hash); return err }); err != nil {
			return fmt.Errorf("tensor %s: %w", t.Name, err)
		}
		described[i] = manifest.Tensor{
			Name: t.Name, DType: t.DType.String(), Shape: t.Shape, Digest: digest.NewDigest(digest.SHA256, hash),
		}
		return nil
	})
}

// checkTensors compares every tensor with its digest in the manifest, if that has digests of tensors.
func (p *pull) checkTensors(ctx context.Context, tensors []tensor.Named) error {
	if len(p.match.Tensors) == 0 {
		return nil
	}
	described, err := DescribeTensors(ctx, tensors)
	if err != nil {
		return err
	}
	var problems []error
	for i, want := range p.match.Tensors {
		if got := described[i]; got.Name != want.Name || got.DType != want.DType || got.Digest != want.Digest {
			problems = append(problems, &store.DigestError{Name: want.Name, Want: want.Digest, Got: got.Digest, Chunk: -1})
		}
	}
	return errors.Join(problems...)
}
