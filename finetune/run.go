package finetune

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/internal/disk"
	"github.com/beitzoo/beitzoo/tensor"
)

// Score is how well a model does on pictures that it was not trained on.
type Score struct {
	// Right of Images are classified right. Loss is the mean of -log p of the right class.
	Right  int     `json:"right"`
	Images int     `json:"images"`
	Loss   float64 `json:"loss"`
}

// Top1 returns the share of the right answers.
func (s Score) Top1() float64 { return float64(s.Right) / float64(max(1, s.Images)) }

// Epoch is what is known of an epoch that is over.
type Epoch struct {
	// Loss is the mean of the training's losses, as it is made smaller: of smoothed and mixed targets. Norm is the largest norm of gradients, Rate the last learning rate.
	Loss float64 `json:"loss"`
	Norm float64 `json:"norm"`
	Rate float64 `json:"rate"`
	// Score is that of the evaluation after the epoch; nil without one.
	Score *Score `json:"score,omitempty"`
}

// Progress is how far a training is.
type Progress struct {
	// Step steps are done, of Steps, and Epoch epochs; PerEpoch steps are an epoch.
	Step, Steps, PerEpoch, Epoch int
	// Loss, Norm and Rate are those of the last step. They are 0 before the first.
	Loss, Norm, Rate float64
	// Over, if not nil, is the epoch that this step ended, and Best says that its score is the best so far.
	Over *Epoch
	Best bool
	// Conditions, in the first report of a run that goes on, are as [Result] has them.
	Conditions []string
	// Left is the time that the rest will take if it takes as long as the steps since Run began; 0 if that is not known. Evaluations count.
	Left time.Duration
}

// Options are what a training needs beside its plan and learner.
type Options struct {
	Pictures Pictures
	// Mix, if not nil, is called with each batch.
	Mix Mixer
	// Evaluate, if not nil, scores parameters after each epoch. They are valid until it returns.
	Evaluate func(ctx context.Context, parameters []tensor.Named) (Score, error)
	// Folder is where the state is kept, and the best parameters. It is made if need be. Empty means that nothing is kept.
	Folder string
	// KeepSteps and KeepEvery say after how many steps, and after how long, the state is kept again, beside the ends of epochs; 0 means not for that reason.
	KeepSteps int
	KeepEvery time.Duration
	// Identity is what else makes a training what it is, beside settings and architecture: digests of the data and of the weights it began with, augmentation,
	// dtype. A training with another identity does not go on from its state.
	Identity map[string]string
	// Conditions are what the bits of the result depend on beside, such as the machine and the number of threads. A training goes on under others, which is said.
	Conditions map[string]string
	// Progress, if not nil, is called at the start, and after each step.
	Progress func(Progress)
}

// Result is what a training was.
type Result struct {
	// Epochs are all, those of earlier runs too.
	Epochs []Epoch
	// Best is the number of the epoch with the highest share of right answers, of several the first; -1 without evaluation.
	Best int
	// Resumed is the number of steps that an earlier run had done, and Conditions say in what those of that run are not the ones of this: "threads 1, now 2".
	Resumed    int
	Conditions []string

	folder, bestDigest string
}

// Run trains until the last step of the plan. If the folder has the state of an earlier run of the same training, it goes on from there, to the same bits as if it
// had never stopped. The learner has to be one of the parameters that the training begins with, and keeps an average if the settings say so; it has the parameters
// of the last step afterwards.
//
// When ctx ends, or a picture can't be had, the state is kept and the error is a *[StoppedError]; when the loss is no longer finite, the state before that step, and
// the error is a *[DivergedError]. A state of another training, one that is damaged, and best parameters that the state does not know are a *[StateError]. Of a
// training of which no step is kept nothing stays in the folder, nor the folder if Run made it.
func Run(ctx context.Context, plan *Plan, learner engine.Learner, options Options) (*Result, error) {
	r := &run{plan: plan, learner: learner, options: options, state: state{Best: -1}}
	if options.Folder != "" {
		close, err := r.open(ctx)
		defer close()
		if err != nil {
			return nil, err
		}
		if err := r.checkSpace(ctx); err != nil {
			return nil, err
		}
	}
	r.resumed, r.began, r.kept = r.state.Step, time.Now(), time.Now()
	err := r.train(ctx)
	return &Result{
		Epochs: r.state.Epochs, Best: r.state.Best, Resumed: r.resumed, Conditions: r.conditions, folder: options.Folder, bestDigest: r.state.BestDigest,
	}, err
}

