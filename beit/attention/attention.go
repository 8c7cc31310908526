package attention

import (
	"context"
	"errors"
	"fmt"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/beit/engine/native"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// Kind is what is computed of the attention of a model.
type Kind string

// The kinds.
const (
	// Last is the attention of the last block.
	Last Kind = "last"
	// Rollout follows the attention through all blocks: the product of (A + I) / 2 over the blocks, where A is the mean over the heads. Source: Abnar and
	// Zuidema, Quantifying Attention Flow in Transformers; samiraabnar/attention_flow attention_graph_util.py, compute_joint_attention.
	Rollout Kind = "rollout"
)

// Kinds lists the kinds, the default first.
func Kinds() []string { return []string{string(Last), string(Rollout)} }

// View is whose attention is shown.
type View string

// The views.
const (
	// ClassToken shows what the class token takes of each patch.
	ClassToken View = "class"
	// Patches shows what the patch tokens take of each patch, on average.
	Patches View = "patches"
)

// Views lists the views.
func Views() []string { return []string{string(ClassToken), string(Patches)} }

// ViewFor returns the view of the tokens that the result of a model is made of: [Patches] for a model that averages them, whose class token has no part in the
// result, and [ClassToken] for all others.
func ViewFor(config arch.Config) View {
	if config.Pooling == arch.MeanPooling {
		return Patches
	}
	return ClassToken
}

// Options say what a Viewer shows. The zero value is the last block, in the view of [ViewFor], averaged over the heads.
type Options struct {
	Kind Kind
	View View
	// EachHead shows each head of the last block instead of their mean.
	EachHead bool
	// Threads is the number of threads; 0 means GOMAXPROCS.
	Threads int
}

// OptionError says that an option has a value that does not exist, or one that does not go with another.
type OptionError struct {
	// Option is "kind", "view" or "heads"; Value is its value.
	Option, Value string
	// Reason says what is wrong, as a sentence without a full stop, and Known are the values that there are.
	Reason string
	Known  []string
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("attention %s %s: %s", e.Option, text.Quote(e.Value), e.Reason)
}

// Is reports wrong usage.
func (e *OptionError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint names the values that there are.
func (e *OptionError) Hint() string {
	return suggest.Hint(suggest.Nearest(e.Value, e.Known), e.Known)
}

// check sets what is left open, and returns an *OptionError for what does not exist.
func (o *Options) check(config arch.Config) error {
	if o.Kind == "" {
		o.Kind = Last
	}
	if o.View == "" {
		o.View = ViewFor(config)
	}
	switch {
	case o.Kind != Last && o.Kind != Rollout:
		return &OptionError{"kind", string(o.Kind), "there is no such kind", Kinds()}
	case o.View != ClassToken && o.View != Patches:
		return &OptionError{"view", string(o.View), "there is no such view", Views()}
	case o.Kind == Rollout && o.EachHead:
		return &OptionError{"kind", string(o.Kind), "it is a product of means over the heads, so there is none for each head", []string{string(Last)}}
	}
	return nil
}

// Map is what is taken of each patch of one picture.
type Map struct {
	// Head is the index of the head, or -1 for the mean over all.
	Head int
	// Height and Width are the numbers of patches down and across.
	Height, Width int
	// Values are row-major, [Height, Width]. With ClassShare they sum to 1.
	Values []float64
	// ClassShare is what is taken of the class token.
	ClassShare float64
}

// Viewer computes maps. It is safe for concurrent use.
type Viewer struct {
	config  arch.Config
	options Options
	// shares are those of the blocks from first on.
	shares []native.Shares
	first  int
}

// New returns a viewer for a model of that architecture. Of the weights, which have canonical names, it reads the norms, queries and keys of the blocks that it
// needs: of the last, or of all for a rollout. They are computed with in float64, whatever the engine computes in. The error is an *[OptionError], an
// *[arch.KindError], or that of [native.Engine.Parts].
func New(config arch.Config, weights []tensor.Named, options Options) (*Viewer, error) {
	if err := config.CheckBEiT(); err != nil {
		return nil, err
	}
	if err := options.check(config); err != nil {
		return nil, err
	}
	parts, err := native.Engine{}.Parts(config, weights, engine.Options{DType: tensor.F64, Threads: options.Threads})
	if err != nil {
		return nil, err
	}
	v := &Viewer{config: config, options: options}
	if options.Kind == Last {
		v.first = config.Depth - 1
	}
	for block := v.first; block < config.Depth; block++ {
		shares, err := parts.LoadShares(block)
		if err != nil {
			return nil, err
		}
		v.shares = append(v.shares, shares)
	}
	return v, nil
}

// Options returns the options, with all that was left open set.
func (v *Viewer) Options() Options { return v.options }

// Activations are those that a forward pass had, by their stage.
type Activations map[engine.Stage]engine.Activation

// Stages are those whose activations [Viewer.Maps] needs, in the order of the forward pass.
func (v *Viewer) Stages() []engine.Stage {
	var stages []engine.Stage
	for block := v.first; block < v.config.Depth; block++ {
		stages = append(stages, engine.Stage{Kind: engine.Block, Block: block}.Inputs(v.config)...)
	}
	return stages
}

// Tap returns a tap that keeps the activations that [Viewer.Maps] needs.
func (v *Viewer) Tap(seen Activations) engine.Tap {
	wanted := make(map[string]engine.Stage)
	for _, stage := range v.Stages() {
		wanted[stage.String()] = stage
	}
	return func(a engine.Activation) error {
		if stage, needed := wanted[a.Name]; needed {
			seen[stage] = a
		}
		return nil
	}
}

// ErrImages says that activations are not those of one image.
var ErrImages = errdef.New(errdef.ErrInput, "the activations are not those of one image")

// Maps returns the maps of one image, one, or one for each head. The error is [ErrImages], or that of [native.Shares].
func (v *Viewer) Maps(ctx context.Context, seen Activations) ([]Map, error) {
	tokens := v.config.Tokens()
	var all [][]float64 // what is taken, [T, T], of each head or of all
	for i, stage := range v.Stages() {
		shares, err := v.shares[i](ctx, seen[stage])
		if err != nil {
			return nil, errors.Join(ErrImages, err)
		}
		if shares.Shape[0] != 1 {
			return nil, ErrImages
		}
		switch {
		case v.options.EachHead:
			for head := range v.config.Heads {
				all = append(all, shares.Values[head*tokens*tokens:(head+1)*tokens*tokens])
			}
		case v.options.Kind == Last:
			all = [][]float64{meanOf(shares.Values, v.config.Heads)}
		default:
			all = [][]float64{rolled(all, meanOf(shares.Values, v.config.Heads), tokens)}
		}
	}
	maps := make([]Map, len(all))
	for i, taken := range all {
		maps[i] = v.mapOf(taken)
		if maps[i].Head = -1; v.options.EachHead {
			maps[i].Head = i
		}
	}
	return maps, nil
}

// meanOf returns the mean of as many matrices, which follow each other.
func meanOf(values []float64, count int) []float64 {
	mean := make([]float64, len(values)/count)
	for i, v := range values {
		mean[i%len(mean)] += v
	}
	for i := range mean {
		mean[i] /= float64(count)
	}
	return mean
}

// rolled returns the rollout up to a block with the mean attention a, [T, T], of that before it, which is empty before the first. It changes a.
func rolled(before [][]float64, a []float64, tokens int) []float64 {
	for i := range tokens {
		a[i*tokens+i]++
	}
	for i := range a {
		a[i] /= 2 // each row of a and of the identity sums to 1
	}
	if len(before) == 0 {
		return a
	}
	product := make([]float64, len(a))
	for i := range tokens {
		out := product[i*tokens : (i+1)*tokens]
		for k, share := range a[i*tokens : (i+1)*tokens] {
			for j, v := range before[0][k*tokens : (k+1)*tokens] {
				out[j] += share * v
			}
		}
	}
	return product
}

// mapOf returns the row of the class token, or the mean row of the patch tokens, of what tokens take of each other, [T, T].
func (v *Viewer) mapOf(taken []float64) Map {
	tokens := v.config.Tokens()
	row := taken[:tokens]
	if v.options.View == Patches {
		row = meanOf(taken[tokens:], tokens-1)
	}
	height, width := v.config.Window()
	return Map{Height: height, Width: width, ClassShare: row[0], Values: append([]float64(nil), row[1:]...)}
}
