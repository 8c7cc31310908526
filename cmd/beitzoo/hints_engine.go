package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/verify"
	"github.com/beitzoo/beitzoo/verify/blame"
)

// engineHint returns what the user can type about an error of an engine or of a verification, or "". The errors of these
// packages say in fields what is wrong; which flag or command helps is known only here.
func engineHint(err error) string {
	var (
		device     *engine.DeviceError
		dtype      *engine.DTypeError
		parameters *engine.ParametersError
		mismatch   *verify.MismatchError
	)
	switch {
	case errors.As(err, &device):
		return "use --device cpu; `beitzoo doctor` says which devices there are and what CUDA lacks"
	case errors.As(err, &dtype) && dtype.Newer:
		return "use --dtype f32, or a newer libtorch: `make libtorch` fetches one"
	case errors.As(err, &dtype):
		return "use --dtype f32"
	case errors.As(err, &parameters):
		return parameters.Hint() + " with: beitzoo inspect FILE"
	case errors.As(err, &mismatch):
		return "the reference is of another architecture; compare its metadata with: beitzoo inspect FILE"
	}
	return libtorchHint(err)
}

// verdictHint puts what would make a model agree with its reference into words of the command line.
func verdictHint(advice verify.Advice) string {
	switch {
	case advice.Epsilon == 0:
		return ""
	case advice.Stated:
		return fmt.Sprintf("the reference ran with epsilon %g; if the model is meant to run with it too, give --epsilon %g", advice.Epsilon, advice.Epsilon)
	}
	return fmt.Sprintf("if that is what the reference ran with, give --epsilon %g", advice.Epsilon)
}

// hasEither reports whether a finding may be a fault of the reference's program.
func hasEither(findings []blame.Finding) bool {
	return slices.ContainsFunc(findings, func(f blame.Finding) bool { return f.Side == blame.Either })
}

// hasEpsilon reports whether another LayerNorm epsilon is one of the findings.
func hasEpsilon(findings []blame.Finding) bool {
	return slices.ContainsFunc(findings, func(f blame.Finding) bool { return f.Epsilon != 0 })
}