// run is a training that runs.
type run struct {
	plan    *Plan
	learner engine.Learner
	options Options
	state   state
	// resumed is the step that this run began with, at the time began. kept is when the state was kept last, and saved its step.
	resumed, saved int
	began, kept    time.Time
	// conditions say in what those of the state were others.
	conditions []string
	// first says that the state of no step is in the folder, and hasNext that parameters are which are better than the best that the state there knows.
	first, hasNext bool
}

// open makes the folder, locks it, and reads the state that is there. The caller calls close at the end, also after an error.
func (r *run) open(ctx context.Context) (close func(), err error) {
	folder := r.options.Folder
	_, missing := os.Lstat(folder)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return func() {}, disk.AtTarget(folder, err)
	}
	path := filepath.Join(folder, lockName)
	lock, err := disk.OpenAppend(path)
	if err != nil {
		return func() {}, err
	}
	return func() {
		if r.saved == 0 && r.first {
			os.Remove(filepath.Join(folder, StateName))
			os.Remove(filepath.Join(folder, nextName))
		}
		lock.Close()
		if r.saved == 0 && missing != nil {
			os.Remove(path)
			os.Remove(folder) // if nobody has put something there
		}
	}, r.resume(ctx)
}

// checkSpace keeps the state before the first step, and returns an error if it can't be kept, or if there is no space for all that is in the folder at once: what
// would stop a training after hours is known before.
func (r *run) checkSpace(ctx context.Context) error {
	if r.state.Step == 0 {
		if err := r.keepNow(ctx); err != nil {
			return err
		}
		r.first = true
	}
	if r.state.Step == r.plan.Steps {
		return nil
	}
	path := filepath.Join(r.options.Folder, StateName)
	kept, err := os.Stat(path)
	if err != nil {
		return err
	}
	// While a state is written, the one before is there, and so are the best parameters, those before and new ones. They take less than half of a state.
	size := kept.Size()
	if r.options.Evaluate != nil {
		size += kept.Size() / 2
		if r.state.Best < 0 {
			size += kept.Size() / 2
		}
	}
	file, err := os.Create(filepath.Join(r.options.Folder, spaceName))
	if err != nil {
		return disk.AtTarget(path, err)
	}
	if err := errors.Join(disk.Reserve(file, size), file.Close(), os.Remove(file.Name())); err != nil {
		return fmt.Errorf("reserving %d bytes more for the state of the training: %w", size, &disk.TargetError{Path: path, Err: err})
	}
	return nil
}

// train makes the steps that are left.
func (r *run) train(ctx context.Context) error {
	feeding, stop := context.WithCancel(ctx)
	f := &feed{plan: r.plan, pictures: r.options.Pictures, mix: r.options.Mix, batches: make(chan fed)}
	ended := make(chan struct{})
	go func() { defer close(ended); f.run(feeding, r.state.Step) }()
	defer func() { stop(); <-ended }()
	r.report(Progress{Conditions: r.conditions})
	if len(r.state.Epochs) < r.state.Step/r.plan.PerEpoch { // stopped while it was evaluated
		if err := r.settle(ctx, Progress{Rate: r.plan.Rate(r.state.Step - 1)}); err != nil {
			return r.stopped(ctx, err)
		}
	}
	for r.state.Step < r.plan.Steps {
		batch, more := <-f.batches
		if !more {
			return r.stopped(ctx, ctx.Err())
		}
		if batch.err != nil {
			return r.stopped(ctx, batch.err)
		}
		if err := r.step(ctx, batch.Batch); err != nil {
			return r.stopped(ctx, err)
		}
	}
	return nil
}

