package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/tensor"
)

// Verify runs the subject and the reference and compares every activation that both have. It also computes each stage alone, in float64, from the
// reference's own activation before it. If either is off by more than rounding, it returns a Result that is not OK. An error means that there is no verdict:
// it is a *MismatchError for a reference of another architecture, a *NoInputError, ErrNothingToCompare, an error of the engine, or that of ctx.
//
// Memory is needed for one block in a few dtypes, for the activations of one batch of about two thousand tokens, whatever the number of images, for the
// reference, and for the whole model if the subject's engine is not the native one.
func Verify(ctx context.Context, subject Subject, reference Reference, options Options) (*Result, error) {
	if reference.isOracle() {
		reference = Oracle()
	}
	if subject.Engine == nil {
		subject.Engine = native.Engine{}
	}
	subject.Config = reference.Fitted(subject.Config)
	if reference.stated != tensor.Invalid {
		return verifyMislabelled(ctx, subject, reference, options)
	}
	return verifyOnce(ctx, subject, reference, options)
}

func verifyOnce(ctx context.Context, subject Subject, reference Reference, options Options) (*Result, error) {
	v := &verification{subject: subject, reference: reference, options: options, native: isNative(subject.Engine)}
	v.samples.config = subject.Config
	result, err := v.verdict(ctx)
	if err = errors.Join(err, v.close()); err != nil {
		return nil, err
	}
	return result, nil
}

// isNative reports whether an engine is the one that also measures noise.
func isNative(e engine.Engine) bool {
	own, is := e.(native.Engine)
	return is && own == (native.Engine{})
}

func (v *verification) verdict(ctx context.Context) (*Result, error) {
	v.phase(Opening)
	if err := v.open(ctx); err != nil {
		return nil, err
	}
	if err := v.run(ctx); err != nil {
		return nil, err
	}
	if err := v.explain(ctx); err != nil {
		return nil, err
	}
	result := v.result()
	if len(result.Taps) == 0 {
		return nil, ErrNothingToCompare
	}
	if err := v.judgeRest(ctx, result); err != nil {
		return nil, err
	}
	if err := v.tryEpsilons(ctx, result); err != nil {
		return nil, err
	}
	if err := v.remark(result); err != nil {
		return nil, err
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
	// precision is that of the activations of whole runs, and origin that of the reference alone.
	precision, origin Precision
	images            int
	// beside is the run of the reference.
	beside referenceRun
	// native means that the subject runs in the engine that also measures the noise, so one lane may serve both purposes.
	native bool
	// model is the subject's, if that is not native.
	model engine.Model
	// own is the lane of a native subject. exact computes in float64, rounded in the dtype whose noise is measured, and rough in that of the reference's noise.
	// Some of them may be the same.
	own, exact, rounded, rough *lane
	taps                       []*tapMeter
	samples                    sampler
	// doubts are what else may explain a difference; see explain.
	doubts *doubts
	inputs inputMeter
	// held are the taps that only values explain which were rounded away.
	held []string
	// excused are the branches that differ while the stream does not.
	excused []string
	// chooser says what visual tokens are chosen by, once it is needed.
	chooser *chooser
	// epsilon is the one with which logits agree better by far, though they are within their tolerance; nil if there is none. See tryEpsilons.
	epsilon *otherEpsilon
	// unfollowed means that an engine chose other visual tokens, so that what follows from them was compared alone only.
	unfollowed bool
	// done counts the compared activations, of each image, for Options.Progress.
	done int
}

func (v *verification) close() error {
	var errs []error
	if v.model != nil {
		errs = append(errs, v.model.Close())
	}
	if v.beside != nil {
		errs = append(errs, v.beside.close())
	}
	return errors.Join(errs...)
}

// open decides the dtypes, prepares the reference and opens the models.
func (v *verification) open(ctx context.Context) (err error) {
	if v.subject.Options.DType == tensor.Invalid {
		v.subject.Options.DType = v.defaultDType()
	}
	dtype := v.subject.Options.DType
	computed := v.reference.DType
	if v.reference.follows {
		computed = dtype
	}
	v.origin = precision(computed)
	v.precision = precision(dtype)
	if v.reference.Exact || computed != tensor.F64 {
		v.precision = precision(coarser(dtype, computed))
	}
	if v.beside, err = v.reference.prepare(ctx, v.subject); err != nil {
		return err
	}
	return v.openLanes(ctx)
}

// openLanes opens the subject's weights in each dtype once.
func (v *verification) openLanes(ctx context.Context) (err error) {
	dtype := v.subject.Options.DType
	lanes := map[tensor.DType]*lane{}
	open := func(dtype tensor.DType) (l *lane) {
		if lanes[dtype] == nil && err == nil {
			lanes[dtype], err = v.newLane(v.subject.Config, v.subject.Weights, dtype)
		}
		return lanes[dtype]
	}
	v.exact, v.rounded, v.rough = open(tensor.F64), open(v.precision.Measured), open(v.origin.Measured)
	if err != nil {
		return err
	}
	if v.native && (v.subject.Options.Device == "" || v.subject.Options.Device == "cpu") {
		v.own = open(dtype)
		return err
	}
	if v.model, err = v.subject.Engine.Load(ctx, v.subject.Config, v.subject.Weights, v.subject.Options); err != nil {
		return fmt.Errorf("loading %s: %w", v.subject.Name, err)
	}
	return nil
}

// defaultDType returns the dtype of the reference if it is exact and the engine supports it, else F32.
func (v *verification) defaultDType() tensor.DType {
	if v.reference.Exact && engine.Supports(v.subject.Engine, v.reference.DType) {
		return v.reference.DType
	}
	return tensor.F32
}

// batchTokens is the largest number of tokens in a batch, unless one image has more.
const batchTokens = 2048

// tokensOf returns how many tokens of a transformer take about as much memory as an image of an architecture.
func tokensOf(config arch.Config) int {
	if config.Convolutional() {
		const width = 768
		return max(config.Patches(), config.EmbedDim*config.ImageHeight*config.ImageWidth/width)
	}
	return config.Tokens()
}

// run compares all images, batch by batch.
func (v *verification) run(ctx context.Context) error {
	v.images = v.reference.Images
	if v.images == 0 {
		v.images = DrawnImages
	}
	if n := v.options.Images; n > 0 && (n < v.images || v.reference.Images == 0) {
		v.images = n
	}
	return v.batches(func(from, to int) error { return v.batch(ctx, from, to) })
}

// batches calls do for each batch, the images [from, to).
func (v *verification) batches(do func(from, to int) error) error {
	size := max(1, batchTokens/tokensOf(v.subject.Config))
	for from := 0; from < v.images; from += size {
		if err := do(from, min(v.images, from+size)); err != nil {
			return err
		}
	}
	return nil
}

// phase says what comes next.
func (v *verification) phase(p Phase) {
	if v.options.Phase != nil {
		v.options.Phase(p)
	}
}

// progress counts one activation of that many images as done.
func (v *verification) progress(images int) {
	v.done += images
	if v.options.Progress != nil {
		v.options.Progress(v.done, len(engine.Stages(v.subject.Config))*v.images)
	}
}
