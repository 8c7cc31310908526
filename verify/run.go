package verify

import (
	"context"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/tensor"
)

// Against is another checkpoint as a reference: the same engine runs both on drawn inputs. Its Options are those of the subject.
func Against(name string, config arch.Config, weights []tensor.Named) Reference {
	return against{name, config, weights}
}

type against struct {
	name    string
	config  arch.Config
	weights []tensor.Named
}

func (a against) Origin() Origin {
	return Origin{Name: "checkpoint " + a.name, DType: tensor.F64, Stored: storage(a.weights), Epsilon: a.config.Epsilon}
}

func (a against) Open(ctx context.Context, subject Subject) (Source, error) {
	if a.config.ImageHeight != subject.Config.ImageHeight || a.config.ImageWidth != subject.Config.ImageWidth {
		return nil, &MismatchError{
			"input", tensor.Shape{3, subject.Config.ImageHeight, subject.Config.ImageWidth}, tensor.Shape{3, a.config.ImageHeight, a.config.ImageWidth},
		}
	}
	model, err := subject.Engine.Load(ctx, a.config, a.weights, subject.Options)
	if err != nil {
		return nil, fmt.Errorf("loading %s: %w", a.name, err)
	}
	return modelSource{model, subject.Config}, nil
}

// modelSource runs a model on drawn inputs.
type modelSource struct {
	model  engine.Model
	config arch.Config
}

func (s modelSource) Close() error { return s.model.Close() }

func (s modelSource) Input(from, to int) (engine.Input, error) { return Draw(s.config, from, to), nil }

func (s modelSource) Run(ctx context.Context, _, _ int, input engine.Input, tap engine.Tap) error {
	_, err := s.model.Forward(ctx, input, tap)
	return err
}

// Oracle is the reference that needs nothing: the native engine in float64 on drawn inputs.
func Oracle() Reference { return oracle{} }

type oracle struct{}

func (oracle) Origin() Origin {
	return Origin{Name: "native engine, float64", DType: tensor.F64, Stored: tensor.F64}
}

// Open gives inputs only: Verify has the oracle at hand in any case.
func (oracle) Open(_ context.Context, subject Subject) (Source, error) {
	return oracleSource{subject.Config}, nil
}

type oracleSource struct{ config arch.Config }

func (oracleSource) Close() error { return nil }

func (s oracleSource) Input(from, to int) (engine.Input, error) { return Draw(s.config, from, to), nil }

func (oracleSource) Run(context.Context, int, int, engine.Input, engine.Tap) error { return nil }
