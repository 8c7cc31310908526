package finetune

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/errdef"
)

// Schedule says how the learning rate changes from step to step.
type Schedule string

const (
	// Overlapping multiplies half a cosine over all steps with a warm-up: step s, from 0 on, of T, of which W are the warm-up, has the rate
	// Rate * min(1, (s + 1) / W) * (1 + cos(pi s / T)) / 2. LeastRate and WarmupRate do not count.
	Overlapping Schedule = "overlapping"
	// Unilm goes in a straight line from WarmupRate to Rate, and from there along half a cosine to LeastRate (microsoft/unilm beit/utils.py, cosine_scheduler).
	Unilm Schedule = "unilm"
)

// Schedules lists them.
func Schedules() []Schedule { return []Schedule{Overlapping, Unilm} }

// All as Settings.Blocks means that everything is trained.
const All = -1

// Settings are a recipe for fine-tuning. [Defaults] returns a valid one.
type Settings struct {
	Epochs int `json:"epochs"`
	// Batch is the number of pictures of a step. At the end of an epoch those too few for one are left out. Part is the number whose gradients are computed at
	// once, to need less memory; 0 means Batch.
	Batch int `json:"batch"`
	Part  int `json:"part,omitempty"`
	// Rate is the highest learning rate, of the head.
	Rate     float64  `json:"rate"`
	Schedule Schedule `json:"schedule"`
	// WarmupEpochs is the length of the warm-up.
	WarmupEpochs float64 `json:"warmup_epochs"`
	// WarmupRate and LeastRate are where the schedule [Unilm] begins and ends.
	WarmupRate float64 `json:"warmup_rate,omitempty"`
	LeastRate  float64 `json:"least_rate,omitempty"`
	// LayerDecay is multiplied with the rate once for each layer between a parameter and the head.
	LayerDecay float64 `json:"layer_decay"`
	// WeightDecay is that of AdamW: for matrices, tables of biases among them, and not for vectors, biases, class token and positions. Beta1, Beta2 and Epsilon
	// are AdamW's too.
	WeightDecay float64 `json:"weight_decay"`
	Beta1       float64 `json:"beta1"`
	Beta2       float64 `json:"beta2"`
	Epsilon     float64 `json:"epsilon"`
	// Smoothing is the probability that is taken from the right class and spread over all.
	Smoothing float64 `json:"label_smoothing"`
	// DropPath is how often a branch of the last block is left out for a picture. It grows from 0 in the first block in equal steps.
	DropPath float64 `json:"drop_path,omitempty"`
	// Clip is the largest norm of all gradients together; 0 means any.
	Clip float64 `json:"clip,omitempty"`
	// Average is how much of an exponential moving average of the parameters stays from step to step; 0 means that none is kept. If one is, it is what is
	// evaluated and returned.
	Average float64 `json:"average,omitempty"`
	// Blocks is the number of blocks before the head that are trained, with the head and the norm before it; 0 means these alone, and [All] everything.
	Blocks int `json:"blocks"`
	// Seed is that of all that is drawn.
	Seed uint64 `json:"seed"`
}

// Defaults returns the settings with which the digits of the tests are trained, from scripts of others: unilm's layer decay of its base models, weight decay and
// label smoothing, without what a data set of millions of pictures needs.
func Defaults() Settings {
	return Settings{
		Epochs: 10, Batch: 32, Rate: 2e-3, Schedule: Overlapping, WarmupEpochs: 2, LayerDecay: 0.65, WeightDecay: 0.05,
		Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Smoothing: 0.1, Blocks: All,
	}
}

// DefaultWarmup returns the length of the warm-up for a number of epochs: that of [Defaults], but no more than half of them.
func DefaultWarmup(epochs int) float64 {
	return min(Defaults().WarmupEpochs, float64(max(epochs, 0))/2)
}

// DefaultBatch returns the number of pictures of a step for a number of pictures: that of [Defaults], but no more than there are.
func DefaultBatch(pictures int) int { return max(1, min(Defaults().Batch, pictures)) }

// SettingsError says all that is wrong with settings.
type SettingsError struct {
	// Problems are sentences without full stops.
	Problems []string
	// help is the hint if there is a better one than usual values.
	help string
}

func (e *SettingsError) Error() string { return strings.Join(e.Problems, "; ") }

