package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/tensor"
)

// ErrNothing says that subject and reference have no activation in common.
var ErrNothing = errors.New("nothing to compare: the reference has no activation that the model has")

// Verify runs the subject beside the reference and judges every activation that both have. A subject that computes something else gives a
// Result that is not OK; an error means that no verdict was possible: weights that do not fit, a reference of another architecture (a
// *MismatchError), an engine that is not available, the end of ctx.
//
// Memory grows with the weights (in float64, in the dtype whose noise is measured, and in the subject's engine) and with one
// activation, not with the number of images.
func Verify(ctx context.Context, subject Subject, reference Reference, options Options) (*Result, error) {
	v := &verification{subject: subject, reference: reference, origin: reference.Origin(), options: options}
	result, err := v.verdict(ctx)
	if err = errors.Join(err, v.close()); err != nil {
		return nil, err
	}
	return result, nil
}

func (v *verification) verdict(ctx context.Context) (*Result, error) {
	if err := v.open(ctx); err != nil {
		return nil, err
	}
	if err := v.run(ctx); err != nil {
		return nil, err
	}
	result := v.result()
	if len(result.Taps) == 0 {
		return nil, ErrNothing
	}
	if !result.OK && !v.options.NoBlame {
		if err := v.blame(ctx, result); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// verification is the state of one Verify.
type verification struct {
	subject   Subject
	reference Reference
	origin    Origin
	options   Options
	precision Precision
	images    int
	source    Source
	// model is the subject; exact is the oracle and rounded has the dtype whose noise is measured. Where the subject is one of them, it is nil.
	model, exact, rounded engine.Model
	taps                  []*meters
	done                  int
}

func (v *verification) close() error {
	var errs []error
	for _, model := range []engine.Model{v.model, v.exact, v.rounded} {
		if model != nil {
			errs = append(errs, model.Close())
		}
	}
	if v.source != nil {
		errs = append(errs, v.source.Close())
	}
	return errors.Join(errs...)
}

// open decides dtypes and loads what has to run.
func (v *verification) open(ctx context.Context) (err error) {
	if v.subject.Options.DType == tensor.Invalid {
		v.subject.Options.DType = v.defaultDType()
	}
	dtype := v.subject.Options.DType
	coarsest := coarser(dtype, storage(v.subject.Weights))
	if v.origin.Exact || v.origin.DType != tensor.F64 {
		coarsest = coarser(coarsest, v.origin.DType)
	}
	v.precision = precision(coarser(coarsest, v.origin.Stored))
	if v.source, err = v.reference.Open(ctx, v.subject); err != nil {
		return err
	}
	model, err := v.subject.Engine.Load(ctx, v.subject.Config, v.subject.Weights, v.subject.Options)
	if err != nil {
		return fmt.Errorf("loading %s into the %s engine: %w", v.subject.Name, v.subject.Engine.Name(), err)
	}
	v.model = model
	if v.exact, err = v.second(ctx, tensor.F64); err != nil {
		return err
	}
	v.rounded, err = v.second(ctx, v.precision.Measured)
	return err
}

// defaultDType is F64 beside a float64 recording where the engine has it.
func (v *verification) defaultDType() tensor.DType {
	if able, asks := v.subject.Engine.(interface{ Supports(tensor.DType) bool }); v.origin.Exact && asks && able.Supports(v.origin.DType) {
		return v.origin.DType
	}
	return tensor.F32
}

// second loads the model into the native engine, unless that is what the subject runs in.
func (v *verification) second(ctx context.Context, dtype tensor.DType) (engine.Model, error) {
	if v.subject.Engine == engine.Engine(native.Engine{}) && dtype == v.subject.Options.DType {
		return nil, nil
	}
	model, err := native.Engine{}.Load(ctx, v.subject.Config, v.subject.Weights, engine.Options{DType: dtype, Threads: v.subject.Options.Threads})
	if err != nil {
		return nil, fmt.Errorf("loading %s to measure its rounding: %w", v.subject.Name, err)
	}
	return model, nil
}

// batchTokens is how many tokens are run at once, unless one image has more.
const batchTokens = 1024

// run compares batch after batch.
func (v *verification) run(ctx context.Context) error {
	v.images = v.origin.Images
	if v.images == 0 {
		v.images = drawnImages
	}
	if n := v.options.Images; n > 0 && (n < v.images || v.origin.Images == 0) {
		v.images = n
	}
	size := max(1, batchTokens/v.subject.Config.Tokens())
	for from := 0; from < v.images; from += size {
		if err := v.batch(ctx, from, min(v.images, from+size)); err != nil {
			return err
		}
	}
	return nil
}

// batch runs everything on the images [from, to).
func (v *verification) batch(ctx context.Context, from, to int) error {
	input, err := v.source.Input(from, to)
	if err != nil {
		return err
	}
	runners := []runner{forward(v.model, input), func(ctx context.Context, tap engine.Tap) error {
		return v.source.Run(ctx, from, to, input, tap)
	}}
	exact, rounded := 0, 0
	if v.exact != nil {
		exact = len(runners)
		runners = append(runners, forward(v.exact, input))
	}
	if v.rounded != nil {
		rounded = len(runners)
		runners = append(runners, forward(v.rounded, input))
	}
	place := 0
	return lockstep(ctx, runners, func(acts []*engine.Activation) error {
		got, want := acts[0], acts[1]
		if _, isOracle := v.reference.(oracle); isOracle {
			want = acts[exact]
		}
		err := v.compare(place, got, want, acts[rounded], acts[exact])
		place++
		v.progress(to - from)
		return err
	})
}

func forward(model engine.Model, input engine.Input) runner {
	return func(ctx context.Context, tap engine.Tap) error {
		_, err := model.Forward(ctx, input, tap)
		return err
	}
}

// progress counts one activation of some images as done.
func (v *verification) progress(images int) {
	v.done += images
	if v.options.Progress != nil {
		config := v.subject.Config
		each := 2*config.Depth + 2
		if config.Classes > 0 {
			each++
		}
		v.options.Progress(v.done, each*v.images)
	}
}
