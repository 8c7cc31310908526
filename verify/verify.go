package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/tensor"
)

// Verify runs the subject and the reference and compares every activation that both have. If they differ by more than rounding, it returns a Result that is
// not OK. An error means that there is no verdict: it is a *MismatchError for a reference of another architecture, a *NoInputError, ErrNothingToCompare,
// an error of the engine, or that of ctx.
//
// Memory is needed for up to three copies of the weights (in the subject's engine, in float64, and in the dtype whose noise is measured), for the reference,
// and for the activations of one batch of about a thousand tokens, whatever the number of images.
func Verify(ctx context.Context, subject Subject, reference Reference, options Options) (*Result, error) {
	if reference.isOracle() {
		reference = Oracle()
	}
	if subject.Engine == nil {
		subject.Engine = native.Engine{}
	}
	e, isNative := subject.Engine.(native.Engine)
	v := &verification{subject: subject, reference: reference, options: options, native: isNative && e == (native.Engine{})}
	v.samples.config = subject.Config
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
	// beside is the run of the reference.
	beside referenceRun
	// native means that the subject runs in the engine that also measures the noise, so one model may serve both purposes.
	native bool
	// model is the subject's; exact computes in float64, and rounded in the dtype whose noise is measured. exact or rounded is nil if model does the same.
	model, exact, rounded engine.Model
	taps                  []*tapMeter
	samples               sampler
	// done counts the compared activations, of each image, for Options.Progress.
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

// open decides the dtypes, prepares the reference and loads the models.
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

// defaultDType returns F64 if the reference is a float64 recording and the engine supports that, else F32.
func (v *verification) defaultDType() tensor.DType {
	if v.reference.Exact && engine.Supports(v.subject.Engine, v.reference.DType) {
		return v.reference.DType
	}
	return tensor.F32
}

// loadNative loads the weights into the native engine in dtype. It returns nil if the subject itself runs in that.
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

// batchTokens is the largest number of tokens in a batch, unless one image has more.
const batchTokens = 1024

// run compares all images, batch by batch.
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

// batch runs subject, reference and the models that measure noise on the images [from, to), and compares their activations.
func (v *verification) batch(ctx context.Context, from, to int) error {
	input, err := v.beside.input(from, to)
	if err != nil {
		return err
	}
	v.samples.begin(from, to, input)
	defer v.samples.end()
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

// progress counts one activation of that many images as done.
func (v *verification) progress(images int) {
	v.done += images
	if v.options.Progress != nil {
		v.options.Progress(v.done, len(engine.Stages(v.subject.Config))*v.images)
	}
}