// Is reports whether kind is errdef.ErrUsage.
func (e *SettingsError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint says what would do, or what usual values are.
func (e *SettingsError) Hint() string {
	if e.help != "" && len(e.Problems) == 1 {
		return e.help
	}
	d := Defaults()
	return fmt.Sprintf("usual are %d to 100 epochs, batches of %d to 1024, rates of 5e-4 to %g", d.Epochs, d.Batch, d.Rate)
}

// Validate returns a *[SettingsError], or nil.
func (s Settings) Validate() error {
	e := &SettingsError{}
	check := func(fine bool, format string, args ...any) {
		if !fine {
			e.Problems = append(e.Problems, fmt.Sprintf(format, args...))
		}
	}
	share := func(x float64) bool { return x >= 0 && x < 1 }
	amount := func(x float64) bool { return x >= 0 && !math.IsInf(x, 0) }
	// What is compared with something that is wrong itself is not wrong for that.
	rated := amount(s.Rate) && s.Rate > 0
	upTo := func(x float64) bool { return amount(x) && (!rated || x <= s.Rate) }
	check(s.Epochs >= 1, "%d epochs", s.Epochs)
	check(s.Batch >= 1, "batches of %d pictures", s.Batch)
	helped := func(help string, fine bool, format string, args ...any) {
		if !fine {
			e.help = help
		}
		check(fine, format, args...)
	}
	helped(fmt.Sprintf("a part has 1 to %d pictures of a batch", s.Batch), s.Part >= 0 && (s.Part <= s.Batch || s.Batch < 1), "parts of %d pictures of a batch of %d", s.Part, s.Batch)
	check(rated, "a learning rate of %g", s.Rate)
	helped(fmt.Sprintf("the schedules are %s and %s", Overlapping, Unilm), slices.Contains(Schedules(), s.Schedule), "no schedule is named %q", s.Schedule)
	check(amount(s.WarmupEpochs) && (s.Epochs < 1 || s.WarmupEpochs <= float64(s.Epochs)), "a warm-up of %g epochs, of %d", s.WarmupEpochs, s.Epochs)
	check(upTo(s.WarmupRate), "a warm-up that begins with the rate %g, and the highest is %g", s.WarmupRate, s.Rate)
	check(upTo(s.LeastRate), "a least rate of %g, and the highest is %g", s.LeastRate, s.Rate)
	check(s.LayerDecay > 0 && s.LayerDecay <= 1, "a layer decay of %g, not above 0 and up to 1", s.LayerDecay)
	check(amount(s.WeightDecay), "a weight decay of %g", s.WeightDecay)
	check(!amount(s.WeightDecay) || !rated || s.WeightDecay*s.Rate < 1,
		"a weight decay of %g with a learning rate of %g: it would take more of a parameter than there is", s.WeightDecay, s.Rate)
	check(share(s.Beta1) && share(s.Beta2), "betas of %g and %g, not from 0 and below 1", s.Beta1, s.Beta2)
	check(amount(s.Epsilon) && s.Epsilon > 0, "an epsilon of %g", s.Epsilon)
	check(share(s.Smoothing), "a label smoothing of %g, not from 0 and below 1", s.Smoothing)
	check(share(s.DropPath), "drop path of %g, not from 0 and below 1", s.DropPath)
	check(amount(s.Clip), "clipping to a norm of %g", s.Clip)
	check(share(s.Average), "an average of which %g stays, not from 0 and below 1", s.Average)
	check(s.Blocks >= All, "%d blocks to train", s.Blocks)
	if len(e.Problems) > 0 {
		return e
	}
	return nil
}

// Group is what settings mean for a parameter.
type Group struct {
	Name string
	// Layer is the number that [arch.Config.Layer] gives it.
	Layer int
	// Scale is multiplied with the learning rate, and Decay is the weight decay.
	Scale, Decay float64
	// Frozen says that the parameter is not trained.
	Frozen bool
}

// Groups returns what the settings mean for each parameter, in the order of [arch.Config.Params]. Layers are counted, and parameters without decay chosen, as
// microsoft/unilm does (beit/optim_factory.py, get_parameter_groups).
func (s Settings) Groups(config arch.Config) []Group {
	var all []Group
	for _, p := range config.Params() {
		g := Group{Name: p.Name, Layer: config.Layer(p.Name), Decay: s.WeightDecay}
		g.Scale = math.Pow(s.LayerDecay, float64(config.Depth+1-g.Layer))
		if len(p.Shape) == 1 || strings.HasSuffix(p.Name, ".bias") || p.Name == "cls_token" || p.Name == "pos_embed" {
			g.Decay = 0
		}
		fromBlock := config.Depth - s.Blocks // the first that is trained
		isTable := p.Name == "rel_pos_bias.relative_position_bias_table"
		g.Frozen = s.Blocks != All && (isTable || g.Layer <= fromBlock)
		all = append(all, g)
	}
	return all
}

// Frozen returns the names of the parameters that the settings leave as they are.
func (s Settings) Frozen(config arch.Config) (names []string) {
	for _, g := range s.Groups(config) {
		if g.Frozen {
			names = append(names, g.Name)
		}
	}
	return names
}

// RateAt returns the learning rate of a step, from 0 on, before it is scaled. steps is the number of all, and perEpoch that of an epoch.
func (s Settings) RateAt(step, steps, perEpoch int) float64 {
	warmup := int(s.WarmupEpochs * float64(perEpoch))
	cosine := func(step, steps int) float64 { return (1 + math.Cos(math.Pi*float64(step)/float64(steps))) / 2 }
	switch {
	case s.Schedule == Overlapping:
		return s.Rate * min(1, float64(step+1)/float64(max(1, warmup))) * cosine(step, steps)
	case step >= warmup:
		return s.LeastRate + (s.Rate-s.LeastRate)*cosine(step-warmup, steps-warmup)
	case warmup == 1:
		return s.WarmupRate
	}
	return s.WarmupRate + (s.Rate-s.WarmupRate)*float64(step)/float64(warmup-1)
}
