package probe

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/beitzoo/beitzoo/errdef"
)

// Options say how a classifier is fitted. Only Classes has to be set.
type Options struct {
	// Classes is their number, and Names what they are called in errors; nil for their numbers.
	Classes int
	Names   []string
	// Penalty is the factor on half the sum of the squares of all weights for standardised features, which is added to the mean of the cross-entropy; biases are
	// free. 0 chooses it of Penalties by cross-validation. C of scikit-learn's LogisticRegression is 1 / (Penalty * pictures).
	Penalty float64
	// Penalties are what is chosen from; nil means [DefaultPenalties].
	Penalties []float64
	// Folds is in how many parts the data is cut for that; 0 means [DefaultFolds].
	Folds int
	// Seed draws which pictures are in which fold.
	Seed uint64
	// Threads is how many goroutines compute; 0 means GOMAXPROCS. It changes no bit of the result.
	Threads int
	// Progress, if not nil, is called after each of the steps of the cross-validation, a fit and a score each, and after the last fit.
	Progress func(done, total int)
}

// DefaultFolds is the usual number of folds.
const DefaultFolds = 5

// DefaultPenalties returns 13 penalties from 1 to 1e-6, two for each power of ten.
func DefaultPenalties() []float64 {
	penalties := make([]float64, 13)
	for i := range penalties {
		penalties[i] = []float64{1, 0.3}[i%2] * math.Pow10(-i/2)
	}
	return penalties
}

// Head is a linear classifier: the logits of features x are Weight x + Bias.
type Head struct {
	Classes, Width int
	// Weight is [Classes, Width], Bias [Classes].
	Weight, Bias []float64
}

// Logits returns those of the picture of an index.
func (h *Head) Logits(d *Data, picture int) []float64 {
	r := make([]float64, h.Classes)
	h.logits(r, d.row(picture))
	return r
}

// logits sets r to the logits of one picture.
func (h *Head) logits(r, features []float64) {
	for k := range r {
		r[k] = h.Bias[k] + dot(h.Weight[k*h.Width:(k+1)*h.Width], features)
	}
}

// Choice is a penalty, and how a head did that was fitted with it, on the folds that it had not seen.
type Choice struct {
	Penalty float64 `json:"penalty"`
	// Loss is the mean cross-entropy of all pictures, each in the fold that was held out, and Right the number of those whose class was the most probable.
	Loss  float64 `json:"loss"`
	Right int     `json:"correct"`
}

// Fitted is a fitted classifier.
type Fitted struct {
	Head *Head
	// Penalty is the one that was used.
	Penalty float64
	// Choices are what it was chosen from, the largest penalty first; nil if it was stated. Edge says that it is the first or the last of them, so that another one
	// may be better.
	Choices []Choice
	Edge    bool
	// Objective is the value at the minimum: cross-entropy and penalty. Gradient is the largest component of its gradient there, and Iterations how many steps led
	// there.
	Objective, Gradient float64
	Iterations          int
}

// ErrPenalty says that a penalty is not a positive number.
var ErrPenalty = errdef.New(errdef.ErrUsage, "a penalty is a number above 0")

// ErrFolds says that the number of folds is wrong.
var ErrFolds = errdef.New(errdef.ErrUsage, "a cross-validation has at least 2 folds")

// The accuracy of a minimum: the largest component of the gradient of a loss that is about 1.
const (
	finalGradient = 1e-9
	foldGradient  = 1e-6
)

// Fit fits a classifier. The errors are a *[ClassesError], *[FeatureError], *[ConvergenceError], [ErrPenalty], [ErrFolds], or the end of ctx.
func Fit(ctx context.Context, d *Data, o Options) (*Fitted, error) {
	if o.Folds == 0 {
		o.Folds = DefaultFolds
	}
	if err := o.check(d); err != nil {
		return nil, err
	}
	fitted := &Fitted{Penalty: o.Penalty}
	total := 1
	if o.Penalty == 0 {
		total += o.Folds * len(o.penalties())
	}
	done := 0
	step := func() {
		if done++; o.Progress != nil {
			o.Progress(done, total)
		}
	}
	if o.Penalty == 0 {
		var err error
		if fitted.Choices, err = crossValidate(ctx, d, o, step); err != nil {
			return nil, err
		}
		best := 0
		for i, c := range fitted.Choices {
			if c.Loss < fitted.Choices[best].Loss {
				best = i
			}
		}
		fitted.Penalty, fitted.Edge = fitted.Choices[best].Penalty, best == 0 || best == len(fitted.Choices)-1
	}
	scale := newScaling(d)
	m := newMinimiser(scale.apply(d), o.Classes, o.Threads) //nolint:contextcheck // a step takes less than a second, and ctx is asked between them
	if err := m.minimise(ctx, fitted.Penalty, finalGradient); err != nil {
		return nil, err
	}
	fitted.Head, fitted.Objective, fitted.Gradient, fitted.Iterations = scale.unscaled(m.head()), m.value, largest(m.gradient), m.iterations
	step()
	return fitted, nil
}

// penalties returns what is chosen from, the largest first.
func (o *Options) penalties() []float64 {
	all := slices.Clone(o.Penalties)
	if all == nil {
		all = DefaultPenalties()
	}
	slices.Sort(all)
	slices.Reverse(all)
	return all
}

// check returns an error if data and options do not go together.
func (o *Options) check(d *Data) error {
	for _, p := range append(o.penalties(), o.Penalty) {
		if !(p > 0 || p == 0 && o.Penalty == 0) || math.IsInf(p, 0) {
			return ErrPenalty
		}
	}
	if o.Folds < 2 && o.Penalty == 0 {
		return ErrFolds
	}
	for _, class := range d.Classes {
		if class < 0 || class >= o.Classes {
			panic(fmt.Sprintf("probe: class %d of %d", class, o.Classes))
		}
	}
	problem := &ClassesError{Counts: d.counts(o.Classes), Names: o.Names, Folds: o.Folds}
	least := 1
	if o.Penalty == 0 {
		least = o.Folds
	}
	if o.Classes < 2 || problem.Lowest() < least {
		return problem
	}
	for i, v := range d.Features {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return &FeatureError{Picture: i / d.Width, Feature: i % d.Width, Value: v}
		}
	}
	return nil
}

// crossValidate fits heads without each of the folds, and scores them on it. Means and deviations are those of the pictures that a head sees, too.
func crossValidate(ctx context.Context, d *Data, o Options, step func()) ([]Choice, error) {
	choices := make([]Choice, 0, len(o.penalties()))
	for _, p := range o.penalties() {
		choices = append(choices, Choice{Penalty: p})
	}
	fold := Folds(d.Classes, o.Folds, o.Seed)
	for held := range o.Folds {
		var seen, unseen []int
		for i, f := range fold {
			if f == held {
				unseen = append(unseen, i)
			} else {
				seen = append(seen, i)
			}
		}
		train, test := d.Select(seen), d.Select(unseen)
		scale := newScaling(train)
		m := newMinimiser(scale.apply(train), o.Classes, o.Threads) //nolint:contextcheck // a step takes less than a second, and ctx is asked between them
		scaled := scale.apply(test)
		for i := range choices { // each from the minimum for the larger penalty before it
			if err := m.minimise(ctx, choices[i].Penalty, foldGradient); err != nil {
				return nil, err
			}
			score := ScoreOf(m.head(), scaled)
			choices[i].Loss += score.Loss * float64(score.Images)
			choices[i].Right += score.Right
			step()
		}
	}
	for i := range choices {
		choices[i].Loss /= float64(d.Len())
	}
	return choices, nil
}
