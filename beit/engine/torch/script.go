//go:build libtorch

package torch

import (
	"cmp"
	"context"
	"os"
	"runtime"
	"slices"

	"github.com/sugarme/gotch/libtch"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// script is a TorchScript module, which includes its weights.
type script struct {
	path   string
	config arch.Config
	device device
	thread *thread
	module libtch.Cmodule
}

// OpenScript returns a model that runs a TorchScript file, as torch.jit.save writes it. Its module must be a function from images [1, 3, H, W], float32, to
// logits [1, Classes]. It runs in the dtype of its own weights, on the device and with the threads of options. A tap is called with the logits only. A file
// that is not such a module is a *ScriptError, from here or from Forward. TorchScript is a program for libtorch's interpreter, which cannot access files
// or the network; still, open only files that you trust.
func OpenScript(ctx context.Context, path string, config arch.Config, options engine.Options) (engine.Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	if config.Kind != arch.Transformer || !config.Classifies() {
		return nil, &ScriptError{path, errNoClassifier}
	}
	device, err := parseDevice(options.Device)
	if err != nil {
		return nil, err
	}
	threads := cmp.Or(max(options.Threads, 0), runtime.GOMAXPROCS(0))
	s := &script{path: path, config: config, device: device, thread: newThread(threads)}
	if err := s.thread.do(ctx, s.load); err != nil {
		s.thread.close()
		return nil, err
	}
	return s, nil
}

var errNoClassifier = errdef.New(errdef.ErrUsage, "a TorchScript module is run as a classifier, and the architecture is none")

func (s *script) load() error {
	s.module = loadScript(s.path, s.device)
	if message := lastError(); message != "" {
		return &ScriptError{s.path, newOperatorError("jit::load", message)}
	}
	libtch.AtmEval(s.module)
	if message := lastError(); message != "" {
		libtch.AtmFree(s.module)
		return &ScriptError{s.path, newOperatorError("jit::eval", message)}
	}
	return nil
}

// Forward runs the images one by one, since a traced module may work for batches of one size only.
func (s *script) Forward(ctx context.Context, input engine.Input, tap engine.Tap) (engine.Activation, error) {
	result := engine.Activation{Name: engine.Stage{Kind: engine.Logits}.String()}
	images, err := engine.Images(s.config, input)
	if err != nil {
		return result, err
	}
	one := len(input.Pixels) / images
	for pixels := range slices.Chunk(input.Pixels, one) {
		values, err := s.image(ctx, pixels)
		if err != nil {
			return result, err
		}
		result.Values = append(result.Values, values...)
	}
	result.Shape = tensor.Shape{images, s.config.Classes}
	if tap != nil {
		if err := tap(engine.Activation{Name: result.Name, Shape: slices.Clone(result.Shape), Values: slices.Clone(result.Values)}); err != nil {
			return result, err
		}
	}
	return result, nil
}

// image returns the logits of one image.
func (s *script) image(ctx context.Context, pixels []float32) ([]float64, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var result engine.Activation
	err := s.thread.compute(ctx, func(work *scope) {
		x := work.copyTo(work.floats(pixels, 1, int64(s.config.Channels), int64(s.config.ImageHeight), int64(s.config.ImageWidth)), s.device, float32s)
		y := work.call("forward", func(out *libtch.Ctensor) { *out = libtch.AtmForward(s.module, &x.c, 1) })
		shape := tensor.Shape{1, s.config.Classes}
		work.checkShape("the result of the TorchScript module", y, shape)
		if result = work.activation(engine.Stage{Kind: engine.Logits}, y, shape); work.err != nil {
			work.err = &ScriptError{s.path, work.err}
		}
	})
	return result.Values, err
}

// Close frees the module and ends its thread.
func (s *script) Close() error {
	s.thread.closeAfter(s.free)
	return nil
}

func (s *script) free() {
	if s.module != nil {
		libtch.AtmFree(s.module)
	}
	s.module = nil
}
