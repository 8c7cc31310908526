package main

import (
	"cmp"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/evaluate"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// engines returns the engines of this build, fastest first.
func engines() []engine.Engine {
	return append(libtorchEngines(), native.Engine{})
}

// engineByName returns the engine that --engine names; "" is the fastest that this build has.
func engineByName(name string) (engine.Engine, error) {
	all := engines()
	if name == "" {
		return all[0], nil
	}
	at := slices.IndexFunc(all, func(e engine.Engine) bool { return e.Name() == name })
	switch {
	case at >= 0:
		return all[at], nil
	case name == "torch":
		return nil, noLibtorch()
	}
	hint := "engines are torch and native"
	switch strings.ToLower(name) {
	case "libtorch", "pytorch", "gotch", "c++":
		hint = "did you mean torch? The " + hint
	case "go", "golang", "plain", "pure":
		hint = "did you mean native? The " + hint
	case "cpu", "cuda", "gpu":
		hint = "that is a device: --device; " + hint
	}
	return nil, &usageError{"unknown engine " + text.Quote(name), hint}
}

// runOf says which engine runs, and how.
func runOf(chosen engine.Engine, options engine.Options) evaluate.Run {
	return evaluate.Run{Engine: chosen.Name(), DType: cmp.Or(options.DType, tensor.F32).String(), Device: cmp.Or(options.Device, "cpu")}
}

// unfitError says why a model cannot run: this build, or this machine, lacks something.
type unfitError struct{ remedy }

func (e *unfitError) Error() string        { return e.Problem }
func (e *unfitError) Hint() string         { return e.remedy.Hint }
func (e *unfitError) Is(target error) bool { return target == errdef.ErrUnavailable }

// buildHint says how to build a program with the torch engine.
const buildHint = "in a checkout: make libtorch && go build -tags libtorch ./cmd/beitzoo"

// noLibtorch returns the error for a build without the torch engine.
func noLibtorch() *unfitError {
	return &unfitError{remedy{Problem: "this build of beitzoo has no libtorch engine", Hint: buildHint + "; or use --engine native", Fatal: true}}
}

// collectSeldom collects the garbage of a search for reasons in a small model when it is four times the heap, unless the environment has GOGC, until the function
// that it returns is called: the search would spend most of its time collecting. For large models Go's default holds.
func collectSeldom(weights []tensor.Named) (undo func()) {
	const small, seldom = 1 << 23, 400
	values := int64(0)
	for _, w := range weights {
		elements, err := w.Shape.Elements()
		if values += elements; err != nil || values > small {
			return func() {}
		}
	}
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(seldom)
	return func() { debug.SetGCPercent(before) }
}
