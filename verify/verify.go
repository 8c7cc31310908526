package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/tensor"
)

// Verify runs the subject beside the reference and judges every activation that both have. For a subject that computes something else it returns a
// Result that is not OK. An error means that no verdict was possible: weights that do not fit, a reference of another architecture (a
// *MismatchError), an engine that is not available, the end of ctx.
//
// Memory grows with the weights (in float64, in the dtype whose noise is measured, and in the subject's engine) and with one
// activation, not with the number of images.
func Verify(ctx context.Context, subject Subject, reference Reference, options Options) (*Result, error) {
	if reference.isOracle() {
		reference = Oracle()
	}
	e, isNative := subject.Engine.(native.Engine)
	v := &verification{subject: subject, reference: reference, options: options, native: isNative && e == (native.Engine{})}
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
		return nil, ErrNothingToCompare
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
	options   Options
	precision Precision
	images    int
	// beside runs the reference.
	beside referenceRun
	// native means that the subject runs in the engine that also measures the noise, so that one model can be both.
	native bool
	// model is the subject's; exact computes in float64, and rounded in the dtype whose noise is measured. Either is nil if model is the same.
	model, exact, rounded engine.Model
	taps                  []*tapMeter
	// done counts the activations that were compared, for Options.Progress.
	done int
}

func (v *verification) close() error {
	var errs []error
	for _, model := range []engine.Model{v.model, v.exact, v.rounded} {
		if model != nil {
			errs = append(errs, model.Close())
		}
	}
	if v.beside != nil {
		errs = append(errs, v.beside.close())
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
	if v.reference.Exact || v.reference.DType != tensor.F64 {
		coarsest = coarser(coarsest, v.reference.DType)
	}
	v.precision = precision(coarser(coarsest, v.reference.Stored))
	if v.beside, err = v.reference.prepare(ctx, v.subject); err != nil {
		return err
	}
	model, err := v.subject.Engine.Load(ctx, v.subject.Config, v.subject.Weights, v.subject.Options)
	if err != nil {
		return fmt.Errorf("loading %s: %w", v.subject.Name, err)
	}
	v.model = model
	if v.exact, err = v.loadNative(ctx, tensor.F64); err != nil {
		return err
	}
	v.rounded, err = v.loadNative(ctx, v.precision.Measured)
	return err
}

// defaultDType returns F64 beside a float64 recording if the engine has it, else F32.
func (v *verification) defaultDType() tensor.DType {
	if v.reference.Exact && engine.Supports(v.subject.Engine, v.reference.DType) {
		return v.reference.DType
	}
	return tensor.F32
}

// loadNative loads the model into the native engine in dtype, or returns nil if the subject runs in just that.
func (v *verification) loadNative(ctx context.Context, dtype tensor.DType) (engine.Model, error) {
	if v.native && dtype == v.subject.Options.DType {
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
	v.images = v.reference.Images
	if v.images == 0 {
		v.images = drawnImages
	}
	if n := v.options.Images; n > 0 && (n < v.images || v.reference.Images == 0) {
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
	input, err := v.beside.input(from, to)
	if err != nil {
		return err
	}
	runners := []runner{forward(v.model, input)}
	add := func(r runner) int {
		runners = append(runners, r)
		return len(runners) - 1
	}
	wanted, exact, rounded := 0, 0, 0 // indices of runners; 0 is the subject
	if !v.reference.isOracle() {
		wanted = add(func(ctx context.Context, tap engine.Tap) error { return v.beside.run(ctx, from, to, input, tap) })
	}
	if v.exact != nil {
		exact = add(forward(v.exact, input))
	}
	if v.rounded != nil {
		rounded = add(forward(v.rounded, input))
	}
	if v.reference.isOracle() {
		wanted = exact
	}
	stage := 0
	return lockstep(ctx, runners, func(acts []*engine.Activation) error {
		err := v.compare(stage, acts[0], acts[wanted], acts[rounded], acts[exact])
		stage++
		v.progress(to - from)
		return err
	})
}

// forward returns the runner of a loaded model.
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
		v.options.Progress(v.done, len(engine.Stages(v.subject.Config))*v.images)
	}
}
