//go:build libtorch

package main

import (
	"context"
	"errors"
	"io/fs"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/torch"
	"github.com/beitzoo/beitzoo/tensor"
	"github.com/beitzoo/beitzoo/verify"
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
		return nil, scriptProblem(err)
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
	return scriptProblem(err)
}

// scriptError is what libtorch says of a file, or of a module, that is not what --torchscript takes.
type scriptError struct{ error }

func (e *scriptError) Unwrap() error { return e.error }
func (e *scriptError) Hint() string {
	return "--torchscript takes a file of torch.jit.save, with a module that turns images [1, 3, H, W] into the logits of the same architecture"
}

// scriptProblem gives the hint to what libtorch says, and leaves errors alone that are not about the file.
func scriptProblem(err error) error {
	for _, other := range []error{engine.ErrUnavailable, fs.ErrNotExist, context.Canceled} {
		if errors.Is(err, other) {
			return err
		}
	}
	if err == nil {
		return nil
	}
	return &scriptError{err}
}
