package zoo

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/beitzoo/beitzoo/internal/parallel"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/zoo/manifest"
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
