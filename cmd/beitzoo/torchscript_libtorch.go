//go:build libtorch

package main

import (
	"context"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/torch"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
)

// torchScript returns a traced module as a reference: it runs on the same generated images as the model, and its logits are compared.
func torchScript(path string) (verify.Reference, error) {
	origin := verify.Origin{Name: "TorchScript " + path, DType: tensor.F32, Stored: tensor.F64}
	return verify.ModelReference(origin, func(ctx context.Context, subject verify.Subject) (engine.Model, error) {
		return torch.OpenScript(ctx, path, subject.Config, engine.Options{Device: subject.Options.Device, Threads: subject.Options.Threads})
	}), nil
}
