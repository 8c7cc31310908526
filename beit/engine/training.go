package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/tensor"
)

// Trainer loads models to train them. An [Engine] may be one.
type Trainer interface {
	// Train makes a learner of tensors as [Engine.Load] makes a model. The caller closes it. Beside the errors of Load, a model that is not a classifier is a
	// *TrainError.
	Train(ctx context.Context, config arch.Config, weights []tensor.Named, options TrainOptions) (Learner, error)
	// CheckTrain returns the error that Train has whatever the weights are, or nil.
	CheckTrain(config arch.Config, options TrainOptions) error
}

// TrainOptions say how a model is trained. The zero value means float32 on all cores of the CPU.
type TrainOptions struct {
	// DType is that of the activations: F64, F32 or BF16. Parameters, gradients, and what the optimiser remembers are F64 with F64, else F32; with BF16 the sums
	// between blocks, norms, softmax and the loss are F32 too. Invalid, the zero value, means F32.
	DType tensor.DType
	// Device is "cpu", "cuda" or "cuda:N"; empty means "cpu".
	Device string
	// Threads is the number of threads of an operator; 0 means GOMAXPROCS.
	Threads int
	// Frozen are the names of the parameters that stay as they are.
	Frozen []string
	// Recompute keeps of the forward pass only what goes from block to block, and computes each block again when its gradients are. The results are the same,
	// to the bit.
	Recompute bool
	// Average keeps an exponential moving average of each parameter.
	Average bool
}

// Batch is some pictures, and what a model should say of them.
type Batch struct {
	// Pixels are [N, Channels, Height, Width], normalised.
	Pixels []float32
	// Targets are [N, Classes]: the probability that each class should get. The loss of a picture is the cross entropy with them.
	Targets []float64
	// Paths are [2 Depth, N]: what is multiplied with the attention branch of each block, and then with its MLP branch, for each picture. It is 0 where the
	// branch is left out. Nil means 1 for all.
	Paths []float64
	// Share is multiplied with the mean of the losses before gradients are computed: the part that the batch has in the step.
	Share float64
}

// Update is a step of AdamW, the optimiser of Loshchilov and Hutter, as torch.optim.AdamW does it.
type Update struct {
	// Step is the number of the step, from 1 on.
	Step int
	// Rates are the learning rates of the parameters, and Decays the factors of their decay, both in the order of [arch.Config.Params].
	Rates, Decays []float64
	// Beta1 and Beta2 are how much of the moving averages of gradients, and of their squares, stays. Epsilon is added to the root of the second.
	Beta1, Beta2, Epsilon float64
	// Clip is the largest norm of all gradients together, above which they are scaled down to it; 0 means any.
	Clip float64
	// Average is how much of the average of parameters stays, if the learner keeps one.
	Average float64
}

// Memory is all that a learner has learnt. Each list has those of the parameters that it is kept for, by their names, in the order of [arch.Config.Params].
type Memory struct {
	// Parameters has all parameters, the frozen ones too.
	Parameters []tensor.Named
	// First and Second are the optimiser's moving averages of gradients and of their squares.
	First, Second []tensor.Named
	// Average has the averages of parameters; empty if the learner keeps none.
	Average []tensor.Named
}

// Deployed returns the parameters for which the training is made, in the order of Parameters: the average of one, if it is kept, in place of the parameter.
func (m Memory) Deployed() []tensor.Named {
	averages := map[string]tensor.Named{}
	for _, n := range m.Average {
		averages[n.Name] = n
	}
	all := slices.Clone(m.Parameters)
	for i, n := range all {
		if average, kept := averages[n.Name]; kept {
			all[i] = average
		}
	}
	return all
}

// Learner is a model in training. Its methods are called one at a time. Close frees it; a method called after it returns ErrClosed.
type Learner interface {
	// Backward computes the mean loss of a batch, and adds the gradients of the loss times Share to those that wait for Update. After an error none wait. If the
	// loss is not finite, the error is a *GradientError. If ctx ends, Backward returns its error soon after.
	Backward(ctx context.Context, batch Batch) (loss float64, err error)
	// Update changes the parameters by the gradients, which no longer wait then, and returns the norm of all gradients together before clipping. Parameters that
	// got no gradient stay as they are. If a gradient is not finite, the error is a *GradientError, and nothing has changed but that none wait.
	Update(ctx context.Context, update Update) (norm float64, err error)
	// Read calls use with all that was learnt. The memory is valid until use returns, and must not be changed.
	Read(use func(Memory) error) error
	// Restore makes the learner what it was when Read gave that memory. Missing lists leave what they would replace as it is.
	Restore(ctx context.Context, memory Memory) error
	Close() error
}

// TrainError says why an engine cannot train a model as asked for.
type TrainError struct {
	// Reason is a sentence without a full stop.
	Reason string
	// Advice is the hint; it may be empty.
	Advice string
}

func (e *TrainError) Error() string { return e.Reason }

// Is reports whether kind is errdef.ErrUsage.
func (e *TrainError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint returns the advice.
func (e *TrainError) Hint() string { return e.Advice }

// GradientError says that a loss or gradients are infinite, or not a number.
type GradientError struct {
	// Loss is the loss of the batch; 0 if it was finite.
	Loss float64
	// First is the parameter whose gradient was the first that is not finite, as they are computed from the head back to the patches. It is empty if all are.
	First string
	// Bad of All gradients are not finite.
	Bad, All int
}

func (e *GradientError) Error() string {
	gradients := fmt.Sprintf("%d of %d gradients are not finite, first that of %s", e.Bad, e.All, e.First)
	switch {
	case e.Bad == 0:
		return fmt.Sprintf("the loss is %g, though all %d gradients are finite", e.Loss, e.All)
	case e.Loss != 0:
		return fmt.Sprintf("the loss is %g, and %s", e.Loss, gradients)
	}
	return gradients
}

// Is reports whether kind is errdef.ErrInput.
func (e *GradientError) Is(kind error) bool { return kind == errdef.ErrInput }

// CheckBatch returns an *[InputError] unless the parts of a batch fit a model and each other. Learners call it at the start of Backward.
func CheckBatch(config arch.Config, batch Batch) (images int, err error) {
	images, err = Images(config, Input{Pixels: batch.Pixels})
	switch {
	case err != nil:
		return 0, err
	case len(batch.Targets) != images*config.Classes:
		return 0, &TrainError{Reason: fmt.Sprintf("%d targets for %d images of %d classes", len(batch.Targets), images, config.Classes)}
	case batch.Paths != nil && len(batch.Paths) != 2*config.Depth*images:
		return 0, &TrainError{Reason: fmt.Sprintf("%d factors of branches for %d images and %d blocks", len(batch.Paths), images, config.Depth)}
	}
	return images, nil
}
