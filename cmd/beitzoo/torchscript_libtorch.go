//go:build libtorch

package main

import (
	"context"

	"github.com/beitzoo/beitzoo/convert/tensor"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/zoo/arch"
	"github.com/beitzoo/beitzoo/zoo/engine"
	"github.com/beitzoo/beitzoo/zoo/engine/torch"
)

// torchScript is a traced module as a reference: it runs on the same drawn images as the model, and its logits are compared.
func torchScript(path string) (verify.Reference, error) { return traced(path), nil }

type traced string

func (t traced) Origin() verify.Origin {
	return verify.Origin{Name: "TorchScript " + string(t), DType: tensor.F32, Stored: tensor.F64}
}

func (t traced) Open(ctx context.Context, subject verify.Subject) (verify.Source, error) {
	model, err := torch.OpenScript(ctx, string(t), subject.Config, engine.Options{Device: subject.Options.Device, Threads: subject.Options.Threads})
	if err != nil {
		return nil, err
	}
	return tracedSource{model, subject.Config}, nil
}

type tracedSource struct {
	model  engine.Model
	config arch.Config
}

func (s tracedSource) Close() error { return s.model.Close() }

func (s tracedSource) Input(from, to int) (engine.Input, error) {
	return verify.Draw(s.config, from, to), nil
}

func (s tracedSource) Run(ctx context.Context, _, _ int, input engine.Input, tap engine.Tap) error {
	_, err := s.model.Forward(ctx, input, tap)
	return err
}
