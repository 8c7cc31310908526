package features

import (
	"fmt"
	"math"

	"github.com/beitzoo/beitzoo/beit/arch"
	"github.com/beitzoo/beitzoo/beit/engine"
	"github.com/beitzoo/beitzoo/errdef"
	"github.com/beitzoo/beitzoo/internal/suggest"
	"github.com/beitzoo/beitzoo/internal/text"
	"github.com/beitzoo/beitzoo/tensor"
)

// The names of features. A block has the name of its stage, such as blocks.3.
const (
	// Pool is the input of the head: the normalised mean of the patch tokens, or the normalised class token; of a model for masked-image modelling the normalised
	// patch tokens.
	Pool = "pool"
	// Tokens are all tokens after the last block, the class token first, with the norm of the model if that is applied to each token.
	Tokens = "tokens"
)

// Feature is what is kept of the activations of a model for one picture.
type Feature struct {
	// Name is "pool", "tokens" or that of a block.
	Name string
	// Stage is the one whose activation it is made of.
	Stage engine.Stage
	// Shape is that of one picture: [C], [Tokens, C], or [Patches, C].
	Shape tensor.Shape
	// Meaning says in words what the values are.
	Meaning string

	norm *Norm
}

// NameError says that a model does not have a feature.
type NameError struct {
	Name string
	// Known are the names that it has, and Blocks is the number of its blocks.
	Known  []string
	Blocks int
}

func (e *NameError) Error() string { return "the model has no feature " + text.Quote(e.Name) }

// Is reports wrong usage.
func (e *NameError) Is(kind error) bool { return kind == errdef.ErrUsage }

// Hint names the features that it has.
func (e *NameError) Hint() string {
	return fmt.Sprintf("it has %s", text.List(append(append([]string{}, e.Known...), fmt.Sprintf("blocks.0 to blocks.%d", e.Blocks-1)), 5, ""))
}

// New returns the feature of that name of a model. norm is what [ReadNorm] returned for it. The error is a *[NameError].
func New(config arch.Config, norm *Norm, name string) (*Feature, error) {
	known := []string{Tokens}
	if config.Pooling != arch.NoPooling {
		known = []string{Pool, Tokens}
	}
	unknown := &NameError{name, known, config.Depth}
	all := tensor.Shape{config.Tokens(), config.EmbedDim}
	last := engine.Stage{Kind: engine.Block, Block: config.Depth - 1}
	switch {
	case name == Pool && config.Pooling != arch.NoPooling:
		f := &Feature{Name: name, Stage: engine.Stage{Kind: engine.Pool}, Shape: tensor.Shape{config.EmbedDim}, Meaning: "the normalised class token"}
		switch config.Pooling {
		case arch.MeanPooling:
			f.Meaning = "the normalised mean of the patch tokens"
		case arch.AllTokens:
			f.Meaning, f.Shape = "the normalised patch tokens", tensor.Shape{config.Patches(), config.EmbedDim}
		}
		return f, nil
	case name == Tokens && norm != nil:
		return &Feature{name, last, all, "all tokens after the last block, normalised, the class token first", norm}, nil
	case name == Tokens:
		return &Feature{name, last, all, "all tokens after the last block, the class token first; no norm of this model is applied to each of them", nil}, nil
	}
	stage, err := engine.ParseStage(name)
	if err != nil || stage.Kind != engine.Block || stage.Block >= config.Depth {
		if nearest := suggest.Nearest(name, known); nearest != "" {
			unknown.Known = []string{nearest}
		}
		return nil, unknown
	}
	return &Feature{name, stage, all, fmt.Sprintf("all tokens after block %d, not normalised, the class token first", stage.Block), nil}, nil
}

// Of returns the values of the feature, in the order of Shape, from the activation of its stage for one picture. It may change that.
func (f *Feature) Of(a engine.Activation) []float64 {
	if f.norm != nil {
		f.norm.apply(a.Values)
	}
	return a.Values
}

// Norm is a LayerNorm over the channels of each token, in float64. It is never changed.
type Norm struct {
	weight, bias []float64
	epsilon      float64
}

// ReadNorm returns the norm that a model applies to each token after the last block, or nil if it has none: one that averages its tokens normalises their mean.
// Source: huggingface/pytorch-image-models timm/models/beit.py, use_fc_norm.
func ReadNorm(config arch.Config, weights []tensor.Named) (*Norm, error) {
	if config.Pooling != arch.ClassToken && config.Pooling != arch.AllTokens {
		return nil, nil
	}
	n := &Norm{epsilon: config.Epsilon}
	wanted := map[string]*[]float64{config.NormName() + ".weight": &n.weight, config.NormName() + ".bias": &n.bias}
	for _, w := range weights {
		into := wanted[w.Name]
		if into == nil {
			continue
		}
		err := tensor.Guard(func() (err error) { *into, err = tensor.Float64s(w.View); return err })
		if err != nil {
			return nil, fmt.Errorf("parameter %s: %w", w.Name, err)
		}
		delete(wanted, w.Name)
	}
	if len(wanted) > 0 || len(n.weight) != config.EmbedDim || len(n.bias) != config.EmbedDim {
		return nil, &engine.ParametersError{Missing: []string{config.NormName() + ".weight"}}
	}
	return n, nil
}

// apply normalises each row of values.
func (n *Norm) apply(values []float64) {
	width := len(n.weight)
	for row := values; len(row) >= width; row = row[width:] {
		var mean, variance float64
		for _, v := range row[:width] {
			mean += v
		}
		mean /= float64(width)
		for _, v := range row[:width] {
			variance += (v - mean) * (v - mean)
		}
		scale := 1 / math.Sqrt(variance/float64(width)+n.epsilon)
		for i, v := range row[:width] {
			row[i] = (v-mean)*scale*n.weight[i] + n.bias[i]
		}
	}
}