// stopped keeps the state of the last step, and returns the error that says why the training stopped.
func (r *run) stopped(ctx context.Context, err error) error {
	kept := r.keep(context.WithoutCancel(ctx))
	if diverged := (*DivergedError)(nil); errors.As(err, &diverged) && kept == nil {
		return err
	}
	if kept != nil && kept.Error() != err.Error() { // else that is why it stopped
		err = errors.Join(err, kept)
	}
	return &StoppedError{Step: r.state.Step, Steps: r.plan.Steps, Kept: r.saved, Err: err}
}

// step makes one step.
func (r *run) step(ctx context.Context, batch engine.Batch) error {
	step, rate := r.state.Step, r.plan.Rate(r.state.Step)
	loss := 0.0
	for _, part := range r.plan.parts(batch) {
		mean, err := r.learner.Backward(ctx, part)
		if err != nil {
			return r.diverged(rate, err)
		}
		loss += mean * part.Share
	}
	norm, err := r.learner.Update(ctx, r.plan.Update(step))
	if err != nil {
		return r.diverged(rate, err)
	}
	r.state.Step++
	r.state.Losses += loss
	r.state.Norm = max(r.state.Norm, norm)
	return r.settle(ctx, Progress{Loss: loss, Norm: norm, Rate: rate})
}

// settle does what has to be done after a step: at the end of an epoch it evaluates, and it keeps the state.
func (r *run) settle(ctx context.Context, progress Progress) (err error) {
	if r.state.Step%r.plan.PerEpoch == 0 {
		if progress.Over, progress.Best, err = r.endEpoch(ctx, progress.Rate); err != nil {
			return err
		}
	}
	switch {
	case progress.Over != nil && r.options.Folder != "": // also if the file has this step, without what the epoch gave
		err = r.keepNow(ctx)
	case r.due():
		err = r.keep(ctx)
	}
	if err != nil {
		return err
	}
	r.report(progress)
	return nil
}

// diverged returns the error for one of the learner's.
func (r *run) diverged(rate float64, err error) error {
	if bad := (*engine.GradientError)(nil); errors.As(err, &bad) {
		return &DivergedError{Step: r.state.Step % r.plan.PerEpoch, Epoch: r.state.Step / r.plan.PerEpoch, Rate: rate, Err: bad}
	}
	return err
}

// endEpoch evaluates, and keeps the parameters if they are the best.
func (r *run) endEpoch(ctx context.Context, rate float64) (*Epoch, bool, error) {
	epoch := Epoch{Loss: r.state.Losses / float64(r.plan.PerEpoch), Norm: r.state.Norm, Rate: rate}
	best, digest := false, ""
	if r.options.Evaluate != nil {
		err := r.learner.Read(func(m engine.Memory) error {
			parameters := m.Deployed()
			score, err := r.options.Evaluate(ctx, parameters)
			if err != nil {
				return fmt.Errorf("evaluating after epoch %d: %w", len(r.state.Epochs)+1, err)
			}
			epoch.Score = &score
			if best = r.state.Best < 0 || score.Top1() > r.state.Epochs[r.state.Best].Score.Top1(); best {
				digest, err = r.keepBest(ctx, parameters)
			}
			return err
		})
		if err != nil {
			return nil, false, err
		}
	}
	if best {
		r.state.Best, r.state.BestDigest = len(r.state.Epochs), digest
	}
	r.state.Epochs = append(r.state.Epochs, epoch)
	r.state.Losses, r.state.Norm = 0, 0
	return &epoch, best, nil
}

// due reports whether it is time to keep the state again.
func (r *run) due() bool {
	o := r.options
	return o.KeepSteps > 0 && r.state.Step-r.saved >= o.KeepSteps || o.KeepEvery > 0 && time.Since(r.kept) >= o.KeepEvery
}

// report calls Progress.
func (r *run) report(p Progress) {
	if r.options.Progress == nil {
		return
	}
	p.Step, p.Steps, p.PerEpoch, p.Epoch = r.state.Step, r.plan.Steps, r.plan.PerEpoch, len(r.state.Epochs)
	if done := p.Step - r.resumed; done > 0 {
		p.Left = time.Since(r.began) / time.Duration(done) * time.Duration(p.Steps-p.Step)
	}
	r.options.Progress(p)
}
